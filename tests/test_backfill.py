"""A history that is older than the records is written down once, however often the run that does so is killed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pdp.registry import Registry
from pdp.registry.apply import history
from pdp.session import Session
from pdp.store import Store
from pdp.verify import findings
from tests.forked import doit_in
from tests.older import older
from tests.project import Project, outcomes

OLD = 6  # records that the old history gives: four stages, the end of the run, and one of a pin


def upgraded(folder: Path) -> Project:
    """A project whose registry is of the first version, and something new to record."""
    project = Project(folder)
    assert doit_in(project.root)[0] == 0
    registry = Registry(project.data / "registry.db")
    registry.db.execute("INSERT INTO pin VALUES ('total', 1)")
    registry.close()
    older(project.data, 1)
    project.raw("b.txt", "10 -4")
    return project


def killed(project: Project, records: int) -> None:
    """A run that is gone when it has put so many records into the store."""
    put, left = Store.put_record, iter(range(records))

    def until(store: Store, content: bytes) -> str:
        digest = put(store, content)
        if next(left, None) == records - 1:
            os._exit(9)
        return digest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "put_record", until)
        assert doit_in(project.root)[0] == 9


def told(project: Project) -> tuple[list[str], dict[str, int], list[str]]:
    """The stages that were recorded, in order; how many rows there are of each kind; and what `pdp verify` finds."""
    session = Session(project.root, {})
    try:
        rows = history(session.registry.db)
        stages = session.registry.db.execute("SELECT stage || ' ' || outcome FROM stage_run ORDER BY id").fetchall()
        assert set(session.registry.chain()) == session.store.records()
        return [row[0] for row in stages], {name: len(found) for name, found in rows.items()}, list(findings(session))
    finally:
        session.close()


@pytest.mark.parametrize("kills", [(1,), (4,), (OLD,), (OLD + 1,), (3, 3), (2, 5, OLD)])
def test_a_history_that_was_half_written_down_is_not_told_twice(tmp_path: Path, kills: tuple[int, ...]) -> None:
    """Whatever was written before the kill: the same rows in the end, and nothing that was committed is built again."""
    calm, project = upgraded(tmp_path / "calm"), upgraded(tmp_path / "killed")
    assert doit_in(calm.root)[0] == 0
    for number in kills:
        killed(project, number)
    code, printed = doit_in(project.root)
    assert code == 0, printed
    went_on = OLD + 1 in kills  # the killed run had come to its first commit
    stages, rows, found = told(calm)
    assert told(project) == (stages, rows | {"run": rows["run"] + went_on}, found)
    assert found == [] and project.outputs() == calm.outputs()
    assert (outcomes(printed)["ingest:mi_band"] == "current") == went_on
