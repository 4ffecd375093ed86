"""One parsed file: its top-level statements and the names that they and its imports bind."""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pdp.errors import PdpError
from pdp.fingerprint.canon import TEXTS, digest, is_main_block, live
from pdp.fingerprint.names import FUNCTIONS, Chain, bound_names, import_targets
from pdp.fingerprint.part import Part
from pdp.fingerprint.scan import Scanner
from pdp.fingerprint.shape import Form

_GLOBAL = re.compile(rb"global[ \t\\]")


class Memo(Protocol):
    """What was found in modules before."""

    def get(self, module: Module) -> tuple[Any, ...] | None:
        """What ``as_data`` gave for the same key."""
        ...


@dataclass(frozen=True)
class Import:
    """One name that an import at the top level binds."""

    name: str
    target: Chain
    line: int
    dotted: int  # how many leading parts of the target are said to be modules


class Stmt:
    """One top-level statement that is no import."""

    def __init__(self, module: Module, index: int, names: tuple[str, ...], line: int, form: Form) -> None:
        self.module, self.index, self.names, self.line, self.form = module, index, names, line, form
        self.is_definition = form.is_function or form.is_class

    @cached_property
    def digest(self) -> str:
        text = TEXTS[self.module.scheme](self.module.nodes[self.index], typing_only=self.module.typing_only)
        return digest(self.module.name, *self.names, "text", text)

    @cached_property
    def parts(self) -> list[Part]:
        """The facts: the part that runs at import first."""
        module = self.module
        scanner = Scanner(module.package, module.name, module.dotted_imports, module.typing_only, module.walrus)
        scanner.visit(module.nodes[self.index])
        return scanner.parts

    @property
    def key(self) -> tuple[str, int]:
        return self.module.name, self.index

    def as_data(self) -> tuple[Any, ...]:
        parts = tuple(part.as_data() for part in self.parts)
        return self.index, self.names, self.line, self.form.as_data(), self.digest, parts

    @classmethod
    def from_data(cls, module: Module, data: tuple[Any, ...]) -> Stmt:
        index, names, line, form, text, parts = data
        statement = cls(module, index, names, line, Form.from_data(form))
        statement.digest = text
        statement.parts = [Part(*part) for part in parts]
        return statement


@dataclass(eq=False)
class Module:
    """A module, or a folder of modules (``path`` is None for a folder without ``__init__.py``)."""

    name: str
    path: Path | None
    file: str  # posix, relative to the root
    is_package: bool
    scheme: int
    statements: list[Stmt] = field(default_factory=list)
    bindings: dict[str, list[Stmt]] = field(default_factory=dict)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    stars: list[tuple[str, int]] = field(default_factory=list)
    loads: list[tuple[int, str]] = field(default_factory=list)  # (index of the statement, module)
    typing_names: set[str] = field(default_factory=set)  # bound for type checkers only
    future: set[str] = field(default_factory=set)
    typing_only: bool = True
    walrus: bool = True
    exports: frozenset[str] | None = None
    """The names of a literal ``__all__``; None when there is none, or a computed one."""
    source: bytes = b""

    @property
    def package(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @cached_property
    def dotted_imports(self) -> dict[str, list[str]]:
        """What each imported name means, dotted: ``{"np": ["numpy"]}``."""
        return {name: [".".join(one.target[1:]) for one in found] for name, found in self.imports.items()}

    @cached_property
    def docs(self) -> str:
        """One digest over all docstrings, for the code that reads them."""
        texts = [
            ast.get_docstring(node, clean=False) or ""
            for node in ast.walk(self.tree)
            if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Module))
        ]
        return digest(self.name, *texts)

    def parse(self, memo: Memo) -> None:
        """Read and index the file, or what the memo has of these very bytes.

        Raises:
            PdpError: The file cannot be read as Python.
        """
        if self.path is None:
            return
        self.source = self.path.read_bytes()
        if (known := memo.get(self)) is not None:
            self._restore(known)
            return
        self.walrus = b":=" in self.source
        has_global = _GLOBAL.search(self.source) is not None
        for index, node in enumerate(self.nodes):
            self._add(node, index, has_global=has_global)
        self.exports = self._exports()

    @property
    def key(self) -> tuple[str, bool, int, str]:
        """All that the facts of a module depend on, but for the code that finds them."""
        return self.name, self.is_package, self.scheme, hashlib.sha256(self.source).hexdigest()

    def as_data(self) -> tuple[Any, ...]:
        """All that was found, as plain data of Python's own types."""
        place = {statement: number for number, statement in enumerate(self.statements)}
        bindings = {name: [place[one] for one in found] for name, found in self.bindings.items()}
        imports = {name: [(i.name, i.target, i.line, i.dotted) for i in found] for name, found in self.imports.items()}
        return (
            [statement.as_data() for statement in self.statements], bindings, imports, self.stars, self.loads,
            self.typing_names, self.future, self.typing_only, self.walrus, self.exports,
        )  # fmt: skip

    def _restore(self, data: tuple[Any, ...]) -> None:
        statements, bindings, imports, *rest = data
        self.statements = [Stmt.from_data(self, statement) for statement in statements]
        self.bindings = {name: [self.statements[number] for number in found] for name, found in bindings.items()}
        self.imports = {name: [Import(*one) for one in found] for name, found in imports.items()}
        self.stars, self.loads, self.typing_names, self.future, self.typing_only, self.walrus, self.exports = rest

    @cached_property
    def tree(self) -> ast.Module:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "\d" in a text is not our concern
                return ast.parse(self.source)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None) or 1
            reason = getattr(error, "msg", None) or str(error)
            raise PdpError(f"{self.file}:{line} is not valid Python: {reason}", hint="fix that line") from error

    @cached_property
    def nodes(self) -> list[ast.stmt]:
        """The statements that run on import, in order; a statement's index is its place here."""
        kept = self._kept() if b"TYPE_CHECKING" in self.source else list(live(self.tree.body))
        return list(_top_level(kept, self.typing_only))

    def _kept(self) -> list[ast.stmt]:
        """The top level without what only type checkers read, unless the name means something else here."""
        names, _ = bound_names(self.tree.body, self.package)
        self.typing_only = all(
            all(chain[1] in ("typing", "typing_extensions") for chain in local.imports)
            and all(isinstance(value, ast.Constant) and value.value is False for value in local.values)
            for name in ("TYPE_CHECKING", "typing", "typing_extensions")
            if (local := names.get(name))
        )
        kept = list(live(self.tree.body, typing_only=self.typing_only))
        self.typing_names = set(names) - set(bound_names(kept, self.package)[0])
        return kept

    def _add(self, node: ast.stmt, index: int, *, has_global: bool) -> None:
        for inner in _module_imports(node, self.typing_only):
            self._add_import(inner, index)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return
        names = bound_names([node], self.package, self.walrus)[0]
        statement = Stmt(self, index, tuple(sorted(names)), node.lineno, Form.of(node))
        bound = set(names)
        if has_global:
            bound.update(n for inner in ast.walk(node) if isinstance(inner, ast.Global) for n in inner.names)
        self.statements.append(statement)
        for name in bound:
            self.bindings.setdefault(name, []).append(statement)

    def _add_import(self, node: ast.Import | ast.ImportFrom, index: int) -> None:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            self.future.update(alias.name for alias in node.names)
            return
        for name, target, loaded in import_targets(node, self.package):
            self.loads.append((index, loaded))
            if name == "*":
                self.stars.append((loaded, index))
                continue
            dotted = len(target) - 1 if isinstance(node, ast.Import) else len(target) - 2
            self.imports.setdefault(name, []).append(Import(name, target, node.lineno, dotted))
            if isinstance(node, ast.ImportFrom):
                self.loads.append((index, ".".join(target[1:])))

    def _exports(self) -> frozenset[str] | None:
        found = self.bindings.get("__all__", [])
        if len(found) == 1 and isinstance(node := self.nodes[found[0].index], ast.Assign):
            elements = node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else [node.value]
            texts = [e.value for e in elements if isinstance(e, ast.Constant) and isinstance(e.value, str)]
            if len(texts) == len(elements):
                return frozenset(texts)
        return None


def _top_level(body: list[ast.stmt], typing_only: bool) -> Iterator[ast.stmt]:
    """The statements that run on import; the ``else`` of a main block runs, the block does not."""
    for node in body:
        if is_main_block(node):
            assert isinstance(node, ast.If)
            yield from _top_level(list(live(node.orelse, typing_only=typing_only)), typing_only)
        else:
            yield node


def _module_imports(node: ast.stmt, typing_only: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that a top-level statement runs in the module's own scope."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield node
    elif not isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        for _, value in ast.iter_fields(node):
            items = value if isinstance(value, list) else []
            stmts = list(live([i for i in items if isinstance(i, ast.stmt)], typing_only=typing_only))
            for inner in stmts:
                yield from _module_imports(inner, typing_only)
            for item in items:
                if isinstance(item, (ast.ExceptHandler, ast.match_case)):
                    for inner in live(item.body, typing_only=typing_only):
                        yield from _module_imports(inner, typing_only)
