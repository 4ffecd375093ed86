"""The tests are collected once, in one process; each mutant is then a fork of it that runs the tests which reach the mutant.

First every test is run once, traced: which lines it comes to, and what it costs. A mutant's tests go from the cheapest on,
and the first that fails is enough. Programs that a test starts are forks as well, where they are `doit` or `pdp`.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from multiprocessing import current_process
from pathlib import Path
from typing import Any

import pytest

from tests.crash import process
from tests.mutate import inside
from tests.mutate.mutants import Mutant
from tests.project import Project

SITE = Path(__file__).with_name("site")
# A test may take so much longer than it did before, in seconds and times, before the mutant is stopped.
GRACE_S, GRACE = 20.0, 10.0


@dataclass(frozen=True)
class Known:
    """What a test costs (seconds of processor and of the clock) and comes to (lines by module)."""

    test: str
    cpu: float
    wall: float
    lines: dict[str, list[int]]

    def reaches(self, mutant: Mutant) -> bool:
        """Where nothing in the module uses what is changed, whoever runs any of it may."""
        mine = self.lines.get(mutant.module, ())
        return bool(mine) and (not mutant.lines or not mutant.lines.isdisjoint(mine))


@dataclass
class Job:
    """A child at work. What it says goes to `log`; the names of its tests, as they begin, to `heard`."""

    pid: int
    what: Any
    folder: tempfile.TemporaryDirectory[str]
    heard: int
    limit: Callable[[str], float]
    began: float
    until: float
    test: str = ""

    def listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            if found := os.read(self.heard, 65536):
                self.test = found.decode().splitlines()[-1]
                self.until = time.monotonic() + self.limit(self.test)


@dataclass(frozen=True)
class End:
    """How a child ended. `failed`: the test that did; why it was stopped; or how it died. Nothing where all passed."""

    failed: str
    cpu: float
    wall: float
    log: str


class Loop:
    """A pytest plugin: takes the place of pytest's own loop over the tests."""

    def __init__(self, jobs: int, work: Callable[[Loop], int]) -> None:
        self.jobs, self.work, self.code = jobs, work, 0
        self.items: dict[str, Any] = {}
        self.failed = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self.code = self.work(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed

    def run(
        self, many: Iterable[tuple[Any, list[str], Callable[[Path], None]]], limit: Callable[[str], float]
    ) -> Iterator[tuple[Any, End]]:
        """For each (anything, its tests, what to do first): runs them in a child, some children at once; gives how they ended."""
        waiting, running = iter(many), list[Job]()
        while True:
            while len(running) < self.jobs and (one := next(waiting, None)):
                running.append(self._start(*one, limit))
            if not running:
                return
            for job in list(running):
                job.listen()
                late = time.monotonic() > job.until
                if not late and os.waitid(os.P_PID, job.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
                    continue
                running.remove(job)
                yield job.what, _end(job, late)
            time.sleep(0.01)

    def _start(self, what: Any, tests: list[str], first: Callable[[Path], None], limit: Callable[[str], float]) -> Job:
        folder = tempfile.TemporaryDirectory(dir=process.memory(), ignore_cleanup_errors=True)
        heard, tell = os.pipe()
        os.set_blocking(heard, False)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(heard)
            self._be(Path(folder.name), tests, first, tell)
        os.close(tell)
        began = time.monotonic()
        return Job(child, what, folder, heard, limit, began, began + GRACE_S + limit(tests[0]))

    def _be(self, folder: Path, tests: list[str], first: Callable[[Path], None], tell: int) -> None:
        """Never returns."""
        code = 70
        try:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            current_process()._config.pop("daemon", None)  # type: ignore[attr-defined]
            out = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.environ.update(
                TMPDIR=str(folder),
                CRASH_SEED="7",
                PYTHONPATH=f"{SITE}{os.pathsep}{inside.ROOT}",
                PYTHONDONTWRITEBYTECODE="1",
            )
            tempfile.tempdir = None
            sys.dont_write_bytecode = True
            Project.command = command  # type: ignore[method-assign]
            items = [self.items[test] for test in tests]
            (folder / "tests").mkdir()
            items[0].config._tmp_path_factory._basetemp = folder / "tests"
            first(folder)
            code = self._try(items, tell)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _try(self, items: list[Any], tell: int) -> int:
        for item in items:
            os.write(tell, f"{item.nodeid}\n".encode())
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if self.failed:
                return 1
        return 0

    # What it is for

    def know(self, tests: Iterable[str]) -> Iterator[tuple[Known | None, End]]:
        """Runs each test by itself, traced."""

        def traced(test: str) -> Callable[[Path], None]:
            def first(folder: Path) -> None:
                os.environ["MUTATE_TRACE"] = str(folder / "trace")
                inside.trace(folder / "trace")

            return first

        for test, end in self.run(((test, [test], traced(test)) for test in tests), lambda _: 400.0):
            lines = defaultdict[str, set[int]](set)
            for module, _, line in (entry.partition(":") for entry in end.log.partition(TRACED)[2].split()):
                lines[module].add(int(line))
            known = Known(test, end.cpu, end.wall, {module: sorted(found) for module, found in lines.items()})
            yield (None if end.failed else known), end

    def attempt(self, many: Iterable[tuple[Mutant, list[Known]]]) -> Iterator[tuple[Mutant, End]]:
        """Runs each mutant's tests until one fails."""
        walls: dict[str, float] = {}

        def jobs() -> Iterator[tuple[Mutant, list[str], Callable[[Path], None]]]:
            for mutant, tests in many:
                walls.update({known.test: known.wall for known in tests})
                yield mutant, [known.test for known in tests], _mutated(mutant)

        return self.run(jobs(), lambda test: GRACE_S + GRACE * walls[test])


TRACED = "\n=== traced ===\n"


def _mutated(mutant: Mutant) -> Callable[[Path], None]:
    def first(folder: Path) -> None:
        code = folder / "mutant"
        code.write_bytes(mutant.code)
        os.environ.update(MUTATE_MODULE=mutant.dotted, MUTATE_CODE=str(code))
        inside.swap(mutant.dotted, mutant.code)

    return first


def _end(job: Job, late: bool) -> End:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(job.pid, signal.SIGKILL)
    _, status, used = os.wait4(job.pid, 0)
    job.listen()
    os.close(job.heard)
    parts = [Path(job.folder.name, name) for name in ("log", "trace")]
    log, traced = (part.read_text(errors="replace") if part.exists() else "" for part in parts)
    job.folder.cleanup()
    code = os.waitstatus_to_exitcode(status)
    failed = ""
    if late:
        failed = f"{job.test} took too long"
    elif code == 1:
        failed = job.test
    elif code:
        failed = f"{job.test or 'the import'} ended with {code}"
    wall = time.monotonic() - job.began
    return End(failed, used.ru_utime + used.ru_stime, wall, f"{log}{TRACED}{traced}")


typed = Project.command


def command(self: Project, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`Project.command`, where it types doit or pdp as a fork of this process, which has the libraries loaded."""
    if words[:2] != (sys.executable, "-m") or words[2] not in ("doit", "pdp"):
        return typed(self, *words, **environ)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _type(self.root, words[2:], environ, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(
            words, os.waitstatus_to_exitcode(status), out.read().decode(), err.read().decode()
        )


def _type(root: Path, words: tuple[str, ...], environ: dict[str, str], out: int, err: int) -> None:
    """Never returns: the child becomes the command, to its end."""
    code = 70
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - the child's, to its end
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        for name in [name for name in os.environ if name.startswith("PDP_")]:
            del os.environ[name]
        os.environ.update(environ)
        os.chdir(root)
        code = int(process._main(root, words) or 0)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def kept(path: Path) -> list[Known]:
    """What an earlier baseline found."""
    return [Known(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def keep(path: Path, known: Known) -> None:
    with path.open("a") as file:
        file.write(json.dumps(asdict(known)) + "\n")
