"""Looking is light: what these commands import, and `pdp fingerprint`, which needs no registry."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.look import built, pdp, said, settle, told
from tests.project import Project

HEAVY = {"doit", "pandas", "click", "pydantic", "rich", "numpy", "pyarrow"}
SLOW = {
    "argparse",
    "ast",
    "dataclasses",
    "hashlib",
    "inspect",
    "json",
    "pathlib",
    "re",
    "tempfile",
    "tomllib",
    "typing",
}
LIGHT = [
    "status",
    "why",
    "graph",
    "history",
    "history merge",
    "history total",
    "lineage total",
    "lineage total@v1 --json",
]


def imported(project: Project, *words: str) -> set[str]:
    """Every module that the command imports beyond what `python -m` itself does."""

    def modules(*command: str) -> set[str]:
        done = project.command(sys.executable, "-X", "importtime", *command)
        assert done.returncode == 0, done.stderr
        return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}

    if not (project.root / "nothing.py").exists():
        project.write("nothing.py", "")
    return modules("-m", "pdp", *words) - modules("-m", "nothing")


@pytest.mark.parametrize("command", [*LIGHT, "gc --dry-run", "restore total@v1 --to x", "pin total@v1"])
def test_no_heavy_module_is_imported(project: Project, command: str) -> None:
    """No doit, pandas, pyarrow, click, pydantic, the first time after a run."""
    built(project)
    assert {name.partition(".")[0] for name in imported(project, *command.split())} & HEAVY == set()


def test_looking_again_imports_next_to_nothing(project: Project) -> None:
    """SQLite and pdp's own few modules, once the files have settled: at most twice the time of bare Python."""
    built(project)
    imported(project, "status")
    settle(project)
    for command in LIGHT:
        said(project, *command.split())
    for command in LIGHT:
        names = imported(project, *command.split())
        assert names & (HEAVY | SLOW) == set(), command
        assert ("sqlite3" in names) == (command not in ("status", "why", "graph"))


def test_show_needs_pyarrow_alone(project: Project) -> None:
    built(project)
    for artifact in ("total", "total.csv", "mi_band"):
        names = {name.partition(".")[0] for name in imported(project, "show", artifact)}
        assert names & HEAVY <= {"pyarrow", "numpy"}


def test_fingerprint_prints_the_digest_first(project: Project) -> None:
    """A comment leaves it, a helper's helper changes it; --explain says what counts and how it is reached."""
    before = said(project, "fingerprint", "stages.steps:total").split()[0]
    assert len(before) == 64
    project.write("stages/help.py", "# a comment\nFACTOR = 1\n")
    explained = said(project, "fingerprint", "stages.steps:total", "--explain")
    assert explained.split()[0] == before
    assert "stages/help.py:2" in explained and "-> stages.help.FACTOR" in explained
    project.write("stages/help.py", "FACTOR = 2\n")
    assert told(project, "fingerprint", "stages.steps:total")["digest"] != before
    assert not (project.data / "registry.db").exists()


def test_fingerprint_works_on_any_folder_of_packages(
    tmp_path_factory: pytest.TempPathFactory, project: Project
) -> None:
    """No dodo.py, no config; without --root the folder one is in."""
    tmp_path = tmp_path_factory.mktemp("other")
    (tmp_path / "elsewhere/lib").mkdir(parents=True)
    (tmp_path / "elsewhere/lib/one.py").write_text("def f():\n    return open('x')\n")
    named = said(project, "fingerprint", "lib.one:f", "--root", str(tmp_path / "elsewhere"))
    here = subprocess.run(
        [sys.executable, "-m", "pdp", "fingerprint", "lib.one:f"],
        cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert here.stdout.split()[0] == named.split()[0]
    assert "lib.one" in pdp(project, "fingerprint", "lib.one:nothing", "--root", str(tmp_path / "elsewhere"), code=1)
    assert "there is no folder" in pdp(project, "fingerprint", "a:b", "--root", "nowhere", code=1)
