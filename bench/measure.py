"""One command in a fresh process, and what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOIT = ("-m", "doit")
LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Cost:
    """CPU and wall time in seconds, of the process and its children, and the most memory that it held, in MB."""

    cpu: float
    wall: float
    peak_mb: float


def measure(
    *words: str, environ: Mapping[str, str] | None = None, cwd: Path = ROOT, program: str = sys.executable
) -> Cost:
    """What `python *words`, or another program, took. It must succeed."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as out:
        report = Path(folder) / "report"
        command = (sys.executable, "-S", "-E", str(LAUNCH), str(report), program, *words)
        done = subprocess.run(command, cwd=cwd, env=dict(environ or os.environ), stdout=out, stderr=out, check=False)
        if done.returncode:
            out.seek(0)
            sys.exit(f"{program} {' '.join(words)} failed:\n{out.read().decode()}")
        return Cost(*map(float, report.read_text().split()))


def least(*costs: Cost) -> Cost:
    """The least of each figure: what else the machine did only adds to them."""
    return Cost(min(c.cpu for c in costs), min(c.wall for c in costs), min(c.peak_mb for c in costs))


def in_turn(rounds: int, works: Mapping[str, Callable[[], Cost]]) -> dict[str, Cost]:
    """The least cost of each, all being done once before any is done again."""
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            costs[name].append(work())
    return {name: least(*found) for name, found in costs.items()}


def own_environment(data: Path, bytecode: Path) -> dict[str, str]:
    """pdp on the demo's config, with a data folder of its own; bytecode is cached in `bytecode`, see `warm_up`."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("PDP_") and k != "PYTHONDONTWRITEBYTECODE"}
    return own | {
        "PDP_CONFIG": "configs/demo.toml", "PDP_DATA_DIR": str(data), "PYTHONPYCACHEPREFIX": str(bytecode),
    }  # fmt: skip


def warm_up(bytecode: Path) -> None:
    """Builds a small demo once, so that all that is measured finds its bytecode, as it does for whoever uses pdp."""
    if not bytecode.exists():
        environ = own_environment(bytecode.with_name("warm"), bytecode)
        measure("-m", "pdp", "demo", environ=environ)
        measure(*DOIT, environ=environ)
