"""What is being disturbed: a project in some state, and a command that writes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.process import REMOTE, run
from tests.crash.state import Expected, State, digest
from tests.older import older
from tests.project import REPO, Project


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

    blind: bool = False
    """The registry is gone before it, so that it cannot tell whose the named files are."""

    @property
    def again(self) -> tuple[str, ...]:
        return self.mending or self.words


@dataclass(frozen=True)
class Stage:
    """A scene that is set: a template to copy, and what to expect."""

    scene: Scene
    template: Path
    expected: Expected
    printed: str
    """What it says where nothing disturbs it."""

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
    expected = Expected.of(State(project.data), State(after / "data"), kept, scene.blind)
    # Read now, for all that come after: the folders go.
    for state in (expected.before, expected.after):
        _ = state.files, state.registry
    return Stage(scene, template, expected, ended.printed)


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


READ_ONCE = """
def read(inputs, config):
    yield "mi_band_numbers", pa.table({"n": pa.array([], pa.int64())})
    for file in inputs["mi_band"]:
        yield from inputs.piece(file.sha256, lambda: rows(inputs, file))


def rows(inputs, file):
    for batch in inputs.keep(file.sha256, lambda: scan(file)).batches("n"):
        yield "mi_band_numbers", pa.Table.from_batches([batch])


def scan(file):
    yield "n", pa.record_batch({"n": pa.array([int(word) for word in file.read_bytes().split()], pa.int64())})
    return {}
"""


def _read_once(project: Project) -> None:
    """A stage that keeps what it read of each file, and what it made of that; one of them is gone, another is new."""
    project.write("stages/steps.py", (project.root / "stages/steps.py").read_text() + READ_ONCE)
    _another_file(project)
    doit(project)
    (project.data / "raw/mi_band/b.txt").unlink()
    project.raw("c.txt", "7 -7")


def _of_the_first_version(project: Project) -> None:
    """A registry as the first version wrote it, and something new to record."""
    _another_file(project)
    older(project.data, 1)


def _of_the_second_version(project: Project) -> None:
    _another_file(project)
    older(project.data, 2)


def _without_registry(project: Project) -> None:
    doit(project)
    (project.data / "registry.db").unlink()


def _with_remote(project: Project) -> None:
    doit(project)
    (project.root / REMOTE).mkdir()


def _another_machine(project: Project) -> None:
    """Nothing here yet; the state is in another place."""
    _with_remote(project)
    pushed = run(project.root, ("pdp", "push"))
    if pushed.code:
        raise RuntimeError(pushed.printed)
    shutil.rmtree(project.data)


def _demo(project: Project) -> None:
    """The real pipeline over a week of the demo's exports."""
    shutil.rmtree(project.root)
    project.root.mkdir()
    for name in ("stages", "configs"):
        shutil.copytree(REPO / name, project.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPO / "dodo.py", project.root)
    config = (project.root / "configs/demo.toml").read_text().replace('data_dir = "data-demo"', "")
    made = run(project.root, ("pdp", "demo", "--days", "7"))
    if made.code:
        raise RuntimeError(made.printed)
    (project.root / "data-demo").rename(project.data)
    project.write("configs/pdp.toml", config)


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
    Scene("kept readings", ("doit",), _read_once),
    Scene("clean", ("doit", "clean"), _built),
    Scene("forget", ("doit", "forget"), _built),
    Scene("gc", ("pdp", "gc"), _old_versions),
    Scene("an older registry", ("doit",), _of_the_first_version),
    Scene("a registry of the second version", ("doit",), _of_the_second_version),
    Scene("recover", ("pdp", "recover"), _without_registry, blind=True),
    Scene("push", ("pdp", "push"), _with_remote),
    Scene("pull", ("pdp", "pull"), _another_machine),
    Scene("the demo", ("doit",), _demo),
    Scene("pin", ("pdp", "pin", "total@v1"), _built),
    Scene("restore", RESTORE, _built, mending=(*RESTORE, "--force")),
)
BY_NAME: dict[str, Any] = {scene.name: scene for scene in SCENES}
