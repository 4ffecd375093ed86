"""What a `doit` with nothing to do costs: pdp's demo beside a bare doit project with as many tasks.

Both are run in turn, each in a fresh process, so that a busy machine slows both; the least time of each counts. A task
of the bare project depends on a file and makes a file; doit keeps its state in SQLite.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
DOIT = (sys.executable, "-m", "doit")
BARE = """\
DOIT_CONFIG = {{"backend": "sqlite3"}}

def task_copy():
    for number in range({count}):
        yield {{"name": number, "file_dep": ["in"], "targets": [f"out{{number}}"], "actions": [f"cp in out{{number}}"]}}
"""


def main() -> None:
    """Prints the least and the median wall time of both, and the ratio of the least ones."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="runs of each")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        environ = demo_environment(Path(folder) / "data")
        run(sys.executable, "-m", "pdp", "demo", cwd=ROOT, environ=environ)
        run(*DOIT, cwd=ROOT, environ=environ)
        count = len(run(*DOIT, "list", "--all", "--quiet", cwd=ROOT, environ=environ).splitlines())
        bare = bare_project(Path(folder) / "bare", count)
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(seconds(ROOT, environ))
            theirs.append(seconds(bare, os.environ))
    print(f"no-op of {count} tasks, {rounds} runs each in turn, wall ms: least, median")
    for name, times in (("pdp", ours), ("bare doit", theirs)):
        print(f"  {name:10}{1000 * min(times):7.0f}{1000 * median(times):7.0f}")
    print(f"pdp takes {min(ours) / min(theirs):.2f} times as long as doit itself")


def demo_environment(data: Path) -> dict[str, str]:
    """The environment in which pdp runs on the demo's config and a data folder of its own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PDP_")}
    return own | {"PDP_CONFIG": "configs/demo.toml", "PDP_DATA_DIR": str(data)}


def bare_project(folder: Path, count: int) -> Path:
    """A doit project without pdp, built once, of `count` tasks and the group they belong to."""
    folder.mkdir()
    (folder / "in").touch()
    (folder / "dodo.py").write_text(BARE.format(count=count - 1))
    run(*DOIT, cwd=folder, environ=os.environ)
    return folder


def seconds(folder: Path, environ: Mapping[str, str]) -> float:
    """Wall time of one `doit` in `folder`."""
    start = time.perf_counter()
    run(*DOIT, cwd=folder, environ=environ)
    return time.perf_counter() - start


def run(*command: str, cwd: Path, environ: Mapping[str, str]) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
