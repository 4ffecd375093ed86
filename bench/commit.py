"""What a commit costs beyond the stage's own work: four outputs of 50 KB into the store, one transaction, four files in place."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.rows import Line
from pdp.commit import publish
from pdp.registry import Registry
from pdp.session import Session

COMMITS = 200
OUTPUTS, SIZE = 4, 50_000
STAGE = "merge"


def lines(folder: Path, days: int) -> list[Line]:
    """The 95th of 100 of each; every commit has other bytes, on the disk on which `folder` lies."""
    (folder / "configs").mkdir()
    (folder / "configs/pdp.toml").write_text('timezone = "UTC"\n')
    session = Session(folder, {})
    session.data.mkdir()
    with session.chain.transaction():
        session.ensure_run()
    commits = [_timed(partial(commit, session, number)) for number in range(COMMITS)]
    path = session.data / "registry.db"
    session.close()
    opened = [_timed(lambda: Registry(path).close()) for _ in range(COMMITS)]
    return [
        _line(f"a commit of {OUTPUTS} outputs of {SIZE // 1000} KB, 95th of 100", commits, 25),
        _line(f"the registry opened, after {COMMITS} commits, 95th of 100", opened, 5),
    ]


def commit(session: Session, number: int) -> None:
    """What `pdp.commit.build` and `pdp.tasks.finish` do around a stage's function."""
    temps = [session.store.temp() for _ in range(OUTPUTS)]
    for temp in temps:
        temp.write_bytes(os.urandom(SIZE))
    digests = session.store.put(*temps)
    outputs: list[dict[str, Any]] = [
        {"name": f"o{n}", "path": f"merged/o{n}.bin", "size": SIZE, "rows": 1, "hash": digest}
        for n, digest in enumerate(digests)
    ]
    record = {
        "stage": STAGE, "outcome": "built", "reasons": ["asked for"], "key": f"{number:064x}",
        "identity": {"inputs": {}, "config": {}}, "facts": {}, "outputs": outputs, "seconds": 0.0,
    }  # fmt: skip
    with session.chain.transaction():
        session.chain.commit_stage(record)
    publish(session, outputs, session.registry.version_of)


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _line(work: str, found: list[float], target: float) -> Line:
    cuts = statistics.quantiles(found, n=100)
    details = {"median_ms": statistics.median(found), "p99_ms": cuts[98], "most_ms": max(found)}
    return Line(work, cuts[94], target, "ms", details)
