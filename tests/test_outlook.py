"""A run leaves its outlook for those who look next: at once, and never a stale one."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from pdp import kept
from tests.look import settle, told
from tests.project import Project
from tests.test_look_light import HEAVY, SLOW, imported


def left(project: Project) -> Any:
    return kept.recall(str(project.root), "outlook")


def test_the_first_look_after_a_run_is_light(project: Project) -> None:
    """No doit, no pipeline: what the run left is read, and it is what a look of its own would find."""
    project.write("nothing.py", "")  # what `imported` compares with
    assert project.doit().returncode == 0
    assert left(project) is not None
    names = imported(project, "status")
    assert names & (HEAVY | SLOW | {"sqlite3"}) == set()
    status = told(project, "status")
    (project.root / ".pdp/outlook").unlink()
    assert told(project, "status") == status
    assert status["run_would"] == []


def test_after_a_failed_run_it_is_what_is_now(project: Project) -> None:
    """The failure is told, and what a run would do."""
    project.raw("a.txt", "1 two 3")
    assert project.doit().returncode != 0
    assert left(project) is not None
    assert told(project, "status")["failing"][0]["stage"] == "normalize:mi_band"
    assert {one["task"] for one in told(project, "why")} == {"normalize:mi_band", "validate:numbers", "merge"}


@pytest.mark.parametrize(
    "name", ["data/raw/mi_band/a.txt", "stages/help.py", "configs/pdp.toml", "data/merged/total.csv"]
)
def test_an_edit_in_the_very_moment_after_is_seen(project: Project, name: str) -> None:
    """However soon after the run, and with the old size and mtime."""
    assert project.doit().returncode == 0
    path = project.root / name
    before = path.stat()
    edits = {"1 2 3": "1 2 4", "FACTOR = 1": "FACTOR = 2", "Berlin": "London", "6": "7"}
    text = path.read_text()
    old, new = next(pair for pair in edits.items() if pair[0] in text)
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert told(project, "status")["run_would"] != []


def test_a_run_that_wrote_nothing_makes_no_outlook(project: Project) -> None:
    """It costs a run with nothing to do nothing. (The one before may keep hashes of files that have settled by then.)"""
    assert project.doit().returncode == 0
    settle(project)
    assert set(project.outcomes().values()) == {"current"}
    (project.root / ".pdp/outlook").unlink()
    assert set(project.outcomes().values()) == {"current"}
    assert left(project) is None


def test_clock_tells_what_was_written_before_from_what_is_written_after(project: Project) -> None:
    """A file stamped before the clock is trusted at once; one written after it is not."""
    root, file = str(project.root), project.root / "stages/help.py"
    file.write_text("FACTOR = 1\n")
    clocks = kept.clock(root)
    assert clocks and max(clocks.values()) > file.stat().st_ctime_ns
    kept.keep(root, "x", 1, [str(file)], time.time_ns(), clocks)
    assert kept.recall(root, "x") == 1
    file.write_text("FACTOR = 1\n")
    kept.keep(root, "y", 1, [str(file)], time.time_ns(), clocks)
    assert kept.recall(root, "x") is None and kept.recall(root, "y") is None
