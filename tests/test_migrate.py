"""How a registry is opened, copied and refused: SQLite's settings, and what is said when it does not open."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from pdp import registry
from pdp.disk import DiskError
from pdp.errors import PdpError, RegistryError
from pdp.registry import Registry, connect, migrate, sqlite_told
from pdp.registry.migrate import VERSION, copy
from tests.older import older
from tests.project import held_open


def pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def test_the_settings_that_a_promise_rests_on_are_in_force(tmp_path: Path) -> None:
    """References hold, a schema from elsewhere is not trusted, a commit is on the disk; who only looks cannot write."""
    path = tmp_path / "registry.db"
    with closing(connect(path)) as db:
        found = [
            pragma(db, name)
            for name in ("foreign_keys", "trusted_schema", "cell_size_check", "synchronous", "fullfsync")
        ]
        assert found == [1, 0, 1, 3, 1] and pragma(db, "query_only") == 0
    with closing(connect(path, read_only=True)) as db:
        assert [pragma(db, name) for name in ("foreign_keys", "trusted_schema", "cell_size_check", "query_only")] == [
            1,
            0,
            1,
            1,
        ]
    assert [one.name for one in tmp_path.iterdir()] == ["registry.db"]  # and no copy of what was not there


def test_where_nothing_may_be_written_a_registry_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(tmp_path / "registry.db").close()
    monkeypatch.setattr(registry, "_may_write", lambda path: False)
    with closing(connect(tmp_path / "registry.db", read_only=True)) as db:
        assert pragma(db, "user_version") == migrate.VERSION


def test_an_empty_file_is_no_registry_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "registry.db").touch()
    with pytest.raises(RegistryError, match=r"the registry registry\.db is empty; run doit first"):
        connect(tmp_path / "registry.db", read_only=True)


def test_threads_of_a_run_may_share_the_connection(tmp_path: Path) -> None:
    """`doit -n 2 -P thread`."""
    with closing(connect(tmp_path / "registry.db")) as db:
        seen = list[int]()
        other = threading.Thread(target=lambda: seen.append(pragma(db, "user_version")))
        other.start()
        other.join()
        assert seen == [migrate.VERSION]


def test_a_registry_that_is_refused_is_not_left_open(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_bytes(b"no database" * 100)
    with pytest.raises(RegistryError) as refused:
        connect(tmp_path / "registry.db")
    # While the error is looked at, its frames still hold what was not closed.
    assert refused.traceback and held_open(tmp_path) == []


def test_a_check_that_sqlite_ends_is_damage(tmp_path: Path) -> None:
    one = Registry(tmp_path / "registry.db")
    path = tmp_path / "registry.db"
    with path.open("r+b") as file:
        file.write(b"nonsense" * 32)
    with pytest.raises(RegistryError, match=r"^the registry registry\.db is damaged"):
        one.check()


def test_a_registry_is_read_only_where_file_or_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that a killed run left can be rolled back only where both may be written."""
    path = tmp_path / "registry.db"
    for refused in (path, tmp_path):
        monkeypatch.setattr(os, "access", lambda place, mode, refused=refused: Path(place) != refused)
        assert not registry._may_write(path)
    monkeypatch.setattr(os, "access", lambda place, mode: True)
    assert registry._may_write(path)


def test_a_closed_registry_is_closed(tmp_path: Path) -> None:
    one = Registry(tmp_path / "registry.db")
    one.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        one.newest()


@pytest.mark.parametrize(
    ("name", "kind", "words", "hint"),
    [
        ("SQLITE_FULL", DiskError, "cannot be used", "make room ("),
        (
            "SQLITE_BUSY_SNAPSHOT",
            DiskError,
            "cannot be used",
            "wait until the other pdp or doit is done, then try again",
        ),
        ("SQLITE_READONLY_DIRECTORY", DiskError, "cannot be used", "make the data folder writable for you"),
        ("SQLITE_CANTOPEN", DiskError, "cannot be used", "is the data folder there, and open to you?"),
        ("SQLITE_IOERR_FSYNC", DiskError, "cannot be used", "check the disk"),
        ("SQLITE_CORRUPT", RegistryError, "is damaged and cannot be read", "pdp recover makes it again"),
        ("", RegistryError, "is damaged and cannot be read", "pdp recover makes it again"),
    ],
)
def test_what_sqlite_refused_says_what_to_do(
    tmp_path: Path, name: str, kind: type[PdpError], words: str, hint: str
) -> None:
    error = sqlite3.OperationalError("no")
    if name:
        error.sqlite_errorname = name
    told = sqlite_told(error, str(tmp_path / "registry.db"))
    assert type(told) is kind and words in told.message and "(no)" in told.message and "registry.db" in told.message
    assert told.hint.startswith(hint)


def test_a_registry_in_use_is_told_and_the_transaction_ends(tmp_path: Path) -> None:
    """Each refusal is a sentence, whether it comes at the begin or within."""
    path = tmp_path / "registry.db"
    one, other = Registry(path), Registry(path)
    one.db.execute("PRAGMA busy_timeout = 0")
    with other.transaction(), pytest.raises(DiskError, match="wait until the other pdp"), one.transaction():
        pass
    with pytest.raises(RegistryError, match="no such table"), one.transaction() as db:
        db.execute("SELECT * FROM missing")
    with pytest.raises(DiskError, match=r"^nothing was recorded \(full"), one.transaction():
        raise OSError(28, "full")
    assert not one.db.in_transaction


def harmed(path: Path) -> sqlite3.Connection:
    """A database whose index does not say what its table says."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (x TEXT)")
        db.execute("CREATE INDEX i ON t (x)")
        db.executemany("INSERT INTO t VALUES (?)", [(f"value-{n:04}",) for n in range(50)])
        db.commit()
    content = path.read_bytes()
    at = content.rindex(b"value-0017")
    path.write_bytes(content[:at] + b"value-9917" + content[at + 10 :])
    return sqlite3.connect(path)


def test_a_copy_is_whole_or_not_there(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "good.db")) as db:
        db.execute("CREATE TABLE t AS SELECT 1 AS x")
        copy(db, str(tmp_path / "copy.db"))
    with closing(sqlite3.connect(tmp_path / "copy.db")) as db:
        assert db.execute("SELECT x FROM t").fetchone() == (1,)
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    with (
        closing(harmed(tmp_path / "bad.db")) as db,
        pytest.raises(RegistryError, match=r"the copy of the registry is damaged"),
    ):
        copy(db, str(tmp_path / "copy of bad.db"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.db", "copy.db", "good.db"]


def test_damage_is_found_by_the_check_at_the_start(tmp_path: Path) -> None:
    """Whether SQLite says so in words or cannot read on."""
    path = tmp_path / "registry.db"
    one = Registry(path)
    one.check()
    with one.transaction() as db:
        db.executemany("INSERT INTO memo VALUES ('k', ?, ?)", [(f"key-{n:04}", "v" * 90) for n in range(400)])
    one.close()
    content = path.read_bytes()
    at = content.rindex(b"key-0200")
    size = 4096
    page = at // size * size
    path.write_bytes(content[:page] + b"\xff" * size + content[page + size :])
    with closing(Registry(path)) as harmed, pytest.raises(RegistryError, match="is damaged and cannot be read"):
        harmed.check()


def test_a_migration_that_fails_leaves_no_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "_split", lambda script: iter(["CREATE TABLE x (y)", "no SQL"]))
    with closing(sqlite3.connect(tmp_path / "new.db", isolation_level=None)) as db:
        with pytest.raises(sqlite3.OperationalError, match="syntax error"):
            migrate.bring_up(db, str(tmp_path / "new.db"), read_only=False)
        assert not db.in_transaction and pragma(db, "user_version") == 0
        assert db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone() == (0,)


def test_a_registry_whose_names_are_no_text_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    connect(path).close()
    content = path.read_bytes()
    assert content.count(b"indexoutput_artifact") == 1  # kind and name, as SQLite's own table holds them
    path.write_bytes(content.replace(b"indexoutput_artifact", b"indexoutput_art\xccfact"))
    with pytest.raises(RegistryError, match=r"registry\.db is damaged and cannot be read \(a name is no text\)"):
        connect(path)


def test_an_older_registry_is_not_changed_by_who_only_looks(tmp_path: Path) -> None:
    connect(tmp_path / "registry.db").close()
    with closing(sqlite3.connect(tmp_path / "registry.db")) as db:
        db.execute("PRAGMA user_version = 1")
    with pytest.raises(RegistryError, match=r"is of an older pdp; run doit first"):
        connect(tmp_path / "registry.db", read_only=True)
    assert [path.name for path in tmp_path.iterdir()] == ["registry.db"]


def test_a_copy_leaves_no_handle_open(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "good.db")) as db, closing(harmed(tmp_path / "bad.db")) as bad:
        db.execute("CREATE TABLE t AS SELECT 1 AS x")
        before = held_open(tmp_path)
        copy(db, str(tmp_path / "copy.db"))
        with pytest.raises(RegistryError):
            copy(bad, str(tmp_path / "other.db"))
        assert held_open(tmp_path) == before


def test_a_copy_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    replace = os.replace

    def renamed(source: str, target: str) -> None:
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", lambda handle: done.append(Path(f"/proc/self/fd/{handle}").readlink().name))
    monkeypatch.setattr(os, "replace", renamed)
    with closing(sqlite3.connect(":memory:")) as db:
        copy(db, str(tmp_path / "copy.db"))
    assert done == ["copy.db.pdp-tmp", "rename", tmp_path.name]


def test_nobody_sees_a_registry_that_is_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is begun in the same moment does not take a new registry for an old one, of which to keep a copy."""
    seen: list[int] = []

    def watched(connection: sqlite3.Connection, number: int) -> None:
        one_version(connection, number)
        with closing(sqlite3.connect(tmp_path / "registry.db")) as other:
            seen.append(pragma(other, "user_version"))

    one_version = migrate._migrate
    monkeypatch.setattr(migrate, "_migrate", watched)
    connect(tmp_path / "registry.db").close()
    assert seen == [0] * migrate.VERSION
    assert [path.name for path in tmp_path.iterdir()] == ["registry.db"]


def test_a_migration_that_another_process_did_meanwhile_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes to it second finds it done, keeps no copy and makes no table."""
    path = tmp_path / "registry.db"
    look, looks = migrate._look, iter(range(9))

    def overtaken(connection: sqlite3.Connection) -> tuple[int, int, bool]:
        found = look(connection)
        if next(looks) == 0:
            connection.execute("COMMIT")
            connect(path).close()
            connection.execute("BEGIN")
        return found

    monkeypatch.setattr(migrate, "_look", overtaken)
    with closing(connect(path)) as db:
        assert pragma(db, "user_version") == migrate.VERSION
        assert pragma(db, "application_id") == int.from_bytes(b"pdp1", "big")
    assert [path.name for path in tmp_path.iterdir()] == ["registry.db"]


def test_the_copy_of_an_older_registry_is_made_while_no_other_process_can_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that bring it up at once would write the same copy, and one sweep away the other's."""
    path = tmp_path / "registry.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript((Path(migrate.__file__).parent / "schema/1.sql").read_text())
        db.execute(f"PRAGMA application_id = {migrate.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
    copied: list[str] = []

    def watched(connection: sqlite3.Connection, target: str) -> None:
        with (
            closing(sqlite3.connect(path, timeout=0)) as other,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            other.execute("BEGIN IMMEDIATE")
        copy(connection, target)
        copied.append(Path(target).name)

    monkeypatch.setattr(migrate, "copy", watched)
    connect(path).close()
    assert copied == ["registry.db.v1"] == [left.name for left in tmp_path.iterdir() if left != path]
    with closing(sqlite3.connect(tmp_path / "registry.db.v1")) as db:
        assert pragma(db, "user_version") == 1


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE mine (x)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(RegistryError, match="is not pdp's registry"):
        Registry(path)
    assert path.read_bytes() == before


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """One transaction: the next start finds the old version, whole."""
    Registry(tmp_path / "registry.db").close()
    (tmp_path / "store").mkdir()
    (tmp_path / "store/records").mkdir()
    older(tmp_path, 1)
    db = sqlite3.connect(tmp_path / "registry.db")
    db.execute("CREATE TABLE release (mine)")
    db.commit()
    db.close()
    with pytest.raises(RegistryError, match="already exists"):
        Registry(tmp_path / "registry.db")
    db = sqlite3.connect(tmp_path / "registry.db")
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    assert db.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'chain'").fetchone() == (0,)
    db.execute("DROP TABLE release")
    db.commit()
    db.close()
    assert Registry(tmp_path / "registry.db").db.execute("PRAGMA user_version").fetchone()[0] == VERSION
