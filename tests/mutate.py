"""Mutation testing of the modules that a commit rests on: `make mutate`.

One change at a time — a statement left out, a condition turned round, a comparison, a constant — and the tests must notice.
A mutant runs in a fork that has the libraries loaded but nothing of pdp; typed commands run in forks as well.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import current_process, get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MODULES = (
    "pdp/commit.py", "pdp/store.py", "pdp/lock.py", "pdp/identity.py", "pdp/chain.py", "pdp/disk.py",
    "pdp/registry/__init__.py", "pdp/registry/apply.py", "pdp/registry/migrate.py", "pdp/registry/backfill.py",
)  # fmt: skip
# The quickest first: most mutants get no farther.
TESTS = (
    "tests/test_store.py", "tests/test_registry.py", "tests/test_chain.py", "tests/test_identity.py", "tests/test_run.py",
    "tests/test_lock.py", "tests/test_verify.py", "tests/test_recover.py", "tests/test_gc.py", "tests/crash/test_slice.py",
)  # fmt: skip
LIMIT_S = 400.0
OTHERS = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One change of one module. `source` is the whole of the module with it."""

    module: str
    line: int
    what: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.what}"


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    text = (ROOT / module).read_text()
    for index, (line, what) in enumerate(_sites(ast.parse(text), None)):
        tree = ast.parse(text)
        for _ in _sites(tree, index):
            pass
        yield Mutant(module, line, what, ast.unparse(ast.fix_missing_locations(tree)))


def _sites(tree: ast.AST, wanted: int | None) -> Iterator[tuple[int, str]]:
    """The places that can be changed, in order; the one that is `wanted` is changed on the way."""
    count = -1
    for parent, field, at, node in _walk(tree):
        for what, change in _changes(parent, field, at, node):
            count += 1
            if count == wanted:
                change()
                return
            if wanted is None:
                yield node.lineno, what


def _walk(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, Any]]:
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        items = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for at, node in items:
            if not isinstance(node, ast.AST) or _is_said(tree, node):
                continue
            if hasattr(node, "lineno"):
                yield tree, field, at, node
            yield from _walk(node)


def _is_said(parent: ast.AST, node: ast.AST) -> bool:
    """Docstrings, messages, imports and what only a type checker sees: no test is to hold their words."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr)):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.keyword) and node.arg == "hint":
        return True
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return True
    if isinstance(node, ast.Assign) and "TYPE_CHECKING" in ast.unparse(node.targets[0]):
        return True
    return isinstance(parent, ast.Call) and isinstance(node, ast.Constant) and "Error" in ast.unparse(parent.func)


def _changes(parent: Any, field: str, at: int | None, node: Any) -> Iterator[tuple[str, Any]]:
    def put(new: ast.AST | list[ast.stmt]) -> None:
        if at is None:
            setattr(parent, field, new)
        elif isinstance(new, list):
            getattr(parent, field)[at : at + 1] = new
        else:
            getattr(parent, field)[at] = new

    if isinstance(node, ast.stmt):
        yield from _of_statement(node, put)
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        yield f"not ({_short(node.test)})", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OTHERS:
        yield f"{_short(node)}: another comparison", lambda: node.ops.__setitem__(0, OTHERS[type(node.ops[0])]())
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield f"{_short(node)}: and for or", lambda: setattr(node, "op", other)
    if isinstance(node, ast.Constant) and (new := _other(node.value)) is not None:
        yield f"{_short(node)} -> {str(new)[:20]!r}", lambda: put(ast.Constant(new))


def _of_statement(node: ast.stmt, put: Any) -> Iterator[tuple[str, Any]]:
    gone = ast.Pass()
    if isinstance(node, (ast.Expr, ast.AugAssign, ast.Delete, ast.Raise, ast.Assert)):
        yield f"without {_short(node)}", lambda: put(gone)
    elif isinstance(node, ast.Return) and node.value and not isinstance(node.value, ast.Constant):
        yield f"{_short(node)} -> None", lambda: put(ast.Return(ast.Constant(None)))
    elif isinstance(node, ast.With):
        yield f"without {_short(node)}", lambda: put(node.body)
    elif isinstance(node, ast.Try) and node.finalbody:
        yield "without its finally", lambda: put([*node.body])
    elif isinstance(node, (ast.Continue, ast.Break)):
        yield "without continue", lambda: put(gone)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"XX{value}" if isinstance(value, str) else None


def _short(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0][:60]


# Trying one


def keep(place: Path) -> Path:
    """A copy of the checkout as it is now: it may be edited while this runs."""
    copy = place / "kept"
    for name in ("pdp", "stages", "tests", "configs", "docs", "bench"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dodo.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    return copy


def attempt(mutant: Mutant | None, place: Path, tests: list[str]) -> str:
    """What noticed the mutant: the first test that failed, or a limit of time; nothing if it survives."""
    copy = Path(tempfile.mkdtemp(dir=place), "c")
    shutil.copytree(place / "kept", copy)
    if mutant:
        (copy / mutant.module).write_text(mutant.source)
    try:
        return _run(copy, tests)
    finally:
        shutil.rmtree(copy.parent, ignore_errors=True)


def _run(copy: Path, tests: list[str]) -> str:
    """Runs the tests in a fork, a group of its own; when it takes too long, all of the group ends."""
    log = copy / "log"
    child = os.fork()
    if child == 0:
        _be(copy, log, tests)
    began = time.monotonic()
    while os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() - began > LIMIT_S:
            break
        time.sleep(0.02)
    late = time.monotonic() - began > LIMIT_S
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if late:
        return "the limit of time"
    if status == 0:
        return ""
    failed = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(("FAILED", "ERROR"))]
    return (failed[0].split()[1] if failed else f"exit code {status}").partition("[")[0]


def _be(copy: Path, log: Path, tests: list[str]) -> None:
    """Never returns."""
    code = 70
    try:
        os.setpgid(0, 0)
        current_process()._config.pop("daemon", None)  # type: ignore[attr-defined] # `doit -n 2` has children of its own
        out = os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.chdir(copy)
        os.environ.update(PYTHONPATH=str(copy), PYTHONDONTWRITEBYTECODE="1", CRASH_SEED="7")
        sys.dont_write_bytecode = True
        sys.path = [str(copy), *(path for path in sys.path if not (Path(path or ".") / "pdp").exists())]
        for name in [name for name in sys.modules if name.partition(".")[0] in ("pdp", "stages", "tests", "dodo")]:
            del sys.modules[name]
        code = inside(tests)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def inside(tests: list[str]) -> int:
    """The child: pytest with what people type run in forks of this process."""
    import pytest

    from tests.crash.process import run
    from tests.project import Project

    typed = Project.command

    def command(self: Project, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        if words[:2] != (sys.executable, "-m") or environ:
            return typed(self, *words, **environ)
        ended = run(self.root, words[2:])
        return subprocess.CompletedProcess(words, ended.code, ended.printed, ended.printed)

    Project.command = command  # type: ignore[method-assign]
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *tests]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"of: {', '.join(MODULES)}")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, chosen by the seed; 0: all")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    arguments = parser.parse_args()
    every = [one for module in arguments.modules or MODULES if (ROOT / module).exists() for one in mutants(module)]
    random.Random(arguments.seed).shuffle(every)
    every = every[: arguments.sample or None]
    if arguments.list:
        print("\n".join(map(str, every)))
        return 0
    tests = [name for name in TESTS if (ROOT / name).exists()]
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        keep(Path(folder))
        _load()
        with get_context("fork").Pool(arguments.jobs) as pool:
            if noticed := pool.apply(attempt, (None, Path(folder), tests)):
                print(f"the tests fail without any mutant: {noticed}", file=sys.stderr)
                return 2
            return tell(every, pool.imap(partial(attempt, place=Path(folder), tests=tests), every))


def _load() -> None:
    """The libraries, once for all forks; nothing of pdp."""
    import doit.doit_cmd
    import hypothesis
    import pandas
    import pyarrow.csv
    import pyarrow.parquet
    import pydantic
    import pytest

    assert all((doit, hypothesis, pandas, pyarrow, pydantic, pytest))
    assert not [name for name in sys.modules if name.partition(".")[0] == "pdp"]


def tell(every: list[Mutant], results: Iterator[str]) -> int:
    """Tells what became of each; 1 if fewer than 95 of 100 are noticed."""
    began, by, survivors = time.monotonic(), Counter[str](), 0
    for number, (mutant, noticed) in enumerate(zip(every, results, strict=True), 1):
        by[noticed.partition("::")[0]] += 1
        if not noticed:
            survivors += 1
            print(f"survives: {mutant}", flush=True)
        if number % 25 == 0:
            print(f"{number} of {len(every)}, {survivors} survive, {time.monotonic() - began:.0f} s", flush=True)
    share = 1 - survivors / max(1, len(every))
    print(f"{len(every)} mutants, {len(every) - survivors} noticed ({share:.1%})")
    print(", ".join(f"{count} by {name}" for name, count in by.most_common() if name))
    return int(share < 0.95)


if __name__ == "__main__":
    raise SystemExit(main())
