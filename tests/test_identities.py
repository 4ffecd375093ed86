"""Identities in the registry: kept in parts that runs share, and put together again to the same bytes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.chain import Chain
from pdp.identity import key_of
from pdp.recover import recover
from pdp.registry import Registry, dump, load
from pdp.registry.apply import history
from pdp.registry.history import History
from pdp.registry.identities import common_of, own_of
from pdp.registry.migrate import VERSION
from pdp.session import Session
from pdp.store import Store
from pdp.verify import findings
from tests.forked import doit_in
from tests.look import pdp, said
from tests.older import older
from tests.project import STEPS, Project, outcomes

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
sections = st.dictionaries(st.sampled_from(("code", "config", "libraries", "scheme", "repairs", "order")), json)
hashes = st.dictionaries(st.text(min_size=1), st.text("0123456789abcdef", min_size=1), max_size=4)


def reasons(data: Path) -> list[Any]:
    """What every stage run's identity is, as bytes, with its key."""
    with closing(Registry(data / "registry.db", read_only=True)) as registry:
        rows = registry.db.execute("SELECT id, key FROM stage_run ORDER BY id").fetchall()
        return [(row["key"], dump(registry.identity(row["id"]))) for row in rows]


def rows(data: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(Registry(data / "registry.db", read_only=True)) as registry:
        return history(registry.db)


@given(sections, hashes, hashes, st.none() | st.lists(json, max_size=3))
def test_an_identity_is_put_together_from_its_parts(
    shared: dict[str, Any], inputs: dict[str, str], lineage: dict[str, str], snapshot: list[Any] | None
) -> None:
    """The same bytes, whatever the lineage tells: nothing, all, or something else."""
    identity = shared | {"inputs": inputs} | ({"snapshot": snapshot} if snapshot is not None else {})
    for told in (lineage, inputs, {}):
        own = own_of(identity, told)
        assert dump({"inputs": told} | load(common_of(identity)) | load(own or "{}")) == dump(identity)
        assert own is not None or told == inputs
    assert load(common_of(identity)) == shared  # files differ from run to run: what is shared must not hold them


def committed(folder: Path, identities: list[dict[str, Any]], made: dict[str, str]) -> Registry:
    """A registry in which a first stage made these versions, and a second one ran with each identity."""
    registry = Registry(folder / "registry.db")
    chain = Chain(registry, Store(folder / "store"))
    outputs = [{"name": name, "path": "p", "hash": hashed, "size": 1, "rows": None} for name, hashed in made.items()]
    one = {"outcome": "built", "reasons": [], "facts": {}, "seconds": 0.0}
    with chain.transaction():
        registry.begin_run("doit", {})
        chain.commit_stage(one | {"stage": "a", "key": "", "identity": {"inputs": {}}, "outputs": outputs})
        for identity in identities:
            chain.commit_stage(one | {"stage": "b", "key": key_of(identity), "identity": identity, "outputs": []})
    return registry


@given(st.lists(st.tuples(sections, hashes, st.booleans()), min_size=1, max_size=4))
def test_what_the_registry_gives_back_is_what_was_committed(
    tmp_path_factory: pytest.TempPathFactory, given: list[tuple[dict[str, Any], dict[str, str], bool]]
) -> None:
    """Also by a registry of the second version that is brought up, and by one made again from the store: row by row the same."""
    folder = tmp_path_factory.mktemp("registry")
    made: dict[str, str] = {}
    for _, inputs, known in given:
        made |= inputs if known else {}
    identities = [shared | {"inputs": inputs} for shared, inputs, _ in given]
    with closing(committed(folder, identities, made)) as registry:
        recorded = history(registry.db)
        assert [registry.identity(number + 2) for number in range(len(given))] == identities
        assert registry.identity(99) == {}
    before = reasons(folder)
    assert [key for key, _ in before[1:]] == [key_of(identity) for identity in identities]
    older(folder, 2)
    Registry(folder / "registry.db").close()
    assert reasons(folder) == before and rows(folder) == recorded
    (folder / "registry.db").unlink()
    recover(folder)
    assert reasons(folder) == before and rows(folder) == recorded


def test_what_runs_have_in_common_is_kept_once(tmp_path: Path) -> None:
    """Runs with other inputs share the rest; what the lineage tells is not kept beside it."""
    identities = [{"code": "c", "config": {"a": 1}, "inputs": {"x": hashed}} for hashed in ("1", "2", "1", "gone")]
    with closing(committed(tmp_path, identities, {"x": "1", "y": "3"})) as registry:
        shared = registry.db.execute("SELECT id, text FROM common ORDER BY id").fetchall()
        assert [tuple(row) for row in shared] == [(1, "{}"), (2, '{"code":"c","config":{"a":1}}')]
        kept = registry.db.execute("SELECT common, own FROM stage_run ORDER BY id").fetchall()
        assert [tuple(row) for row in kept] == [
            (1, None), (2, None), (2, '{"inputs":{"x":"2"}}'), (2, None), (2, '{"inputs":{"x":"gone"}}'),
        ]  # fmt: skip
        registry.db.execute("PRAGMA query_only = ON")
        with pytest.raises(sqlite3.OperationalError):
            registry.db.execute("INSERT INTO common (text) VALUES ('')")


@pytest.fixture
def past(project: Project) -> Project:
    """Two runs, one of other code, and a failure."""
    assert doit_in(project.root)[0] == 0
    project.write("stages/help.py", "FACTOR = 2\n")
    project.raw("b.txt", "7 -7")
    assert doit_in(project.root)[0] == 0
    project.write("stages/steps.py", STEPS.replace("* FACTOR]", "* None]"))
    assert doit_in(project.root)[0] != 0
    project.write("stages/steps.py", STEPS)
    assert doit_in(project.root)[0] == 0
    return project


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_registry_is_brought_up_and_tells_the_same(past: Project, version: int) -> None:
    """Identities, reasons, lineage; nothing runs again, an undone edit is restored, and the older file is kept as it was."""
    told = (("lineage", "total"), ("lineage", "total@v1"), ("history", "total"), ("why",), ("graph",))
    before = reasons(past.data), [said(past, *words) for words in told]
    recorded = rows(past.data)
    older(past.data, version)
    assert "of an older pdp; run doit first" in pdp(past, "history", code=1)
    assert set(outcomes(doit_in(past.root)[1]).values()) == {"current"}
    assert (reasons(past.data), [said(past, *words) for words in told]) == before
    if version == 2:
        assert rows(past.data) == recorded
    with closing(sqlite3.connect(past.data / f"registry.db.v{version}")) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (version,)
        kept = [row[0] for row in copy.execute("SELECT identity FROM stage_run ORDER BY id")]
        assert [identity or "{}" for identity in kept] == [identity for _, identity in before[0]]
    past.write("stages/help.py", "FACTOR = 1\n")
    (past.data / "raw/mi_band/b.txt").unlink()
    found = outcomes(doit_in(past.root)[1])
    assert found == dict.fromkeys(found, "restored") | {"ingest:mi_band": "built"}
    now = rows(past.data)
    (past.data / "registry.db").unlink()
    said(past, "recover")
    assert rows(past.data) == now


def test_a_registry_of_this_version_is_refused_by_the_pdp_before(
    past: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so before it has looked at a table."""
    monkeypatch.setattr("pdp.registry.migrate.VERSION", VERSION - 1)
    code, printed = doit_in(past.root)
    assert code and "the registry registry.db was written by a newer pdp; upgrade pdp" in printed


def test_a_second_version_whose_identity_is_harmed_is_damaged_and_recovered(past: Project) -> None:
    """Nothing of it is changed: a migration is done as a whole or not at all."""
    before = reasons(past.data)
    older(past.data, 2)
    with closing(sqlite3.connect(past.data / "registry.db", isolation_level=None)) as db:
        db.execute("DROP TRIGGER stage_run_fixed")
        db.execute("UPDATE stage_run SET identity = '[' || identity WHERE id = 3")
    code, printed = doit_in(past.root)
    assert code and "is damaged and cannot be read" in printed and "pdp recover" in printed
    with closing(sqlite3.connect(past.data / "registry.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
    said(past, "recover")
    assert reasons(past.data) == before and "all is well" in said(past, "verify")


HARM = [
    "UPDATE common SET text = replace(text, '\"scheme\":2', '\"scheme\":3') WHERE id = 2",
    "DELETE FROM common WHERE id = 3",
    "INSERT INTO common (text) VALUES ('{}')",
    "UPDATE stage_run SET common = 1 WHERE id = 2",
    "UPDATE stage_run SET own = '{}' WHERE id = 2",
    "UPDATE stage_run SET own = NULL WHERE id = 1",
]


@pytest.mark.parametrize("harm", HARM)
def test_harm_to_what_is_shared_is_found_and_healed(past: Project, harm: str) -> None:
    """`pdp verify` holds it against the records, `pdp recover` makes it again from them."""
    before, recorded = reasons(past.data), rows(past.data)
    with closing(sqlite3.connect(past.data / "registry.db", isolation_level=None)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        assert db.execute(harm).rowcount == 1
    with closing(Session(past.root, {})) as session:
        assert any(" does not say what the records say" in one for one in findings(session))
    assert "finding" in pdp(past, "verify", code=1)
    said(past, "recover")
    assert (reasons(past.data), rows(past.data)) == (before, recorded)
    assert "all is well" in said(past, "verify")


def test_lineage_gives_the_identity_of_what_was_made(past: Project) -> None:
    """The maker of each version, with the inputs that it had then."""
    with closing(Registry(past.data / "registry.db", read_only=True)) as registry:
        told = History(registry.db)
        for number in (1, 2):
            maker = told.maker("total", number)
            assert maker["identity"] == registry.identity(maker["id"])
            assert maker["identity"]["inputs"] == {"numbers": (told.version("numbers", number) or {})["hash"]}
            given = told.giver("mi_band", number, maker["id"])
            assert given and given["identity"]["snapshot"] == told.raw_files(given["id"])
            assert len(given["identity"]["snapshot"]) == number
