from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pdp.chain import Chain, read_all
from pdp.errors import RegistryError
from pdp.recover import in_order
from pdp.registry import Registry, dump, load
from pdp.registry.apply import history, parse, replace
from pdp.store import Store


def chain(registry: Registry) -> Chain:
    return Chain(registry, Store(registry.path.parent / "store"))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry.db")


def record(stage: str, digest: str, key: str, outcome: str = "built", **inputs: str) -> dict[str, Any]:
    output = {"name": stage, "path": f"merged/{stage}.parquet", "hash": digest, "size": 1, "rows": 3}
    return {
        "stage": stage, "outcome": outcome, "reasons": ["never built"], "key": key, "identity": {"inputs": inputs},
        "facts": {}, "outputs": [output], "seconds": 0.1,
    }  # fmt: skip


def commit(registry: Registry, *records: dict[str, Any]) -> list[str]:
    writing = chain(registry)
    with writing.transaction():
        if registry.run is None:
            registry.begin_run("doit", {})
        return [writing.commit_stage(one) for one in records]


def test_versions_number_distinct_contents(registry: Registry) -> None:
    """New bytes get the next number; bytes seen before keep theirs."""
    commit(registry, record("a", "h1", "k1"), record("a", "h2", "k2"), record("a", "h1", "k3"))
    assert registry.current()["a"]["version"] == 1
    assert registry.version_of("a", "h2") == 2


def test_a_built_stage_with_the_same_outputs_is_unchanged(registry: Registry) -> None:
    assert commit(registry, record("a", "h1", "k1"), record("a", "h1", "k2")) == ["built", "unchanged"]


def test_a_trace_gives_back_what_an_identity_made(registry: Registry) -> None:
    """Until it is forgotten."""
    commit(registry, record("a", "h1", "k1"), record("a", "h2", "k2"))
    found = registry.trace("a", "k1")
    assert found and found["outputs"][0]["hash"] == "h1"
    assert registry.trace("a", "other") is None
    writing = chain(registry)
    with writing.transaction():
        writing.forget("a")
    assert registry.trace("a", "k1") is None
    assert registry.is_forgotten("a", "k1")


def test_a_failure_keeps_the_last_good_state(registry: Registry) -> None:
    commit(registry, record("a", "h1", "k1"))
    writing = chain(registry)
    with writing.transaction():
        writing.record_outcome("a", "failed", ["no"])
    last = registry.last("a")
    assert last and last["key"] == "k1"
    assert registry.current()["a"]["hash"] == "h1"
    assert registry.failing() == [{"stage": "a", "reason": "no"}]


def test_a_transaction_is_all_or_nothing(registry: Registry) -> None:
    """An error in the middle leaves no row behind."""
    writing = chain(registry)
    with pytest.raises(ZeroDivisionError), writing.transaction():
        registry.begin_run("doit", {})
        writing.commit_stage(record("a", "h1", "k1"))
        raise ZeroDivisionError
    assert writing.store.records() == set()
    assert registry.current() == {}
    assert registry.last_run() is None


def test_lineage_names_the_versions_read(registry: Registry) -> None:
    commit(registry, record("a", "h1", "k1"), record("b", "h9", "k2", a="h1"))
    rows = registry.db.execute("SELECT name, version FROM input").fetchall()
    assert [tuple(row) for row in rows] == [("a", 1)]


def test_an_open_run_is_a_crashed_one(tmp_path: Path, registry: Registry) -> None:
    """A run that never ended is told as crashed when the next begins."""
    commit(registry, record("a", "h1", "k1"))
    registry.close()
    again = Registry(tmp_path / "registry.db")
    commit(again, record("a", "h1", "k1"))
    states = [row["status"] for row in again.db.execute("SELECT status FROM run ORDER BY id")]
    assert states == ["crashed", "running"]


def test_the_file_is_its_owners(registry: Registry) -> None:
    assert registry.path.stat().st_mode & 0o777 == 0o600


def test_a_newer_registry_is_refused(tmp_path: Path, registry: Registry) -> None:
    registry.db.execute("PRAGMA user_version = 99")
    registry.close()
    with pytest.raises(RegistryError, match="newer pdp"):
        Registry(tmp_path / "registry.db")


def test_what_is_no_registry_is_refused_and_left_alone(tmp_path: Path) -> None:
    """One sentence; the file keeps its bytes."""
    path = tmp_path / "registry.db"
    path.write_bytes(b"not a database, and long enough to be looked at" * 30)
    with pytest.raises(RegistryError, match="cannot be read"):
        Registry(path)
    assert path.read_bytes().startswith(b"not a database")


def test_reading_only_changes_nothing(tmp_path: Path, registry: Registry) -> None:
    commit(registry, record("a", "h1", "k1"))
    reader = Registry(tmp_path / "registry.db", read_only=True)
    assert reader.current()["a"]["rows"] == 3
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.put_doit_state("a", {})
    reader.put("kind", "key", 1)
    assert reader.get("kind", "key") is None


def test_forgotten_is_what_doit_remembers_too(registry: Registry) -> None:
    """Of one stage, or of all."""
    writing = chain(registry)
    for forgotten, left in (("a", {"b": 1}), (None, {})):
        with writing.transaction():
            for task in "ab":
                registry.put_doit_state(task, {task: 1})
            writing.forget(forgotten)
        assert registry.doit_state("a") == {}
        assert registry.doit_state("b") == left


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is no record"),
        (b"[]", "is no record"),
        (b'{"scheme":1,"kind":"pin"}', "is no record"),
        (b'{"kind":"pin","previous":""}', "is no record"),
        (b'{"scheme":1,"kind":"pin","previous":1}', "is no record"),
        (b'{"scheme":2,"kind":"pin","previous":""}', "was written by a newer pdp; upgrade pdp"),
        (b'{"scheme":1,"kind":"other","previous":""}', "was written by a newer pdp; upgrade pdp"),
    ],
)
def test_what_is_no_record_is_refused_in_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(RegistryError, match=sentence):
        parse(content)


def test_a_record_that_does_not_fit_is_refused_and_nothing_of_it_stays(registry: Registry) -> None:
    """Neither it nor the records that would have been applied with it."""
    store = Store(registry.path.parent / "store")
    first = dump({"scheme": 1, "kind": "forget", "previous": "", "at": "", "run": None, "stage": None}).encode()
    unfit = {"scheme": 1, "kind": "end", "previous": store.put_record(first), "at": "", "run": None}
    store.put_record(dump(unfit).encode())
    with pytest.raises(RegistryError, match="does not fit to the history; run pdp verify"):
        chain(registry).catch_up()
    assert registry.chain() == []


def test_an_unchanged_stage_is_recorded_as_unchanged(registry: Registry) -> None:
    commit(registry, record("a", "h1", "k1"), record("a", "h1", "k2"))
    outcomes = registry.db.execute("SELECT outcome FROM stage_run ORDER BY id").fetchall()
    assert [row[0] for row in outcomes] == ["built", "unchanged"]


def test_a_name_that_means_something_in_an_address_is_a_name(tmp_path: Path) -> None:
    """The folder is made where it is not there yet."""
    path = tmp_path / "a#b?c%20d&mode=ro" / "registry.db"
    Registry(path).close()
    assert [one.name for one in path.parent.iterdir()] == ["registry.db"]
    assert [one.name for one in tmp_path.iterdir()] == [path.parent.name]


def test_another_file_in_its_place_is_seen(tmp_path: Path, registry: Registry) -> None:
    assert not registry.is_replaced()
    Registry(tmp_path / "other.db").close()
    os.replace(tmp_path / "other.db", registry.path)
    assert registry.is_replaced()
    registry.path.unlink()
    assert registry.is_replaced()


def test_what_a_run_left_is_told(registry: Registry) -> None:
    """Whether it ended, when, its outcomes counted, the release, and what was made from what is no longer current."""
    assert not registry.is_open() and registry.newest() == "" and registry.last_run() is None
    commit(registry, record("a", "h1", "k1"), record("b", "h9", "k2", a="h1"))
    assert registry.is_open() and registry.newest() > "2020" and registry.outdated() == set()
    writing = chain(registry)
    with writing.transaction():
        writing.record_outcome("c", "failed", ["no"])
        writing.end_run("ok", 0, {"a": 1, "b": 1})
    last = registry.last_run()
    assert last == {"at": last and last["at"], "status": "ok", "summary": "2 built, 1 failed"}
    assert not registry.is_open() and registry.release() == {"a": 1, "b": 1}
    commit(registry, record("a", "h2", "k3"))
    assert registry.outdated() == {"b"}
    assert registry.facts() == {"a": {}, "b": {}} and registry.current_of("a") == {"a": "h2"}


def test_a_value_has_one_text_and_what_is_none_is_told() -> None:
    assert dump({"b": 1, "a": ["ü", None]}) == '{"a":["ü",null],"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump(float("nan"))
    with pytest.raises(
        RegistryError, match=r"^the registry registry\.db is damaged and cannot be read .a row is not what was written"
    ):
        load("{")


def test_the_whole_history_may_be_written_anew(registry: Registry) -> None:
    """As a merge does: the rows of these records and no others, and afterwards it only grows again."""
    commit(registry, record("a", "h1", "k1"), record("b", "h9", "k2", a="h1"))
    before, store = history(registry.db), Store(registry.path.parent / "store")
    order, _ = in_order(read_all(store, store.records()))
    with registry.transaction() as db:
        replace(db, order[:1])
    less = history(registry.db)
    assert [row[1] for row in less["stage_run"]] == [1] and len(less["chain"]) == len(less["artifact"]) == 1
    with registry.transaction() as db:
        replace(db, order)
    assert history(registry.db) == before
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        registry.db.execute("DELETE FROM stage_run")


@pytest.mark.parametrize("harm", ["sha256 = replace(sha256, 'a', 'c')", "size = 9", "name = 'b'", "sha256 = ''"])
def test_a_kept_hash_of_a_file_is_what_was_kept_or_nothing(registry: Registry, harm: str) -> None:
    """Harmed in the hash or in what it is the hash of, it is forgotten."""
    kept = {"a": ((1, 2, 3, 4), "ab" * 32)}
    registry.put_file_stats(kept)
    assert registry.file_stats(raw=False) == kept
    registry.db.execute(f"UPDATE file_stat SET {harm}")
    assert registry.file_stats(raw=False) == {}


def test_hashes_of_raw_files_are_kept_apart_from_those_of_all_others(registry: Registry) -> None:
    names = ["raw/a", "raw/b/c", "raw", "raw0", "rav/a", "raw.csv", "merged/raw/a", "zzz"]
    kept = {name: ((1, 2, 3, number), "ab" * 32) for number, name in enumerate(names)}
    registry.put_file_stats(kept)
    assert sorted(registry.file_stats(raw=True)) == ["raw/a", "raw/b/c"]
    assert registry.file_stats(raw=True) | registry.file_stats(raw=False) == kept
