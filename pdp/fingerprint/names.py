"""Which names a block binds, and to what: the scopes of Python, read from the syntax tree."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from dataclasses import dataclass, field

Chain = tuple[str, ...]  # ("units", "SCALE") from the module's globals; ("", "stages", "units") is absolute

# The union over the supported versions, so that a name is a builtin under all of them or under none.
BUILTINS = frozenset(dir(builtins)) | {
    "PythonFinalizationError", "WindowsError", "__file__", "__name__", "__path__", "__package__", "__spec__",
    "__loader__", "__cached__", "__builtins__", "__annotations__", "__class__", "__qualname__", "__module__",
    "__dict__", "__firstlineno__", "__conditional_annotations__", "__classdict__", "__static_attributes__",
}  # fmt: skip

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class Local:
    """One name of one scope."""

    imports: list[Chain] = field(default_factory=list)
    values: list[ast.expr] = field(default_factory=list)  # what it may be another name of
    holds: set[Chain] = field(default_factory=set)  # globals that it starts as: the default of a parameter
    code: bool = False  # a function or class defined there
    handed_in: bool = False  # a parameter: whoever calls may hold the same object


def import_targets(node: ast.Import | ast.ImportFrom, package: str) -> list[tuple[str, Chain, str]]:
    """``[(bound name, absolute chain, module to load)]`` of an import; the name is "*" for a star import."""
    if isinstance(node, ast.Import):
        found = []
        for alias in node.names:
            parts = tuple(alias.name.split("."))
            found.append((alias.asname or parts[0], ("", *(parts if alias.asname else parts[:1])), alias.name))
        return found
    base = absolute_module(node.module or "", node.level, package)
    return [(a.asname or a.name, ("", *base.split("."), a.name), base) for a in node.names]


def absolute_module(name: str, level: int, package: str) -> str:
    """``(".units", 1, "stages")`` -> ``"stages.units"``; above the top it is a name that no module has."""
    if not level:
        return name
    parts = package.split(".") if package else []
    if level - 1 > len(parts):
        return "?." + name
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])]) or "?"


def chain_of(node: ast.expr) -> Chain | None:
    """``a.b.c`` -> ``("a", "b", "c")``; None when the root is no name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else None


def bound_names(nodes: Iterable[ast.AST], package: str, walrus: bool = True) -> tuple[dict[str, Local], set[str]]:
    """The names that a block binds in its own scope, and those it declares global.

    ``walrus=False`` when the source has no ``:=``: then no expression needs a look.
    """
    collector = _Collector(package, walrus)
    for node in nodes:
        collector.collect(node)
    for name in collector.globals | collector.nonlocals:
        collector.names.pop(name, None)
    return collector.names, collector.globals


_BINDERS = (
    ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For, ast.AsyncFor, ast.withitem, ast.Import,
    ast.ImportFrom, ast.Match, ast.ExceptHandler, ast.Global, ast.Nonlocal, ast.Delete,
)  # fmt: skip


class _Collector:
    def __init__(self, package: str, walrus: bool) -> None:
        self.package, self.walrus = package, walrus
        self.names: dict[str, Local] = {}
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()

    def name(self, name: str) -> Local:
        return self.names.setdefault(name, Local())

    def bind(self, target: ast.AST, value: ast.expr | None) -> None:
        for node in (target,) if isinstance(target, ast.Name) else ast.walk(target):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                local = self.name(node.id)
                if value is not None:
                    local.values.append(value)

    def collect(self, node: ast.AST) -> None:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            self.name(node.name).code = True
            for decorator in node.decorator_list if self.walrus else ():
                self.collect(decorator)
            return
        if isinstance(node, ast.Lambda):
            return
        if type(node).__name__ == "TypeAlias":  # 3.12
            self.bind(node.name, None)  # type: ignore[attr-defined]
            return
        if isinstance(node, COMPREHENSIONS):
            for inner in ast.walk(node):
                if isinstance(inner, ast.NamedExpr):
                    self.bind(inner.target, inner.value)
            return
        if isinstance(node, _BINDERS):
            self._statement(node)
        for name in node._fields:
            value = getattr(node, name, None)
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, ast.AST) and (self.walrus or not isinstance(child, ast.expr)):
                    self.collect(child)

    def _statement(self, node: ast.AST) -> None:  # noqa: C901 - one line per kind of statement
        match node:
            case ast.Assign(targets=targets, value=value):
                for one in targets:
                    self.bind(one, value)
            case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
                self.bind(target, value)
            case ast.AugAssign(target=target):
                self.bind(target, None)
            case ast.Delete(targets=targets):
                for one in targets:
                    self.bind(one, None)
            case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
                self.bind(target, value)
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                self.bind(target, value)
            case ast.Import() | ast.ImportFrom():
                for name, chain, _ in import_targets(node, self.package):
                    if name != "*":
                        self.name(name).imports.append(chain)
            case ast.Match(subject=subject, cases=cases):
                for inner in (inner for arm in cases for inner in ast.walk(arm.pattern)):
                    for captured in (getattr(inner, "name", None), getattr(inner, "rest", None)):
                        if isinstance(captured, str):
                            self.name(captured).values.append(subject)
            case ast.ExceptHandler(name=str(name)):
                self.name(name)
            case ast.Global(names=names):
                self.globals.update(names)
            case ast.Nonlocal(names=names):
                self.nonlocals.update(names)


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[str]:
    """The names of all parameters, in order."""
    a = node.args
    every = [*a.posonlyargs, *a.args, *([a.vararg] if a.vararg else []), *a.kwonlyargs, *([a.kwarg] if a.kwarg else [])]
    return [arg.arg for arg in every]
