"""How much a run does, counted instead of timed: files opened, bytes hashed, modules imported, SQL statements.

The numbers that do not depend on the data are the same for twice the data; the others name the files.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.generate import END, heart_rate
from pdp.demo import generate
from tests.project import REPO, outcomes
from tests.test_determinism import Copy

COUNTED = REPO / "tests" / "counted.py"
MODULES = 268  # of a run with nothing to do: doit, what it imports, and a few of pdp
STATEMENTS = 150


@dataclass(frozen=True)
class Work:
    """What a run did; `read` names files below the data folder, `encoded` counts rows."""

    outcomes: dict[str, str]
    read: set[str]
    modules: int
    hashed: int
    statements: int
    encoded: int


def project(folder: Path, days: int) -> Copy:
    """The demo, built, its files left alone for long enough to be trusted by their stats."""
    demo = generate(days=days)
    made = Copy(folder, demo, list(demo.files))
    age(made)
    made.build()
    time_apart(made)
    return made


def age(made: Copy) -> None:
    """Raw files get a time of change in the past. Their ctime is this very moment all the same: see `time_apart`."""
    for path in (made.data / "raw").rglob("*"):
        if path.is_file():
            os.utime(path, (1_700_000_000, 1_700_000_000))


def time_apart(made: Copy) -> None:
    """Waits until every file is older than the two seconds within which a stat says nothing, and lets pdp see that."""
    newest = max(path.stat().st_ctime for path in made.data.rglob("*") if path.is_file())
    while time.time() - newest < 2.1:
        time.sleep(0.05)
    for _ in range(2):  # what the first learns is of use to the second
        made.build()


def counted(made: Copy) -> Work:
    report = made.root.with_name(f"{made.root.name}.json")  # beside the project: it is none of its files
    done = made.command(sys.executable, str(COUNTED), str(report))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text())
    paths = {path for path in found["read"] if path.startswith(f"{made.data}/") and os.path.exists(path)}
    read = {path.removeprefix(f"{made.data}/") for path in paths}
    return Work(outcomes(done.stdout), read, *(found[name] for name in ("modules", "hashed", "statements", "encoded")))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return project(tmp_path_factory.mktemp("month"), 30)


@pytest.fixture
def own(built: Copy, tmp_path: Path) -> Copy:
    """A copy of the built project, that a test may change."""
    shutil.copytree(built.root, tmp_path / "own", copy_function=shutil.copy2)
    made = Copy.__new__(Copy)
    made.root, made.data = tmp_path / "own", tmp_path / "own" / "data-demo"
    made.build()
    time_apart(made)
    return made


def test_nothing_to_do_opens_no_file_of_the_data_and_hashes_nothing(built: Copy) -> None:
    work = counted(built)
    assert set(work.outcomes.values()) == {"current"}
    assert {name for name in work.read if not name.startswith("registry.db")} == {".lock"}
    assert work.hashed == 0
    assert work.modules <= MODULES and work.statements <= STATEMENTS


def test_nothing_to_do_is_as_much_work_for_twice_the_data(built: Copy, tmp_path: Path) -> None:
    once, twice = counted(built), counted(project(tmp_path / "two", 60))
    assert (twice.modules, twice.statements, twice.hashed) == (once.modules, once.statements, once.hashed)
    assert twice.read == once.read


def test_one_new_day_in_a_sheet_runs_its_own_chain_and_opens_no_export(own: Copy) -> None:
    sheet = next(path for path in sorted((own.data / "raw/google_sheets").rglob("*.csv")))
    sheet.write_bytes(sheet.read_bytes() + b"2025-12-01,08:00,120,80,60\r\n")
    work = counted(own)
    ran = {name for name, outcome in work.outcomes.items() if outcome != "current"}
    assert ran <= {"ingest:google_sheets", "normalize:google_sheets", "validate:blood_pressure", "merge"}
    assert {"ingest:google_sheets", "normalize:google_sheets"} <= ran
    raw = {name for name in work.read if name.startswith("raw/")}
    assert sheet.relative_to(own.data).as_posix() in raw
    assert {name.split("/")[1] for name in raw} == {"google_sheets"}


def test_one_more_export_is_read_alone(own: Copy, tmp_path: Path) -> None:
    later = generate(days=31)
    before = {path.relative_to(own.data / "raw").as_posix() for path in (own.data / "raw").rglob("*") if path.is_file()}
    more = {name: data for name, data in later.files.items() if name.startswith("mi_band/") and name not in before}
    assert more
    for name, data in more.items():
        path = own.data / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    work = counted(own)
    raw = {name.removeprefix("raw/") for name in work.read if name.startswith("raw/")}
    # Of a zip that was there its list of names is looked at, and nothing of what it holds is unpacked.
    assert {name for name in raw if not name.endswith(".zip")} == {name for name in more if not name.endswith(".zip")}
    assert work.outcomes["normalize:google_sheets"] == "current" and work.outcomes["merge"] == "built"


def test_one_more_export_beside_a_long_one_makes_the_parts_that_it_reaches(tmp_path: Path) -> None:
    """A hundred days of minutes, and two more: of each table the new rows, and the block of 64 days that they lie in."""
    made = Copy(tmp_path / "fine", generate(days=1), [])
    heart_rate(made.data / "raw/mi_band", days=100)
    age(made)
    first = counted(made)
    assert first.encoded > 2 * 99 * 1440
    heart_rate(made.data / "raw/mi_band", days=2, exported_on="20260103", end=END + 2 * 86_400)
    work = counted(made)
    assert {work.outcomes[stage] for stage in ("normalize:mi_band", "validate:heart_rate", "merge")} == {"built"}
    block = (END // 86_400 + 2) % 64
    assert 2 * 1440 < work.encoded <= (2 + block + 1) * 1440  # one for the zone's hour, and the days themselves
    alone = Copy(tmp_path / "alone", generate(days=1), [])
    shutil.copytree(made.data / "raw", alone.data / "raw")
    assert alone.build() == made.outputs()
