"""The records of a history that was written before there were records: version 1 of the registry."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from pdp.registry import load
from pdp.registry.identities import identity


def is_due(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM stage_run WHERE record IS NULL LIMIT 1").fetchone() is not None


def records(db: sqlite3.Connection) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """(stage run, its record without what a chain adds), in the order in which they were written; then what is not of a run.

    Where the old rows do not tell an order, there was none to tell: what was forgotten, dropped or pinned comes at the end.
    """
    for run in db.execute("SELECT * FROM run ORDER BY id").fetchall():
        opened = {
            "id": run["id"], "started_at": run["started_at"], "command": run["command"],
            "versions": load(run["versions"]),
        }  # fmt: skip
        for row in db.execute("SELECT * FROM stage_run WHERE run = ? ORDER BY id", (run["id"],)).fetchall():
            yield row["id"], {"run": opened, "at": row["at"]} | _stage_run(db, row)
        if run["finished_at"]:
            yield None, {
                "run": opened, "at": run["finished_at"], "kind": "end", "status": run["status"],
                "current": run["current_count"], "release": None,
            }  # fmt: skip
    at = db.execute("SELECT MAX(at) FROM stage_run").fetchone()[0]
    yield from ((None, {"run": None, "at": at} | record) for record in _others(db))


def _stage_run(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    told = {"stage": row["stage"], "outcome": row["outcome"], "reasons": load(row["reasons"])}
    if row["key"] is None:
        return told | {"kind": "outcome"}
    outputs = db.execute(
        "SELECT a.name, a.version, a.hash, a.size, a.rows, a.path FROM output o JOIN artifact a USING (name, version) "
        "WHERE o.stage_run = ? ORDER BY a.name",
        (row["id"],),
    )
    return told | {
        "kind": "stage", "key": row["key"], "identity": identity(db, row["id"]), "facts": load(row["facts"]),
        "seconds": row["seconds"], "outputs": [dict(output) for output in outputs],
    }  # fmt: skip


def _others(db: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    given = db.execute(
        "SELECT DISTINCT o.name FROM output o JOIN (SELECT MAX(id) AS id FROM stage_run WHERE key IS NOT NULL "
        "GROUP BY stage) s ON s.id = o.stage_run WHERE o.name NOT IN (SELECT name FROM current) ORDER BY o.name"
    ).fetchall()
    if given:
        yield {"kind": "drop", "artifacts": [row["name"] for row in given]}
    for row in db.execute("SELECT name, version FROM pin ORDER BY name, version").fetchall():
        yield {"kind": "pin", "artifact": row["name"], "version": row["version"]}
    forgotten = "SELECT stage FROM trace GROUP BY stage HAVING MIN(forgotten) = 1 ORDER BY stage"
    for row in db.execute(forgotten).fetchall():
        yield {"kind": "forget", "stage": row["stage"]}
