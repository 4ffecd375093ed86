"""A function by its name is the one that its file holds now."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import Project

RESOLVE = "from pdp.resolve import resolve; print(resolve('work:answer')())"
AT_TOP = "from aid import FACTOR\n\ndef answer():\n    return FACTOR\n"
WHILE_IT_RUNS = "def answer():\n    from aid import FACTOR\n    return FACTOR\n"


def python(root: Path, *words: str) -> str:
    """Runs Python with bytecode allowed, as a person does; gives what it printed."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ = own | {"PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, *words], cwd=root, env=environ, capture_output=True, text=True, check=True)
    return done.stdout


def edit(path: Path, text: str) -> Path:
    """An edit of the same size, in the same second as the one before."""
    path.write_text(text)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


@pytest.mark.parametrize("work", [AT_TOP, WHILE_IT_RUNS])
def test_an_edit_within_the_same_second_is_run(tmp_path: Path, work: str) -> None:
    """The code that runs is the edited one, in the helper too, whether that is imported at once or by a function as it runs."""
    (tmp_path / "work.py").write_text(work)
    for factor in "23":
        edit(tmp_path / "aid.py", f"FACTOR = {factor}\n")
        assert python(tmp_path, "-c", RESOLVE) == f"{factor}\n"
    assert not list(tmp_path.rglob("*.pyc"))


def test_bytecode_that_others_left_is_not_trusted(tmp_path: Path) -> None:
    """A .pyc that another program made before the edit is not run."""
    (tmp_path / "work.py").write_text(WHILE_IT_RUNS)
    py_compile.compile(str(edit(tmp_path / "aid.py", "FACTOR = 2\n")))
    edit(tmp_path / "aid.py", "FACTOR = 3\n")
    assert python(tmp_path, "-c", "import aid; print(aid.FACTOR)") == "2\n"  # what Python does by itself
    assert python(tmp_path, "-c", RESOLVE) == "3\n"


def test_what_was_compiled_is_kept_with_its_source(tmp_path: Path) -> None:
    """It is not compiled again; but after an edit, where what is kept is damaged, or where nothing may be kept, it is."""
    edit(tmp_path / "aid.py", "FACTOR = 2\n")
    (tmp_path / "work.py").write_text(AT_TOP)
    told = "print(end='.') or compile_(self, *made_of)"
    told = f"m.source_to_code = lambda self, *made_of: {told}"
    compiled = f"from importlib.machinery import SourceFileLoader as m; compile_ = m.source_to_code; {told}; {RESOLVE}"
    assert python(tmp_path, "-c", compiled) == "..2\n"
    assert python(tmp_path, "-c", compiled) == "2\n"
    edit(tmp_path / "aid.py", "FACTOR = 3\n")
    assert python(tmp_path, "-c", compiled) == ".3\n"
    (kept,) = tmp_path.rglob("aid.*.code")
    whole = kept.read_bytes()
    for damaged in (b"", whole[:-1], whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], bytes(len(whole))):
        kept.write_bytes(damaged)
        assert python(tmp_path, "-c", compiled) == ".3\n"
        assert kept.read_bytes() == whole
    kept.unlink()
    assert python(tmp_path, "-B", "-c", compiled) == ".3\n"
    assert not kept.exists()


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("-n", "2", "-P", "thread")])
def test_a_stage_leaves_no_bytecode(project: Project, options: tuple[str, ...]) -> None:
    """In this process, in workers and in threads: an edit of what a stage imports as it runs is run by the next `doit`."""
    steps = (project.root / "stages/steps.py").read_text().replace("from stages.help import FACTOR\n", "")
    project.write(
        "stages/steps.py", steps.replace('    yield "total"', '    from stages.help import FACTOR\n    yield "total"')
    )
    for factor in (2, 3):
        edit(project.root / "stages/help.py", f"FACTOR = {factor}\n")
        python(project.root, "-m", "doit", *options)
        assert project.total() == str(6 * factor)
    assert not list((project.root / "stages").rglob("*.pyc"))
