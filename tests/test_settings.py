"""Settings and the light way to them."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp import config, places, settings
from pdp.config import load
from pdp.errors import SettingsError
from pdp.settings import Settings, fields, variable
from pdp.treatments import Treatment, treatments
from tests.bare import BERLIN, Memory, bare, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return bare(tmp_path)


def test_one_line_is_enough(project: Path) -> None:
    """A config may be as short as its time zone: all else has a default."""
    write(project, BERLIN)
    found = load(project, {})
    assert found.values == Settings(timezone="Europe/Berlin").model_dump(mode="json")
    assert (found.path, found.is_demo) == (project / "configs/pdp.toml", False)
    assert found.data_dir == project / "data"


def test_without_a_config_the_demo_runs(project: Path) -> None:
    """With no configs/pdp.toml the demo's config is used, and is said to be."""
    found = load(project, {})
    assert found.is_demo
    assert found.data_dir == project / "data-demo"


def test_shipped_demo_is_valid() -> None:
    """The shipped demo.toml has the demo's own data folder and reads dates day first."""
    root = Path(__file__).parent.parent
    found = load(root, {"PDP_CONFIG": "configs/demo.toml"})
    assert found.is_demo
    assert found.data_dir == root / "data-demo"
    assert found.values["google_sheets"]["date_order"] == "dmy"


def test_defaults_are_said_once() -> None:
    """The light way's default data folder is the model's."""
    assert Settings.model_fields["data_dir"].default == config.DEFAULT_DATA_DIR


def test_every_setting_has_a_sentence() -> None:
    """`pdp init` has a comment for every setting."""
    assert [key for key, field in fields() if not field.description] == []


def test_variable_names_do_not_collide() -> None:
    """No two settings share a variable, with one underscore or two, nor with what is not a setting."""
    names = [name for key, _ in fields() for name in {variable(key), variable(key, "__")}]
    assert len(names) == len(set(names))
    assert not set(names) & config.NOT_SETTINGS


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", 'timezone is missing; add a line such as timezone = "Europe/Berlin"'),
        ('timezon = "Europe/Berlin"', "unknown key timezon; did you mean timezone?"),
        (BERLIN + "[mi_band]\nacount = 'x'", "unknown key mi_band.acount; did you mean mi_band.account?"),
        (BERLIN + "[mi_bnad]", "unknown key mi_bnad; did you mean mi_band?"),
        (BERLIN + "date_order = 'dmy'", "unknown key date_order; did you mean google_sheets.date_order?"),
        (BERLIN + "[sleep]\nxyz = 1", "unknown key sleep.xyz; known are short_night_min"),
        (BERLIN + "day_starts_at = 25", "day_starts_at must be at most 23, not 25"),
        (BERLIN + "day_starts_at = -1", "day_starts_at must be at least 0, not -1"),
        (BERLIN + "day_starts_at = '4'", 'day_starts_at must be a whole number, not "4"'),
        (BERLIN + "day_starts_at = true", "day_starts_at must be a whole number, not true"),
        (BERLIN + "day_starts_at = 1.5", "day_starts_at must be a whole number, not 1.5"),
        (BERLIN + "data_dir = 5", "data_dir must be a text in quotes, not 5"),
        (BERLIN + "data_dir = ''", 'data_dir must be a text that is not empty, not ""'),
        (BERLIN + "mi_band = 3", "mi_band must be a section, not 3"),
        (BERLIN + "[mi_band]\naccount = 1.5", "mi_band.account must be a text in quotes"),
        (BERLIN + "[mi_band]\nenabled = 'yes'", 'mi_band.enabled must be true or false, not "yes"'),
        (
            BERLIN + "[checks]\nmax_quarantined_share = '20%'",
            'checks.max_quarantined_share must be a number, not "20%"',
        ),
        (BERLIN + "[checks]\nmax_quarantined_share = 20", "checks.max_quarantined_share must be at most 1, not 20"),
        (
            BERLIN + "[google_sheets]\ndate_order = 'DMY'",
            "google_sheets.date_order must be 'dmy', 'mdy' or 'ymd', not \"DMY\"",
        ),
        (BERLIN + "[google_sheets]\ncolumns = 'SYS'", 'google_sheets.columns must be a table, not "SYS"'),
        (
            BERLIN + "[google_sheets]\ncolumns = { systolic = 1 }",
            "google_sheets.columns.systolic must be a text in quotes, not 1",
        ),
        (
            "timezone = 'Berlin'",
            'timezone: "Berlin" is not a time zone of the IANA list; did you mean Europe/Berlin?',
        ),
    ],
)
def test_wrong_config_is_one_sentence(project: Path, text: str, sentence: str) -> None:
    """What is wrong in a config is one sentence with file and key, in no words of pydantic."""
    write(project, text)
    with pytest.raises(SettingsError) as caught:
        load(project, {})
    assert str(caught.value) == f"configs/pdp.toml: {sentence}"


@pytest.mark.parametrize(
    ("zone", "near"),
    [("europe/berlin", "Europe/Berlin"), ("New York", "America/New_York"), ("Europe/Berln", "Europe/Berlin")],
)
def test_unknown_zone_suggests_a_near_one(project: Path, zone: str, near: str) -> None:
    """A time zone that is nearly right is named as it should be."""
    write(project, f'timezone = "{zone}"')
    with pytest.raises(SettingsError, match=f"did you mean {near}"):
        load(project, {})


@pytest.mark.parametrize("zone", ["Factory", "localtime", "/etc/localtime", "../UTC", "Europe", "MEZ+9"])
def test_zone_of_the_machine_is_no_zone(project: Path, zone: str) -> None:
    """Only names of the IANA list count: no path, no folder, nothing that another machine reads otherwise."""
    write(project, f'timezone = "{zone}"')
    with pytest.raises(SettingsError, match="is not a time zone of the IANA list"):
        load(project, {})


def test_account_id_as_number_is_understood(project: Path) -> None:
    """An account id without quotes is the same id."""
    write(project, BERLIN + "[mi_band]\naccount = 12345678")
    assert load(project, {}).values["mi_band"]["account"] == "12345678"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"timezone = Europe/Berlin", "is not valid TOML: .*line 1.*a text needs quotes"),
        (b"timezone = 'a'\ntimezone = 'b'", "is not valid TOML: .*line 2"),
        (BERLIN.encode("utf-16"), "is not UTF-8; save it as UTF-8"),
    ],
)
def test_unreadable_config_says_where(project: Path, content: bytes, sentence: str) -> None:
    """A syntax error is one sentence with the line."""
    write(project, content)
    with pytest.raises(SettingsError, match="^configs/pdp.toml " + sentence) as caught:
        load(project, {})
    assert "\n" not in str(caught.value)


def test_config_saved_with_a_byte_order_mark_is_read(project: Path) -> None:
    """An editor's byte order mark is no part of the config."""
    write(project, BERLIN.encode("utf-8-sig"))
    assert load(project, {}).values["timezone"] == "Europe/Berlin"


def test_missing_config_is_named(project: Path) -> None:
    """PDP_CONFIG that names no file is one sentence; so is a project without any config."""
    with pytest.raises(SettingsError, match=r"^environment variable PDP_CONFIG names x\.toml, which is not a file"):
        load(project, {"PDP_CONFIG": "x.toml"})
    (project / "configs/demo.toml").unlink()
    with pytest.raises(SettingsError, match="run pdp init"):
        load(project, {})


def test_validated_settings_are_remembered(project: Path) -> None:
    """The second load gives the same values without validating; a changed file or variable validates again."""
    memory = Memory()
    first = load(project, {}, lambda data_dir: memory)
    assert len(memory) == 1
    ((key, values),) = memory.items()
    memory[key] = values | {"timezone": "from memory"}
    assert load(project, {}, lambda data_dir: memory).values["timezone"] == "from memory"
    assert load(project, {"PDP_DAY_STARTS_AT": "4"}, lambda data_dir: memory).values["timezone"] == "Europe/Berlin"
    write(project, BERLIN + "# changed")
    assert load(project, {}, lambda data_dir: memory).values["timezone"] == "Europe/Berlin"
    assert first.values == values


def test_memory_lies_in_the_data_folder(project: Path) -> None:
    """The memory is asked for in the folder that the settings name; a wrong name reaches the sentence, not the disk."""
    asked: list[Path] = []
    load(project, {}, asked.append)
    load(project, {"PDP_DATA_DIR": "other"}, asked.append)
    assert asked == [project / "data-demo", project / "other"]
    write(project, BERLIN + "data_dir = 3")
    with pytest.raises(SettingsError, match="data_dir must be a text"):
        load(project, {}, asked.append)
    assert len(asked) == 2


def test_error_is_never_remembered(project: Path) -> None:
    """A wrong config is refused each time."""
    memory = Memory()
    write(project, "timezon = 'x'")
    for _ in range(2):
        with pytest.raises(SettingsError):
            load(project, {}, lambda data_dir: memory)
    assert not memory


@given(st.from_regex(config.PLACE, fullmatch=True))
def test_what_passes_for_a_data_folder_without_validation_passes_it(place: str) -> None:
    values = settings.validate({"timezone": "Europe/Berlin"}, {"PDP_DATA_DIR": (place, "PDP_DATA_DIR")}, "pdp.toml")
    assert values["data_dir"] == place


def test_a_new_data_folder_needs_no_validation(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was accepted last in a project is accepted for any data folder; nothing else is, and no wrong folder."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    first = load(project, {}).values
    validated: list[str] = []

    def validate(toml: Any, variables: Any, file: str) -> Any:
        validated.append(file)
        return model(toml, variables, file)

    model = settings.validate
    monkeypatch.setattr(settings, "validate", validate)
    assert load(project, {}).values == first
    other = load(project, {"PDP_DATA_DIR": "other"})
    assert (other.values, other.data_dir) == (first | {"data_dir": "other"}, project / "other")
    assert not validated
    for wrong in ("a\tb", "x" * 1001):
        with pytest.raises(SettingsError, match="PDP_DATA_DIR"):
            load(project, {"PDP_DATA_DIR": wrong})
    validated.clear()
    assert load(project, {"PDP_DAY_STARTS_AT": "4"}).values == first | {"day_starts_at": 4}
    assert load(project, {}).values == first  # pydantic again: only the last ones are kept
    write(project, BERLIN + "day_starts_at = 24")
    with pytest.raises(SettingsError, match="day_starts_at"):
        load(project, {})
    assert len(validated) == 3


def test_light_way_imports_no_pydantic() -> None:
    """Importing pdp.config, and loading what is remembered, leaves pydantic alone."""
    code = (
        "import sys; from pathlib import Path; from pdp.config import load\n"
        "class M:\n get = lambda s, k, key: {'timezone': 'UTC', 'data_dir': 'd'}\n"
        f"load(Path({str(Path(__file__).parent.parent)!r}), {{'PDP_CONFIG': 'configs/demo.toml'}}, lambda d: M())\n"
        "sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_slice_is_what_a_stage_declares() -> None:
    """A slice holds the declared keys and nothing else."""
    assert config.slice({"a": 1, "b": {"c": 2}, "d": 3}, ["b", "a"]) == {"b": {"c": 2}, "a": 1}


def test_project_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project is the folder of dodo.py at or above the current one; elsewhere it is the checkout itself."""
    (tmp_path / "project/configs").mkdir(parents=True)
    (tmp_path / "project/dodo.py").touch()
    assert config.project_root(tmp_path / "project/configs") == tmp_path / "project"
    monkeypatch.setattr(places, "__file__", str(tmp_path / "lib/pdp/places.py"))
    with pytest.raises(SettingsError, match="no pdp project here"):
        config.project_root(tmp_path)


TREATMENT = '[[treatments]]\ndate = 2025-10-16\nlabel = "A 5 mg"\n'


def test_treatments_are_dates_with_a_label(project: Path) -> None:
    """A list of events, start where no kind is told; as dates they come back sorted."""
    later = TREATMENT.replace("2025-10-16", "2025-09-01") + 'kind = "stop"\n'
    write(project, BERLIN + TREATMENT + later)
    assert treatments(load(project, {}).values) == (
        Treatment(date(2025, 9, 1), "A 5 mg", "stop"), Treatment(date(2025, 10, 16), "A 5 mg", "start"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("2025-10-16", '"16.10.2025"', "treatments.0.date must be a date such as 2025-10-16, without quotes"),
        ("date = 2025-10-16\n", "", "treatments.0.date is missing"),
        ('"A 5 mg"', '""', "treatments.0.label must be a text that is not empty"),
        ("label", "labell", "unknown key treatments.0.labell"),
    ],
)
def test_wrong_treatment_is_one_sentence(project: Path, right: str, wrong: str, sentence: str) -> None:
    """It says where and what is wanted, and repeats no label: what a person takes is private."""
    write(project, BERLIN + TREATMENT.replace(right, wrong, 1))
    with pytest.raises(SettingsError) as caught:
        load(project, {})
    assert str(caught.value).startswith(f"configs/pdp.toml: {sentence}")
    assert "A 5" not in str(caught.value)
