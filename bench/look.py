"""What a command that only looks costs: pdp beside bare Python with `import sqlite3`.

All are run in turn, each in a fresh process, so that a busy machine slows all; the least time of each counts. Bytecode is
cached, as it is for whoever uses pdp.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from bench.measure import DOIT, in_turn, measure, own_environment, warm_up
from bench.noop import SETTLED_S
from bench.rows import Line

ROUNDS = 15
SQLITE = "python with sqlite3"
COMMANDS = {
    "pdp status": ("status",),
    "pdp why": ("why",),
    "pdp history": ("history",),
    "pdp history daily_metrics": ("history", "daily_metrics"),
    "pdp lineage daily_metrics": ("lineage", "daily_metrics"),
}


def lines(folder: Path, days: int) -> list[Line]:
    warm_up(folder / "bytecode")
    environ = own_environment(folder / "demo", folder / "bytecode")
    measure("-m", "pdp", "demo", environ=environ)
    measure(*DOIT, environ=environ)
    time.sleep(SETTLED_S)
    works = {SQLITE: partial(measure, "-c", "import sqlite3", environ=environ)}
    works |= {name: partial(measure, "-m", "pdp", *words, environ=environ) for name, words in COMMANDS.items()}
    for work in (*works.values(), *works.values()):
        work()
    costs = in_turn(ROUNDS, works)
    bare = costs[SQLITE]
    return [
        Line(f"{name}: wall time to that of {SQLITE}", costs[name].wall / bare.wall, 2, details={
            "wall ms": 1000 * costs[name].wall, "bare wall ms": 1000 * bare.wall, "CPU ms": 1000 * costs[name].cpu,
            "bare CPU ms": 1000 * bare.cpu, "MB": costs[name].peak_mb})
        for name in COMMANDS
    ]  # fmt: skip
