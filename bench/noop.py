"""What a `doit` with nothing to do costs: beside a bare doit project with as many tasks, with 10,000 raw files, with 1 GB.

What is compared runs in turn, each in a fresh process, so that a busy machine slows all; the least of each counts. A task
of the bare project depends on a file and makes a file; doit keeps its state in SQLite.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from bench.generate import heart_rate
from bench.measure import DOIT, ROOT, Cost, in_turn, measure, own_environment, warm_up
from bench.rows import Line

ROUNDS = 12
FILES = 10_000
GIGABYTE = 2**30
SETTLED_S = 2.2  # a file that was touched less than two seconds ago is not trusted by its stat
BARE = """\
DOIT_CONFIG = {{"backend": "sqlite3"}}

def task_copy():
    for number in range({count}):
        yield {{"name": number, "file_dep": ["in"], "targets": [f"out{{number}}"], "actions": [f"cp in out{{number}}"]}}
"""
WALK = """\
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        os.stat(os.path.join(folder, name))
"""


def lines(folder: Path, days: int) -> list[Line]:
    """`days` is how much of the gigabyte is rows that are read; the rest is a file that no reader takes."""
    warm_up(folder / "bytecode")
    demo = own_environment(folder / "demo", folder / "bytecode")
    measure("-m", "pdp", "demo", environ=demo)
    many, big = _many_files(folder), _big(folder, days)
    bare = bare_project(folder / "bare", _count(demo))
    for environ in (demo, many, big):
        measure(*DOIT, environ=environ)
        time.sleep(SETTLED_S)
        measure(*DOIT, environ=environ)
    costs = in_turn(ROUNDS, {
        "demo": lambda: measure(*DOIT, environ=demo), "bare": lambda: measure(*DOIT, cwd=bare, environ=demo),
        "many": lambda: measure(*DOIT, environ=many), "big": lambda: measure(*DOIT, environ=big),
        "walk": lambda: measure("-c", WALK, str(folder / "many" / "raw")), "python": lambda: measure("-c", "import os, sys"),
    })  # fmt: skip
    walk = costs["walk"].wall - costs["python"].wall
    return [
        Line("no-op: wall time to that of a bare doit with as many tasks", costs["demo"].wall / costs["bare"].wall, 1.25,
             details=_both(costs, "demo", "bare")),
        Line("no-op: peak memory", costs["demo"].peak_mb, 35, "MB", {"bare doit MB": costs["bare"].peak_mb}),
        Line(f"no-op, {FILES} raw files: wall time beyond a no-op, to a stat walk",
             (costs["many"].wall - costs["demo"].wall) / walk, 3,
             details={**_both(costs, "many", "demo"), "walk ms": 1000 * walk}),
        Line("no-op, 1 GB raw: wall time to that of a small demo", costs["big"].wall / costs["demo"].wall, 1.1,
             details=_both(costs, "big", "demo")),
    ]  # fmt: skip


def _both(costs: Mapping[str, Cost], one: str, other: str) -> dict[str, float]:
    return {
        f"{name} {what}": 1000 * getattr(costs[name], what.split()[0])
        for what in ("wall ms", "cpu ms")
        for name in (one, other)
    }


def _many_files(folder: Path) -> dict[str, str]:
    """A month's export, and 10,000 small files beside it."""
    raw = folder / "many" / "raw" / "mi_band"
    heart_rate(raw, 30)
    for number in range(FILES):
        place = raw / f"notes{number % 100:02}"
        place.mkdir(exist_ok=True)
        (place / f"{number}.txt").write_text(str(number))
    return own_environment(folder / "many", folder / "bytecode")


def _big(folder: Path, days: int) -> dict[str, str]:
    raw = folder / "big" / "raw" / "mi_band"
    size = heart_rate(raw, min(days, 365)).stat().st_size
    with (raw / "else.bin").open("wb") as file:
        file.truncate(max(0, GIGABYTE - size))
    return own_environment(folder / "big", folder / "bytecode")


def _count(environ: Mapping[str, str]) -> int:
    """The number of tasks of the pipeline, groups and single ones."""
    words = (sys.executable, *DOIT, "list", "--all", "--quiet")
    done = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    return len(done.stdout.splitlines())


def bare_project(folder: Path, count: int) -> Path:
    """A doit project without pdp, built once, of `count` tasks, the group they belong to being one."""
    folder.mkdir()
    (folder / "in").touch()
    (folder / "dodo.py").write_text(BARE.format(count=count - 1))
    measure(*DOIT, cwd=folder)
    return folder
