"""What a command that only looks costs: pdp beside bare Python and beside a bare `import sqlite3`.

All are run in turn, each in a fresh process, so that a busy machine slows all; the least time of each counts. Bytecode is
cached, as it is for whoever uses pdp. The commands of the second table are those after a change, when a look is made anew.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.noop import DOIT, ROOT, demo_environment, run

BARE = "python -c pass"
SQLITE = "python -c 'import sqlite3'"
COMMANDS = {
    BARE: ("-c", "pass"),
    SQLITE: ("-c", "import sqlite3"),
    "pdp status": ("-m", "pdp", "status"),
    "pdp why": ("-m", "pdp", "why"),
    "pdp graph": ("-m", "pdp", "graph"),
    "pdp history": ("-m", "pdp", "history"),
    "pdp history daily_metrics": ("-m", "pdp", "history", "daily_metrics"),
    "pdp lineage daily_metrics": ("-m", "pdp", "lineage", "daily_metrics"),
    "pdp status --json": ("-m", "pdp", "status", "--json"),
    "pdp history --json": ("-m", "pdp", "history", "--json"),
    "pdp lineage daily_metrics --json": ("-m", "pdp", "lineage", "daily_metrics", "--json"),
}


def main() -> None:
    """Prints the least wall time of each command, and its ratio to bare Python's."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="runs of each")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        environ = {k: v for k, v in demo_environment(Path(folder) / "data").items() if k != "PYTHONDONTWRITEBYTECODE"}
        environ["PYTHONPYCACHEPREFIX"] = f"{folder}/bytecode"
        run(sys.executable, "-m", "pdp", "demo", cwd=ROOT, environ=environ)
        run(*DOIT, cwd=ROOT, environ=environ)
        first = seconds(("-m", "pdp", "status"), environ)
        time.sleep(2.5)  # a file that was just touched is not trusted to stay
        for words in (*COMMANDS.values(), *COMMANDS.values()):
            seconds(words, environ)
        least = {name: min(times) for name, times in in_turn(rounds, environ).items()}
    print(f"{rounds} runs each in turn, least wall ms, times bare Python")
    for name, took in least.items():
        print(f"  {name:34}{1000 * took:6.1f}{took / least[BARE]:6.2f}")
    print(f"  {'pdp status, the first after a run':34}{1000 * first:6.1f}{first / least[BARE]:6.2f}")


def in_turn(rounds: int, environ: Mapping[str, str]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, words in COMMANDS.items():
            times[name].append(seconds(words, environ))
    return times


def seconds(words: tuple[str, ...], environ: Mapping[str, str]) -> float:
    """Wall time of one Python process, which must succeed."""
    start = time.perf_counter()
    subprocess.run((sys.executable, *words), cwd=ROOT, env=environ, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
