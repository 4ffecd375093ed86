"""A record of the chain becomes rows: the only place where the history is written.

The same records in the same order give the same rows, wherever and whenever they are applied: every number and every
time is the record's own. So a registry that is gone comes back from the store, and another machine needs only the records.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from pdp.errors import RegistryError
from pdp.registry import dump
from pdp.registry.identities import common_of, own_of, share

SCHEME = 1


def head(db: sqlite3.Connection) -> str:
    """The hash of the chain's last record; nothing where there is none yet."""
    row = db.execute("SELECT hash FROM chain ORDER BY seq DESC LIMIT 1").fetchone()
    return row[0] if row else ""


def is_applied(db: sqlite3.Connection, digest: str) -> bool:
    return db.execute("SELECT 1 FROM chain WHERE hash = ?", (digest,)).fetchone() is not None


def parse(content: bytes) -> dict[str, Any]:
    """A record's bytes, read.

    Raises:
        RegistryError: they are no record, or one of a newer pdp.
    """
    try:
        record = json.loads(content)
        scheme, kind = record["scheme"], record["kind"]
        assert isinstance(record["previous"], str)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise RegistryError("a record in the store is no record", hint="run pdp verify") from error
    if scheme != SCHEME or kind not in KINDS:
        raise RegistryError("a record in the store was written by a newer pdp", hint="upgrade pdp")
    return record


def apply(db: sqlite3.Connection, record: dict[str, Any], digest: str) -> None:
    """Writes the rows of a record, within the caller's transaction. One that was applied before changes nothing.

    Raises:
        RegistryError: what it says does not fit to what is there.
    """
    if is_applied(db, digest):
        return
    try:
        db.execute("INSERT INTO chain (hash) VALUES (?)", (digest,))
        if record["run"]:
            _run(db, record["run"])
        KINDS[record["kind"]](db, record, digest)
    except (sqlite3.IntegrityError, KeyError, TypeError) as error:
        raise RegistryError(f"the record {digest[:12]} does not fit to the history", hint="run pdp verify") from error


def _run(db: sqlite3.Connection, run: dict[str, Any]) -> None:
    """Opens the run with its first record; one that is still open then has crashed."""
    if db.execute("SELECT 1 FROM run WHERE id = ?", (run["id"],)).fetchone():
        return
    db.execute("UPDATE run SET status = 'crashed' WHERE status = 'running'")
    db.execute(
        "INSERT INTO run (id, started_at, status, command, versions) VALUES (?, ?, 'running', ?, ?)",
        (run["id"], run["started_at"], run["command"], dump(run["versions"])),
    )


def _end(db: sqlite3.Connection, record: dict[str, Any], digest: str) -> None:
    db.execute(
        "UPDATE run SET status = ?, finished_at = ?, current_count = ? WHERE id = ?",
        (record["status"], record["at"], record["current"], record["run"]["id"]),
    )
    if record["release"] is not None:
        db.execute("DELETE FROM release")
        # What a hole in the history took away is no reason to give up the rest: here, in pins and in inputs.
        sql = "INSERT INTO release SELECT name, version FROM artifact WHERE name = ? AND version = ?"
        db.executemany(sql, sorted(record["release"].items()))


def _outcome(db: sqlite3.Connection, record: dict[str, Any], digest: str) -> None:
    db.execute(
        "INSERT INTO stage_run (run, stage, outcome, reasons, at, record) VALUES (?, ?, ?, ?, ?, ?)",
        (record["run"]["id"], record["stage"], record["outcome"], dump(record["reasons"]), record["at"], digest),
    )


def _stage(db: sqlite3.Connection, record: dict[str, Any], digest: str) -> None:
    stage = record["stage"]
    # One table in two forms has its rows once.
    named = {o["name"].removesuffix(".csv"): o["rows"] for o in record["outputs"] if o["rows"] is not None}
    identity = record["identity"]
    given = [(name, version_of(db, name, hashed), hashed) for name, hashed in identity["inputs"].items()]
    known = [(name, version, hashed) for name, version, hashed in given if version]
    stage_run = db.execute(
        "INSERT INTO stage_run (run, stage, outcome, reasons, key, common, own, facts, rows, seconds, at, record) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record["run"]["id"], stage, record["outcome"], dump(record["reasons"]), record["key"],
            share(db, common_of(identity)), own_of(identity, {name: hashed for name, _, hashed in known}),
            dump(record["facts"]), sum(named.values()) if named else None, record["seconds"], record["at"], digest,
        ),
    ).lastrowid  # fmt: skip
    db.execute("DELETE FROM current WHERE stage = ?", (stage,))
    for output in record["outputs"]:
        name, version = output["name"], output["version"]
        if version_of(db, name, output["hash"]) != version:
            db.execute(
                "INSERT INTO artifact VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    name,
                    version,
                    output["hash"],
                    output["size"],
                    output["rows"],
                    output["path"],
                    stage_run,
                    record["at"],
                ),
            )
        db.execute("INSERT INTO output VALUES (?, ?, ?)", (stage_run, name, version))
        db.execute("INSERT OR REPLACE INTO current VALUES (?, ?, ?, ?)", (name, version, stage, stage_run))
    db.executemany("INSERT INTO input VALUES (?, ?, ?)", [(stage_run, name, version) for name, version, _ in known])
    db.execute(
        "INSERT OR REPLACE INTO trace (stage, key, stage_run) VALUES (?, ?, ?)", (stage, record["key"], stage_run)
    )


def _forget(db: sqlite3.Connection, record: dict[str, Any], digest: str) -> None:
    what = {"stage": record["stage"]}
    db.execute("DELETE FROM doit_state WHERE :stage IS NULL OR task = :stage", what)
    db.execute("UPDATE trace SET forgotten = 1 WHERE :stage IS NULL OR stage = :stage", what)


def _drop(db: sqlite3.Connection, record: dict[str, Any], digest: str) -> None:
    db.executemany("DELETE FROM current WHERE name = ?", [(name,) for name in record["artifacts"]])


def _pin(db: sqlite3.Connection, record: dict[str, Any], digest: str) -> None:
    sql = "INSERT INTO pin SELECT name, version FROM artifact WHERE name = ? AND version = ?"
    db.execute(sql, (record["artifact"], record["version"]))


def _unpin(db: sqlite3.Connection, record: dict[str, Any], digest: str) -> None:
    db.execute("DELETE FROM pin WHERE name = ? AND version = ?", (record["artifact"], record["version"]))


KINDS = {
    "stage": _stage, "outcome": _outcome, "end": _end, "forget": _forget, "drop": _drop, "pin": _pin, "unpin": _unpin,
}  # fmt: skip


def version_of(db: sqlite3.Connection, name: str, digest: str) -> int | None:
    """The version that these bytes are of this artifact."""
    row = db.execute("SELECT version FROM artifact WHERE name = ? AND hash = ?", (name, digest)).fetchone()
    return row[0] if row else None


def next_version(db: sqlite3.Connection, name: str, digest: str) -> int:
    """The version of these bytes: the one they had before, or the next."""
    row = db.execute("SELECT COALESCE(MAX(version), 0) + 1 FROM artifact WHERE name = ?", (name,)).fetchone()
    return version_of(db, name, digest) or row[0]


TABLES = {
    "chain": "seq, hash",
    "run": "id, started_at, finished_at, status, command, versions, current_count",
    "common": "id, text",
    "stage_run": "id, run, stage, outcome, reasons, key, common, own, facts, rows, seconds, at, record",
    "artifact": "name, version, hash, size, rows, path, stage_run, created_at",
    "output": "stage_run, name, version",
    "input": "stage_run, name, version",
    "trace": "stage, key, stage_run, forgotten",
    "current": "name, version, stage, stage_run",
    "release": "name, version",
    "pin": "name, version",
}


def replace(db: sqlite3.Connection, order: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Writes the whole history anew from records in their order (hash and content), within the caller's transaction.

    Only a merge does: what another machine did comes before what was done here. Caches and doit's own state stay.
    """
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for trigger in triggers:
        db.execute(f"DROP TRIGGER {trigger['name']}")
    db.execute("PRAGMA defer_foreign_keys = ON")
    for table in TABLES:
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
    db.execute("DELETE FROM sqlite_sequence WHERE name IN ('run', 'stage_run')")
    for digest, record in order:
        apply(db, record, digest)
    for trigger in triggers:
        db.execute(trigger["sql"])


def history(db: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All rows that come from records, by table, in order: what is not here is a cache."""
    return {
        table: [tuple(row) for row in db.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}")]  # noqa: S608
        for table, columns in TABLES.items()
    }
