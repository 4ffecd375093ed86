"""The registry's tables, brought to the version of this pdp: one file per version, all in one transaction.

A registry that is new goes the same way as one that is old, so that the way is always in use. Nobody sees it half way.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from pdp.errors import RegistryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION_ID = 0x70647031  # "pdp1"
VERSION = 3


def bring_up(connection: sqlite3.Connection, path: str, *, read_only: bool) -> None:
    """Makes the tables of a new registry, or adds what an older one lacks. A copy of the older one is kept beside it.

    Raises:
        RegistryError: it is another program's file, of a newer pdp, or would have to be changed to be read.
    """
    name = os.path.basename(path)
    connection.execute("BEGIN")
    try:
        version, owner, is_empty = _look(connection)
    finally:
        connection.execute("COMMIT")
    if version == VERSION and owner == APPLICATION_ID:
        return
    if owner != APPLICATION_ID and not (is_empty and owner == version == 0):
        raise RegistryError(
            f"{name} is not pdp's registry", hint="put it elsewhere, and run pdp recover if the registry is gone"
        )
    if version > VERSION:
        raise RegistryError(f"the registry {name} was written by a newer pdp", hint="upgrade pdp")
    if read_only:
        state = "empty" if is_empty else "of an older pdp"
        raise RegistryError(f"the registry {name} is {state}", hint="run doit first")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for its turn.
        version, _, is_empty = _look(connection)
        if version < VERSION and not is_empty:
            with closing(sqlite3.connect(path)) as reader:  # what writes cannot be copied from
                copy(reader, f"{path}.v{version}")
        for number in range(version + 1, VERSION + 1):
            _migrate(connection, number)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _look(connection: sqlite3.Connection) -> tuple[int, int, bool]:
    """Version, owner, and whether there is no table. In a transaction: another process may be making the file."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    return version, owner, not tables


def _migrate(connection: sqlite3.Connection, number: int) -> None:
    """Within the caller's transaction."""
    from pdp.registry.identities import teach

    teach(connection)
    with open(os.path.join(os.path.dirname(__file__), "schema", f"{number}.sql"), encoding="utf-8") as file:
        statements = file.read()
    for statement in _split(statements):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {number}")


def _split(script: str) -> Iterator[str]:
    """The script's statements. `executescript` would end the transaction first."""
    statement = ""
    for part in script.split(";"):
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def copy(connection: sqlite3.Connection, target: str) -> None:
    """A copy of an open database at `target`, checked and on the disk when this returns: whole or not there at all.

    Raises:
        RegistryError: the copy does not pass SQLite's own check.
    """
    beside = f"{target}.pdp-tmp"
    try:
        os.close(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        with_copy = sqlite3.connect(beside)
        try:
            connection.backup(with_copy)
            found = with_copy.execute("PRAGMA integrity_check").fetchone()[0]
        finally:
            with_copy.close()
        if found != "ok":
            raise RegistryError(f"the copy of the registry is damaged ({found})", hint="run pdp verify")
        # SQLite leaves a backup to the operating system's mercy.
        for place in (beside, os.path.dirname(target)):
            handle = os.open(place, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
            if place == beside:
                os.replace(beside, target)
    finally:
        if os.path.exists(beside):
            os.unlink(beside)
