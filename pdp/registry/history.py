"""What the registry remembers, for those who look back: runs, versions, lineage; and which versions are kept.

Everything comes as plain data. SQLite takes the JSON columns apart, so that json need not be loaded.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager

from pdp.registry import connect, damaged, failing, load, recall, unsealed
from pdp.registry.identities import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any

MARK = "\x1f"  # between the parts of a list that comes as one text
ARTIFACT = """
    SELECT a.name AS artifact, a.version, a.hash, a.size, a.rows, a.path, a.created_at, s.stage,
        c.version IS NOT NULL AS current, p.version IS NOT NULL AS pinned,
        COALESCE(c.stage_run, (SELECT MAX(stage_run) FROM output o WHERE o.name = a.name AND o.version = a.version)) AS made_by,
        (SELECT group_concat(value, char(31)) FROM json_each(s.reasons)) AS reasons
    FROM artifact a JOIN stage_run s ON s.id = a.stage_run
    LEFT JOIN current c ON c.name = a.name AND c.version = a.version
    LEFT JOIN pin p ON p.name = a.name AND p.version = a.version """
STAGE_RUN = """
    SELECT s.id, s.run, s.stage, s.outcome, s.rows, s.seconds, s.at,
        (SELECT group_concat(value, char(31)) FROM json_each(s.reasons)) AS reasons,
        (SELECT group_concat(o.name || '@v' || o.version, char(31)) FROM output o WHERE o.stage_run = s.id) AS outputs,
        (SELECT group_concat(a.name || '@v' || a.version, char(31)) FROM artifact a WHERE a.stage_run = s.id) AS made
    FROM stage_run s """
NEEDED = """
    WITH RECURSIVE needed(name, version) AS (
        SELECT name, version FROM current UNION SELECT name, version FROM pin UNION SELECT name, version FROM release UNION
        SELECT i.name, i.version FROM needed n JOIN input i ON i.stage_run = COALESCE(
            (SELECT c.stage_run FROM current c WHERE c.name = n.name AND c.version = n.version),
            (SELECT MAX(o.stage_run) FROM output o WHERE o.name = n.name AND o.version = n.version)))
    SELECT name, version FROM needed"""


class History:
    """Questions about the past, on an open registry."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> History:
        return cls(connect(path, read_only=True))

    @contextmanager
    def view(self) -> Iterator[None]:
        """One moment of the registry for all questions within the block, whatever a run commits meanwhile."""
        self.db.execute("BEGIN")
        try:
            yield
        finally:
            self.db.execute("ROLLBACK")

    # Names

    def failing(self) -> list[dict[str, str]]:
        """Stages whose last attempt failed, and why; none that was gone from dodo.py when it last ran."""
        found = failing(self.db)
        declared = self.pipeline() if found else {}
        if not declared:
            return found
        names = {one["name"] for one in declared["stages"]} | {f"ingest:{one['name']}" for one in declared["sources"]}
        return [one for one in found if one["stage"] in names]

    def stages(self) -> list[str]:
        return [row[0] for row in self.db.execute("SELECT DISTINCT stage FROM stage_run ORDER BY stage")]

    def artifacts(self) -> list[str]:
        return [row[0] for row in self.db.execute("SELECT DISTINCT name FROM artifact ORDER BY name")]

    # Runs

    def runs(self, last: int) -> list[dict[str, Any]]:
        """The last runs, newest first, each with what became of its stages, in order."""
        runs = self.db.execute(
            "SELECT id AS run, started_at, finished_at, status, command, versions, current_count AS current FROM run "
            "ORDER BY id DESC LIMIT ?",
            (last,),
        )
        found = {row["run"]: dict(row) | {"stages": []} for row in runs}
        if found:
            for row in self.db.execute(f"{STAGE_RUN} WHERE s.run >= ? ORDER BY s.id", (min(found),)):
                found[row["run"]]["stages"].append(_parted(row, "reasons", "outputs", "made"))
        return list(found.values())

    def stage_runs(self, stages: Collection[str], last: int) -> list[dict[str, Any]]:
        """The last times that one of these stages did something, newest first."""
        marks = ", ".join("?" * len(stages))
        rows = self.db.execute(f"{STAGE_RUN} WHERE s.stage IN ({marks}) ORDER BY s.id DESC LIMIT ?", (*stages, last))
        return [_parted(row, "reasons", "outputs", "made") for row in rows]

    def facts(self) -> dict[str, dict[str, Any]]:
        """What each stage told with its current outputs."""
        rows = self.db.execute("SELECT r.stage, r.facts FROM stage_run r WHERE r.id IN (SELECT stage_run FROM current)")
        return {row["stage"]: load(row["facts"]) for row in rows}

    def asked(self) -> dict[str, dict[str, Any]]:
        """What came of asking each source last: see `pdp.ask.last_asked`."""
        rows = self.db.execute("SELECT key, value FROM memo WHERE kind = 'asked'")
        found = {row["key"]: unsealed(row["value"], "asked", row["key"]) for row in rows}
        return {source: told for source, told in found.items() if told}

    def changed_at(self) -> dict[str, str]:
        """When each current artifact last came out otherwise than before."""
        rows = self.db.execute("SELECT c.name, a.created_at FROM current c JOIN artifact a USING (name, version)")
        return {row["name"]: row["created_at"] for row in rows}

    # Versions

    def versions(self, artifact: str, last: int = -1) -> list[dict[str, Any]]:
        """Its versions, newest first; all of them unless `last` is given."""
        rows = self.db.execute(f"{ARTIFACT} WHERE a.name = ? ORDER BY a.version DESC LIMIT ?", (artifact, last))
        return [_version(row) for row in rows]

    def version(self, artifact: str, version: int) -> dict[str, Any] | None:
        row = self.db.execute(f"{ARTIFACT} WHERE a.name = ? AND a.version = ?", (artifact, version)).fetchone()
        return _version(row) if row else None

    def latest(self, artifact: str) -> int | None:
        """The current version, or the newest of an artifact that has none."""
        row = self.db.execute(
            "SELECT COALESCE((SELECT version FROM current WHERE name = :name), MAX(version)) FROM artifact WHERE name = :name",
            {"name": artifact},
        ).fetchone()
        return row[0]

    def release(self) -> dict[str, int]:
        """What the last complete run left: artifact -> version. Empty where none has ended since there are releases."""
        return {row["name"]: row["version"] for row in self.db.execute("SELECT name, version FROM release")}

    # Lineage

    def made_from(self, stage_run: int) -> list[tuple[str, int]]:
        """What a stage was given when it ran."""
        rows = self.db.execute("SELECT name, version FROM input WHERE stage_run = ? ORDER BY name", (stage_run,))
        return [(row["name"], row["version"]) for row in rows]

    def maker(self, artifact: str, version: int) -> dict[str, Any]:
        """The stage run behind a version: the last one if it is current, else the first. Its id, stage, run, identity.

        Raises:
            RegistryError: a version that is there has no maker.
        """
        row = self.db.execute(
            "SELECT r.id, r.stage, r.run, r.at FROM artifact a LEFT JOIN current c USING (name, version) "
            "JOIN stage_run r ON r.id = COALESCE(c.stage_run, a.stage_run) WHERE a.name = ? AND a.version = ?",
            (artifact, version),
        ).fetchone()
        if row is None:
            raise damaged(f"what made {artifact}@v{version} is not there", "registry.db")
        return dict(row) | {"identity": identity(self.db, row["id"])}

    def giver(self, artifact: str, version: int, until: int) -> dict[str, Any] | None:
        """The last stage run up to `until` that gave a version: its id, stage and identity."""
        row = self.db.execute(
            "SELECT r.id, r.stage FROM output o JOIN stage_run r ON r.id = o.stage_run "
            "WHERE o.name = ? AND o.version = ? AND r.id <= ? ORDER BY r.id DESC LIMIT 1",
            (artifact, version, until),
        ).fetchone()
        return dict(row) | {"identity": identity(self.db, row["id"])} if row else None

    def statements(self, digest: str) -> dict[str, str]:
        """What a code digest stands for; empty where that is not known."""
        return recall(self.db, "statements", digest) or {}

    def made(self, stage_run: int) -> list[tuple[str, int]]:
        """All that a stage run gave."""
        rows = self.db.execute("SELECT name, version FROM output WHERE stage_run = ? ORDER BY name", (stage_run,))
        return [(row["name"], row["version"]) for row in rows]

    def pipeline(self) -> dict[str, Any]:
        """The pipeline as dodo.py declared it when it last ran: see `pdp.stage.Pipeline.as_data`."""
        return recall(self.db, "pipeline", "stages") or {}

    def explainer(self) -> str:
        """What explains one number, as dodo.py named it: "module:function", or nothing."""
        return self.pipeline().get("explain", "")

    def used_by(self, artifact: str, version: int) -> list[tuple[str, int]]:
        """What was ever made from this version."""
        rows = self.db.execute(
            "SELECT DISTINCT o.name, o.version FROM input i JOIN output o USING (stage_run) "
            "WHERE i.name = ? AND i.version = ? ORDER BY o.name, o.version",
            (artifact, version),
        )
        return [(row["name"], row["version"]) for row in rows]

    def repairs(self, stage_run: int) -> int:
        """How many rows a person had repaired in what a stage was given when it ran."""
        row = self.db.execute(
            "SELECT json_array_length(c.text, '$.repairs.rows') FROM stage_run r JOIN common c ON c.id = r.common WHERE r.id = ?",
            (stage_run,),
        ).fetchone()
        return row[0] or 0

    def repaired(self) -> list[dict[str, Any]]:
        """What became of repairs with the current outputs: stage, applied (rows), unmatched (ids)."""
        rows = self.db.execute(
            "SELECT stage, json_extract(facts, '$.repairs.applied') AS applied, "
            "(SELECT group_concat(value, char(31)) FROM json_each(facts, '$.repairs.unmatched')) AS unmatched "
            "FROM stage_run WHERE id IN (SELECT stage_run FROM current) AND applied IS NOT NULL ORDER BY stage"
        )
        return [_parted(row, "unmatched") for row in rows]

    def raw_files(self, stage_run: int) -> list[dict[str, Any]]:
        """The files of the snapshot that an ingest took: name, sha256, size."""
        rows = self.db.execute(
            "SELECT json_extract(f.value, '$.name') AS name, json_extract(f.value, '$.sha256') AS sha256, "
            "json_extract(f.value, '$.size') AS size FROM stage_run r, json_each(r.own, '$.snapshot') f WHERE r.id = ?",
            (stage_run,),
        )
        return [dict(row) for row in rows]

    # Keeping

    def all_versions(self) -> list[dict[str, Any]]:
        """Every version of everything, newest first: artifact, version, hash, size, created_at, stage_run."""
        rows = self.db.execute(
            "SELECT name AS artifact, version, hash, size, created_at, stage_run FROM artifact ORDER BY name, version DESC"
        )
        return [dict(row) for row in rows]

    def needed(self) -> set[tuple[str, int]]:
        """The versions that are current, pinned or of the release, and all that those were made from."""
        return {(row["name"], row["version"]) for row in self.db.execute(NEEDED)}

    def current_hashes(self) -> list[str]:
        """The objects of all current artifacts."""
        rows = self.db.execute("SELECT DISTINCT a.hash FROM current c JOIN artifact a USING (name, version) ORDER BY 1")
        return [row[0] for row in rows]

    def recorded_bytes(self) -> int:
        """The size of the store if nothing had ever been collected: an upper bound that costs no look at a file."""
        rows = self.db.execute("SELECT COALESCE(SUM(size), 0) FROM (SELECT DISTINCT hash, size FROM artifact)")
        return rows.fetchone()[0]

    # What is left of stages that are gone

    def paths(self) -> list[tuple[str, str]]:
        """Every path that something was ever written to, and what it was."""
        rows = self.db.execute("SELECT DISTINCT a.path, a.name FROM artifact a ORDER BY a.path")
        return [(row["path"], row["name"]) for row in rows]


def _parted(row: sqlite3.Row, *lists: str) -> dict[str, Any]:
    found = dict(row)
    for name in lists:
        found[name] = found[name].split(MARK) if found[name] else []
    return found


def _version(row: sqlite3.Row) -> dict[str, Any]:
    found = _parted(row, "reasons")
    return found | {"current": bool(found["current"]), "pinned": bool(found["pinned"])}
