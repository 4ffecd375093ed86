"""`pdp gc`, `pdp pin`, `pdp unpin`: what is kept, what goes, and that nothing needed ever does."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pdp.gc import collect, is_full
from pdp.session import Session
from tests.look import built, pdp, said, told
from tests.project import Project

KEEP = "[store]\nkeep_versions = {}\nkeep_days = {}\nmax_size_mb = {}\n"


def after_runs(project: Project, runs: int, versions: int, days: int, size: int = 2000) -> None:
    """So many runs, each with another number, and settings of the store."""
    config = (project.root / "configs/pdp.toml").read_text()
    project.write("configs/pdp.toml", config + KEEP.format(versions, days, size))
    for run in range(runs):
        project.raw("a.txt", str(run + 1))
        built(project)


def held(project: Project, artifact: str) -> list[int]:
    """The versions whose bytes are in the store, newest first."""
    return [one["version"] for one in told(project, "history", artifact) if not one["collected"]]


def test_the_newest_versions_are_kept(project: Project) -> None:
    """keep_versions of each artifact; the dry run says the same and removes nothing."""
    after_runs(project, 4, versions=2, days=0)
    dry = told(project, "gc", "--dry-run")
    assert held(project, "total") == [4, 3, 2, 1]
    real = told(project, "gc")
    assert real == dry | {"dry_run": False}
    assert held(project, "total") == held(project, "mi_band") == [4, 3]
    assert "total@v1" in real["removed"] and real["removed_bytes"] > 0
    assert "collected 0 objects" in said(project, "gc")
    assert set(project.outcomes().values()) == {"current"}


def test_what_is_young_is_kept(project: Project) -> None:
    """Everything of the last keep_days, whatever its number."""
    after_runs(project, 3, versions=1, days=1)
    assert told(project, "gc")["removed"] == []


def test_a_pin_keeps_a_version_and_what_it_was_made_from(project: Project) -> None:
    after_runs(project, 3, versions=1, days=0)
    assert said(project, "pin", "total@v1") == "total@v1 is now pinned\n"
    assert said(project, "pin", "total@v1") == "total@v1 is already pinned\n"
    said(project, "gc")
    assert held(project, "total") == held(project, "numbers") == held(project, "mi_band") == [3, 1]
    assert said(project, "unpin", "total@v1") == "total@v1 is no longer pinned\n"
    assert said(project, "unpin", "total@v1") == "total@v1 was not pinned\n"
    said(project, "gc")
    assert held(project, "total") == [3]
    assert "was collected already" in pdp(project, "pin", "total@v2", code=1)
    assert "names no version" in pdp(project, "pin", "total", code=2)


def test_what_the_current_was_made_from_is_kept(project: Project) -> None:
    """A stage that fails keeps its last good output, and that output its older inputs."""
    after_runs(project, 1, versions=1, days=0)
    project.write("stages/help.py", "FACTOR = None\n")
    for number in ("7", "8"):
        project.raw("a.txt", number)
        assert project.doit().returncode != 0
    said(project, "gc")
    assert held(project, "total") == [1]
    assert held(project, "numbers") == held(project, "mi_band") == [3, 1]


def test_a_collected_version_is_in_the_history_and_built_again(project: Project) -> None:
    """Its record stays; show and restore say so; an undone edit builds instead of restoring."""
    after_runs(project, 2, versions=1, days=0)
    said(project, "gc")
    assert "collected" in said(project, "history", "total")
    for words in (["show", "total@v1"], ["restore", "total@v1", "--to", "x"], ["diff", "total@v1"]):
        assert "total@v1 was collected; only its record is left" in pdp(project, *words, code=1)
    project.raw("a.txt", "1")
    found = project.outcomes()
    assert found["normalize:mi_band"] == found["merge"] == "built"
    assert project.total() == "1"
    assert held(project, "total") == [2, 1]


def test_why_does_not_promise_what_was_collected(project: Project) -> None:
    """A restore is foretold only while the store holds the bytes."""
    built(project)
    project.write("stages/help.py", "FACTOR = 2\n")
    after_runs(project, 1, versions=1, days=0)
    project.write("stages/help.py", "FACTOR = 1\n")
    project.raw("a.txt", "1")
    assert [one["verdict"] for one in told(project, "why", "merge")] == ["build"]
    project.write("stages/help.py", "FACTOR = 2\n")
    assert told(project, "why") == []


def session_with(project: Project, **store: Any) -> Session:
    session = Session(project.root, {})
    values = session.config.values
    values["store"] = values["store"] | store
    return session


def test_the_size_limit_takes_the_oldest_first(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even what age and number would keep, as little of it as is needed, and never what is needed."""
    after_runs(project, 4, versions=10, days=90)
    session = session_with(project)
    full = collect(session, dry_run=True)
    assert full.fits and full.removed == [] and not is_full(session)
    monkeypatch.setattr("pdp.gc.MEGABYTE", 1)
    session = session_with(project, max_size_mb=full.kept_bytes - 1)
    assert is_full(session)
    report = collect(session)
    assert report.removed == ["mi_band@v1"] and report.fits and not is_full(session)
    session = session_with(project, max_size_mb=1)
    report = collect(session)
    assert not report.fits
    assert held(project, "total") == held(project, "mi_band") == [4]


def test_gc_says_when_it_cannot_make_it_fit(project: Project) -> None:
    """What is current stays, though it alone is larger than the limit."""
    chosen = random.Random(7)  # what no encoding makes small
    project.raw("a.txt", " ".join(str(chosen.randrange(2**40)) for _ in range(400_000)))
    after_runs(project, 0, versions=1, days=0, size=1)
    built(project)
    assert "larger than max_size_mb (1.0 MB) all the same" in said(project, "gc")
    assert told(project, "gc")["fits"] is False
    assert set(project.outcomes().values()) == {"current"}


def test_what_a_killed_run_left_goes(project: Project) -> None:
    """Temp files, and objects that no record names."""
    built(project)
    (project.data / "store/tmp/new-abc").write_text("half")
    stray = project.data / "store/00/unrecorded"
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("bytes")
    assert "would remove 2 files that a killed run left, 9 bytes" in said(project, "gc", "--dry-run")
    assert stray.exists()
    said(project, "gc")
    assert not stray.exists() and list((project.data / "store/tmp").iterdir()) == []
    assert told(project, "gc")["leftovers"] == 0


def test_an_object_that_two_artifacts_share_stays_while_one_needs_it(project: Project) -> None:
    """With negative numbers alone the accepted table has the very bytes that the empty quarantine had before."""
    after_runs(project, 2, versions=1, days=0)
    project.raw("a.txt", "-1")
    built(project)
    said(project, "gc")
    assert held(project, "numbers_quarantine") == [2, 1]
    assert held(project, "numbers") == [3]
    assert set(project.outcomes().values()) == {"current"}
