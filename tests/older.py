"""A registry as an older pdp wrote it: the tables of its version, with the rows of one of today."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pdp.registry
from pdp.registry import dump
from pdp.registry.identities import identity
from pdp.registry.migrate import APPLICATION_ID

SCHEMAS = Path(pdp.registry.__file__).parent / "schema"


def older(data: Path, version: int) -> None:
    """Turns the registry in `data` into one of that version. The first had no records: those in the store are removed."""
    path, new = data / "registry.db", data / "registry.db.new"
    path.rename(new)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for number in range(1, version + 1):
            db.executescript((SCHEMAS / f"{number}.sql").read_text())
        db.execute(f"ATTACH '{new}' AS new")
        db.create_function("whole", 1, lambda stage_run: whole(new, stage_run))
        db.execute("BEGIN")
        for (table,) in db.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            if not table.startswith("sqlite_"):
                columns = [row[1] for row in db.execute(f"PRAGMA main.table_info({table})")]
                given = ", ".join("whole(id)" if name == "identity" else name for name in columns)
                db.execute(f"INSERT INTO main.{table} ({', '.join(columns)}) SELECT {given} FROM new.{table}")
        db.execute("COMMIT")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {version}")
    new.unlink()
    if version == 1:
        shutil.rmtree(data / "store/records")
        (data / "store/records").mkdir()


def whole(path: Path, stage_run: int) -> str | None:
    """An identity as one text, as it was kept before the third version."""
    with closing(sqlite3.connect(path)) as db:
        found = identity(db, stage_run)
    return dump(found) if found else None
