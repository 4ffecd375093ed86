"""Flipped bits in the registry: `python -m tests.bits`. A disk that gives other bits than were written must not go unnoticed.

For each bit: what readers say (`pdp show`, versions, lineage, the release), what the caches give, what the check at the start
and `pdp verify` find; and for some what the next `doit` makes of an edit that is undone, which it takes out of the store by
what the registry remembers. It is wrong if any of these gives something else than before and nobody says so.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from pdp import verify
from pdp.errors import PdpError
from pdp.registry import Registry, connect
from pdp.registry.apply import TABLES
from pdp.registry.history import History
from pdp.session import Session
from pdp.store import Store
from tests.crash.process import memory, run
from tests.project import Project

REGISTRY = "registry.db"
SAID = (PdpError, sqlite3.Error)  # what the doors make a sentence of
Rows = dict[str, list[tuple[Any, ...]]]


class Bench:
    """A project with a history, what is to be seen of it, and what its next run leaves."""

    def __init__(self, place: Path) -> None:
        self.place, self.project = place, Project(place / "project")
        past(self.project)
        self.path = self.project.data / REGISTRY
        self.bytes = self.path.read_bytes()
        self.seen, self.given, self.rows = seen(self.path), given(self.path), rows(self.path)
        self.after = self.next_run()

    def flip(self, bit: int, and_on: bool) -> tuple[str, str]:
        """What became of one flipped bit, and what was wrong. `and_on`: the next run as well."""
        content = bytearray(self.bytes)
        content[bit // 8] ^= 1 << bit % 8
        self.path.write_bytes(content)
        try:
            return self.judged(and_on)
        finally:
            self.path.write_bytes(self.bytes)
            for left in self.project.data.glob(f"{REGISTRY}-*"):
                left.unlink()

    def judged(self, and_on: bool) -> tuple[str, str]:
        try:
            whole, shown, cached = rows(self.path) == self.rows, seen(self.path), given(self.path)
        except SAID:
            return "told to readers", ""
        except Exception as error:
            return "wrong", f"told to readers as a fault of pdp: {type(error).__name__}"
        if other := [name for name in cached.keys() & self.given if cached[name] not in (self.given[name], None, {})]:
            return "wrong", f"a cache gives something else: {other}"
        fooled, found = shown != self.seen, bool(findings(self.project.root))
        if fooled and not found:
            return "wrong", "a reader is told something else"
        if and_on and not whole:
            after = self.next_run()
            if after != self.after and not after["findings"] and not after["code"]:
                other = [name for name in after if after[name] != self.after.get(name)]
                return "wrong", f"the next run leaves something else: {other} {after.get('printed', '')}"
        if fooled:
            return f"told by verify, until then {'numbers' if _made(shown) != _made(self.seen) else 'words'} differ", ""
        if found:
            return "told by verify", ""
        return ("harmless" if whole else "healed"), ""

    def next_run(self) -> dict[str, Any]:
        """What the next run leaves, in a copy: the raw file is again what it once was."""
        with tempfile.TemporaryDirectory(dir=self.place) as folder:
            root = Path(folder, "project")
            shutil.copytree(self.project.root, root)
            (root / "data/raw/mi_band/a.txt").write_text(FIRST)
            ended = run(root, ("doit",))
            if ended.traceback:
                return {"code": 0, "findings": [], "printed": ended.printed}
            if ended.code:
                return {"code": ended.code, "findings": []}
            files = {path.name: path.read_bytes() for path in root.glob("data/*/*.parquet")}
            return {
                "code": 0,
                "findings": findings(root),
                "files": files,
                "seen": _made(seen(root / "data" / REGISTRY)),
            }


FIRST = "1 2 3"
CACHES = {
    "memo": "kind, key, value",
    "file_stat": "name, size, mtime_ns, ctime_ns, inode, sha256",
    "doit_state": "task, state",
}
NUMBERS = ("latest", "bytes", "from", "release")


def past(project: Project) -> None:
    """Three runs, a failed one, a pin, a forgotten stage: every table has rows."""
    for words in (("doit",), ("doit",), ("pdp", "pin", "total@v1"), ("doit",), ("doit", "forget", "merge"), ("doit",)):
        ended = run(project.root, words)
        assert ended.code == 0, ended.printed
        numbers = len(list((project.data / "store/records").iterdir()))
        project.raw("a.txt", f"{FIRST} {numbers}")
    project.raw("a.txt", "no number")
    assert run(project.root, ("doit",)).code
    with closing(Registry(project.data / REGISTRY)) as registry:
        registry.put_file_stats({"raw/mi_band/a.txt": ((9, 1_700_000_000_000, 1_700_000_000_000, 77), "ab" * 32)})


def seen(path: Path) -> dict[str, Any]:
    """All that readers without a lock are shown of the history, and of the bytes behind it."""
    history = History.open(path)
    try:
        return dict(_shown(history, Store(path.parent / "store")))
    finally:
        history.db.close()


def _shown(history: History, store: Store) -> Iterator[tuple[str, Any]]:
    yield "runs", history.runs(100)
    yield "release", history.release()
    yield "needed", history.needed()
    yield "facts", history.facts()
    for name in history.artifacts():
        yield f"{name} latest", history.latest(name)
        for version in history.versions(name):
            what = f"{name}@v{version['version']}"
            yield what, version
            yield f"{what} bytes", store.read(version["hash"])
            maker = history.maker(name, version["version"])
            yield f"{what} maker", maker
            yield f"{what} made from", history.made_from(maker["id"])
            yield f"{what} used by", history.used_by(name, version["version"])


def _made(shown: dict[str, Any]) -> dict[str, Any]:
    """Of what is shown, what has no time in it: the versions, their bytes, what they were made from."""
    return {name: value for name, value in shown.items() if name.rpartition(" ")[2] in NUMBERS}


def given(path: Path) -> dict[str, Any]:
    """What the caches give, by their own ways of asking."""
    with closing(Registry(path, read_only=True)) as registry:
        memos = registry.db.execute("SELECT kind, key FROM memo").fetchall()
        tasks = registry.db.execute("SELECT task FROM doit_state").fetchall()
        found: dict[str, Any] = {f"{kind} {key}": registry.get(kind, key) for kind, key in memos}
        found |= {f"task {task}": registry.doit_state(task) for (task,) in tasks}
        found |= {f"file {name}": stat for name, stat in registry.file_stats(raw=True).items()}
        past = History(registry.db)
        return found | {"pipeline": past.pipeline(), "asked": past.asked()}


def rows(path: Path) -> Rows:
    """Every row of every table."""
    with closing(connect(path, read_only=True)) as db:
        tables = TABLES | CACHES
        return {
            name: [tuple(row) for row in db.execute(f"SELECT {tables[name]} FROM {name} ORDER BY 1, 2")]
            for name in tables
        }


def findings(root: Path) -> list[str]:
    """What the check at the start, or else `pdp verify`, finds."""
    try:
        session = Session(root, {})
        try:
            session.registry.check()
            return list(verify.findings(session))
        finally:
            session.close()
    except SAID as error:
        return [str(error)]


def campaign(number: int, seed: int, every: int) -> tuple[Counter[str], list[str]]:
    """Flips `number` bits, chosen by the seed, each `every`th followed into the next run; gives fates, and what was wrong."""
    fates, wrong = Counter[str](), list[str]()
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        bench = Bench(Path(folder))
        bits = random.Random(seed).sample(range(len(bench.bytes) * 8), number)
        for count, bit in enumerate(bits):
            fate, what = bench.flip(bit, count % every == 0)
            fates[fate] += 1
            if what:
                wrong.append(f"bit {bit}: {what}")
    return fates, wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bits", description=__doc__)
    parser.add_argument("--bits", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--every", type=int, default=20, help="the next run is made for one bit in so many")
    options = parser.parse_args()
    began = time.process_time()
    fates, wrong = campaign(options.bits, options.seed, options.every)
    print("\n".join(wrong))
    print(", ".join(f"{count:,} {fate}" for fate, count in fates.most_common()))
    print(f"{options.bits:,} bits, {len(wrong)} wrong and silent, {time.process_time() - began:.0f} s of processor")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
