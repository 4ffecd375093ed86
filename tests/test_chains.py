"""Correctness as a function: after any chain of edits, an incremental run gives what a run from an empty folder gives."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.forked import doit_in
from tests.project import STEPS, Project

FILES = ("a.txt", "b.txt", "deep/c.txt")
OUTPUTS = (
    "normalized/mi_band_numbers.parquet",
    "validated/numbers.parquet",
    "merged/total.csv",
    "merged/total.parquet",
)
HELPERS = ("FACTOR = 1\n", "FACTOR = 2  # two\n", "from stages.deep import K as FACTOR\n", "FACTOR = sum([1, 2])\n")
BODIES = (STEPS, STEPS.replace("n >= 0]", "n > 0 or n == 0]"), STEPS.replace("return 1", "return 7"), "# hi\n" + STEPS)
CONFIGS = ("", "[sleep]\nshort_night_min = 200\n", "[checks]\nmin_rows_for_share = 9\n", "[store]\nkeep_days = 3\n")

EDITS = st.one_of(
    st.tuples(st.just("raw"), st.sampled_from(FILES), st.lists(st.integers(-3, 9), max_size=4)),
    st.tuples(st.just("remove"), st.sampled_from(FILES[1:])),
    st.tuples(st.just("touch"), st.sampled_from(FILES)),
    st.tuples(st.just("same stat"), st.sampled_from(FILES)),
    st.tuples(st.just("help"), st.sampled_from(HELPERS)),
    st.tuples(st.just("deep"), st.integers(1, 3)),
    st.tuples(st.just("steps"), st.sampled_from(BODIES)),
    st.tuples(st.just("config"), st.sampled_from(CONFIGS)),
    st.tuples(st.just("delete"), st.sampled_from(OUTPUTS)),
    st.tuples(st.just("tamper"), st.sampled_from(OUTPUTS), st.binary(max_size=9)),
    st.tuples(st.just("undo")),
)


def apply(project: Project, edit: tuple, before: dict[str, bytes]) -> None:
    """One edit, as a person, an editor or an accident would make it."""
    kind, *rest = edit
    if kind == "raw":
        project.raw(rest[0], " ".join(map(str, rest[1])))
    elif kind == "remove":
        (project.data / "raw/mi_band" / rest[0]).unlink(missing_ok=True)
    elif kind in ("touch", "same stat"):
        _touch(project.data / "raw/mi_band" / rest[0], flip=kind == "same stat")
    elif kind == "help":
        project.write("stages/help.py", rest[0])
    elif kind == "deep":
        project.write("stages/deep.py", f"K = {rest[0]}\n")
    elif kind == "steps":
        project.write("stages/steps.py", rest[0])
    elif kind == "config":
        project.write("configs/pdp.toml", f'timezone = "UTC"\n[google_sheets]\nenabled = false\n{rest[0]}')
    elif kind == "delete":
        (project.data / rest[0]).unlink(missing_ok=True)
    elif kind == "tamper":
        (project.data / rest[0]).parent.mkdir(parents=True, exist_ok=True)
        (project.data / rest[0]).write_bytes(rest[1])
    else:
        _put_back(project, before)


def _touch(path: Path, *, flip: bool) -> None:
    """Touches a file; or changes a digit of it, keeping size and mtime."""
    if not path.exists():
        return
    stat, text = path.stat(), path.read_text()
    if flip:
        path.write_text(text.translate(str.maketrans("123456789", "234567891")))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    else:
        path.touch()


def sources(project: Project) -> dict[str, bytes]:
    """All that a person edits: code, config, raw files."""
    files = [
        p for folder in ("stages", "configs", "data/raw") for p in (project.root / folder).rglob("*") if p.is_file()
    ]
    return {p.relative_to(project.root).as_posix(): p.read_bytes() for p in files if "__pycache__" not in p.parts}


def _put_back(project: Project, before: dict[str, bytes]) -> None:
    for name in sources(project).keys() - before.keys():
        (project.root / name).unlink()
    for name, content in before.items():
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def from_scratch(project: Project, folder: Path) -> dict[str, bytes]:
    """What a run from an empty folder gives for the same sources."""
    for name in ("stages", "configs", "data/raw", "dodo.py"):
        source, target = project.root / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    code, printed = doit_in(folder)
    assert code == 0, printed
    fresh = object.__new__(Project)
    fresh.root, fresh.data = folder, folder / "data"
    return fresh.outputs()


# Without shrinking: a chain takes seconds, and its last edit is named in the failure.
@settings(
    max_examples=int(os.environ.get("CHAINS", "6")),
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(st.lists(EDITS, min_size=3, max_size=8))
def test_incremental_equals_from_scratch(edits: list[tuple]) -> None:
    """Byte for byte, after each of the edits; and the run after that does nothing."""
    with tempfile.TemporaryDirectory() as place:
        project = Project(Path(place) / "project")
        project.write("stages/deep.py", "K = 1\n")
        before = sources(project)
        for number, edit in enumerate(edits):
            now = sources(project)
            apply(project, edit, before)
            before = now
            code, printed = doit_in(project.root)
            assert code == 0, printed
            assert project.outputs() == from_scratch(project, Path(place) / str(number)), (edit, printed)
            code, printed = doit_in(project.root)
            assert printed.splitlines()[-1] == "4 current", printed
