"""`python -m tests.determinism`: the same raw files, the same bytes of every output, on machines that differ.

Each hash seed is a process of its own, begun in another zone and locale; within it the pipeline's stages are run once for
every zone and locale, which a process can change. One line tells how many runs there were and how many results.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import locale
import os
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

ZONES = ("UTC", "America/Sao_Paulo", "Pacific/Kiritimati", "Asia/Kathmandu")
WANTED = ("C", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8", "POSIX")  # the first three that this machine has


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.determinism")
    parser.add_argument("--seeds", type=int, default=50, help="how many hash seeds")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(results()))
        return 0
    runs = [run for seed in range(options.seeds) for run in of_seed(seed)]
    outputs = len(runs[0]["hashes"])
    distinct = {json.dumps(run["hashes"], sort_keys=True) for run in runs}
    print(
        f"{options.seeds} hash seeds x {len(ZONES)} zones x {len(locales())} locales: {len(runs)} runs of {outputs} outputs, "
        f"{len(distinct)} different result{'s' if len(distinct) > 1 else ''}"
    )
    for name in sorted(runs[0]["hashes"]):
        if len({run["hashes"].get(name) for run in runs}) > 1:
            print(f"  {name} differs")
    return int(len(distinct) > 1)


def of_seed(seed: int) -> list[dict[str, Any]]:
    """All runs under one hash seed."""
    names = locales()
    environ = os.environ | {
        "PYTHONHASHSEED": str(seed), "TZ": ZONES[seed % len(ZONES)], "LC_ALL": names[seed % len(names)],
        "PYTHONUTF8": str(seed % 2), "PYTHONCOERCECLOCALE": "0",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.determinism", "--child"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def results() -> list[dict[str, Any]]:
    """In this process: the hash of every output, for each zone and locale."""
    from pdp.demo import generate

    raw: dict[str, dict[str, str | bytes]] = {}
    for path, data in generate(days=7).files.items():
        source, _, name = path.partition("/")
        raw.setdefault(source, {})[name] = data
    found = []
    for zone, name in product(ZONES, locales()):
        os.environ["TZ"] = zone
        time.tzset()
        locale.setlocale(locale.LC_ALL, name)
        found.append({"zone": zone, "locale": name, "hashes": _hashes(raw)})
    return found


def _hashes(raw: dict[str, dict[str, str | bytes]]) -> dict[str, str]:
    from pdp.tables import Writers
    from tests import pipeline

    with tempfile.TemporaryDirectory() as folder:
        result = pipeline.run(Path(folder), raw)
        files = {name: (Path(folder, f"{name}.parquet"), "parquet") for name in result.tables}
        files["daily_metrics.csv"] = Path(folder, "daily_metrics.csv"), "csv"
        writers = Writers("all", files)
        for name, table in result.tables.items():
            writers.write(name, table)
        writers.close()
        hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, (path, _) in files.items()}
    facts = json.dumps(result.facts, ensure_ascii=False)  # in their own order: the registry keeps their keys sorted
    return hashes | {"facts": hashlib.sha256(json.dumps(json.loads(facts), sort_keys=True).encode()).hexdigest()}


def locales() -> list[str]:
    """Three locales that this machine has."""
    before = locale.setlocale(locale.LC_ALL)
    found = []
    for name in WANTED:
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        found.append(name)
    locale.setlocale(locale.LC_ALL, before)
    return found[-3:]


if __name__ == "__main__":
    sys.exit(main())
