"""The floors of docs/design.md, read from the imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest

from pdp.schema import Schema, Type
from stages import schemas

ROOT = Path(__file__).parent.parent

# From the ground up. A module imports only from lower floors; a package is one room.
FLOORS = (
    ("labels", "lean", "parquet", "redact", "regions", "resolve"),
    ("errors",),
    ("disk", "fetched", "filehash", "signals"),
    ("double", "fingerprint", "google", "kept", "places", "repairs", "resource", "schema", "settings", "walk"),
    ("config", "demo", "snapshot", "tables"),
    ("pieces", "readings", "registry", "stage", "store"),
    ("mounts", "workers"),
    ("chain", "lock"),
    ("session",),
    ("ask", "identity"),
    ("ingest",),
    ("commit", "gc", "plan", "recover"),
    ("outlook", "start", "verify"),
    ("sync", "tasks"),
    ("doit_backend",),
    ("doit_door", "doit_reporter"),
    ("doit_commands", "doit_run"),
    ("frames", "generation", "period", "samples", "thresholds", "treatments"),
    ("statistics",),
    ("charts",),
    ("export", "report"),
    ("doctor", "look"),
    ("dashboard",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
ENGINE = set(FLOOR) - {"cli", "config", "dashboard", "demo", "doctor", "double", "look", "settings"}

ENGINE -= {"charts", "export", "frames", "period", "report", "samples", "statistics", "thresholds"}

OFFERED_TO_STAGES = {"pdp.errors", "pdp.labels", "pdp.regions", "pdp.resource", "pdp.schema", "pdp.snapshot"}
WORLD = {
    "getpass", "http", "locale", "logging", "os", "pathlib", "platform", "random", "requests", "secrets", "shutil",
    "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "time", "urllib",
}  # fmt: skip
BUILTINS = {"eval", "exec", "input", "open", "print"}
CLOCKS = {"now", "today", "utcnow"}
HEAVY = {
    "altair", "click", "duckdb", "google", "googleapiclient", "gspread", "numpy", "pandas", "pyarrow", "pydantic", "rich",
    "streamlit",
}  # fmt: skip


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def imported(path: Path, nodes: Iterator[ast.AST] | None = None) -> set[str]:
    """Every module that `path` imports, at its top or in a function. A name from a package counts both ways."""
    found = set()
    for node in ast.walk(tree(path)) if nodes is None else nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.relative_to(ROOT)} imports relatively"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_of_pdp(path: Path) -> set[str]:
    """The rooms of pdp that a file imports."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("pdp.")} & set(FLOOR)


def room(path: Path) -> str:
    return path.relative_to(ROOT / "pdp").parts[0].removesuffix(".py")


def test_every_module_has_its_floor() -> None:
    """A new module of pdp is put on a floor, and no floor lists one that is gone."""
    assert {room(path) for path in modules("pdp")} - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize("path", modules("pdp"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_down(path: Path) -> None:
    """A module of pdp imports only from lower floors, and never the stages or dodo.py."""
    height = FLOOR.get(room(path), -1)
    upward = {other for other in rooms_of_pdp(path) - {room(path)} if FLOOR[other] >= height}
    assert upward == set()
    assert {name.split(".")[0] for name in imported(path)} & {"stages", "dodo", "tests", "bench"} == set()


@pytest.mark.parametrize("path", modules("stages"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_stages_know_little_of_pdp(path: Path) -> None:
    """A stage imports what pdp offers to stages, and neither the engine nor dodo.py."""
    used = {".".join(name.split(".")[:2]) for name in imported(path) if name.startswith("pdp.")}
    assert used <= OFFERED_TO_STAGES | (
        {"pdp.fetched", "pdp.google"} if path.is_relative_to(ROOT / "stages/ingest") else set()
    )
    assert {name.split(".")[0] for name in imported(path)} & {"dodo", "tests", "bench"} == set()


@pytest.mark.parametrize(
    "path",
    [path for path in modules("stages") if not path.is_relative_to(ROOT / "stages/ingest")],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_stages_see_nothing_of_the_world(path: Path) -> None:
    """No path, no clock, no network, no logger, no environment: a stage is a pure function. Only ingest fetches."""
    assert {name.split(".")[0] for name in imported(path)} & WORLD == set()
    called = [node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    assert {f.id for f in called if isinstance(f, ast.Name)} & BUILTINS == set()
    assert {f.attr for f in called if isinstance(f, ast.Attribute)} & CLOCKS == set()


@pytest.mark.parametrize(
    "path",
    [path for path in modules("pdp") if room(path) in ENGINE],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_engine_knows_no_column(path: Path) -> None:
    """The engine names no column of a table: what a table holds is the stages' matter."""
    tables = [table for table in vars(schemas).values() if isinstance(table, Schema)]
    own = {column.name for table in tables for column in table.columns}
    shared = {column.name for column in chain(schemas.PROVENANCE, schemas.PROBLEM, schemas.TRAILER)}
    texts = {node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)}
    assert texts & (own - shared - set(get_args(Type))) == set()


def test_run_with_nothing_to_do_stays_light() -> None:
    """What dodo.py imports at once, and all that those import at once, is free of heavy libraries."""
    todo, seen = [ROOT / "dodo.py", *plugins()], set[Path]()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        names = imported(path, at_once(tree(path)))
        heavy = {name for name in names if name.split(".")[0] in HEAVY}
        assert not heavy, f"{path.relative_to(ROOT)} imports {heavy}"
        todo += [found for name in names for found in files(name)]
    assert ROOT / "pdp/session.py" in seen


def test_pdp_command_is_light_until_it_needs_click() -> None:
    """The table of commands is read without click, so that a light command starts at once."""
    assert {name.split(".")[0] for name in imported(ROOT / "pdp/cli/__init__.py")} & HEAVY == set()


def plugins() -> list[Path]:
    """The modules that doit loads by entry point."""
    return [ROOT / f"pdp/{name}.py" for name in ("doit_backend", "doit_commands", "doit_reporter", "doit_run")]


def files(name: str) -> list[Path]:
    """The project's file of a module, if it is one of the project's."""
    path = ROOT.joinpath(*name.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]


def at_once(module: ast.Module) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: no function bodies, nothing that only the type checker sees."""
    todo: list[ast.AST] = list(module.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        todo += list(ast.iter_child_nodes(node))
