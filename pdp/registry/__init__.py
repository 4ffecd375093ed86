"""The registry: one SQLite file, the only memory. SQL lives nowhere but in this package.

A stage's commit is one transaction: its run, its artifacts, its lineage, its trace and doit's own state come together or
not at all. No order is taken from a clock; times are information.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime

from pdp.errors import RegistryError

# A command that only looks is done in the time that json, pathlib or typing take to load: they come in where needed.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from pdp.filehash import Stat

APPLICATION_ID = 0x70647031  # "pdp1"
VERSION = 1


def now() -> str:
    """The time for records, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def connect(path: str | os.PathLike[str], *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to the registry at `path`, its tables made if it is new.

    Raises:
        RegistryError: the file cannot be opened, is not a registry, or was written by a newer pdp.
    """
    name = os.path.basename(path)
    try:
        if not read_only:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            # Owner only, from its first byte: SQLite would take the umask's word.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        mode = "ro" if read_only else "rw"
        connection = sqlite3.connect(
            f"file:{_quoted(path)}?mode={mode}", uri=True, timeout=30, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            # EXTRA also syncs the folder after the journal is unlinked: without it a reported commit may come undone.
            connection.execute("PRAGMA synchronous = EXTRA")
        _check_version(connection, name, read_only)
    except sqlite3.DatabaseError as error:
        raise RegistryError(f"the registry {name} cannot be read ({error})", hint="restore it from a copy") from error
    except OSError as error:
        raise RegistryError(f"the registry {path} cannot be opened: {error.strerror}") from error
    return connection


def _quoted(path: str | os.PathLike[str]) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _check_version(connection: sqlite3.Connection, name: str, read_only: bool) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        return
    if version > VERSION:
        raise RegistryError(f"the registry {name} was written by a newer pdp", hint="upgrade pdp")
    if read_only:
        raise RegistryError(f"the registry {name} is empty", hint="run doit first")
    with open(os.path.join(os.path.dirname(__file__), "schema.sql"), encoding="utf-8") as file:
        schema = file.read()
    connection.executescript(
        f"BEGIN IMMEDIATE; {schema} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
    )


class Registry:
    """What a run reads and writes. Open it once per process; a forked child must not touch it."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path, self.read_only = path, read_only
        self.db = connect(path, read_only=read_only)
        self.run: int | None = None

    def close(self) -> None:
        self.db.close()

    def transaction(self) -> Transaction:
        """A `with` block that is recorded as a whole or, where it raises, not at all."""
        return Transaction(self.db)

    # Runs

    def begin_run(self, command: str, versions: dict[str, str]) -> None:
        """Opens a run; one that was left open crashed. Within the caller's transaction."""
        self.db.execute("UPDATE run SET status = 'crashed' WHERE status = 'running'")
        self.run = self.db.execute(
            "INSERT INTO run (started_at, status, command, versions) VALUES (?, 'running', ?, ?)",
            (now(), command, dump(versions)),
        ).lastrowid

    def end_run(self, status: str, current: int) -> None:
        self.db.execute(
            "UPDATE run SET status = ?, finished_at = ?, current_count = ? WHERE id = ?",
            (status, now(), current, self.run),
        )

    # Stages

    def trace(self, stage: str, key: str) -> dict[str, Any] | None:
        """What this identity gave: facts, and outputs (name, path, hash, size, rows). None if it was never seen."""
        rows = self.db.execute(
            "SELECT a.name, a.path, a.hash, a.size, a.rows, r.facts FROM trace t JOIN output o USING (stage_run) "
            "JOIN artifact a ON a.name = o.name AND a.version = o.version JOIN stage_run r ON r.id = t.stage_run "
            "WHERE t.stage = ? AND t.key = ? AND NOT t.forgotten ORDER BY a.name",
            (stage, key),
        ).fetchall()
        if not rows:
            return None
        outputs = [{name: row[name] for name in ("name", "path", "hash", "size", "rows")} for row in rows]
        return {"facts": load(rows[0]["facts"]), "outputs": outputs}

    def last(self, stage: str) -> sqlite3.Row | None:
        """The stage's last good record: id, key, identity, facts."""
        return self.db.execute(
            "SELECT id, key, identity, facts, rows, at FROM stage_run WHERE stage = ? "
            "AND outcome IN ('built', 'unchanged', 'restored') ORDER BY id DESC LIMIT 1",
            (stage,),
        ).fetchone()

    def is_forgotten(self, stage: str, key: str) -> bool:
        row = self.db.execute("SELECT forgotten FROM trace WHERE stage = ? AND key = ?", (stage, key)).fetchone()
        return row is not None and bool(row["forgotten"])

    def current(self) -> dict[str, sqlite3.Row]:
        """Every current artifact by name: version, hash, rows, path, stage, created_at."""
        rows = self.db.execute(
            "SELECT a.*, c.stage, c.stage_run AS made_by FROM current c "
            "JOIN artifact a ON a.name = c.name AND a.version = c.version"
        )
        return {row["name"]: row for row in rows}

    def facts(self) -> dict[str, dict[str, Any]]:
        """What each stage told with its current outputs."""
        rows = self.db.execute("SELECT r.stage, r.facts FROM stage_run r WHERE r.id IN (SELECT stage_run FROM current)")
        return {row["stage"]: load(row["facts"]) for row in rows}

    def last_run(self) -> dict[str, Any] | None:
        """The last recorded run: when, status, and its outcomes counted in words."""
        run = self.db.execute("SELECT id, started_at, status FROM run ORDER BY id DESC LIMIT 1").fetchone()
        if run is None:
            return None
        counts = self.db.execute(
            "SELECT outcome, COUNT(*) AS n FROM stage_run WHERE run = ? GROUP BY outcome ORDER BY outcome", (run["id"],)
        )
        summary = ", ".join(f"{row['n']} {row['outcome']}" for row in counts)
        return {"at": run["started_at"], "status": run["status"], "summary": summary}

    def failing(self) -> list[dict[str, str]]:
        """Stages whose last attempt failed."""
        rows = self.db.execute(
            "SELECT stage, reasons FROM stage_run WHERE id IN (SELECT MAX(id) FROM stage_run GROUP BY stage) "
            "AND outcome = 'failed' ORDER BY id"
        )
        return [{"stage": row["stage"], "reason": load(row["reasons"])[0]} for row in rows]

    def version_of(self, name: str, digest: str) -> int | None:
        """The version that these bytes are of this artifact."""
        row = self.db.execute("SELECT version FROM artifact WHERE name = ? AND hash = ?", (name, digest)).fetchone()
        return row["version"] if row else None

    def commit_stage(self, record: dict[str, Any]) -> str:
        """Records a finished stage within the caller's transaction and gives its outcome.

        `record`: stage, outcome (built or restored), reasons, key, identity, facts, seconds, and outputs, each with
        name, path, hash, size, rows. A built stage whose outputs are what they were is `unchanged`.
        """
        before = {
            row["name"]: row["hash"]
            for row in self.db.execute(
                "SELECT a.name, a.hash FROM current c JOIN artifact a USING (name, version) WHERE c.stage = ?",
                (record["stage"],),
            )
        }
        outcome = record["outcome"]
        if outcome == "built" and before == {output["name"]: output["hash"] for output in record["outputs"]}:
            outcome = "unchanged"
        stage_run = self._insert_stage_run(record, outcome)
        self.db.execute("DELETE FROM current WHERE stage = ?", (record["stage"],))
        for output in record["outputs"]:
            version = self._version(output, stage_run)
            self.db.execute("INSERT INTO output VALUES (?, ?, ?)", (stage_run, output["name"], version))
            self.db.execute(
                "INSERT OR REPLACE INTO current VALUES (?, ?, ?, ?)",
                (output["name"], version, record["stage"], stage_run),
            )
        for name, digest in record["identity"]["inputs"].items():
            self.db.execute(
                "INSERT INTO input SELECT ?, name, version FROM artifact WHERE name = ? AND hash = ?",
                (stage_run, name, digest),
            )
        self.db.execute(
            "INSERT OR REPLACE INTO trace (stage, key, stage_run) VALUES (?, ?, ?)",
            (record["stage"], record["key"], stage_run),
        )
        return outcome

    def record_outcome(self, stage: str, outcome: str, reasons: list[str]) -> None:
        """A stage that made nothing: its last good record stays what counts. Within the caller's transaction."""
        self.db.execute(
            "INSERT INTO stage_run (run, stage, outcome, reasons, at) VALUES (?, ?, ?, ?, ?)",
            (self.run, stage, outcome, dump(reasons), now()),
        )

    def _insert_stage_run(self, record: dict[str, Any], outcome: str) -> int:
        # One table in two forms has its rows once.
        named = {o["name"].removesuffix(".csv"): o["rows"] for o in record["outputs"] if o["rows"] is not None}
        cursor = self.db.execute(
            "INSERT INTO stage_run (run, stage, outcome, reasons, key, identity, facts, rows, seconds, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.run, record["stage"], outcome, dump(record["reasons"]), record["key"], dump(record["identity"]),
                dump(record["facts"]), sum(named.values()) if named else None, record["seconds"], now(),
            ),
        )  # fmt: skip
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _version(self, output: dict[str, Any], stage_run: int) -> int:
        """The version of these bytes: the one they had before, or the next."""
        name = output["name"]
        known = self.db.execute(
            "SELECT version FROM artifact WHERE name = ? AND hash = ?", (name, output["hash"])
        ).fetchone()
        if known:
            return known["version"]
        version = self.db.execute(
            "SELECT COALESCE(MAX(version), 0) + 1 FROM artifact WHERE name = ?", (name,)
        ).fetchone()[0]
        self.db.execute(
            "INSERT INTO artifact VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (name, version, output["hash"], output["size"], output["rows"], output["path"], stage_run, now()),
        )
        return version

    # doit's own state

    def doit_state(self, task: str) -> dict[str, Any]:
        row = self.db.execute("SELECT state FROM doit_state WHERE task = ?", (task,)).fetchone()
        return load(row["state"]) if row else {}

    def put_doit_state(self, task: str, state: dict[str, Any]) -> None:
        self.db.execute("INSERT OR REPLACE INTO doit_state VALUES (?, ?)", (task, dump(state)))

    def forget(self, task: str | None) -> None:
        """Forgets a task, or all: the next run builds it, whatever the store holds."""
        tasks = {"task": task}
        with self.transaction():
            self.db.execute("DELETE FROM doit_state WHERE :task IS NULL OR task = :task", tasks)
            self.db.execute("UPDATE trace SET forgotten = 1 WHERE :task IS NULL OR stage = :task", tasks)

    # Caches

    def file_stats(self) -> dict[str, tuple[Stat, str]]:
        rows = self.db.execute("SELECT name, size, mtime_ns, ctime_ns, inode, sha256 FROM file_stat")
        return {name: ((size, mtime, ctime, inode), digest) for name, size, mtime, ctime, inode, digest in rows}

    def put_file_stats(self, stats: dict[str, tuple[Stat, str]]) -> None:
        rows = [(name, *stat, digest) for name, (stat, digest) in stats.items()]
        self.db.executemany("INSERT OR REPLACE INTO file_stat VALUES (?, ?, ?, ?, ?, ?)", rows)

    def get(self, kind: str, key: str) -> Any:
        """A remembered value (JSON), or None."""
        row = self.db.execute("SELECT value FROM memo WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return load(row["value"]) if row else None

    def put(self, kind: str, key: str, value: Any) -> None:
        """Remembers a value; who only looks remembers nothing."""
        if not self.read_only:
            self.db.execute("INSERT OR REPLACE INTO memo VALUES (?, ?, ?)", (kind, key, dump(value)))


class Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def __enter__(self) -> sqlite3.Connection:
        self.db.execute("BEGIN IMMEDIATE")
        return self.db

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.db.execute("COMMIT" if kind is None else "ROLLBACK")


def load(text: str) -> Any:
    """The value that `dump` wrote."""
    import json

    return json.loads(text)


def dump(value: Any) -> str:
    """Canonical JSON: one text for one value."""
    import json

    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
