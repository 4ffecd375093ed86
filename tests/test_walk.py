"""A look at a raw folder says that nothing moved only where reading all of it would say so."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.errors import InputError
from pdp.filehash import FileHashes
from pdp.identity import Plan, key_of
from pdp.ingest import _identity, plan_ingest, write_manifest
from pdp.outlook import pipeline_of
from pdp.session import Session
from pdp.tasks import finish
from pdp.walk import walk
from stages.ingest.folder import fetch
from tests.forked import doit_in
from tests.project import Project, outcomes


def tick(place: Path) -> None:
    """Waits until the clock by which files are stamped has moved on."""
    probe = place / "data/probe"
    probe.touch()
    first = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == first:
        probe.touch()


def look(project: Project, *, commit: bool = False) -> tuple[Plan, bool]:
    """What a run would do with the source now, and whether the look alone told it; what is learned is kept."""
    with closing(Session(project.root, {})) as session:
        pipeline = pipeline_of(session)
        (source,) = pipeline.sources
        plan, snapshot = plan_ingest(session, pipeline, source)
        if commit and plan.reasons and snapshot:
            record = write_manifest(session, source, plan, snapshot.to_bytes())
            finish(session, plan.stage, record, {})
        told = snapshot is None and not plan.problem
        assert not told or session.hashes.known("raw/mi_band/a.txt") is None
        session.flush()
        return plan, told


def read(project: Project) -> str:
    """The key of what lies there, all of it read."""
    hashes = FileHashes(project.data, lambda raw: {})
    return key_of(_identity(fetch(project.data / "raw/mi_band", "mi_band", hashes.sha256)))


@pytest.fixture
def settled(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Built, and looked at once since; time passes at each `tick`."""
    for name in ("filehash", "walk", "session"):
        monkeypatch.setattr(f"pdp.{name}.RACY_NS", 0)
    for number in range(3):
        project.raw(f"notes/{number}.txt", f"{number} 5")
    assert doit_in(project.root)[0] == 0
    tick(project.root)
    assert look(project)[0].reasons == []
    return project


def test_where_nothing_moved_the_look_is_enough(settled: Project) -> None:
    """No file is read and no hash of a raw file is taken out of the registry."""
    plan, told = look(settled)
    assert told and plan.reasons == [] and plan.key == read(settled)


def same_size(path: Path) -> None:
    """Other bytes in place, with the size and the mtime of before."""
    before = path.stat()
    path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path) -> None:
    """Another file under its name, with its size and its mtime."""
    other = path.with_suffix(".other")
    shutil.copy2(path, other)
    same_size(other)
    os.replace(other, path)


CHANGES: dict[str, Any] = {
    "other content": lambda path: path.write_text("7 7 7 7"),
    "same size and mtime": same_size,
    "replaced, same size and mtime": replaced,
    "gone": lambda path: path.unlink(missing_ok=True),
    "renamed": lambda path: path.rename(path.with_suffix(".md")),
    "moved": lambda path: path.rename(path.parent.parent / f"{path.name}.moved"),
    "touched": os.utime,
    "its rights": lambda path: path.chmod(0o600 if path.stat().st_mode & 0o077 else 0o644),
    "litter beside it": lambda path: path.with_suffix(".part").touch(),
    "another beside it": lambda path: path.with_suffix(".csv").write_text("8"),
    "a copy of it": lambda path: shutil.copy2(path, path.with_suffix(".copy")),
    "nothing": lambda path: None,
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen(settled: Project, change: str) -> None:
    """And what is no change of content is none, though it has to be looked at once more."""
    before = read(settled)
    tick(settled.root)
    CHANGES[change](settled.data / "raw/mi_band/notes/1.txt")
    tick(settled.root)
    plan, told = look(settled)
    assert plan.key == read(settled) and bool(plan.reasons) is (plan.key != before)
    assert told is (change == "nothing")
    again, _ = look(settled, commit=True)
    assert (again.key, again.reasons) == (plan.key, plan.reasons)
    tick(settled.root)
    assert look(settled)[0].reasons == []
    plan, told = look(settled)
    assert told and plan.key == read(settled)


steps = st.lists(
    st.tuples(
        st.sampled_from(sorted(CHANGES)), st.sampled_from(["a.txt", "notes/0.txt", "notes/1.txt"]), st.booleans()
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=12)
@given(steps)
def test_the_quick_way_is_the_slow_way(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, bool]]
) -> None:
    """After any changes, recorded or not, undone or not."""
    project = Project(tmp_path_factory.mktemp("walk"))
    for number in range(2):
        project.raw(f"notes/{number}.txt", f"{number} 5")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("filehash", "walk", "session"):
            patch.setattr(f"pdp.{name}.RACY_NS", 0)
        look(project, commit=True)
        recorded = read(project)
        for change, name, commit in steps:
            tick(project.root)
            if (path := project.data / "raw/mi_band" / name).exists():
                CHANGES[change](path)
            tick(project.root)
            if not any(path.suffix != ".part" for path in (project.data / "raw/mi_band").rglob("*.*")):
                assert "is empty, but held" in look(project)[0].problem
                continue
            now = read(project)
            plan, _ = look(project, commit=commit)
            assert plan.key == now and bool(plan.reasons) is (now != recorded)
            recorded = now if commit else recorded
            plan, told = look(project)
            assert told is (now == recorded) and plan.key == now and bool(plan.reasons) is (now != recorded)


def test_a_file_that_was_touched_just_now_is_not_trusted(project: Project) -> None:
    """A further touch might not show in its stat; so nothing is kept of the look, nor of one at code that was just edited."""
    project.write("stages/ingest/folder.py", (project.root / "stages/ingest/folder.py").read_text())
    assert doit_in(project.root)[0] == 0
    assert [look(project)[1] for _ in range(3)] == [False, False, False]


def test_what_counts_as_a_raw_file_is_looked_at_again_after_an_edit_of_the_code(settled: Project) -> None:
    folder = settled.root / "stages/ingest/folder.py"
    assert look(settled)[1]
    folder.write_text(folder.read_text().replace('".part",', '".part", ".txt",'))
    done = settled.doit()  # a process of its own, which has not loaded the code of before
    assert done.returncode and "is empty, but held 4 files before" in done.stdout + done.stderr


@pytest.mark.parametrize("harm", ["UPDATE memo SET value = replace(value, 'key', 'kez')", "DELETE FROM memo"])
def test_a_look_that_was_harmed_is_no_look(settled: Project, harm: str) -> None:
    assert look(settled)[1]
    with closing(Session(settled.root, {})) as session:
        session.registry.db.execute(f"{harm} WHERE kind = 'walk'")
    assert not look(settled)[1] and look(settled)[1]


def test_a_source_that_is_as_before_can_be_taken_again(settled: Project) -> None:
    """`doit -a` and a forgotten state: the record is that of the first time; an edited snapshot is put back."""
    assert look(settled)[1]
    found = outcomes(doit_in(settled.root, "-a")[1])
    assert found["ingest:mi_band"] == "unchanged"
    assert look(settled)[0].key == read(settled)
    with closing(Session(settled.root, {})) as session:
        last = session.registry.last("ingest:mi_band")
        assert last and session.registry.identity(last["id"])["snapshot"] and last["key"] == read(settled)
    assert doit_in(settled.root, "forget", "ingest:mi_band")[0] == 0
    assert outcomes(doit_in(settled.root)[1])["ingest:mi_band"] == "unchanged"
    (settled.data / "snapshots/mi_band.json").write_text("[]")
    assert outcomes(doit_in(settled.root)[1])["ingest:mi_band"] == "restored"


def test_a_folder_that_cannot_be_walked_is_none(tmp_path: Path) -> None:
    assert walk(str(tmp_path / "gone")) is None
    (tmp_path / "file").touch()
    assert walk(str(tmp_path / "file")) is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Neither to a file nor to a folder: it is an entry with a stat of its own."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there/file").write_text("text")
    (tmp_path / "here").mkdir()
    for name in ("file", "."):
        (tmp_path / "here" / f"to {name.strip('.')}").symlink_to(tmp_path / "there" / name)
    seen = walk(str(tmp_path / "here"))
    assert seen and sorted(seen.stats()) == [str(tmp_path / "here/to "), str(tmp_path / "here/to file")]
    assert all(stat[3] == os.lstat(path).st_ino for path, stat in seen.stats().items())


def test_what_was_touched_at_the_look_is_not_kept(settled: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a raw file, nor what else lies there, nor code: two seconds must have passed."""
    raw, code = settled.data / "raw/mi_band", settled.root / "stages/help.py"
    for number, path in enumerate((raw / "a.txt", raw / "other.part", code)):
        path.write_text(f"A = {number}\n" if path is code else f"{number} 1")
        tick(settled.root)
        look(settled, commit=True)  # the hashes are known by now
        with monkeypatch.context() as patch:
            for name in ("walk", "session"):
                patch.setattr(f"pdp.{name}.RACY_NS", 60_000_000_000 if (name == "session") is (path is code) else 0)
            with closing(Session(settled.root, {})) as session:
                session.registry.db.execute("DELETE FROM memo WHERE kind = 'walk'")
            assert [look(settled)[1] for _ in range(2)] == [False, False]
        assert [look(settled)[1] for _ in range(2)] == [False, True]


def test_a_file_that_changed_between_the_look_and_the_reading_is_not_kept(
    settled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was seen is not what was read: the next look has to read again."""
    path = settled.data / "raw/mi_band/a.txt"
    path.write_text("2 2 2")

    def late(folder: str) -> Any:
        seen = walk(folder)
        tick(settled.root)
        path.write_text("3 3 3")
        tick(settled.root)
        return seen

    with monkeypatch.context() as patch:
        patch.setattr("pdp.ingest.walk", late)
        look(settled, commit=True)
        with closing(Session(settled.root, {})) as session:
            kept = session.registry.get("walk", "mi_band")
    plan, told = look(settled)
    assert not told and plan.key == read(settled) and plan.reasons == [] and plan.key != kept["key"]


def test_a_source_that_is_turned_off_is_not_looked_at(settled: Project) -> None:
    config = settled.root / "configs/pdp.toml"
    config.write_text(config.read_text() + "[mi_band]\nenabled = false\n")
    plan, told = look(settled)
    assert not told and plan.problem.startswith("no source has a file yet")


def test_a_snapshot_in_place_that_is_not_the_recorded_one_is_not_taken_again(settled: Project) -> None:
    with closing(Session(settled.root, {})) as session:
        (source,) = pipeline_of(session).sources
        last = session.registry.last("ingest:mi_band")
        assert last
        (settled.data / source.manifest.path).write_text('{"manifest": 1, "source": "mi_band", "files": []}')
        with pytest.raises(InputError, match="the snapshot of mi_band was edited while it was being read; run again"):
            write_manifest(session, source, Plan("ingest:mi_band", last["key"]), b"")
