"""The mutants of a module: one change each — a statement left out, a condition turned round, a comparison, a constant."""

from __future__ import annotations

import ast
import hashlib
import marshal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
OTHERS = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
Function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutant:
    """One change of one module. `code` is the whole of the module with it, compiled; `lines` are those that tell who runs it."""

    module: str
    number: int
    line: int
    what: str
    code: bytes
    lines: frozenset[int]

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.what}"

    @property
    def name(self) -> str:
        """One name for this change of this text of the module."""
        return f"{hashlib.sha256((ROOT / self.module).read_bytes()).hexdigest()[:12]} {self.number} {self}"

    @property
    def dotted(self) -> str:
        return self.module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    text = (ROOT / module).read_text()
    whole = ast.parse(text)
    for number, (node, what) in enumerate(_sites(whole, None)):
        tree = ast.parse(text)
        for _ in _sites(tree, number):
            pass
        code = compile(ast.fix_missing_locations(tree), str(ROOT / module), "exec", dont_inherit=True)
        yield Mutant(module, number, node.lineno, what, marshal.dumps(code), lines_of(whole, node))


def lines_of(tree: ast.Module, node: ast.AST) -> frozenset[int]:
    """The lines of which one is run where the change at `node` matters: its statement's, or those that use what it defines."""
    within = _path(tree, node)
    statements = [one for one in within if isinstance(one, ast.stmt)]
    statement = statements[-1]
    if isinstance(statement, Function):  # a default
        return frozenset(range(statement.body[0].lineno, (statement.end_lineno or 0) + 1))
    if any(isinstance(one, Function) for one in statements):
        body = getattr(statement, "body", None)
        last = body[0].lineno if body else statement.end_lineno
        return frozenset(range(statement.lineno, (last or statement.lineno) + 1))
    names = {one.id for one in ast.walk(statement) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    uses = {
        one.lineno
        for one in ast.walk(tree)
        if (isinstance(one, ast.Name) and one.id in names) or (isinstance(one, ast.Attribute) and one.attr in names)
    }
    return frozenset(uses - set(range(statement.lineno, (statement.end_lineno or 0) + 1)))


def _path(tree: ast.AST, node: ast.AST) -> list[ast.AST]:
    """From the module down to the node."""
    for child in ast.iter_child_nodes(tree):
        if child is node:
            return [child]
        if found := _path(child, node):
            return [child, *found]
    return []


def _sites(tree: ast.AST, wanted: int | None) -> Iterator[tuple[Any, str]]:
    """The places that can be changed, in order; the one that is `wanted` is changed on the way."""
    count = -1
    for parent, field, at, node in _walk(tree):
        for what, change in _changes(parent, field, at, node):
            count += 1
            if count == wanted:
                change()
                return
            if wanted is None:
                yield node, what


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
