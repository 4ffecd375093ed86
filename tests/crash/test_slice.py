"""A slice of the campaigns at every test run; `CRASH_SEED` makes the same choice again."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash import calls, process
from tests.project import Project

pytestmark = pytest.mark.skipif(bool(process.strace_works()), reason=process.strace_works() or "strace works")


def test_the_harness_kills_the_same_doit_that_a_person_types(project: Project, tmp_path: Path) -> None:
    """A forked run makes the same write-type calls on the project, one by one, as `python -m doit` in a new process."""
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


def _named(found: list[calls.Call], root: Path) -> list[str]:
    """The calls on the project, without what is random in a name or counted by the process."""
    about = [call for call in found if call.touches(root)]
    lines = [f"{call.name} {' '.join(call.arguments)}".replace(str(root), "") for call in about]
    # A record tells times: neither its name nor its length is the same twice.
    varying = r"(?<=records/)\w+|(?<=store/tmp/> \"\"\.\.\. )\d+|(new-|\.)[a-z0-9_]{8}\b|\b\d+<|AT_FDCWD<[^>]*> |(?<=/)\.manifest\S*"
    return [re.sub(varying, "", line) for line in lines]
