"""`pdp verify` finds what was tampered with, and `pdp backup` makes a whole copy."""

from __future__ import annotations

import shutil
import sqlite3

from pdp.session import Session
from pdp.verify import findings
from tests.forked import doit_in
from tests.look import pdp, said
from tests.project import STEPS, Project, outcomes


def test_verify_and_backup(project: Project) -> None:
    """Well; then an object, a record and a row harmed in turn, each named; then a stage that is impure."""
    assert doit_in(project.root)[0] == 0
    assert "all is well" in said(project, "verify")
    said(project, "backup", "copy.db")
    assert sqlite3.connect(project.root / "copy.db").execute("SELECT COUNT(*) FROM chain").fetchone() == (5,)
    assert (project.root / "copy.db").stat().st_mode & 0o777 == 0o600
    assert "there already" in pdp(project, "backup", "copy.db", code=1)
    db = sqlite3.connect(project.data / "registry.db")
    db.execute("UPDATE current SET version = version WHERE 0")
    db.execute("DROP TRIGGER artifact_fixed")
    db.execute("UPDATE artifact SET rows = 99 WHERE name = 'total'")
    db.commit()
    db.close()
    assert "1 finding" in pdp(project, "verify", code=1)
    said(project, "recover")
    assert "all is well" in said(project, "verify", "--rerun", "100%", "--seed", "1")
    project.write("stages/steps.py", STEPS.replace('yield "total"', 'import os\n    yield "total"').replace(
        "* FACTOR]", "* FACTOR + int.from_bytes(os.urandom(3), 'big')]"))  # fmt: skip
    assert doit_in(project.root)[0] == 0
    assert "1 finding" in pdp(project, "verify", "--rerun", "100%", code=1)


CHANGES = [
    "UPDATE stage_run SET reasons = '[\"other\"]' WHERE id = 2",
    "UPDATE run SET command = 'doit clean'",
    "DELETE FROM current WHERE name = 'total'",
    "UPDATE artifact SET path = 'merged/x.csv' WHERE name = 'total'",
    "UPDATE trace SET forgotten = 1",
    "DELETE FROM input",
    "INSERT INTO pin VALUES ('total', 1)",
    "DELETE FROM release",
    "DELETE FROM chain WHERE seq = 5",
    "UPDATE stage_run SET facts = '{}'",
    "UPDATE output SET version = 2 WHERE name = 'total'",
    "UPDATE stage_run SET at = '2020-01-01T00:00:00Z'",
]


def test_every_changed_row_is_found(project: Project) -> None:
    """Whatever a flipped bit makes of a row that counts: the records say otherwise."""
    assert doit_in(project.root)[0] == 0
    path = project.data / "registry.db"
    content = path.read_bytes()
    for change in CHANGES:
        path.write_bytes(content)
        db = sqlite3.connect(path)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        assert db.execute(change).rowcount > 0, change
        db.commit()
        db.close()
        session = Session(project.root, {})
        assert list(findings(session)), change
        session.close()


def test_an_object_and_a_record_that_were_harmed_are_named(project: Project) -> None:
    assert doit_in(project.root)[0] == 0
    session = Session(project.root, {})
    digest = session.registry.current()["total"]["hash"]
    path = session.store.path(digest)
    path.chmod(0o600)
    path.write_bytes(b"other")
    record = session.store.record_path(min(session.store.records()))
    record.chmod(0o600)
    record.write_bytes(b"{}")
    found = "\n".join(findings(session))
    session.close()
    assert "the bytes of total@v1 are not what their name says" in found
    assert f"record {record.name[:12]} is not what its name says" in found


def test_recover_puts_lost_objects_back(project: Project) -> None:
    """One damaged, one gone, both still whole in their named files: after `pdp recover` all is well, and nothing is built."""
    assert doit_in(project.root)[0] == 0
    session = Session(project.root, {})
    current = session.registry.current().values()
    # Outputs of equal bytes share an object: the two are chosen among those that share none.
    hashes = [row["hash"] for row in current]
    first, second, *_ = [row for row in current if hashes.count(row["hash"]) == 1]
    harmed, gone = session.store.path(first["hash"]), session.store.path(second["hash"])
    session.close()
    harmed.chmod(0o600)
    harmed.write_bytes(b"other")
    gone.unlink()
    assert "2 findings" in pdp(project, "verify", code=1)
    printed = said(project, "recover")
    assert first["path"] in printed and second["path"] in printed
    assert harmed.stat().st_mode & 0o777 == 0o400
    assert "all is well" in said(project, "verify")
    assert set(outcomes(doit_in(project.root)[1]).values()) == {"current"}


def test_a_store_without_records_is_one_finding(project: Project) -> None:
    assert doit_in(project.root)[0] == 0
    shutil.rmtree(project.data / "store/records")
    printed = pdp(project, "verify", code=1)
    assert "1 finding" in printed
