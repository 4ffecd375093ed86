"""A command in a fork of a warm Python is the command that a person types."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests import warm
from tests.project import PATIENCE_S, STEPS, Project

VARIES = re.compile(r"\d+\.\d\d s|20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?\S*|\b(id|pid) \d+")


Ended = tuple[int | None, str, str]


def both(project: Project, *words: str) -> tuple[Ended, Ended]:
    """Exit code, output and errors of the words typed in a copy of the project, and of the same in a fork, in another."""
    command, env = (sys.executable, "-m", *words), dict(os.environ)
    typed, forked = (project.root.parent / name / "p" for name in ("typed", "warm"))
    for root in (typed, forked):
        shutil.copytree(project.root, root)
    done = subprocess.run(command, cwd=typed, env=env, capture_output=True, text=True, check=False)
    return _ended(done, typed), _ended(warm.in_fork(command, forked, env, PATIENCE_S), forked)


def _ended(done: subprocess.CompletedProcess[str] | None, root: Path) -> Ended:
    """Without what differs between two runs: where, when and how long."""
    assert done is not None
    out, err = (VARIES.sub("", said.replace(str(root), "")) for said in (done.stdout, done.stderr))
    return done.returncode, out, err


@pytest.fixture
def house(tmp_path: Path) -> Project:
    return Project(tmp_path / "p")


def outputs(house: Project, name: str) -> dict[str, bytes]:
    made = Project.__new__(Project)
    made.data = house.root.parent / name / "p/data"
    return made.outputs()


@pytest.mark.parametrize(
    "words", [("doit",), ("doit", "list", "--all"), ("doit", "--bogus"), ("pdp", "status")], ids=" ".join
)
def test_a_first_command_does_and_says_the_same(house: Project, words: tuple[str, ...]) -> None:
    typed, forked = both(house, *words)
    assert typed == forked
    assert outputs(house, "typed") == outputs(house, "warm")


@pytest.mark.parametrize(
    "words",
    [("doit",), ("doit", "-a"), ("pdp", "why", "merge"), ("pdp", "show", "total"), ("pdp", "verify"), ("pdp", "no")],
    ids=" ".join,
)
def test_a_later_command_does_and_says_the_same(house: Project, words: tuple[str, ...]) -> None:
    house.doit()
    typed, forked = both(house, *words)
    assert typed == forked
    assert outputs(house, "typed") == outputs(house, "warm")


def test_a_stage_that_fails_and_one_that_is_killed_end_the_same(house: Project) -> None:
    for fault, code in (("raise ValueError(1)", 2), ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL)):
        house.write("stages/steps.py", STEPS.replace("FACTOR]})", f"FACTOR]}})\n    {fault}"))
        typed, forked = both(house, "doit")
        assert typed == forked
        assert typed[0] == code
        for name in ("typed", "warm"):
            shutil.rmtree(house.root.parent / name)


def test_a_command_that_begins_otherwise_is_typed(house: Project) -> None:
    env = dict(os.environ)
    assert (
        warm.in_fork((sys.executable, "-m", "pdp", "next"), house.root, env | {"TZ": "Asia/Tokyo"}, PATIENCE_S) is None
    )
    assert warm.in_fork((sys.executable, "-X", "importtime", "-m", "doit"), house.root, env, PATIENCE_S) is None
    assert warm.in_fork((sys.executable, "-m", "pytest"), house.root, env, PATIENCE_S) is None


def test_one_that_hangs_is_killed(house: Project) -> None:
    house.write("stages/steps.py", STEPS.replace("FACTOR]})", "FACTOR]})\n    while True: pass"))
    with pytest.raises(subprocess.TimeoutExpired):
        warm.in_fork((sys.executable, "-m", "doit"), house.root, dict(os.environ), 5)
    house.write("stages/steps.py", STEPS)
    assert house.doit().returncode == 0


def test_several_are_at_work_at_once(house: Project) -> None:
    """The first waits in its stage for a file that only the second brings."""
    house.write("stages/steps.py", STEPS.replace("FACTOR]})", "FACTOR]})\n    while not open('go').read(): pass"))
    go = house.write("go", "")
    first = threading.Thread(target=house.doit)
    first.start()
    house.write("dodo2.py", "def task_go(): return {'actions': ['echo on > go']}")
    done = house.doit("-f", "dodo2.py", "--db-file", "other.db")
    assert done.returncode == 0, done.stderr
    first.join()
    assert go.read_text() == "on\n"
    assert house.total() == "6"
