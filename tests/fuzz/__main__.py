"""`python -m tests.fuzz`: coverage-guided fuzzing of every parser, each in a process of its own within its limits.

    python -m tests.fuzz                        all targets, 100,000 inputs each
    python -m tests.fuzz sheet --runs 5000      one of them

An input that breaks a promise is kept in fuzz-found/<target>-…; put it into tests/fuzz/corpus/<target>/ and mend.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Not asked of the targets: they are imported in the child only, where atheris instruments what they import.
NAMES = (
    "zips", "text", "cell", "values", "sheet", "tabs", "reports", "samples", "sports", "payloads",
    "repairs", "toml", "dotenv", "manifest", "names",
)  # fmt: skip
MEMORY = 3 * 2**30  # bytes of address space; Arrow and numpy map about one before the first input
SECONDS = 30  # of the clock, for one input: other jobs may share the machine
LONGEST = 4096  # bytes of one input
FOUND = Path("fuzz-found")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", default=NAMES, metavar="TARGET", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--runs", type=int, default=100_000, help="inputs for each target")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return _fuzz(options.targets[0], options.runs)
    FOUND.mkdir(exist_ok=True)
    print(f"{'target':10} {'inputs':>9} {'edges':>6} {'MB':>5} {'s':>6}  result", flush=True)
    return max([_run(target, options.runs) for target in options.targets])


def _run(target: str, runs: int) -> int:
    """Fuzzes in a child, whose limits and death are its own; prints one line."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.fuzz", target, "--child", f"--runs={runs}"]
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="pdp-fuzz-", dir=memory) as folder:
        environ = os.environ | {"TMPDIR": folder}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, errors="replace", check=False)
    said = done.stdout + done.stderr
    inputs, edges, memory = (
        (re.findall(pattern, said) or ["0"])[-1]
        for pattern in (r"number_of_executed_units: (\d+)", r"cov: (\d+)", r"peak_rss_mb: (\d+)")
    )
    fault = re.findall(r"^ *=== Uncaught Python exception: ===\n(.*?)\n", said, re.MULTILINE)
    result = "ok" if done.returncode == 0 else f"FAILED: {(fault or [f'exit {done.returncode}'])[0]}"
    print(f"{target:10} {inputs:>9} {edges:>6} {memory:>5} {time.monotonic() - began:6.0f}  {result}", flush=True)
    if done.returncode:
        print(said[-3000:])
    return int(done.returncode != 0)


def _fuzz(name: str, runs: int) -> int:
    import atheris

    with atheris.instrument_imports(
        include=["pdp.config", "pdp.labels", "pdp.repairs", "pdp.snapshot", "stages.normalize"]
    ):
        from tests.fuzz import seeds
        from tests.fuzz.targets import TARGETS

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    folder = Path(os.environ["TMPDIR"])
    (folder / "corpus").mkdir()
    for seed, data in seeds.seeds(name).items():
        (folder / "corpus" / seed).write_bytes(data)
        TARGETS[name](data)  # libraries that are loaded late are no input's time
    (folder / "words").write_text(seeds.dictionary())
    settings = {
        "runs": runs, "timeout": SECONDS, "max_len": LONGEST, "dict": folder / "words", "rss_limit_mb": MEMORY // 2**20,
        "artifact_prefix": f"{FOUND}/{name}-", "print_final_stats": 1, "seed": 1,
    }  # fmt: skip
    atheris.Setup([sys.argv[0], str(folder / "corpus"), *(f"-{k}={v}" for k, v in settings.items())], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
