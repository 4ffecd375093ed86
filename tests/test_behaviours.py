"""Fifteen behaviours at which build tools differ: each is one edit, then one run, with the ideal outcome.

`make behaviours` prints them. The stages run are those that the registry records, not those that were talked about.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forked import doit_in
from tests.project import STEPS, Project, outcomes

NOTHING: dict[str, str] = {}
NORMALIZE, VALIDATE, MERGE = "normalize:mi_band", "validate:numbers", "merge"
ALL_BUILT = {"ingest:mi_band": "built", NORMALIZE: "built", VALIDATE: "built", MERGE: "built"}
ALL_RESTORED = {"ingest:mi_band": "built", NORMALIZE: "restored", VALIDATE: "restored", MERGE: "restored"}


def ran(printed: str) -> dict[str, str]:
    return {task: outcome for task, outcome in outcomes(printed).items() if outcome != "current"}


def raw(project: Project) -> Path:
    return project.data / "raw/mi_band/a.txt"


def same_stat(project: Project) -> None:
    stat = raw(project).stat()
    raw(project).write_text("1 2 9")
    os.utime(raw(project), ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert raw(project).stat().st_size == stat.st_size


def edit_run_undo(project: Project) -> None:
    project.raw("a.txt", "7 7")
    assert doit_in(project.root)[0] == 0
    project.raw("a.txt", "1 2 3")


def output(project: Project) -> Path:
    return project.data / "merged/total.csv"


BEHAVIOURS: dict[str, tuple[Callable[[Project], object], dict[str, str]]] = {
    "touch an input": (lambda p: raw(p).touch(), NOTHING),
    "comment in a stage": (lambda p: p.write("stages/steps.py", "# hello\n" + STEPS), NOTHING),
    "unrelated function in the same file": (
        lambda p: p.write("stages/steps.py", STEPS.replace("return 1", "return 2")),
        NOTHING,
    ),
    "edit an input": (lambda p: p.raw("a.txt", "4 5 6"), ALL_BUILT),
    "edit an input, keeping size and mtime": (same_stat, ALL_BUILT),
    "an edit that the first stage removes again": (
        lambda p: p.raw("a.txt", "1  2\n3"),
        {"ingest:mi_band": "built", NORMALIZE: "unchanged"},
    ),
    "change in an imported helper": (lambda p: p.write("stages/help.py", "FACTOR = 3\n"), {MERGE: "built"}),
    "an output tampered with": (lambda p: output(p).write_text("total\n7\n"), {MERGE: "restored"}),
    "an output deleted": (lambda p: output(p).unlink(), {MERGE: "restored"}),
    "an output truncated": (lambda p: output(p).write_bytes(b""), {MERGE: "restored"}),
    "edit, run, undo, run": (edit_run_undo, ALL_RESTORED),
    "a config key of another section": (
        lambda p: p.write("configs/pdp.toml", (p.root / "configs/pdp.toml").read_text() + "[store]\nkeep_days = 5\n"),
        NOTHING,
    ),
    "the config key that a stage reads": (
        lambda p: p.write(
            "configs/pdp.toml", (p.root / "configs/pdp.toml").read_text() + "[sleep]\nshort_night_min = 5\n"
        ),
        {MERGE: "unchanged"},
    ),
}

HALF = """    yield "total", pa.table({"total": [0]})
    """
FAILURES = {
    "a stage fails while writing": "raise RuntimeError",
    "kill -9 while writing": "import os; os.kill(os.getpid(), 9)",
}


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_behaviour(project: Project, name: str) -> None:
    """After the edit exactly the ideal stages run, and the run after that does nothing."""
    edit, ideal = BEHAVIOURS[name]
    assert ran(doit_in(project.root)[1]) == ALL_BUILT
    edit(project)
    code, printed = doit_in(project.root)
    assert code == 0, printed
    assert ran(printed) == ideal
    assert ran(doit_in(project.root)[1]) == NOTHING


@pytest.mark.parametrize("name", FAILURES)
def test_interrupted_behaviour(project: Project, name: str) -> None:
    """The old output is whole; the next run redoes the stage; no temp file is left."""
    assert doit_in(project.root)[0] == 0
    before = project.outputs()
    broken = STEPS.replace('    yield "total"', HALF + FAILURES[name] + '\n    yield "total"')
    project.write("stages/steps.py", broken)
    assert doit_in(project.root)[0] != 0
    assert project.outputs() == before
    project.write("stages/steps.py", STEPS.replace("* FACTOR]", "* FACTOR + 1]"))
    code, printed = doit_in(project.root)
    assert code == 0, printed
    assert ran(printed) == {MERGE: "built"}
    assert project.total() == "7"
    assert [path.name for path in project.data.rglob("*") if "tmp" in path.name and path.is_file()] == []
    assert list((project.data / "store/tmp").iterdir()) == []
