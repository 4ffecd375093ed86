"""Readers without a lock see one generation: that of the last complete run, whatever is at work meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pdp import generation
from pdp.errors import PdpError
from pdp.look import rows as tables
from pdp.look import show
from pdp.places import object_name
from pdp.registry.history import History
from pdp.session import Session
from tests.forked import doit_in
from tests.look import said
from tests.project import Project

KEEP = "[store]\nkeep_versions = 1\nkeep_days = 0\n"


@pytest.fixture
def half(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A complete run, and one that committed all stages of the next generation, but has not come to its end."""
    monkeypatch.setattr(generation, "RESULT", "total")
    assert doit_in(project.root)[0] == 0
    project.raw("a.txt", "5 6")
    with monkeypatch.context() as killed:
        killed.setattr(Session, "_release", lambda _: None)
        assert doit_in(project.root)[0] == 0
    return project


def stored(project: Project, name: str, version: int) -> Path:
    history = History.open(project.data / "registry.db")
    found = history.version(name, version)
    history.db.close()
    assert found
    return project.data / "store" / object_name(found["hash"])


def test_the_release_is_what_readers_see(half: Project) -> None:
    """All of the last complete run, until the next one is complete."""
    found = generation.current(half.data)
    assert set(found.versions.values()) == {1} and {"mi_band_numbers", "numbers", "total"} <= set(found.versions)
    assert found.number == generation.newest(half.data) == 1
    assert doit_in(half.root)[0] == 0
    found = generation.current(half.data)
    assert found.number == generation.newest(half.data) == 2
    assert found.versions["numbers"] == found.versions["mi_band_numbers"] == 2


def test_what_the_release_needs_is_not_collected(half: Project) -> None:
    """Until another run is complete: then its bytes go, as those of any old version."""
    half.write("configs/pdp.toml", (half.root / "configs/pdp.toml").read_text() + KEEP)
    said(half, "gc")
    assert generation.current(half.data).table("numbers").num_rows
    assert doit_in(half.root)[0] == 0
    said(half, "gc")
    assert generation.current(half.data).number == 2
    assert not stored(half, "total", 1).exists()


def test_without_the_bytes_of_the_release_the_newest_result_counts(half: Project) -> None:
    """As after a pull from a machine that had moved on."""
    stored(half, "numbers", 1).unlink()
    found = generation.current(half.data)
    assert found.number == generation.newest(half.data) == 2
    assert found.versions["numbers"] == 2


def test_show_follows_a_run_that_overtakes_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was current when it looked is collected before it reads: it shows what is current then, or says so."""
    assert doit_in(project.root)[0] == 0
    old, looks = stored(project, "total", 1), []

    def overtaken(data: str, version: dict[str, Any]) -> Any:
        looks.append(version["version"])
        if looks == [1]:
            project.raw("a.txt", "5 6")
            assert doit_in(project.root)[0] == 0
            old.unlink()
        return tables.read(data, version)

    monkeypatch.setattr(show, "read", overtaken)
    history = History.open(project.data / "registry.db")
    version, rows = show.current_rows(history, str(project.data), "total")
    assert (looks, version["version"], rows.num_rows) == ([1, 2], 2, 1)
    with pytest.raises(PdpError, match="total@v1 was collected"):
        show.current_rows(history, str(project.data), "total@v1")
    history.db.close()
