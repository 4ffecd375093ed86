"""The memory of pdp: a registry with 10,000 runs of 10 artifacts, and the store giving back 100 MB."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.measure import Cost, least
from bench.rows import Line
from pdp.disk import sync
from pdp.look.lineage import lineage
from pdp.registry import Registry, dump
from pdp.registry.apply import apply, next_version, parse
from pdp.registry.history import History
from pdp.store import Store

RUNS, ARTIFACTS = 10_000, 10
ROUNDS = 30
RESTORED = 100 * 2**20
AT = "2026-01-01T00:00:00+00:00"


def lines(folder: Path, days: int) -> list[Line]:
    return [*_registry(folder / "registry.db"), *_store(folder)]


def _registry(path: Path) -> list[Line]:
    with Registry(path).transaction() as db:
        for run in range(1, RUNS + 1):
            for number in range(ARTIFACTS):
                record = _record(run, number)
                record["outputs"][0]["version"] = next_version(db, f"table{number}", record["outputs"][0]["hash"])
                content = dump(record).encode()
                apply(db, parse(content), hashlib.sha256(content).hexdigest())
    history = History.open(path)
    last = f"table{ARTIFACTS - 1}"
    if history.latest(last) != RUNS:
        sys.exit("the registry does not know the last version: no time is given for a wrong answer")
    version = history.version(last, RUNS)
    assert version
    nodes = lineage(history, version)["nodes"]
    if len(nodes) != ARTIFACTS:
        sys.exit(f"the lineage has {len(nodes)} versions and not {ARTIFACTS}: no time is given for a wrong answer")
    size = sum(file.stat().st_size for file in path.parent.glob(path.name + "*")) / 2**20
    what = {"stage runs": RUNS * ARTIFACTS}
    return [
        Line("registry, 10,000 runs: the latest version", 1000 * _seconds(lambda: history.latest(last)), 1, "ms", what),
        Line(
            "registry, 10,000 runs: a full lineage", 1000 * _seconds(lambda: lineage(history, version)), 10, "ms", what
        ),
        Line("registry, 10,000 runs: size", size, 100, "MB", what),
    ]


def _record(run: int, number: int) -> dict[str, Any]:
    """What a run commits of a stage: an identity of the usual size, one input, one output, both new."""

    def digest(*what: int) -> str:
        return hashlib.sha256(repr(what).encode()).hexdigest()

    inputs = {f"table{number - 1}": digest(run, number - 1)} if number else {}
    identity = {
        "inputs": inputs, "order": list(inputs), "config": {"checks": {"max_quarantined_share": 0.1, "min_rows_for_share": 50}},
        "libraries": {}, "outputs": [[f"table{number}", f"tables/table{number}.parquet"]], "scheme": 2, "fingerprint": 1,
        "code": digest(number, number, number), "engine": digest(0),
    }  # fmt: skip
    output = {"name": f"table{number}", "path": f"tables/table{number}.parquet", "size": 1000, "rows": 100}
    return {
        "scheme": 1, "previous": "", "kind": "stage", "at": AT, "stage": f"make:{number}", "outcome": "built",
        "run": {"id": run, "started_at": AT, "command": "doit", "versions": {"pdp": "1"}},
        "reasons": [f"input table{number - 1} changed (v{run - 1} to v{run})"], "key": digest(run, number, 0, 0),
        "identity": identity, "facts": {"read": 100, "accepted": 100, "superseded": 0, "quarantined": 0, "problems": {}},
        "outputs": [output | {"hash": digest(run, number)}], "seconds": 0.1,
    }  # fmt: skip


def _seconds(work: Callable[[], Any]) -> float:
    """The least wall time of some."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _store(folder: Path) -> list[Line]:
    """A copy on the disk, synced: out of the store, beside one by `cp` and fsync."""
    store = Store(folder / "store")
    digests = []
    for _ in range(2):
        temp = store.temp()
        block = os.urandom(2**20)
        temp.write_bytes(block * (RESTORED // 2**20))
        digests += store.put(temp)
        again = store.temp()
        shutil.copyfile(store.path(digests[-1]), again)
        digests += store.put(again)
    if digests[0] != digests[1] or digests[0] == digests[2]:
        sys.exit("the store does not tell contents apart: no time is given for it")
    target = folder / "out" / "table"
    target.parent.mkdir()
    restored = least(*(_timed(lambda: _restore(store, digests[0], target)) for _ in range(5)))
    copied = least(*(_timed(lambda: _copy(store.path(digests[0]), target)) for _ in range(5)))
    held = sum(file.stat().st_size for file in store.folder.rglob("*") if file.is_file()) / 2**20
    details = {"wall s": restored.wall, "copy wall s": copied.wall, "put MB": 400, "held MB": held}
    return [Line("store: restoring 100 MB, to a synced copy of it", restored.wall / copied.wall, 1.2, details=details)]


def _restore(store: Store, digest: str, target: Path) -> None:
    target.unlink(missing_ok=True)
    store.copy_out(digest, target)
    sync(target.parent)


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    sync(target.parent)


def _timed(work: Callable[[], Any]) -> Cost:
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.process_time() - cpu, time.perf_counter() - start, 0)
