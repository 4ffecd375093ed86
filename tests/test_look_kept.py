"""`pdp why` and `pdp status` keep their answer: it is never a stale one. Each edit is made while an answer is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pdp.look import kept, outlook
from tests.look import built, pdp, said, told
from tests.project import Project

KEPT = ".pdp/outlook"


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was built, edited and built."""
    project = Project(tmp_path_factory.mktemp("built"))
    built(project)
    project.write("stages/help.py", "FACTOR = 2\n")
    built(project)
    return project.root


@pytest.fixture
def project(built_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of it whose answer is kept: as if its files had been left alone for a while."""
    shutil.copytree(built_once, tmp_path / "project")
    found = object.__new__(Project)
    found.root, found.data = tmp_path / "project", tmp_path / "project/data"
    for name in [name for name in os.environ if name.startswith("PDP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(kept, "RACY_NS", 0)
    monkeypatch.chdir(found.root)
    keep(found)
    return found


def keep(project: Project) -> dict[str, Any]:
    """Looks, and has the answer kept; gives it."""
    (project.root / ".pdp").mkdir(exist_ok=True)  # itself a change of the root folder
    outlook()
    answer: dict[str, Any] | None = kept.recall(str(project.root), "outlook")
    assert answer is not None, "the answer was not kept"
    return answer


def append(name: str, text: str) -> Callable[[Project], None]:
    def edit(project: Project) -> None:
        with (project.root / name).open("a") as file:
            file.write(text)

    return edit


def same_size_and_mtime(project: Project) -> None:
    path = project.data / "raw/mi_band/a.txt"
    stat = path.stat()
    path.write_text("3 2 2")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def swap(name: str, text: str) -> Callable[[Project], None]:
    """The file is replaced by rename, as editors do."""

    def edit(project: Project) -> None:
        project.write(name + "~", text).replace(project.root / name)

    return edit


EDITS: dict[str, tuple[Callable[[Project], object], str]] = {
    "config": (append("configs/pdp.toml", "[sleep]\nshort_night_min = 1\n"), "config sleep.short_night_min changed"),
    "dotenv comes": (lambda p: p.write(".env", "PDP_SLEEP__SHORT_NIGHT_MIN=1\n"), "config sleep.short_night_min changed"),
    "raw file comes": (lambda p: p.raw("b.txt", "4"), "1 file new"),
    "raw file in a new folder": (lambda p: p.raw("deep/b.txt", "4"), "1 file new"),
    "raw file edited": (lambda p: p.raw("a.txt", "1 2 3 4"), "1 file changed"),
    "raw file edited, size and mtime kept": (same_size_and_mtime, "1 file changed"),
    "raw file goes": (lambda p: (p.data / "raw/mi_band/a.txt").unlink(), "is empty, but held 1 file before"),
    "raw folder is replaced": (lambda p: (p.data / "raw/mi_band").rename(p.data / "gone"), "is empty, but held"),
    "code edited": (lambda p: p.write("stages/help.py", "FACTOR = 3\n"), "code: stages.help.FACTOR changed"),
    "code replaced": (swap("stages/help.py", "FACTOR = 3\n"), "code: stages.help.FACTOR changed"),
    "package hides a module": (lambda p: p.write("stages/help/__init__.py", "FACTOR = 3\n"), "code: stages.help.FACTOR"),
    "dodo.py edited": (
        lambda p: p.write("dodo.py", (p.root / "dodo.py").read_text().replace('("sleep",)', '("checks",)')),
        "config checks",
    ),
    "output edited": (lambda p: (p.data / "merged/total.csv").write_text("7"), "output total.csv was edited"),
    "output emptied": (lambda p: (p.data / "merged/total.csv").write_text(""), "output total.csv was edited"),
    "output goes": (lambda p: (p.data / "merged/total.csv").unlink(), "output total.csv is missing"),
    "output replaced": (swap("data/validated/numbers.parquet", "x"), "output numbers was edited"),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_is_seen_at_once(project: Project, edit: str) -> None:
    """The answer after the edit names it; `pdp status` says the same."""
    change, reason = EDITS[edit]
    assert told(project, "why") == []
    change(project)
    assert reason in said(project, "why")
    assert reason in said(project, "status")


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("PDP_SLEEP__SHORT_NIGHT_MIN", "1", "config sleep.short_night_min changed"),
        ("PDP_TIMEZONE", "Asia/Tokyo", "config timezone changed"),
    ],
)
def test_a_variable_of_the_environment_counts_while_it_is_set(
    project: Project, variable: str, value: str, expected: str
) -> None:
    assert expected in said(project, "why", **{variable: value})
    assert told(project, "why") == []


def test_another_config_or_data_folder_is_another_answer(project: Project) -> None:
    """By PDP_CONFIG and PDP_DATA_DIR, which name what is not yet there."""
    assert "which is not a file" in pdp(project, "why", code=2, PDP_CONFIG="configs/other.toml")
    assert "nothing is built yet in other" in pdp(project, "why", code=1, PDP_DATA_DIR="other")
    text = (project.root / "configs/pdp.toml").read_text()
    project.write("configs/other.toml", text + "[sleep]\nshort_night_min = 1\n")
    assert "config sleep.short_night_min changed" in said(project, "why", PDP_CONFIG="configs/other.toml")
    assert told(project, "why") == []


def test_a_config_that_becomes_wrong_is_told(project: Project) -> None:
    project.write("configs/pdp.toml", "timezone = \n")
    assert "configs/pdp.toml is not valid TOML" in pdp(project, "why", code=2)
    assert "configs/pdp.toml is not valid TOML" in pdp(project, "history", code=2)


def test_what_the_store_lost_is_built_not_restored(project: Project) -> None:
    """The verdict hangs on the store too, which is collected without a word in the registry."""
    project.write("stages/help.py", "FACTOR = 1\n")  # what it was before
    assert [one["verdict"] for one in keep(project)["tasks"] if one["reasons"]] == ["restore"]
    (old,) = [one for one in told(project, "history", "total") if one["version"] == 1]
    (project.data / "store" / old["hash"][:2] / old["hash"][2:]).unlink()
    assert [one["verdict"] for one in told(project, "why")] == ["build"]


def test_folders_of_code_behind_links_are_watched(project: Project) -> None:
    """Each once, though a link may lead back."""
    outside = project.root.parent / "outside"
    outside.mkdir()
    (project.root / "linked").symlink_to(outside, target_is_directory=True)
    (outside / "back").symlink_to(project.root, target_is_directory=True)
    keep(project)
    (outside / "new.py").write_text("")
    assert kept.recall(str(project.root), "outlook") is None


def test_a_run_is_seen(project: Project) -> None:
    """What a run did: the last run in `pdp status` is the one that just ended."""
    project.raw("b.txt", "4")
    assert said(project, "why")
    built(project)
    assert told(project, "why") == []
    assert told(project, "status")["last_run"]["summary"] == "4 built"


def test_a_leftover_that_goes_is_no_leftover_any_more(project: Project) -> None:
    """Files of stages that are gone are watched as well."""
    dodo = (project.root / "dodo.py").read_text()
    project.write("dodo.py", dodo.replace("merged/total", "merged/sum"))
    built(project)
    assert keep(project)["status"]["leftovers"] == ["data/merged/total.csv", "data/merged/total.parquet"]
    (project.data / "merged/total.csv").unlink()
    assert told(project, "status")["leftovers"] == ["data/merged/total.parquet"]


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(project: Project) -> None:
    """A damaged file, and a folder that is a file."""
    (project.root / KEPT).write_bytes(b"rubbish")
    assert told(project, "why") == []
    shutil.rmtree(project.root / ".pdp")
    (project.root / ".pdp").write_text("")
    assert told(project, "why") == []
