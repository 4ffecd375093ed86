"""The chain of records: what the registry says can be told again from the store alone."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pdp.chain import Chain
from pdp.recover import recover
from pdp.registry import Registry
from pdp.registry.apply import history
from pdp.store import Store
from tests.forked import doit_in
from tests.look import pdp, said
from tests.older import older
from tests.project import STEPS, Project, outcomes

ALL = ["ingest:mi_band", "normalize:mi_band", "validate:numbers", "merge"]


def chain_in(data: Path) -> Chain:
    return Chain(Registry(data / "registry.db"), Store(data / "store"))


def told(data: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The history that the registry in `data` tells."""
    registry = Registry(data / "registry.db", read_only=True)
    try:
        return history(registry.db)
    finally:
        registry.close()


def run(chain: Chain) -> None:
    chain.registry.run = None
    chain.registry.begin_run("doit", {"pdp": "1"})


def stage(name: str, digest: str, key: str, **inputs: str) -> dict[str, Any]:
    outputs = [
        {"name": form, "path": f"merged/{form}", "hash": f"{digest}{form}", "size": 1, "rows": 3}
        for form in (name, f"{name}.csv")
    ]
    return {
        "stage": name, "outcome": "built", "reasons": ["because"], "key": key, "identity": {"inputs": inputs},
        "facts": {"read": 3}, "outputs": outputs, "seconds": 0.25,
    }  # fmt: skip


def something(chain: Chain, chance: random.Random) -> None:
    """One random change of the history."""
    name, digest = chance.choice("abcd"), str(chance.randrange(4))
    kind = chance.randrange(9)
    if kind == 0 or chain.registry.run is None:
        run(chain)
        chain.record_outcome(name, "failed", ["no"])
    elif kind == 1:
        chain.end_run(
            chance.choice(["ok", "failed"]), chance.randrange(5), {n: r["version"] for n, r in current(chain)}
        )
    elif kind == 2:
        chain.forget(chance.choice([None, name]))
    elif kind == 3:
        chain.drop_current({name})
    elif kind == 4 and (rows := current(chain)):
        change = chance.choice([chain.pin, chain.unpin])
        change(rows[0][0], rows[0][1]["version"])
    else:
        inputs = {n: r["hash"] for n, r in current(chain) if n < name}
        chain.commit_stage(stage(name, digest, f"key{digest}", **inputs))


def current(chain: Chain) -> list[tuple[str, sqlite3.Row]]:
    return sorted(chain.registry.current().items())


@pytest.mark.parametrize("seed", range(int(os.environ.get("PDP_HISTORIES", "25"))))
def test_a_registry_comes_back_from_the_store(tmp_path: Path, seed: int) -> None:
    """After any history: the rows of the registry that was lost are those of the one made again."""
    chance = random.Random(seed)
    chain = chain_in(tmp_path)
    for _ in range(chance.randrange(1, 40)):
        with chain.transaction():
            something(chain, chance)
    before = history(chain.registry.db)
    chain.registry.close()
    (tmp_path / "registry.db").unlink()
    found = recover(tmp_path)
    assert (found.records, found.damaged, found.holes) == (len(before["chain"]), (), ())
    assert told(tmp_path) == before
    assert not recover(tmp_path).changed


def test_a_stage_may_go_on_where_the_registry_is_gone(project: Project) -> None:
    """The next doit makes it again by itself: nothing is rebuilt."""
    assert outcomes(doit_in(project.root)[1]) == dict.fromkeys(ALL, "built")
    before = told(project.data)
    (project.data / "registry.db").unlink()
    assert outcomes(doit_in(project.root)[1]) == dict.fromkeys(ALL, "current")
    assert told(project.data) == before


@pytest.mark.parametrize("harm", ["gone", "garbage", "empty", "truncated"])
def test_recover_makes_the_registry_again(project: Project, harm: str) -> None:
    """From a front door: whatever became of the file, `pdp recover` brings the history back, and says what it did."""
    assert doit_in(project.root)[0] == 0
    said(project, "pin", "total@v1")
    before, path = told(project.data), project.data / "registry.db"
    content = path.read_bytes()
    harmed = {"garbage": b"no database" * 500, "empty": b"", "truncated": content[: len(content) // 2]}
    path.unlink() if harm == "gone" else path.write_bytes(harmed[harm])
    if harm in ("garbage", "truncated"):
        code, printed = doit_in(project.root)
        assert code != 0 and "pdp recover" in printed and "Traceback" not in printed
    printed = said(project, "recover")
    assert "made again from 6 records" in printed
    assert ("registry.db.old-1" in printed) == (harm != "gone")
    assert told(project.data) == before
    assert set(outcomes(doit_in(project.root)[1]).values()) == {"current"}


def test_recover_without_records_says_so(project: Project) -> None:
    project.data.mkdir(exist_ok=True)
    assert "holds no records" in pdp(project, "recover", code=1)


def test_a_hole_in_the_history_is_told(project: Project) -> None:
    """A record that is gone is named; what came after it is kept all the same."""
    assert doit_in(project.root)[0] == 0
    rows = told(project.data)["chain"]
    (project.data / "store/records" / rows[1][1]).unlink()
    (project.data / "registry.db").unlink()
    assert "holes" in pdp(project, "recover", code=1)
    assert len(told(project.data)["chain"]) == len(rows) - 1


def test_what_was_recorded_but_not_committed_is_not_done_again(project: Project) -> None:
    """Killed between the record and the transaction: the next run applies the record, and runs no stage twice."""
    assert doit_in(project.root)[0] == 0
    path = project.data / "registry.db"
    before = path.read_bytes()
    project.write("stages/help.py", "FACTOR = 2\n")
    assert outcomes(doit_in(project.root)[1])["merge"] == "built"
    after = told(project.data)
    path.write_bytes(before)
    assert set(outcomes(doit_in(project.root)[1]).values()) == {"current"}
    assert told(project.data) == after


def test_a_record_that_was_overtaken_goes(tmp_path: Path) -> None:
    """What a failed commit left is no second history once another record took its place."""
    chain = chain_in(tmp_path)
    with chain.transaction():
        run(chain)
        chain.commit_stage(stage("a", "1", "k1"))
    lone = json.dumps({"scheme": 1, "kind": "forget", "previous": "", "at": "", "run": None, "stage": None})
    chain.store.put_record(lone.encode())
    before = history(chain.registry.db)
    assert chain.catch_up() == 0
    assert chain.store.records() == {row[1] for row in before["chain"]}
    assert history(chain.registry.db) == before


def test_a_failed_commit_leaves_no_record(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    with pytest.raises(ZeroDivisionError), chain.transaction():
        run(chain)
        chain.commit_stage(stage("a", "1", "k1"))
        raise ZeroDivisionError
    assert chain.store.records() == set()
    assert history(chain.registry.db)["chain"] == []


def test_applying_a_record_twice_changes_nothing(tmp_path: Path) -> None:
    from pdp.chain import read_all
    from pdp.registry.apply import apply

    chain = chain_in(tmp_path)
    with chain.transaction():
        run(chain)
        chain.commit_stage(stage("a", "1", "k1"))
    before = history(chain.registry.db)
    with chain.registry.transaction() as db:
        for digest, record in read_all(chain.store, chain.store.records()).items():
            apply(db, record, digest)
    assert history(chain.registry.db) == before


@pytest.mark.parametrize(
    "change", ["UPDATE artifact SET rows = 9", "DELETE FROM chain", "DELETE FROM stage_run", "UPDATE stage_run SET at = ''",
               "DELETE FROM artifact", "UPDATE chain SET hash = ''", "DELETE FROM output", "UPDATE output SET version = 9",
               "DELETE FROM input", "UPDATE input SET version = 9", "DELETE FROM common", "UPDATE common SET text = '{}'",
               "UPDATE stage_run SET common = NULL", "UPDATE stage_run SET own = '{}'"]
)  # fmt: skip
def test_the_history_only_grows(tmp_path: Path, change: str) -> None:
    """Not even pdp's own SQL changes what was recorded."""
    chain = chain_in(tmp_path)
    with chain.transaction():
        run(chain)
        chain.commit_stage(stage("a", "1", "k1"))
        chain.commit_stage(stage("b", "1", "k1", a="1a"))
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        chain.registry.db.execute(change)


def test_what_is_no_longer_pinned_has_no_pin(tmp_path: Path) -> None:
    """Here, and where the history is told again from the store."""
    chain = chain_in(tmp_path)
    with chain.transaction():
        run(chain)
        chain.commit_stage(stage("a", "1", "k1"))
        chain.pin("a", 1)
        chain.pin("a.csv", 1)
        chain.unpin("a", 1)
    assert history(chain.registry.db)["pin"] == [("a.csv", 1)]
    chain.registry.close()
    (tmp_path / "registry.db").unlink()
    recover(tmp_path)
    assert told(tmp_path)["pin"] == [("a.csv", 1)]


def test_an_output_that_a_stage_no_longer_has_is_not_current(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    less = stage("a", "2", "k2")
    less["outputs"] = [one for one in less["outputs"] if one["name"] == "a"]
    with chain.transaction():
        run(chain)
        chain.commit_stage(stage("a", "1", "k1"))
        assert sorted(chain.registry.current()) == ["a", "a.csv"]
        chain.commit_stage(less)
        assert sorted(chain.registry.current()) == ["a"]


def test_an_older_registry_is_brought_up_to_date(project: Project) -> None:
    """A copy of it is kept; the next change writes the whole history down, and it can be told again from the store."""
    assert doit_in(project.root)[0] == 0
    project.write("stages/steps.py", STEPS.replace("* FACTOR]", "* None]"))
    assert doit_in(project.root)[0] != 0
    project.write("stages/steps.py", STEPS)
    old = {name: rows for name, rows in told(project.data).items() if name not in ("chain", "release", "stage_run")}
    older(project.data, 1)
    assert "of an older pdp; run doit first" in pdp(project, "history", code=1)
    assert set(outcomes(doit_in(project.root)[1]).values()) == {"current"}
    copy = sqlite3.connect(project.data / "registry.db.v1")
    assert copy.execute("PRAGMA user_version").fetchone() == (1,)
    assert (project.data / "registry.db.v1").stat().st_mode & 0o777 == 0o600
    project.write("stages/help.py", "FACTOR = 2\n")
    assert outcomes(doit_in(project.root)[1])["merge"] == "built"
    now = told(project.data)
    assert now["run"][: len(old["run"])] == old["run"]
    assert len(now["artifact"]) == len(old["artifact"]) + 2
    assert all(row[-1] for row in now["stage_run"])
    (project.data / "registry.db").unlink()
    recover(project.data)
    assert told(project.data) == now


def test_what_was_pinned_dropped_and_forgotten_before_there_were_records_is_written_down(tmp_path: Path) -> None:
    """The first change of an older registry does it; then the store alone tells the same."""
    chain = chain_in(tmp_path)
    with chain.transaction():
        run(chain)
        for name in "abc":
            chain.commit_stage(stage(name, "1", "k1"))
        chain.end_run("ok", 0)
        run(chain)
        chain.commit_stage(stage("a", "2", "k2"))
        chain.drop_current({"b", "b.csv"})
        chain.pin("a", 1)
        chain.forget("c")
    chain.registry.close()
    older(tmp_path, 1)
    chain = chain_in(tmp_path)
    with chain.transaction():
        chain.pin("c", 1)
    now = history(chain.registry.db)
    assert now["pin"] == [("a", 1), ("c", 1)]
    assert [row[0] for row in now["current"]] == ["a", "a.csv", "c", "c.csv"]
    assert [(row[0], row[3]) for row in now["trace"]] == [("a", 0), ("a", 0), ("b", 0), ("c", 1)]
    records = [json.loads((tmp_path / "store/records" / row[1]).read_text()) for row in now["chain"]]
    assert all(record["at"] for record in records)
    kinds = [record["kind"] for record in records]
    assert kinds == [*["stage"] * 3, "end", "stage", "drop", "pin", "forget", "pin"]
    chain.registry.close()
    (tmp_path / "registry.db").unlink()
    recover(tmp_path)
    assert told(tmp_path) == now


def test_the_last_complete_run_is_the_release(project: Project) -> None:
    """A run that fails half way leaves the release as it was; a run of a part of the pipeline too."""

    def release() -> dict[str, int]:
        return dict(told(project.data)["release"])

    assert doit_in(project.root)[0] == 0
    first = release()
    assert first == dict.fromkeys(
        ["mi_band", "mi_band_numbers", "numbers", "numbers_quarantine", "total", "total.csv"], 1
    )
    project.raw("a.txt", "5 6")
    assert doit_in(project.root, "validate")[0] == 0
    assert release() == first
    project.write("stages/steps.py", STEPS.replace("* FACTOR]", "* None]"))
    assert doit_in(project.root)[0] != 0
    assert release() == first
    project.write("stages/steps.py", STEPS)
    assert doit_in(project.root)[0] == 0
    assert release() == dict.fromkeys(first, 2) | {"numbers_quarantine": 1}


def lone(chain: Chain, previous: str, at: str = "") -> str:
    """A record that a commit left which then failed, or whose registry is gone."""
    content = {"scheme": 1, "kind": "forget", "previous": previous, "at": at, "run": None, "stage": None}
    return chain.store.put_record(json.dumps(content).encode())


def test_what_was_overtaken_goes_and_what_lies_behind_a_hole_stays(tmp_path: Path) -> None:
    """A branch goes whole, wherever it leaves the history; of a record whose predecessor is gone nobody knows what it was."""
    chain = chain_in(tmp_path)
    for _ in range(3):
        with chain.transaction():
            chain.forget(None)
    first, *_ = mine = chain.registry.chain()
    branch = lone(chain, first, "1")
    lone(chain, branch, "2")
    behind = lone(chain, "0" * 64)
    assert chain.catch_up() == 0
    assert chain.store.records() == {*mine, behind}
    assert chain.registry.chain() == mine


def test_of_two_ways_the_longer_one_is_the_history(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    short = lone(chain, "", "1")
    long = [lone(chain, "", "2")]
    for at in "34":
        long.append(lone(chain, long[-1], at))
    assert chain.catch_up() == 3
    assert chain.registry.chain() == long and short not in chain.store.records()


def test_the_store_of_a_registry_is_known_by_the_last_record(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    assert chain.has_last_record()
    with chain.transaction():
        chain.forget(None)
        chain.forget(None)
    assert chain.has_last_record()
    chain.store.record_path(chain.registry.chain()[-1]).unlink()
    assert not chain.has_last_record()


def test_a_commit_that_failed_says_why_though_its_record_cannot_be_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk refuses that as well: the first error is the one to be told, and the record is overtaken later."""
    chain = chain_in(tmp_path)

    def refuse(digest: str) -> None:
        raise OSError(30, "read-only")

    monkeypatch.setattr(chain.store, "remove_record", refuse)
    with pytest.raises(ZeroDivisionError), chain.transaction():
        chain.forget(None)
        raise ZeroDivisionError
    assert chain.registry.chain() == [] and len(chain.store.records()) == 1


def test_what_is_dropped_is_current_no_more(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    with chain.transaction():
        run(chain)
        chain.commit_stage(stage("a", "1", "k1"))
        chain.drop_current({"a"})
    assert [name for name, _ in current(chain)] == ["a.csv"]
