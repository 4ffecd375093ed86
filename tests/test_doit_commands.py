"""doit's own commands on a pipeline of pdp: no traceback, one sentence, an exit code that tells."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from pdp.doit_door import at_the_door
from tests.project import PATIENCE_S, Project

DOIT = f"{sys.executable} -m doit"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("built"))
    assert project.doit().returncode == 0
    return project


def shell(project: Project, line: str) -> subprocess.CompletedProcess[str]:
    """What a person typed, with redirections."""
    return project.command("bash", "-c", f"set -o pipefail; {line}")


@pytest.mark.parametrize(
    ("command", "code", "sentence"),
    [
        ("dumpdb", 2, ".doit.db is no database of doit's own; what a pipeline of pdp remembers is in its registry"),
        ("info nothing", 3, "there is no task, file or command nothing; doit list --all names the tasks"),
        ("info merg", 3, "there is no task, file or command merg; did you mean merge?"),
        ("list merg", 3, "there is no task, file or command merg; did you mean merge?"),
        ("list --nope", 3, "option --nope not recognized; doit help list lists what doit understands"),
        ("ignore", 2, "doit ignore skips no task of its own choice; name one: doit ignore merge"),
        ("reset-dep", 2, "doit reset-dep cannot make a stage current"),
        ("strace merge", 2, "doit strace sees programs only, and stages are functions"),
        ("-n -1", 2, "-n -1 is no number of processes"),
        ("--db-file x", 2, "--db-file cannot be chosen: pdp keeps its own registry"),
        ("list --db-file x", 2, "--db-file cannot be chosen: pdp keeps its own registry"),
        ("--backend sqlite3", 2, "--backend cannot be chosen: pdp keeps its own registry"),
        ("--reporter json", 2, "--reporter cannot be chosen: pdp keeps its own registry and reports to it"),
        ("list > /dev/full", 3, "the disk refused a file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(built: Project, command: str, code: int, sentence: str) -> None:
    """It begins with pdp, and the registry is what it was before."""
    before = (built.data / "registry.db").read_bytes()
    done = shell(built, f"{DOIT} {command}")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"pdp: {sentence}") and done.stderr.count("\n") == 1, done.stderr
    assert (built.data / "registry.db").read_bytes() == before and not (built.root / "x").exists()


@pytest.mark.parametrize(
    "command", ["list >&-", "info merge >&-", "tabcompletion >&-", "list --all | true", "help run | true"]
)
def test_a_closed_output_is_no_error(built: Project, command: str) -> None:
    """Nobody reads what these say, and they say nothing of that."""
    done = shell(built, f"{DOIT} {command}")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_is_done_to_its_end_though_its_reader_left(project: Project) -> None:
    """All tasks are forgotten, and not only those that were told of before the pipe closed."""
    project.doit()
    assert shell(project, f"PYTHONUNBUFFERED=1 {DOIT} forget | true").returncode == 0
    assert set(project.outcomes().values()) == {"unchanged"}


def test_an_exit_code_is_told_though_nobody_reads(project: Project) -> None:
    """`doit info` of a stage that is not current ends with 1, whether or not its text arrives."""
    assert [shell(project, f"{DOIT} info merge {closed}").returncode for closed in ("", ">&-", "| true")] == [1, 1, 1]


def test_help_names_the_commands_as_they_are_typed(built: Project) -> None:
    """Not by the names of their classes."""
    assert " run [TASK/TARGET...]" in built.doit("help", "run").stdout
    assert "'clean: " in built.doit("tabcompletion", "--shell", "zsh").stdout


def test_ignoring_waits_for_a_run(project: Project) -> None:
    """It writes into the registry, and so takes its turn."""
    project.doit()
    blocker = (
        "import fcntl, sys\nlock = open('data/.lock', 'a')\nfcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print(flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", blocker], cwd=project.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout and holder.stdin and holder.stdout.readline()
        busy = project.doit("ignore", "merge", PDP_WAIT="0")
        holder.stdin.close()
        assert holder.wait(PATIENCE_S) == 0
    assert busy.returncode == 75 and busy.stderr.startswith("pdp: another run is at work")
    assert project.outcomes()["merge"] == "current"
    assert project.doit("ignore", "merge").returncode == 0
    assert project.outcomes()["merge"] == "ignored"


def test_a_dodo_of_another_kind_keeps_doits_ways(tmp_path: Path) -> None:
    """What pdp refuses to its own pipelines is no affair of others."""
    (tmp_path / "dodo.py").write_text("def task_hello(): return {'actions': ['echo hello'], 'file_dep': ['dodo.py']}\n")
    for words in (["--reporter", "json", "--backend", "json"], ["reset-dep", "--backend", "json"]):
        done = subprocess.run(
            [sys.executable, "-m", "doit", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "hello" in done.stdout


def test_a_pipe_that_broke_elsewhere_is_no_reader_who_left(capfd: pytest.CaptureFixture[str]) -> None:
    """A run that lost the connection to something must not end as if it had gone well."""

    def command() -> int:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    assert at_the_door(command) != 0
    assert "Broken pipe" in capfd.readouterr().err
