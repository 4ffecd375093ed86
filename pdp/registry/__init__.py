"""The registry: one SQLite file, the only memory. SQL lives nowhere but in this package.

A stage's commit is one transaction: its run, its artifacts, its lineage, its trace and doit's own state come together or
not at all. No order is taken from a clock; times are information.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime

from pdp.disk import DiskError, free, make_folder, told
from pdp.errors import PdpError, RegistryError

# A command that only looks is done in the time that json, pathlib or typing take to load: they come in where needed.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from pdp.filehash import Stat


def now() -> str:
    """The time for records, UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def connect(path: str | os.PathLike[str], *, read_only: bool = False) -> sqlite3.Connection:
    """A connection to the registry at `path`, its tables made if it is new.

    Raises:
        RegistryError: the file cannot be opened, is not a registry, or was written by a newer pdp.
    """
    from pdp.registry.migrate import bring_up

    connection = None
    try:
        if not read_only:
            # Owner only, from its first byte: SQLite would take the umask's word.
            make_folder(os.path.dirname(path))
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        # A killed run may have left a journal: who only looks has to roll it back before there is anything whole to see.
        mode = "rw" if not read_only or _may_write(path) else "ro"
        connection = sqlite3.connect(
            f"file:{_quoted(path)}?mode={mode}", uri=True, timeout=30, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        for pragma in (*PRAGMAS, *(READERS if read_only else WRITERS)):
            connection.execute(f"PRAGMA {pragma}")
        bring_up(connection, os.fspath(path), read_only=read_only)
    except BaseException as error:
        if connection:
            connection.close()
        raise _refused(error, os.fspath(path)) from error
    return connection


# The file is as little trusted as any other input; what it names must exist.
PRAGMAS = ("foreign_keys = ON", "trusted_schema = OFF", "cell_size_check = ON")
# EXTRA also syncs the folder after the journal is unlinked: without it a reported commit may come undone.
READERS = ("query_only = ON",)
WRITERS = ("synchronous = EXTRA", "fullfsync = ON")


def _refused(error: BaseException, path: str) -> BaseException:
    """What a person is told of a registry that does not open."""
    if isinstance(error, OSError):
        return told(error, f"the registry {os.path.basename(path)} cannot be opened")
    if isinstance(error, UnicodeError):  # what SQLite says quotes the names of tables, as they lie on the disk
        return damaged("a name is no text", path)
    return sqlite_told(error, path) if isinstance(error, sqlite3.Error) else error


def sqlite_told(error: sqlite3.Error, path: str) -> PdpError:
    """An SQLite error as a sentence: it speaks of the disk, the folder's rights, another process, or the file itself."""
    hints = {
        "SQLITE_FULL": f"make room ({free(path)} left on that disk), then run doit again",
        "SQLITE_BUSY": "wait until the other pdp or doit is done, then try again",
        "SQLITE_READONLY": "make the data folder writable for you",
        "SQLITE_CANTOPEN": "is the data folder there, and open to you?",
        "SQLITE_IOERR": "check the disk",
    }
    name = getattr(error, "sqlite_errorname", "")
    for start, hint in hints.items():
        if name.startswith(start):
            return DiskError(f"the registry {path} cannot be used ({error})", hint=hint)
    return damaged(error, path)


def damaged(error: object, path: str) -> RegistryError:
    return RegistryError(
        f"the registry {os.path.basename(path)} is damaged and cannot be read ({error})",
        hint="pdp recover makes it again from the store; what was committed is not lost",
    )


def _may_write(path: str | os.PathLike[str]) -> bool:
    return os.access(path, os.W_OK) and os.access(os.path.dirname(os.path.abspath(path)), os.W_OK)


def _quoted(path: str | os.PathLike[str]) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


class Registry:
    """What a run reads and writes. Open it once per process; a forked child must not touch it."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path, self.read_only = path, read_only
        self.db = connect(path, read_only=read_only)
        self._inode = path.stat().st_ino
        self.run: dict[str, Any] | None = None

    def close(self) -> None:
        self.db.close()

    def is_replaced(self) -> bool:
        """Whether another file lies at the registry's place than the one that is open."""
        from pdp.filehash import stat_of

        found = stat_of(self.path)
        return found is None or found[3] != self._inode

    def is_open(self) -> bool:
        """Whether the last run never ended: it was killed, or is still at work."""
        row = self.db.execute("SELECT status FROM run ORDER BY id DESC LIMIT 1").fetchone()
        return row is not None and row["status"] == "running"

    def newest(self) -> str:
        """The time of the last record that has one."""
        row = self.db.execute("SELECT at FROM stage_run ORDER BY id DESC LIMIT 1").fetchone()
        return row["at"] if row else ""

    def check(self) -> None:
        """SQLite's own check, without that of indexes.

        Raises:
            RegistryError: the file is damaged.
        """
        try:
            found = self.db.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            raise sqlite_told(error, str(self.path)) from error
        if found != "ok":
            raise damaged(found, str(self.path))

    def clear_journal(self) -> None:
        """Removes a journal that a killed process did not come to make valid: SQLite leaves it to the next transaction."""
        if os.path.exists(f"{self.path}-journal"):
            with self.transaction() as db:
                db.execute(f"PRAGMA user_version = {db.execute('PRAGMA user_version').fetchone()[0]}")

    def transaction(self) -> Transaction:
        """A `with` block that is recorded as a whole or, where it raises, not at all."""
        return Transaction(self.db, str(self.path))

    # Runs

    def begin_run(self, command: str, versions: dict[str, str]) -> None:
        """Opens a run; its row comes with the first record that names it. Within the caller's transaction."""
        number = self.db.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM run").fetchone()[0]
        self.run = {"id": number, "started_at": now(), "command": command, "versions": versions}

    # Stages

    def chain(self) -> list[str]:
        """The hashes of all records, in order."""
        return [row["hash"] for row in self.db.execute("SELECT hash FROM chain ORDER BY seq")]

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
        """The stage's last good record: id, key, facts."""
        return self.db.execute(
            "SELECT id, key, facts, rows, at FROM stage_run WHERE stage = ? "
            "AND outcome IN ('built', 'unchanged', 'restored') ORDER BY id DESC LIMIT 1",
            (stage,),
        ).fetchone()

    def identity(self, stage_run: int) -> dict[str, Any]:
        """The identity that was recorded with a stage run."""
        from pdp.registry.identities import identity

        return identity(self.db, stage_run)

    def schemes(self, stage: str) -> list[tuple[int, int]]:
        """By which schemes its identities were recorded, the last one first: (of the identity, of fingerprints)."""
        rows = self.db.execute(
            "SELECT json_extract(c.text, '$.scheme') AS scheme, COALESCE(json_extract(c.text, '$.fingerprint'), 1) AS code "
            "FROM stage_run r JOIN common c ON c.id = r.common WHERE r.stage = ? GROUP BY scheme, code ORDER BY MAX(r.id) DESC",
            (stage,),
        )
        return [(row["scheme"], row["code"]) for row in rows]

    def is_forgotten(self, stage: str, key: str) -> bool:
        row = self.db.execute("SELECT forgotten FROM trace WHERE stage = ? AND key = ?", (stage, key)).fetchone()
        return row is not None and bool(row["forgotten"])

    def current(self) -> dict[str, sqlite3.Row]:
        """Every current artifact by name: version, hash, rows, path, stage, created_at."""
        rows = self.db.execute(
            "SELECT a.name, a.version, a.hash, a.size, a.rows, a.path, a.stage_run, a.created_at, c.stage, "
            "c.stage_run AS made_by FROM current c "
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
        return failing(self.db)

    def current_of(self, stage: str) -> dict[str, str]:
        """The hashes of what the stage last gave, by artifact."""
        rows = self.db.execute(
            "SELECT a.name, a.hash FROM current c JOIN artifact a USING (name, version) WHERE c.stage = ?", (stage,)
        )
        return {row["name"]: row["hash"] for row in rows}

    def release(self) -> dict[str, int]:
        """What the last complete run left: artifact -> version."""
        return {row["name"]: row["version"] for row in self.db.execute("SELECT name, version FROM release")}

    def outdated(self) -> set[str]:
        """Current artifacts that were made from an input which is no longer current."""
        rows = self.db.execute(
            "SELECT DISTINCT c.name FROM current c JOIN input i USING (stage_run) "
            "LEFT JOIN current n ON n.name = i.name AND n.version = i.version WHERE n.name IS NULL"
        )
        return {row["name"] for row in rows}

    def is_pinned(self, artifact: str, version: int) -> bool:
        row = self.db.execute("SELECT 1 FROM pin WHERE name = ? AND version = ?", (artifact, version)).fetchone()
        return row is not None

    def version_of(self, name: str, digest: str) -> int | None:
        """The version that these bytes are of this artifact."""
        row = self.db.execute("SELECT version FROM artifact WHERE name = ? AND hash = ?", (name, digest)).fetchone()
        return row["version"] if row else None

    # doit's own state

    def doit_state(self, task: str) -> dict[str, Any]:
        row = self.db.execute("SELECT state FROM doit_state WHERE task = ?", (task,)).fetchone()
        return (unsealed(row["state"], task) if row else None) or {}

    def put_doit_state(self, task: str, state: dict[str, Any]) -> None:
        """Within the caller's transaction."""
        self.db.execute("INSERT OR REPLACE INTO doit_state VALUES (?, ?)", (task, sealed(dump(state), task)))

    # Caches

    def file_stats(self, *, raw: bool) -> dict[str, tuple[Stat, str]]:
        """What is kept of the raw files, or of all others."""
        which = "name > 'raw/' AND name < 'raw0'" if raw else "name < 'raw/' OR name >= 'raw0'"  # 0 comes after /
        rows = self.db.execute(f"SELECT name, size, mtime_ns, ctime_ns, inode, sha256 FROM file_stat WHERE {which}")  # noqa: S608
        found = {}
        for name, *stat, kept in rows:  # there may be 10,000: a hash in quotes needs no reader of JSON
            text, _, checksum = kept.rpartition("#")
            if checksum == _checksum(text, (name, *stat)) and text != '""':
                found[name] = (tuple(stat), text[1:-1])
        return found

    def put_file_stats(self, stats: dict[str, tuple[Stat, str]]) -> None:
        rows = [(name, *stat, sealed(dump(digest), name, *stat)) for name, (stat, digest) in stats.items()]
        self.db.executemany("INSERT OR REPLACE INTO file_stat VALUES (?, ?, ?, ?, ?, ?)", rows)

    def get(self, kind: str, key: str) -> Any:
        """A remembered value (JSON), or None."""
        return recall(self.db, kind, key)

    def put(self, kind: str, key: str, value: Any) -> None:
        """Remembers a value; who only looks remembers nothing."""
        if not self.read_only:
            self.db.execute("INSERT OR REPLACE INTO memo VALUES (?, ?, ?)", (kind, key, sealed(dump(value), kind, key)))


class Transaction:
    """All or nothing. What the disk refuses within it becomes a sentence."""

    def __init__(self, db: sqlite3.Connection, path: str) -> None:
        self.db, self.path = db, path

    def __enter__(self) -> sqlite3.Connection:
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise sqlite_told(error, self.path) from error
        return self.db

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        try:
            if kind is None:
                self.db.execute("COMMIT")
        except sqlite3.Error as failed:
            error = failed
        finally:
            self._roll_back()
        if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
            raise sqlite_told(error, self.path) from error
        if isinstance(error, OSError):
            raise told(error, "nothing was recorded") from error

    def _roll_back(self) -> None:
        from contextlib import suppress

        # After some errors SQLite has rolled back by itself; after others it cannot, and does so when it is next opened.
        if self.db.in_transaction:
            with suppress(sqlite3.Error):
                self.db.execute("ROLLBACK")


def failing(db: sqlite3.Connection) -> list[dict[str, str]]:
    """Stages whose last attempt failed, and why."""
    rows = db.execute(
        "SELECT stage, reasons FROM stage_run WHERE id IN (SELECT MAX(id) FROM stage_run GROUP BY stage) "
        "AND outcome = 'failed' ORDER BY id"
    )
    return [{"stage": row["stage"], "reason": load(row["reasons"])[0]} for row in rows]


def recall(db: sqlite3.Connection, kind: str, key: str) -> Any:
    """What was remembered under this name, or None."""
    row = db.execute("SELECT value FROM memo WHERE kind = ? AND key = ?", (kind, key)).fetchone()
    return unsealed(row["value"], kind, key) if row else None


# What is in a record is found to be damaged by `pdp verify`, which has the record. A cache has none: it bears a checksum,
# so that one which a disk gives back otherwise than it was written is no cache any more, and is filled again.


def sealed(text: str, *name: object) -> str:
    """The text of a cached value, with a checksum over it and what it is the value of."""
    return f"{text}#{_checksum(text, name)}"


def unsealed(kept: str, *name: object) -> Any:
    """The value; None if it is not what was sealed under this name."""
    text, _, checksum = kept.rpartition("#")
    return load(text) if checksum == _checksum(text, name) else None


def _checksum(text: str, name: tuple[object, ...]) -> str:
    from zlib import crc32

    return f"{crc32(repr((text, *name)).encode()):08x}"


def load(text: str) -> Any:
    """The value that `dump` wrote.

    Raises:
        RegistryError: it is not what was written.
    """
    import json

    try:
        return json.loads(text)
    except ValueError as error:
        raise damaged("a row is not what was written", "registry.db") from error


def dump(value: Any) -> str:
    """Canonical JSON: one text for one value."""
    import json

    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
