"""Nothing leaks: canaries are planted in every place that is private, and everything a run leaves behind is searched.

Tables hold readings, notes and what could not be read, by design; raw data, snapshots (names of raw files), the store and
kept readings do too. Nothing else may: what is printed, the registry's texts, doit's own state, temp files and their names,
the JSON of commands that tell about runs.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import copy_pipeline
from tests.mi_export import DAY, SAMPLES, csv_text, hours, sample
from tests.project import REPO, Project

UID = "9753186420"
CREDENTIAL = "s3cr3t-canary-4711-0815"
CANARIES = {
    "a reading": ["137.8125", "91.4375", "84.0625"],
    "a note": ["notecanary", "Kopfschmerz"],
    "a name": ["Namecanary", "Musterfrau"],
    "a sheet's title": ["Titelcanary"],
    "a cell that cannot be read": ["cellcanary"],
    "a JSON value": ["jsoncanary"],
    "a device": ["sidcanary"],
    "an account": [UID],
    "a credential": [CREDENTIAL, base64.b64encode(CREDENTIAL.encode()).decode()[:16], "canary-4711"],
}  # fmt: skip
SHEET = (
    "Titelcanary of Namecanary Musterfrau\n\nDate,Time,SYS (Namecanary),DIA,Pulse,Notes Namecanary\n"
    "2026-01-01,08:00,137.8125,91.4375,61,notecanary Kopfschmerz\n2026-01-01,19:00,131,82,60,\n"
    "cellcanary,08:00,137.8125,91.4375,,notecanary\n2026-01-02,08:00,cellcanary,80,,\n"
)
FAILS = -1  # doit ends with 1 where a task failed, with 2 where one was in error
BY_DESIGN = ("raw", "snapshots", "store", "kept", "normalized", "validated", "quarantine", "merged")
TELLING = (
    ["status"], ["status", "--json"], ["why", "merge", "--json"], ["history", "merge"], ["history", "--json"],
    ["lineage", "daily_metrics"], ["lineage", "daily_metrics", "--json"], ["lineage", "daily_metrics", "--mermaid"], ["graph"],
)  # fmt: skip


class Private(Project):
    """This pipeline in a folder of its own, with canaries in its raw files, its config, `.env` and the environment."""

    def __init__(self, root: Path) -> None:
        self.root, self.data = root, root / "data"
        copy_pipeline(root)
        self.write("configs/pdp.toml", f'timezone = "Europe/Berlin"\n[mi_band]\naccount = "{UID}"\n')
        self.write(".env", f"OTHER_TOKEN={CREDENTIAL}\nPDP_DAY_STARTS_AT=4\n")
        self.sheet(SHEET)
        rows = [
            sample("heart_rate", DAY + minute * 60, {"bpm": 84.0625, "x": "jsoncanary"}, Uid=UID, Sid="sidcanary")
            for minute in range(30)
        ]
        rows += [
            sample("heart_rate", DAY, '{"bpm":"jsoncanary"}', Uid=UID, Sid="sidcanary"),
            sample("heart_rate", DAY, '{"bpm":84.0625,"jsoncanary"', Uid=UID, Sid="sidcanary"),
            sample("jsoncanary 84.0625", DAY, "{}", Uid=UID),
            sample("sleep", DAY, hours(DAY - 3600, 400) | {"note": "jsoncanary"}, Uid=UID, Sid="sidcanary"),
        ]
        self.export(csv_text(SAMPLES, rows))

    def sheet(self, text: str) -> None:
        self.write("data/raw/google_sheets/bp.csv", text)

    def export(self, text: str) -> None:
        self.write(f"data/raw/mi_band/20260301_{UID}_MiFitness/20260301_{UID}_MiFitness_{SAMPLES}.csv", text)

    def said(self, *words: str, code: int | None = None) -> str:
        """What a command prints, on both streams."""
        environ = {
            "GOOGLE_CREDENTIALS": json.dumps({"private_key": CREDENTIAL}),
            "TOKEN_BASE64": base64.b64encode(CREDENTIAL.encode()).decode(),
        }
        done = self.pdp(*words, **environ) if words[0] != "doit" else self.doit(*words[1:], **environ)
        assert code is None or (done.returncode in (1, 2) if code == FAILS else done.returncode == code), done.stdout
        return done.stdout + done.stderr

    def pdp(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.command(sys.executable, "-m", "pdp", *words, **environ)

    def left(self) -> Iterator[tuple[str, str]]:
        """(where, text) of all that lies about, but for what holds data by design, the config and `.env` themselves."""
        own = {self.root / "configs/pdp.toml", self.root / ".env"}
        for path in sorted(self.root.rglob("*")):
            below = path.relative_to(self.data).parts if path.is_relative_to(self.data) else ()
            if below and below[0] == "raw":
                continue
            yield f"the name of {path.name}", str(path.relative_to(self.root))
            if path.is_file() and path not in own and not (below and below[0] in BY_DESIGN) and path.suffix != ".pyc":
                if path.name == "registry.db":
                    yield from registry(path)
                else:
                    yield path.name, path.read_bytes().decode(errors="replace")


def registry(path: Path) -> Iterator[tuple[str, str]]:
    """Every text of the registry, by table and column; and what SQLite left of texts that were deleted."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            cursor = db.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield from ((f"registry {table}.{name}", str(value)) for name, value in zip(names, row, strict=True))


# A raw file's name is what lineage and the stat cache know it by, and an account that the config names is part of what a
# result depends on. Nothing else of an account may be in the registry.
NAMED = {"outlook", "registry file_stat.name", "registry stage_run.own", "registry common.text", "registry stage_run.facts",
         "lineage daily_metrics", "lineage daily_metrics --json"}  # fmt: skip


def leaks(texts: Iterator[tuple[str, str]]) -> list[str]:
    found = []
    for where, whole in texts:
        for what, canaries in CANARIES.items():
            text = whole
            if what == "an account" and where == "registry memo.value":
                continue  # the settings, as the config has them: remembered here so that they need not be validated anew
            if what == "an account" and where in NAMED:
                text = text.replace(f"20260301_{UID}_MiFitness", "").replace(f'"account":"{UID}"', "")
            found += [f"{what} ({canary}) in {where}" for canary in canaries if canary in text]
    return found


@pytest.fixture
def private(tmp_path: Path) -> Private:
    return Private(tmp_path)


def test_the_search_finds_what_is_there(private: Private) -> None:
    """Each canary is found in what holds it: the search can fail."""
    raw = "".join(path.read_text() for path in (private.data / "raw").rglob("*.csv"))
    everything = [("raw", raw), ("config", (private.root / "configs/pdp.toml").read_text()), ("env", CREDENTIAL),
                  ("b64", base64.b64encode(CREDENTIAL.encode()).decode())]  # fmt: skip
    found = leaks(iter(everything))
    assert all(any(line.startswith(what) for line in found) for what in CANARIES)


def test_a_good_run_leaks_nothing(private: Private) -> None:
    """Nor do the commands that tell about runs."""
    config = private.root / "configs/pdp.toml"
    config.write_text(config.read_text() + "[checks]\nmax_quarantined_share = 0.9\n")
    said = [("doit", private.said("doit", code=0)), ("doit again", private.said("doit", code=0))]
    said += [(" ".join(words), private.said(*words)) for words in TELLING]
    said += [
        (f"doit {words}", private.said("doit", *words.split())) for words in ("info merge", "list --all", "clean -n")
    ]
    assert leaks(iter(said)) + leaks(private.left()) == []


BROKEN = {
    "a header that lacks a column": SHEET.replace("SYS (Namecanary)", "Namecanary"),
    "no header": SHEET.replace("Date,Time,SYS (Namecanary),DIA", "Namecanary,137.8125,x,y"),
    "two columns for one": SHEET.replace("DIA,Pulse", "SYS Namecanary,SYS (Namecanary)"),
    "all rows unreadable": SHEET.replace("2026-01-0", "cellcanary-"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_failing_run_leaks_nothing(private: Private, broken: str) -> None:
    """The sentence says what, where and what to do, without a word of what stands there."""
    private.sheet(BROKEN[broken])
    said = [
        ("doit", private.said("doit", code=FAILS)),
        ("status", private.said("status")),
        ("why", private.said("why")),
    ]
    assert "failed" in said[0][1] and "Traceback" not in said[0][1]
    assert leaks(iter(said)) + leaks(private.left()) == []


def test_two_accounts_leak_nothing(private: Private) -> None:
    """Whose rows count is asked with two digits of each."""
    private.write("configs/pdp.toml", 'timezone = "Europe/Berlin"\n')
    private.write(f"data/raw/mi_band/other_{SAMPLES}.csv", csv_text(SAMPLES, [sample("heart_rate", DAY, {"bpm": 70})]))
    said = private.said("doit", code=FAILS)
    assert "2 accounts" in said
    assert leaks(iter([("doit", said)])) + leaks(private.left()) == []


CRASHES = {
    "stages/normalize/google_sheets.py": ("def _values(", "row: Any", "raise ValueError(row.texts)"),
    "stages/validate.py": ("def _check(", "schema: Any, table: Any", "raise KeyError(str(table.to_pylist()))"),
    "stages/merge.py": ("def _sleep(", "table: Any", "assert False, table.to_pylist()"),
}


@pytest.mark.parametrize("file", CRASHES)
def test_a_crashing_run_leaks_nothing(private: Private, file: str) -> None:
    """A fault of pdp names its place: the exception's own words may be a reading."""
    config = private.root / "configs/pdp.toml"
    config.write_text(config.read_text() + "[checks]\nmax_quarantined_share = 0.9\n")
    function, parameters, crash = CRASHES[file]
    path = private.root / file
    source = path.read_text()
    assert function in source
    path.write_text(
        source.replace(function, f"{function}{parameters}) -> Any:\n    {crash}\n\n\n{function[:4]}_old{function[4:]}")
    )
    said = [
        ("doit", private.said("doit", code=FAILS)),
        ("status", private.said("status")),
        ("history", private.said("history")),
    ]
    assert "fault of pdp" in said[0][1] and "Traceback" not in said[0][1]
    assert leaks(iter(said)) + leaks(private.left()) == []


@pytest.mark.parametrize(
    "words", [["status"], ["show", "daily_metrics"], ["trace", "2026-01-01", "systolic"], ["rejected"]]
)
def test_a_command_that_crashes_leaks_nothing(private: Private, words: list[str]) -> None:
    """One sentence names the place; PDP_DEBUG shows more to who asks for it."""
    private.said("doit")
    path = private.root / "sitecustomize.py"
    path.write_text(
        "import pdp.look as look\n"
        "def table(*a, **k): raise RuntimeError('137.8125 notecanary')\n"
        "look.table = look.print_json = look.parse = table\n"
    )
    done = private.pdp(*words, PYTHONPATH=f"{private.root}{os.pathsep}{REPO}")
    assert done.returncode == 1
    assert leaks(iter([("output", done.stdout + done.stderr)])) == []
    assert "Traceback" not in done.stderr and "fault of pdp: RuntimeError at sitecustomize.py:2" in done.stderr


def test_reprs_hold_no_data() -> None:
    """What a debugger or an assertion prints of an object names it and does not show it."""
    from pdp.config import Config
    from stages.normalize.archive import Member
    from stages.normalize.rawtext import Text

    shown = repr([Member("a.csv", "0" * 64, b"137.8125"), Text(b"137.8125", "utf-8")])
    shown += repr(Config({"mi_band": {"account": UID}}, Path("c"), False, Path("d")))
    assert leaks(iter([("repr", shown)])) == []


def test_what_a_run_makes_is_the_owners_alone(private: Private) -> None:
    """Whatever the umask: files are 0600 or 0400, folders 0700. Raw files are as their owner put them there."""
    before = os.umask(0o000)
    try:
        private.said("doit")
        private.said("status")
    finally:
        os.umask(before)
    open_ = [
        f"{stat.filemode(path.lstat().st_mode)} {path.relative_to(private.data)}"
        for path in sorted(private.data.rglob("*"))
        if path.relative_to(private.data).parts[0] != "raw" and path.lstat().st_mode & 0o077
    ]
    assert open_ == []
    manifests = list((private.data / "snapshots").glob("*.json"))
    assert len(manifests) == 2 and not any(path.stat().st_mode & 0o077 for path in manifests)
