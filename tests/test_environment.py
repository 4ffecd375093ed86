"""Settings from the environment and from `.env`, by their own names and by those of earlier pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pdp import config
from pdp.config import load
from pdp.errors import SettingsError
from tests.bare import BERLIN, Memory, bare, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return bare(tmp_path)


def test_environment_names_another_config_and_data_folder(project: Path) -> None:
    """PDP_CONFIG and PDP_DATA_DIR win over the file; relative ones begin at the project folder."""
    write(project, BERLIN + 'data_dir = "mine"')
    other = project / "other.toml"
    other.write_text('timezone = "Asia/Tokyo"\ndata_dir = "theirs"')
    assert load(project, {"PDP_CONFIG": "other.toml"}).data_dir == project / "theirs"
    found = load(project, {"PDP_CONFIG": str(other), "PDP_DATA_DIR": "/elsewhere"})
    assert (found.path, found.data_dir) == (other, Path("/elsewhere"))
    assert load(project, {"PDP_DATA_DIR": "~/health"}).data_dir == Path("~/health").expanduser()


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("PDP_TIMEZONE", "Asia/Tokyo", ("timezone",), "Asia/Tokyo"),
        ("PDP_DAY_STARTS_AT", "4", ("day_starts_at",), 4),
        ("PDP_MI_BAND_ACCOUNT", "123", ("mi_band", "account"), "123"),
        ("PDP_MI_BAND__ACCOUNT", "123", ("mi_band", "account"), "123"),
        ("PDP_MI_BAND_ENABLED", "No", ("mi_band", "enabled"), False),
        ("PDP_CHECKS_MAX_QUARANTINED_SHARE", "0.5", ("checks", "max_quarantined_share"), 0.5),
        ("PDP_GOOGLE_SHEETS_COLUMNS", '{ systolic = "Oben" }', ("google_sheets", "columns"), {"systolic": "Oben"}),
    ],
)
def test_any_setting_by_environment(project: Path, name: str, text: str, key: tuple[str, ...], value: object) -> None:
    """Any setting can be given by environment, nested with one underscore or two, in the text form of its type."""
    write(project, BERLIN + "[mi_band]\naccount = 'other'")
    found: Any = load(project, {name: text}).values
    for part in key:
        found = found[part]
    assert found == value


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("PDP_TIMEZON", "x", " is not a setting; did you mean PDP_TIMEZONE?"),
        ("PDP_MI_BAND_ACOUNT", "x", " is not a setting; did you mean PDP_MI_BAND_ACCOUNT?"),
        ("PDP_QQQQQQQQQ", "x", " is not a setting; remove it; .env.example shows how settings are named"),
        ("PDP_DAY_STARTS_AT", "noon", ' must be a whole number, not "noon"'),
        ("PDP_DAY_STARTS_AT", "24", " must be at most 23, not 24"),
        ("PDP_MI_BAND_ENABLED", "maybe", ' must be true or false, not "maybe"'),
        ("PDP_GOOGLE_SHEETS_COLUMNS", "SYS", ' is not a TOML table; write it like { systolic = "SYS" }'),
        ("PDP_TIMEZONE", "Qqqqqq", ': "Qqqqqq" is not a time zone of the IANA list; write it like Europe/Berlin'),
    ],
)
def test_wrong_variable_is_one_sentence(project: Path, name: str, text: str, sentence: str) -> None:
    """What is wrong in the environment is one sentence that names the variable."""
    write(project, BERLIN)
    with pytest.raises(SettingsError) as caught:
        load(project, {name: text})
    assert str(caught.value) == f"environment variable {name}{sentence}"


def test_variables_that_are_not_settings(project: Path) -> None:
    """Empty variables, others' variables and pdp's switches are no settings."""
    environ = {
        "PDP_TIMEZONE": "",
        "PDP_DEBUG": "1",
        "PDP_OFFLINE": "1",
        "PDP_GOOGLE_ROOT": "x",
        "HOME": "/x",
        "PDPX": "1",
    }
    assert load(project, environ).values["timezone"] == "Europe/Berlin"


def test_dotenv(project: Path) -> None:
    """A `.env` file gives settings, with quotes, comments and `export`; the environment wins over it."""
    (project / ".env").write_text(
        "# comment\n\nOTHER=1\nexport PDP_TIMEZONE = Asia/Tokyo # a comment\n"
        "PDP_DATA_DIR='my data # 1'\n"
        'PDP_MI_BAND_ACCOUNT="a\\"b"\nPDP_DAY_STARTS_AT=\nPDP_SLEEP_SHORT_NIGHT_MIN=7#1 # x\n'
    )
    given = config.variables(project, {})
    assert {name: text for name, (text, _) in given.items()} == {
        "PDP_TIMEZONE": "Asia/Tokyo",
        "PDP_DATA_DIR": "my data # 1",
        "PDP_MI_BAND_ACCOUNT": 'a"b',
        "PDP_SLEEP_SHORT_NIGHT_MIN": "7#1",
    }
    found = load(project, {"PDP_TIMEZONE": "Europe/Paris", "PDP_SLEEP_SHORT_NIGHT_MIN": "60"})
    assert found.values["timezone"] == "Europe/Paris"
    assert found.data_dir == project / "my data # 1"


def test_wrong_dotenv_names_the_line_but_not_its_text(project: Path) -> None:
    """A mistake in `.env` is named by its line; the line itself, which may hold a secret, is not repeated."""
    (project / ".env").write_text("PDP_TIMEZONE=UTC\nPDP_X 'hunter2\n")
    with pytest.raises(SettingsError, match=r"^\.env line 2 is not KEY=VALUE") as caught:
        load(project, {})
    assert "hunter2" not in str(caught.value)
    (project / ".env").write_text("\nPDP_TIMEZON=UTC\n")
    with pytest.raises(SettingsError, match=r"^\.env line 2: PDP_TIMEZON is not a setting"):
        load(project, {})


def test_example_dotenv_gives_nothing_and_knows_every_name(project: Path) -> None:
    """The shipped .env.example changes nothing as it is, and each of its examples is a setting."""
    text = (Path(__file__).parent.parent / ".env.example").read_text()
    (project / ".env").write_text(text)
    assert config.variables(project, {}) == {}
    examples = [line[2:] for line in text.splitlines() if line.startswith("# PDP_")]
    (project / ".env").write_text("\n".join(line for line in examples if "PDP_CONFIG" not in line))
    assert load(project, {}).values["day_starts_at"] == 4


def test_names_of_earlier_pipelines_count(project: Path) -> None:
    """In the environment and in .env, with the setting's own variable before them; the secret is given on, never kept."""
    write(project, BERLIN + '[fetch.mi_band]\nid = "1fromtheconfig"\n')
    (project / ".env").write_text("GOOGLE_SHEETS_BP_ID=1fromdotenv\nGOOGLE_CREDENTIALS_BASE64=c2VjcmV0\n")
    environ = {
        "MI_BAND_DRIVE_FOLDER_ID": "1fromthere",
        "GOOGLE_APPLICATION_CREDENTIALS": "/keys/a.json",
        "GOOGLE_X": "1",
    }
    memory = Memory()
    found = load(project, environ, lambda _: memory)
    assert found.values["fetch"]["google_sheets"]["id"] == "1fromdotenv"
    assert found.values["fetch"]["mi_band"]["id"] == "1fromthere"
    assert found.values["google"]["credentials"] == "/keys/a.json"
    assert found.given["GOOGLE_CREDENTIALS_BASE64"][0] == "c2VjcmV0"
    assert "GOOGLE_X" not in found.given
    assert "c2VjcmV0" not in repr(found) + repr(memory)
    own = load(project, {**environ, "PDP_FETCH_MI_BAND_ID": "1own-name", "PDP_FETCH_GOOGLE_SHEETS_TABS": "BP, My tab"})
    assert own.values["fetch"]["mi_band"]["id"] == "1own-name"
    assert own.values["fetch"]["google_sheets"]["tabs"] == ["BP", "My tab"]


@pytest.mark.parametrize(
    "text",
    [
        "1AbC-def_9", " 1AbC-def_9 ", "https://docs.google.com/spreadsheets/d/1AbC-def_9/edit#gid=0",
        "https://drive.google.com/drive/folders/1AbC-def_9?usp=sharing", "https://drive.google.com/open?id=1AbC-def_9",
        "https://drive.google.com/drive/u/0/folders/1AbC-def_9",
    ],
)  # fmt: skip
def test_an_address_of_google_gives_its_id(project: Path, text: str) -> None:
    write(project, BERLIN)
    assert load(project, {"GOOGLE_SHEETS_BP_ID": text}).values["fetch"]["google_sheets"]["id"] == "1AbC-def_9"


@pytest.mark.parametrize("text", ["my sheet", "a'b in parents", "https://example.org/", "../../x"])
def test_what_is_no_id_is_refused(project: Path, text: str) -> None:
    """It would become part of a request; the sentence does not repeat it."""
    write(project, BERLIN)
    with pytest.raises(SettingsError, match="GOOGLE_SHEETS_BP_ID: this is no id of Google's") as refused:
        load(project, {"GOOGLE_SHEETS_BP_ID": text})
    assert text not in str(refused.value)


def test_the_environment_alone_is_a_config(tmp_path: Path) -> None:
    """A container without a file of its own: a time zone makes the environment a config, and nothing of the demo is in it."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "dodo.py").touch()
    (tmp_path / "configs/demo.toml").write_text(
        'timezone = "Europe/Berlin"\ndata_dir = "data-demo"\nday_starts_at = 4\n'
    )
    assert load(tmp_path, {"PDP_DAY_STARTS_AT": "3"}).is_demo
    found = load(tmp_path, {"PDP_TIMEZONE": "Asia/Tokyo", "GOOGLE_SHEETS_BP_ID": "an-id"})
    assert not found.is_demo and found.data_dir == tmp_path / "data"
    assert (found.values["timezone"], found.values["day_starts_at"]) == ("Asia/Tokyo", 0)
