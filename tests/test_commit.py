"""Named files follow the registry: what is synced, in which order, and what a failing stage leaves."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pdp import commit
from pdp.outlook import pipeline_of
from pdp.session import Session
from pdp.store import Store
from tests.forked import doit_in
from tests.project import Project


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is put on the disk by `pdp.commit`, in order."""
    found: list[str] = []
    monkeypatch.setattr(commit, "sync", lambda path: found.append(Path(path).name))
    return found


def published(project: Project, known: int | None) -> list[str]:
    """What is told when the output of merge is put in place; `known`: the version that any other bytes would be of."""
    session = Session(project.root, {})
    try:
        pipeline, current = pipeline_of(session), session.registry.current()
        outputs = [
            {"name": one.name, "path": one.path, "hash": current[one.name]["hash"]}
            for one in pipeline.stages[-1].outputs
        ]
        return commit.publish(session, outputs, lambda name, digest: known)
    finally:
        session.close()


def test_names_that_were_put_in_place_are_on_the_disk(project: Project, synced: list[str]) -> None:
    """Once for each folder; nothing is synced where nothing was done."""
    assert doit_in(project.root)[0] == 0
    assert published(project, None) == [] and synced == []
    for path in (project.data / "merged").iterdir():
        path.unlink()
    assert published(project, None) == []
    assert synced == ["merged"] and list((project.data / "merged").iterdir())


def test_an_edit_is_on_the_disk_at_its_new_place_before_its_old_one_is_taken(
    project: Project, synced: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doit_in(project.root)[0] == 0
    named = min((project.data / "merged").iterdir())
    named.write_text("mine\n")
    replace = Path.replace

    def moved(path: Path, target: Path) -> Path:
        synced.append(f"to {target.parent.name}")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", moved)
    (told,) = published(project, None)
    assert synced == [named.name, "to edited", "edited", "merged"]
    (aside,) = (project.data / "edited").iterdir()
    assert aside.read_text() == "mine\n" and aside.name in told and named.name in told


def test_an_old_version_in_place_is_no_edit(project: Project, synced: list[str]) -> None:
    assert doit_in(project.root)[0] == 0
    named = min((project.data / "merged").iterdir())
    named.write_text("an old version\n")
    assert published(project, 1) == [] and synced == ["merged"]
    assert not (project.data / "edited").exists()


def test_a_failing_stage_leaves_no_temp_file(project: Project) -> None:
    """At once, not by the next run's sweep."""
    project.write("stages/help.py", "FACTOR = None\n")
    assert doit_in(project.root)[0] != 0
    assert list((project.data / "store/tmp").iterdir()) == []


def test_a_run_that_could_not_put_its_files_in_place_does_not_end_well(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it made is committed; who reads the files by their names would take old numbers for new ones."""
    assert doit_in(project.root)[0] == 0
    old = (project.data / "merged/total.csv").read_bytes()
    project.raw("b.txt", "5")

    def refused(store: Store, digest: str, path: Path, unmoved: object = None) -> bool:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Store, "copy_out", refused)
        code, printed = doit_in(project.root)
    assert code == 1 and "merge is committed; its visible files will be repaired on the next start" in printed
    assert (project.data / "merged/total.csv").read_bytes() == old
    code, printed = doit_in(project.root)
    assert code == 0 and "output total.csv holds v1" in printed and "edited" not in printed
    assert (project.data / "merged/total.csv").read_bytes() != old
