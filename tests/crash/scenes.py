"""What is being disturbed: a project in some state, and a command that writes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.process import run
from tests.crash.state import Expected, State, digest
from tests.project import Project


@dataclass(frozen=True)
class Scene:
    """`prepare` brings a fresh project to where `words` is typed; it may name a file that a person wrote."""

    name: str
    words: tuple[str, ...]
    prepare: Callable[[Project], str | None]
    code: int = 0
    """What the command ends with when nothing disturbs it."""
    mending: tuple[str, ...] = ()
    """What a person types after it was disturbed, where that is not the same again."""

    @property
    def again(self) -> tuple[str, ...]:
        return self.mending or self.words


@dataclass(frozen=True)
class Stage:
    """A scene that is set: a template to copy, and what to expect."""

    scene: Scene
    template: Path
    expected: Expected

    def copy(self, to: Path) -> Path:
        shutil.copytree(self.template, to)
        return to


def set_up(scene: Scene, place: Path) -> Stage:
    """Makes the template below `place`, and runs the command once, undisturbed, in a copy."""
    template = place / "template"
    project = Project(template)
    edited = scene.prepare(project)
    kept = {edited: digest(project.data / edited)} if edited else {}
    after = place / "after"
    shutil.copytree(template, after)
    ended = run(after, scene.words)
    if ended.code != scene.code:
        raise RuntimeError(f"{scene.name}: {scene.words} ends with {ended.code}: {ended.printed}")
    expected = Expected.of(State(project.data), State(after / "data"), kept)
    # Read now, for all that come after: the folders go.
    for state in (expected.before, expected.after):
        _ = state.files, state.registry
    return Stage(scene, template, expected)


def doit(project: Project, *words: str) -> None:
    ended = run(project.root, ("doit", *words))
    if ended.code:
        raise RuntimeError(ended.printed)


def _raw_only(_: Project) -> None:
    """A first run, in a folder that holds raw files and nothing else."""


def _another_file(project: Project) -> None:
    doit(project)
    project.raw("b.txt", "10 -4")


def _another_helper(project: Project) -> None:
    doit(project)
    project.write("stages/help.py", "FACTOR = 2\n")


def _undone(project: Project) -> None:
    _another_file(project)
    doit(project)
    (project.data / "raw/mi_band/b.txt").unlink()


def _deleted(project: Project) -> None:
    doit(project)
    (project.data / "merged/total.csv").unlink()
    (project.data / "normalized/mi_band_numbers.parquet").unlink()


def _edited(project: Project) -> str:
    """A person's own words in an output, and a change that makes the run write it."""
    _another_file(project)
    (project.data / "merged/total.csv").write_text("my own notes\n")
    return "merged/total.csv"


def _built(project: Project) -> None:
    doit(project)


def _old_versions(project: Project) -> None:
    """Three generations, of which the settings keep one."""
    keep = (project.root / "configs/pdp.toml").read_text() + "[store]\nkeep_versions = 1\nkeep_days = 0\n"
    for numbers in ("1", "2 2", "3 3 3"):
        project.raw("a.txt", numbers)
        doit(project)
    project.write("configs/pdp.toml", keep)


def _failing(project: Project) -> None:
    doit(project)
    project.raw("a.txt", "no number")


RESTORE = ("pdp", "restore", "total.csv@v1", "--to", "mine.csv")
SCENES = (
    Scene("first run", ("doit",), _raw_only),
    Scene("another raw file", ("doit",), _another_file),
    Scene("another helper", ("doit",), _another_helper),
    Scene("an undone edit", ("doit",), _undone),
    Scene("deleted outputs", ("doit",), _deleted),
    Scene("an edited output", ("doit",), _edited),
    Scene("a failing stage", ("doit",), _failing, code=2),
    Scene("all again", ("doit", "-a"), _built, mending=("doit",)),
    Scene("two threads", ("doit", "-n", "2", "-P", "thread"), _another_file),
    Scene("clean", ("doit", "clean"), _built),
    Scene("forget", ("doit", "forget"), _built),
    Scene("gc", ("pdp", "gc"), _old_versions),
    Scene("pin", ("pdp", "pin", "total@v1"), _built),
    Scene("restore", RESTORE, _built, mending=(*RESTORE, "--force")),
)
BY_NAME: dict[str, Any] = {scene.name: scene for scene in SCENES}
