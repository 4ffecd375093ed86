"""One generation of the result: `daily_metrics` and all that it was made from, read out of the store by hash.

Every reader that shows numbers (dashboard, report, export) reads through this: without a lock and without a run, and
never a mix of two runs, since the versions are those of the release, which the last complete run left. A registry
without one (of an older pdp, or pulled without the bytes of it) is read by the lineage of its newest result.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdp.errors import PdpError
from pdp.registry.history import History
from pdp.store import Store, lost
from pdp.tables import read_parquet

if TYPE_CHECKING:
    import pyarrow as pa

RESULT = "daily_metrics"


@dataclass(frozen=True)
class Generation:
    """Versions and hashes of every table behind one result; `config` is what the result was made with."""

    number: int
    made_at: str
    config: Mapping[str, Any]
    versions: Mapping[str, int]
    hashes: Mapping[str, str] = field(repr=False)
    store: Store = field(repr=False)

    def label(self, name: str) -> str:
        """`blood_pressure@v3`."""
        return f"{name}@v{self.versions[name]}"

    def path(self, name: str) -> Path:
        """The Parquet file of a table, in the store.

        Raises:
            PdpError: the result was not made from such a table, or the store has lost it.
        """
        if name not in self.hashes:
            raise PdpError(f"{RESULT} was not made from a table {name}", hint="run doit")
        path = self.store.path(self.hashes[name])
        if not path.is_file():
            raise lost(self.hashes[name])
        return path

    def table(self, name: str) -> pa.Table:
        """The rows of a table.

        Raises:
            PdpError: as for `path`.
        """
        return read_parquet(self.path(name))

    def __contains__(self, name: object) -> bool:
        return name in self.hashes


def current(data: Path) -> Generation:
    """The generation that is current in a data folder.

    Raises:
        PdpError: nothing is built yet.
        RegistryError: the registry cannot be read.
    """
    registry = data / "registry.db"
    if not registry.is_file():
        raise PdpError(f"nothing is built yet in {data.name}", hint="run doit")
    history = History.open(registry)
    try:
        with history.view():
            found = _current(history, Store(data / "store"))
        if found is None:
            raise PdpError("there is no result yet: merge was never built", hint="run doit")
        return found
    finally:
        history.db.close()


def newest(data: Path) -> int | None:
    """The number of the current generation: a cheap look at whether there is a new one. None if there is none yet."""
    if not os.path.isfile(data / "registry.db"):
        return None
    history = History.open(data / "registry.db")
    try:
        with history.view():
            found = _current(history, Store(data / "store"))
        return found.number if found else None
    finally:
        history.db.close()


def _current(history: History, store: Store) -> Generation | None:
    release = history.release()
    if RESULT in release:
        found = _generation(history, release, store)
        if all(store.path(digest).is_file() for digest in found.hashes.values()):
            return found
    number = history.latest(RESULT)
    return _generation(history, _lineage(history, number), store) if number else None


def _lineage(history: History, number: int) -> dict[str, int]:
    """What a result was made from, and what was set aside with that: artifact -> version."""
    versions = {RESULT: number}
    for name, version in history.made_from(history.maker(RESULT, number)["id"]):
        versions[name] = version
        versions |= dict(history.made(history.maker(name, version)["id"]))
    return versions


def _generation(history: History, versions: dict[str, int], store: Store) -> Generation:
    maker = history.maker(RESULT, versions[RESULT])
    found = {name: history.version(name, version) for name, version in versions.items()}
    hashes = {name: version["hash"] for name, version in found.items() if version}
    return Generation(versions[RESULT], maker["at"], maker["identity"]["config"], versions, hashes, store)
