"""`make bench`: every row of the table with its ratio, the machine's load and the versions; writes bench/results.json.

All that is compared runs side by side in one go, each in a fresh process. Only ratios mean anything beyond this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from bench.generate import TEN_YEARS
from bench.rows import Line, rows

RESULTS = Path(__file__).with_name("results.json")
LIBRARIES = ("doit", "duckdb", "numpy", "pandas", "pyarrow")


def main() -> None:
    """Runs the rows that are named, all by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(rows())}")
    parser.add_argument("--days", type=int, default=TEN_YEARS, help="of data, ten years by default")
    asked = parser.parse_args()
    before = os.getloadavg()[0]
    found: list[Line] = []
    for name, row in rows().items():
        if not asked.names or name in asked.names:
            with tempfile.TemporaryDirectory(prefix="pdp-bench-") as folder:
                lines = row(Path(folder), asked.days)
            found += lines
            for line in lines:
                print(_shown(line), flush=True)
    machine = {
        "cores": os.cpu_count(), "python": platform.python_version(), "load_before": before,
        "load_after": os.getloadavg()[0], **{name: version(name) for name in LIBRARIES},
    }  # fmt: skip
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    if asked.names or asked.days != TEN_YEARS:
        return  # what is kept is of one whole run
    results = {"days": asked.days, "machine": machine, "lines": [asdict(line) | {"met": line.met} for line in found]}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def _shown(line: Line) -> str:
    sign = ">=" if line.at_least else "<="
    details = ", ".join(f"{name} {value:.3g}" for name, value in line.details.items())
    verdict = "" if line.met else "  MISSED"
    return f"{line.work:58}{line.figure:9.2f} {line.unit:3}{sign} {line.target:g}{verdict}\n    {details}"


if __name__ == "__main__":
    main()
