"""The `pdp` command: its door, `pdp init`, `pdp next`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pdp import cli
from pdp.cli import Entry, main
from pdp.cli.init import guess_date_order, guess_timezone, render
from pdp.config import load
from pdp.errors import InputError, SettingsError
from pdp.settings import Settings

ROOT = Path(__file__).parent.parent


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, the working folder, on a machine in Germany."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "dodo.py").touch()
    (tmp_path / "configs/demo.toml").write_text((ROOT / "configs/demo.toml").read_text())
    monkeypatch.chdir(tmp_path)
    for name in ("PDP_CONFIG", "PDP_DATA_DIR", "PDP_DEBUG", "LC_ALL", "LC_TIME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "Europe/Berlin")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    return tmp_path


def test_init_writes_a_config_that_works(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`pdp init` writes a valid config with the guesses set, makes the raw folders, and says what is next."""
    assert main(["init"]) == 0
    found = load(project, {})
    assert not found.is_demo
    assert found.values["timezone"] == "Europe/Berlin"
    assert found.values["google_sheets"]["date_order"] == "dmy"
    assert (project / "data/raw/google_sheets").is_dir()
    assert (project / "data/raw/mi_band").is_dir()
    assert (project / "data").stat().st_mode & 0o077 == 0
    said = capsys.readouterr().out
    for part in (
        "wrote configs/pdp.toml",
        "guessed from TZ",
        "guessed from LANG=de_DE.UTF-8",
        "data/raw/mi_band",
        "run doit",
    ):
        assert part in said


def test_init_refuses_to_overwrite(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A config that is there stays as it is: one sentence, and an exit code that is not zero."""
    (project / "configs/pdp.toml").write_text("mine")
    assert main(["init"]) == 2
    assert (project / "configs/pdp.toml").read_text() == "mine"
    assert "configs/pdp.toml is there already" in capsys.readouterr().err
    assert not (project / "data").exists()


def test_init_from_a_subfolder_and_by_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pdp init` finds the project from a folder within it, and heeds PDP_CONFIG and PDP_DATA_DIR."""
    monkeypatch.chdir(project / "configs")
    monkeypatch.setenv("PDP_CONFIG", "configs/mine.toml")
    monkeypatch.setenv("PDP_DATA_DIR", "elsewhere")
    assert main(["init"]) == 0
    assert (project / "configs/mine.toml").is_file()
    assert (project / "elsewhere/raw/mi_band").is_dir()


def test_init_where_nothing_can_be_written(project: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """A folder that cannot be made is one sentence with its name."""
    (project / "file").touch()
    monkeypatch.setenv("PDP_DATA_DIR", "file/data")
    assert main(["init"]) == 2
    assert re.search(r"^pdp: .*file/data cannot be written: Not a directory$", capsys.readouterr().err)


def test_rendered_config_shows_every_default() -> None:
    """The file that `pdp init` writes says the same with every line switched on: each setting, at its default."""
    text = render({("timezone",): ("Europe/Berlin", "guessed")})
    assert tomllib.loads(text)["timezone"] == "Europe/Berlin"
    switched_on = re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE)
    assert tomllib.loads(switched_on) == Settings(timezone="Europe/Berlin").model_dump(mode="json")
    assert max(len(line) for line in text.splitlines()) <= 110


@pytest.mark.parametrize(
    ("environ", "files", "zone"),
    [
        ({"TZ": "America/New_York"}, {"timezone": "Europe/Berlin"}, "America/New_York"),
        ({"TZ": ":Asia/Tokyo"}, {}, "Asia/Tokyo"),
        ({"TZ": "CET-1CEST"}, {"timezone": "Europe/Berlin\n"}, "Europe/Berlin"),
        ({"TZ": "UTC"}, {"timezone": "Etc/UTC\n", "localtime": "/usr/share/zoneinfo/Asia/Tokyo"}, "Asia/Tokyo"),
        ({}, {"localtime": "../usr/share/zoneinfo/America/Argentina/Ushuaia"}, "America/Argentina/Ushuaia"),
        ({}, {"timezone": "Etc/UTC\n"}, "UTC"),
        ({}, {}, "UTC"),
    ],
)
def test_timezone_is_guessed(tmp_path: Path, environ: dict, files: dict, zone: str) -> None:
    """The zone comes from TZ, /etc/timezone or the link /etc/localtime, whichever first names a place."""
    for name, content in files.items():
        if name == "localtime":
            (tmp_path / name).symlink_to(content)
        else:
            (tmp_path / name).write_text(content)
    found, reason = guess_timezone(environ, tmp_path)
    assert found == zone
    assert ("set your own" in reason) == (zone == "UTC")


@pytest.mark.parametrize(
    ("environ", "order"),
    [
        ({"LANG": "de_DE.UTF-8"}, "dmy"),
        ({"LANG": "de_DE.UTF-8", "LC_TIME": "en_US.UTF-8"}, "mdy"),
        ({"LC_ALL": "sv_SE", "LC_TIME": "en_US.UTF-8"}, "ymd"),
        ({"LANG": "zh_Hans_CN.UTF-8"}, "ymd"),
        ({"LANG": "ca_ES@valencia"}, "dmy"),
        ({"LANG": "en_GB", "LC_ALL": ""}, "dmy"),
        ({"LANG": "C.UTF-8"}, "ymd"),
        ({}, "ymd"),
    ],
)
def test_date_order_is_guessed(environ: dict[str, str], order: str) -> None:
    """The order of dates follows the region of the locale; without one, only dates that begin with the year count."""
    assert guess_date_order(environ)[0] == order


def test_next_leads_from_nothing_to_the_result(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`pdp next` names the demo while nothing is there, a new config's raw folders, the result once there is one."""
    assert main(["next"]) == 0
    assert "pdp demo" in capsys.readouterr().out
    main(["init"])
    main(["next"])
    said = capsys.readouterr().out
    assert "data/raw/google_sheets" in said
    assert "pdp demo" not in said
    (project / "data/merged").mkdir()
    (project / "data/merged/daily_metrics.csv").touch()
    (project / "data/raw/mi_band/x.csv").touch()
    main(["next"])
    said = capsys.readouterr().out
    assert "result: data/merged/daily_metrics.csv" in said
    assert "raw" not in said


# The door


def test_every_command_is_there() -> None:
    """Each name of the table leads to a command that can be imported."""
    for name, entry in cli.COMMANDS.items():
        assert callable(cli.resolve(entry.target)), name


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`pdp --help`, and `pdp` alone, list light and other commands alike."""
    for arguments in ([], ["--help"]):
        assert main(arguments) == 0
        said = capsys.readouterr().out
        assert all(re.search(rf"^  {name} ", said, re.MULTILINE) for name in cli.COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["innit"], "pdp: there is no command innit; did you mean init?"),
        (["qqqq"], "pdp: there is no command qqqq; pdp --help lists them"),
        (["init", "--force"], "pdp: No such option"),
    ],
)
def test_wrong_use_is_one_line(project: Path, arguments: list[str], sentence: str, capsys) -> None:
    """A command or option that does not exist is one line on stderr and the exit code 2."""
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith(sentence)
    assert err.count("\n") == 1


@pytest.mark.parametrize(("error", "code"), [(SettingsError, 2), (InputError, 1)])
def test_errors_become_one_line_at_the_door(monkeypatch: pytest.MonkeyPatch, capsys, error: type, code: int) -> None:
    """An error of pdp is one line and its exit code; PDP_DEBUG shows where it comes from."""

    def fails(argv: list[str]) -> int:
        raise error("what and where", hint="what to do")

    monkeypatch.setitem(cli.COMMANDS, "fails", Entry("somewhere:fails", "", light=True))
    monkeypatch.setattr(cli, "resolve", lambda target: fails)
    monkeypatch.delenv("PDP_DEBUG", raising=False)
    assert main(["fails"]) == code
    assert capsys.readouterr().err == "pdp: what and where; what to do\n"
    monkeypatch.setenv("PDP_DEBUG", "1")
    with pytest.raises(error):
        main(["fails"])


def test_reader_that_has_seen_enough(project: Path) -> None:
    """A reader that closes the pipe, as `head` does, ends a command quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "pdp", "next"],
        check=False,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_light_command_starts_without_click(project: Path) -> None:
    """The table hands a light command over before click is imported."""
    code = (
        "import sys; from pdp import cli\n"
        "cli.COMMANDS['x'] = cli.Entry('builtins:len', '', light=True)\n"
        "assert cli.main(['x']) == 0; sys.exit('click' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


def test_an_answer_that_nobody_gives_is_no_interrupt(tmp_path: Path) -> None:
    """A job has no terminal: the sentence says what was missing."""
    done = subprocess.run(
        [sys.executable, "-m", "pdp", "vault", "init", str(tmp_path / "vault")],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, start_new_session=True,
    )  # fmt: skip
    assert (
        done.returncode == 2 and "pdp: the input ended where an answer was wanted; answer at a terminal" in done.stderr
    )
