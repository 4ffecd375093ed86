"""Typing `pdp` commands in a small project, for the tests of those that look."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.project import REPO, Project


def built(project: Project) -> None:
    done = project.doit()
    assert done.returncode == 0, done.stdout + done.stderr


def pdp(project: Project, *words: str, code: int = 0, **environ: str) -> str:
    """Runs `pdp`, which must end with `code` and leave no trace of a fault; gives what it printed."""
    done = project.command(sys.executable, "-m", "pdp", *words, **environ)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def said(project: Project, *words: str, **environ: str) -> str:
    """What a command printed that succeeded."""
    return pdp(project, *words, code=0, **environ)


def told(project: Project, *words: str, **environ: str) -> Any:
    """The same facts as JSON."""
    return json.loads(pdp(project, *words, "--json", code=0, **environ))


def settle(project: Project) -> None:
    """Waits until no file counts as just touched."""
    (project.root / ".pdp").mkdir(exist_ok=True)  # what the first look would make, touching the project's folder
    # The code at work and the folders it is found in are watched too.
    code = [REPO, *(REPO / "pdp").rglob("*"), *(Path(place) for place in sys.path if place and Path(place).exists())]
    paths = [*code, project.root, *project.root.rglob("*")]
    # Bytecode is not: other tests' programs may be writing theirs, under names that do not stay.
    newest = max(path.lstat().st_ctime for path in paths if not {".pdp", "__pycache__"} & {*path.parts})
    time.sleep(max(0.0, newest + 2.2 - time.time()))
