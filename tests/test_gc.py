"""A run holds the store to its size limit: the same rules as `pdp gc`, at the end of `doit`, and one line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pdp.gc import is_full
from pdp.session import Session
from tests.look import built, said, told
from tests.project import Project

LIMIT = 1_000_000


def limited(project: Project) -> None:
    config = (project.root / "configs/pdp.toml").read_text()
    project.write("configs/pdp.toml", config + "[store]\nmax_size_mb = 1\n")


def numbers(project: Project, seed: int, count: int) -> str:
    """A raw file of so many numbers that no format makes small; gives what the run printed."""
    chance = random.Random(seed)
    project.raw("a.txt", "\n".join(str(chance.randrange(10**12)) for _ in range(count)))
    done = project.doit()
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def stored(project: Project) -> int:
    return sum(path.stat().st_size for path in (project.data / "store").rglob("*") if path.is_file())


def test_a_run_that_passes_the_limit_collects_the_oldest(project: Project) -> None:
    """With one line at its end; what is current stays whole, and the next run has nothing to do or to say."""
    limited(project)
    assert "collected" not in numbers(project, 1, 40_000)
    sizes = [stored(project)]
    lines = []
    for seed in range(2, 6):
        lines.append(numbers(project, seed, 40_000).splitlines()[-1])
        sizes.append(stored(project))
    assert max(sizes) <= LIMIT, sizes
    assert any(line.startswith("the store passed max_size_mb: collected ") for line in lines), lines
    done = project.doit()
    assert done.stdout.splitlines()[-1] == "4 current"
    found = [one for one in told(project, "history", "numbers") if not one["collected"]]
    assert found[0]["current"]
    said(project, "show", "numbers@v5", "--head", "1")


def test_a_run_below_the_limit_looks_at_no_object(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sum over the records tells that nothing can be too large."""
    built(project)
    session = Session(project.root, {}, read_only=True)
    monkeypatch.setattr("pdp.gc._objects", lambda *_: pytest.fail("an object was looked at"))
    assert not is_full(session)
    session.close()


def test_what_is_current_stays_though_it_is_too_large(project: Project) -> None:
    """A run never takes away what it just made: nothing can go, and nothing is said."""
    limited(project)
    assert "collected" not in numbers(project, 1, 200_000)
    assert stored(project) > LIMIT
    assert set(project.outcomes().values()) == {"current"}
    before = project.outputs()
    Path(project.data / "merged/total.csv").unlink()
    assert project.outcomes()["merge"] == "restored"
    assert project.outputs() == before


def test_a_pin_outlasts_the_limit(project: Project) -> None:
    limited(project)
    numbers(project, 1, 40_000)
    said(project, "pin", "numbers@v1")
    for seed in range(2, 6):
        numbers(project, seed, 40_000)
    held = [one["version"] for one in told(project, "history", "numbers") if not one["collected"]]
    assert held[0] == 5 and held[-1] == 1 and len(held) < 5


def test_pin_and_unpin_as_json(project: Project) -> None:
    built(project)
    assert told(project, "pin", "total@v1") == {"artifact": "total@v1", "pinned": True, "changed": True}
    assert told(project, "pin", "total@v1")["changed"] is False
    assert told(project, "unpin", "total@v1") == {"artifact": "total@v1", "pinned": False, "changed": True}


def test_restore_as_json(project: Project, tmp_path: Path) -> None:
    built(project)
    found = told(project, "restore", "total.csv@v1", "--to", "copy.csv")
    assert (found["artifact"], found["file"]) == ("total.csv@v1", "copy.csv")
    assert (project.root / "copy.csv").read_bytes() == (project.data / "merged/total.csv").read_bytes()


def test_rows_of_one_table_in_two_forms_count_once(project: Project) -> None:
    """`pdp history` and the line of the run say the same."""
    built(project)
    assert [one["rows"] for one in told(project, "history", "merge")] == [1]
