"""A slice of the campaigns at every test run, the same each time; `CRASH_SEED` makes another choice, `anew` a new one."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash import broken, calls, errors, full, kill, power, process
from tests.crash.kill import Tally
from tests.crash.scenes import BY_NAME, Stage, set_up
from tests.crash.together import together
from tests.project import Project

SEED = os.environ["CRASH_SEED"]

pytestmark = pytest.mark.skipif(bool(process.strace_works()), reason=process.strace_works() or "strace works")


def test_the_harness_kills_the_same_doit_that_a_person_types(project: Project, tmp_path: Path) -> None:
    """A forked run makes the same write-type calls on the project, one by one, as `python -m doit` in a new process.

    But for those of SQLite: what the registry remembers of files depends on whether they were just touched.
    """
    typed = tmp_path / "typed"
    Project(typed)
    log = tmp_path / "log"
    words = [
        "strace",
        "-f",
        "-y",
        "-s",
        "0",
        "-o",
        str(log),
        "-e",
        f"trace={calls.TRACED}",
        sys.executable,
        "-m",
        "doit",
    ]
    assert subprocess.run(words, cwd=typed, capture_output=True, check=False).returncode == 0
    forked = Project(tmp_path / "forked").root
    ended, of_forked = calls.trace(forked, ["doit"], tmp_path / "log2")
    assert ended.code == 0
    of_typed = [call for call in calls.parse(log.read_text()) if call.writes]
    assert _named(of_forked, forked) == _named(of_typed, typed)


RANDOM = re.compile(
    r"(?<=\.\.\. )[\d ]+$|(?<=records/)\w+|(?<=\.pdp/)\w+\.\d+|(new-|\.)[a-z0-9_]{8}\b|\b\d+<|AT_FDCWD<[^>]*> "
    r"|(?<=snapshots/)\.\S*"
)


def _named(found: list[calls.Call], root: Path) -> list[str]:
    """The calls on the project, without what is random in a name, counted by the process, or as long as a time is."""
    about = [call for call in found if call.touches(root) and call.name != "fdatasync"]
    lines = [f"{call.name} {' '.join(call.arguments)}".replace(str(root), "") for call in about]
    return [RANDOM.sub("", line) for line in lines if "registry.db" not in line]


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=process.memory()) as folder:
        yield Path(folder)


def chosen(stage: Stage, many: list[Any], number: int) -> list[Any]:
    return random.Random(SEED + stage.scene.name).sample(many, min(number, len(many)))


def assert_held(tallies: list[Tally]) -> None:
    """There were points, each was come to, and nothing was broken at any."""
    assert sum(tally.points for tally in tallies)
    assert not sum(tally.missed for tally in tallies)
    assert not [str(finding) for tally in tallies for finding in tally.findings], f"CRASH_SEED={SEED}"


@pytest.mark.parametrize("scene", ["first run", "an edited output", "gc", "clean"])
def test_a_killed_run_loses_nothing_and_the_next_one_mends(scene: str, place: Path) -> None:
    stage = set_up(BY_NAME[scene], place)
    points = kill.points(stage, place)
    assert_held([kill.kill_at(stage, call, place) for call in chosen(stage, points, 5)])


def test_a_run_that_is_killed_again_while_it_mends_is_mended_by_the_third(place: Path) -> None:
    stage = set_up(BY_NAME["another raw file"], place)
    points = kill.points(stage, place)
    assert_held([kill.kill_twice(stage, call, 3, place) for call in chosen(stage, points, 1)])


def test_a_power_cut_on_the_weakest_disk_loses_nothing_that_was_reported(place: Path) -> None:
    """Unsynced bytes and names gone, torn or reordered; the model is first held against what really lies there."""
    stage = set_up(BY_NAME["another raw file"], place)
    recorder, found = power.record(stage, place)
    calls = chosen(stage, list(range(len(found))), 2)
    assert_held([power.cut(stage, recorder.root, found, call, len(found), place) for call in calls])


def test_a_power_cut_after_a_kill_and_a_repair_loses_nothing_that_was_reported(place: Path) -> None:
    stage = set_up(BY_NAME["another helper"], place)
    points = kill.points(stage, place)
    assert_held([power.cut_after_kill(stage, call, place) for call in chosen(stage, points, 1)])


def test_a_run_that_is_asked_to_end_leaves_nothing_temporary(place: Path) -> None:
    stage = set_up(BY_NAME["another raw file"], place)
    points = [(call, how) for call in kill.points(stage, place) for how in kill.ASKED]
    assert_held([kill.signal_at(stage, call, place, how) for call, how in chosen(stage, points, 8)])


def test_an_error_of_the_system_is_told_in_a_sentence_and_the_next_run_mends(place: Path) -> None:
    stage = set_up(BY_NAME["an edited output"], place)
    points = [(call, name) for call in kill.points(stage, place) if call.touches_data for name in errors.ERRORS]
    assert_held([errors.error_at(stage, call, name, place) for call, name in chosen(stage, points, 8)])


@pytest.mark.skipif(bool(full.mounts_work()), reason=f"no small disk here: {full.mounts_work()}")
def test_a_full_disk_is_told_in_a_sentence_and_mended_when_there_is_room(place: Path) -> None:
    stage = set_up(BY_NAME["another raw file"], place)
    assert_held([job() for job in chosen(stage, full.sizes(stage, place), 6)])


def test_ten_at_once_lose_no_commit_and_no_reader_sees_a_mix(place: Path) -> None:
    minute = together(place, 4, int(SEED), least=10)
    assert minute.problems == []
    assert minute.runs >= 10
    assert minute.reads


@pytest.mark.parametrize("build", broken.BUILDS, ids=lambda build: build.name)
def test_every_build_that_is_broken_on_purpose_can_still_be_made(build: broken.Build) -> None:
    for edit in build.edits:
        assert edit.applied((broken.ROOT / edit.file).read_text())
