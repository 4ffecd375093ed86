"""One command in a fresh process, and what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOIT = ("-m", "doit")


@dataclass(frozen=True)
class Cost:
    """CPU and wall time in seconds, of the process and its children, and the most memory that it held, in MB."""

    cpu: float
    wall: float
    peak_mb: float


def measure(*words: str, environ: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Cost:
    """What `python *words` took. It must succeed."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        process = subprocess.Popen(
            (sys.executable, *words), cwd=cwd, env=dict(environ or os.environ), stdout=out, stderr=out
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            out.seek(0)
            sys.exit(f"{' '.join(words)} failed:\n{out.read().decode()}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def least(*costs: Cost) -> Cost:
    """The least of each figure: what else the machine did only adds to them."""
    return Cost(min(c.cpu for c in costs), min(c.wall for c in costs), min(c.peak_mb for c in costs))


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
