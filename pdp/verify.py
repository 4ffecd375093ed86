"""Verification: whether the store holds what its names say, and the registry what the records say."""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from pdp.chain import read_all
from pdp.commit import build
from pdp.errors import PdpError
from pdp.filehash import sha256_of
from pdp.identity import plan_stage
from pdp.recover import in_order, rebuild
from pdp.registry import connect, load
from pdp.registry.apply import history
from pdp.registry.history import History
from pdp.session import Session
from pdp.stage import Pipeline

REMEDY = "pdp recover puts back what a named file still holds; the rest is built again when it is wanted"


def findings(session: Session) -> Iterator[str]:
    """What is not as it must be, a sentence each; nothing where all is well. Reads every object and every record."""
    db = session.registry.db
    yield from (f"the registry is damaged: {row[0]}" for row in db.execute("PRAGMA integrity_check") if row[0] != "ok")
    for table, *_ in db.execute("PRAGMA foreign_key_check"):
        yield f"a row of the table {table} names what is not there"
    yield from _tables(db)
    yield from _objects(session)
    yield from _records(session)
    yield from _conservation(db)


def _tables(db: sqlite3.Connection) -> Iterator[str]:
    """What the tables are called and consist of, against a new registry: to SQLite Name is name, to who reads it it is not."""
    with tempfile.TemporaryDirectory() as folder, closing(connect(Path(folder, "registry.db"))) as new:
        for (table,) in new.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            one, other = ([tuple(row) for row in each.execute(f"PRAGMA table_info({table})")] for each in (db, new))
            if one != other:
                yield f"the table {table} is not made as pdp makes it; pdp recover makes it again"


def _objects(session: Session) -> Iterator[str]:
    """Every object's bytes against its name; what is needed must be there, the rest may have been collected."""
    past = History(session.registry.db)
    needed = past.needed()
    for row in past.all_versions():
        label, path = f"{row['artifact']}@v{row['version']}", session.store.path(row["hash"])
        if not path.is_file():
            if (row["artifact"], row["version"]) in needed:
                yield f"the bytes of {label} are gone; {REMEDY}"
        elif sha256_of(path) != row["hash"]:
            yield f"the bytes of {label} are not what their name says; {REMEDY}"


def _records(session: Session) -> Iterator[str]:
    """The chain without a hole, and the registry row by row what its records say."""
    names = session.store.records()
    records = read_all(session.store, names)
    yield from (f"record {name[:12]} is not what its name says" for name in sorted(names - records.keys()))
    order, holes = in_order(records)
    yield from (f"record {name[:12]} is missing in the history" for name in holes)
    told = history(session.registry.db)
    chain = [row[1] for row in told["chain"]]
    if not chain and told["stage_run"]:
        return  # written before there were records; the next change writes them down
    if chain and not names:
        yield (
            "the store holds none of the records of the history; put a copy of the store back; without one, move registry.db "
            "away and run doit, which builds all from raw data"
        )
        return
    for name in sorted(set(chain) - names):
        yield f"record {name[:12]} is in the registry and not in the store"
    if holes or names - records.keys() or [digest for digest, _ in order] != chain:
        if not holes and not set(chain) - names:
            yield "the records in the store are not those of the registry"
        return
    with tempfile.TemporaryDirectory() as folder:
        made = rebuild(Path(folder, "registry.db"), order)
    for table, rows in told.items():
        if rows != made[table]:
            yield f"the table {table} does not say what the records say; pdp recover makes it again"


def _conservation(db: sqlite3.Connection) -> Iterator[str]:
    """rows read = accepted + superseded + quarantined, for everything that is current."""
    for row in db.execute("SELECT stage, facts FROM stage_run WHERE id IN (SELECT stage_run FROM current)"):
        facts = load(row["facts"])
        if "superseded" not in facts or "read" not in facts:
            continue
        if facts["read"] != facts.get("accepted", 0) + facts["superseded"] + facts.get("quarantined", 0):
            yield f"{row['stage']} read rows that it does not account for"


def impure(session: Session, pipeline: Pipeline, share: float, seed: int) -> tuple[list[str], list[str]]:
    """Runs that share of the current stages again, at least one: which they were, and which gave other bytes."""
    current = session.registry.current()
    whole = [stage for stage in pipeline.stages if not plan_stage(session, pipeline, stage, current).reasons]
    if not whole:
        raise PdpError("no stage is current, so none can be run again", hint="run doit first")
    count = max(1, round(share * len(whole)))
    chosen = random.Random(seed).sample(whole, min(count, len(whole)))  # noqa: S311 - a sample, no secret
    found = []
    for stage in chosen:
        outputs, _ = build(session, pipeline, stage, plan_stage(session, pipeline, stage, current), afresh=True)
        other = [one["name"] for one in outputs if one["hash"] != current[one["name"]]["hash"]]
        if other:
            found.append(f"{stage.name} gave other bytes for {', '.join(other)} from the same inputs")
    return [stage.name for stage in chosen], found
