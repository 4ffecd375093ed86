"""Recovery: a registry that is gone or damaged, made again from the records in the store."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdp.chain import longest, read_all
from pdp.disk import sync
from pdp.errors import RegistryError
from pdp.filehash import sha256_of
from pdp.registry import Registry
from pdp.registry.apply import apply, history
from pdp.store import Store

REGISTRY = "registry.db"


@dataclass(frozen=True)
class Recovered:
    """`records` were applied. `damaged` ones are not what their names say; `holes`: records that others name and that are gone.

    `aside` is where the old registry lies now; nothing where there was none, or where it told the same (`changed`).
    """

    records: int
    damaged: tuple[str, ...]
    holes: tuple[str, ...]
    changed: bool
    aside: Path | None


def recover(data: Path) -> Recovered:
    """Makes the registry of the data folder anew, and puts the old one aside. Only under the run's lock.

    What comes back is the history: runs, versions, lineage, traces, pins. Caches fill again by themselves.

    Raises:
        RegistryError: the store holds no records.
    """
    store = Store(data / "store")
    names = store.records()
    records = read_all(store, names)
    if not records:
        raise RegistryError(
            f"the store {store.folder} holds no records",
            hint="put a copy of it back; without one, move registry.db away and run doit, which builds all from raw data",
        )
    order, holes = in_order(records)
    path, beside = data / REGISTRY, data / f"{REGISTRY}.pdp-tmp"
    for left in (beside, journal(beside)):
        left.unlink(missing_ok=True)
    made = rebuild(beside, order)
    damaged = tuple(sorted(names - records.keys()))
    if _history_of(path) == made:
        beside.unlink()
        return Recovered(len(order), damaged, holes, False, None)
    aside = _put_aside(path)
    os.replace(beside, path)
    sync(data)
    return Recovered(len(order), damaged, holes, True, aside)


def put_back(data: Path) -> list[str]:
    """Makes objects that are lost or damaged again, from named files that still hold their bytes. Gives the paths of these.

    Only under the run's lock. An object without such a file is left: the stage that wants it is built again.
    """
    store, registry = Store(data / "store"), Registry(data / REGISTRY)
    try:
        current = registry.current()
    finally:
        registry.close()
    found = []
    for row in current.values():
        named = data / row["path"]
        if store.has(row["hash"]) or not named.is_file():
            continue
        with store.fresh() as temp:
            shutil.copyfile(named, temp)
            if sha256_of(temp) == row["hash"]:
                store.put(temp)
                found.append(row["path"])
    return found


def rebuild(path: Path, order: list[tuple[str, dict[str, Any]]]) -> dict[str, list[tuple[Any, ...]]]:
    """Makes a registry at `path` from records in their order (hash and content); gives its history."""
    registry = Registry(path)
    try:
        with registry.transaction():
            for digest, record in order:
                apply(registry.db, record, digest)
        return history(registry.db)
    finally:
        registry.close()


def in_order(records: dict[str, dict[str, Any]]) -> tuple[list[tuple[str, dict[str, Any]]], tuple[str, ...]]:
    """The records as one history, and the hashes of those that are missing in it.

    Behind a hole the history goes on with what names the missing record, in the order of runs.
    """
    order = longest(records, "")
    starts = {record["previous"] for record in records.values()} - records.keys() - {""}
    pieces = [piece for piece in (longest(records, start) for start in sorted(starts)) if piece]
    for piece in sorted(pieces, key=_first_run):
        order += piece
    return order, tuple(sorted(starts))


def _first_run(piece: list[tuple[str, dict[str, Any]]]) -> int:
    return min((record["run"]["id"] for _, record in piece if record["run"]), default=0)


def journal(path: Path) -> Path:
    """Where SQLite notes what a transaction is about to overwrite."""
    return path.with_name(f"{path.name}-journal")


def _history_of(path: Path) -> dict[str, list[tuple[Any, ...]]] | None:
    """What the registry at `path` tells; None where it is not there or cannot be trusted."""
    if not path.is_file():
        return None
    try:
        registry = Registry(path)
    except RegistryError:
        return None
    try:
        whole = registry.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return history(registry.db) if whole else None
    except sqlite3.DatabaseError:
        return None
    finally:
        registry.close()


def _put_aside(path: Path) -> Path | None:
    """Moves the old registry, with its journal, to a name of its own: it may hold what a person wants to look at."""
    if not path.exists():
        journal(path).unlink(missing_ok=True)
        return None
    number = 1
    while (aside := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    # The journal goes first: beside another database it would be taken for that one's.
    if journal(path).exists():
        os.replace(journal(path), journal(aside))
    os.replace(path, aside)
    sync(path.parent)
    return aside
