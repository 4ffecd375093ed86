"""One parsed file: its top-level statements and the names that they and its imports bind."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pdp.errors import PdpError
from pdp.fingerprint.canon import TEXTS, digest, is_main_block, live
from pdp.fingerprint.names import FUNCTIONS, Chain, bound_names, import_targets
from pdp.fingerprint.part import Part
from pdp.fingerprint.scan import Scanner

_GLOBAL = re.compile(rb"global[ \t\\]")


@dataclass(frozen=True)
class Import:
    """One name that an import at the top level binds."""

    name: str
    target: Chain
    line: int
    dotted: int  # how many leading parts of the target are said to be modules


class Stmt:
    """One top-level statement that is no import."""

    def __init__(self, module: Module, node: ast.stmt, index: int, names: tuple[str, ...]) -> None:
        self.module, self.node, self.index, self.names = module, node, index, names
        self.line = node.lineno
        self.is_definition = isinstance(node, (*FUNCTIONS, ast.ClassDef))

    @cached_property
    def digest(self) -> str:
        text = TEXTS[self.module.scheme](self.node, typing_only=self.module.typing_only)
        return digest(self.module.name, *self.names, "text", text)

    @cached_property
    def parts(self) -> list[Part]:
        """The facts: the part that runs at import first."""
        module = self.module
        scanner = Scanner(module.package, module.name, module.dotted_imports, module.typing_only, module.walrus)
        scanner.visit(self.node)
        return scanner.parts

    @property
    def key(self) -> tuple[str, int]:
        return self.module.name, self.index


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
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))

    @property
    def package(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @cached_property
    def dotted_imports(self) -> dict[str, list[str]]:
        """What each imported name means, dotted: ``{"np": ["numpy"]}``."""
        return {name: [".".join(one.target[1:]) for one in found] for name, found in self.imports.items()}

    @cached_property
    def exports(self) -> frozenset[str] | None:
        """The names of a literal ``__all__``; None when there is none, or a computed one."""
        found = self.bindings.get("__all__", [])
        if len(found) == 1 and isinstance(node := found[0].node, ast.Assign):
            elements = node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else [node.value]
            texts = [e.value for e in elements if isinstance(e, ast.Constant) and isinstance(e.value, str)]
            if len(texts) == len(elements):
                return frozenset(texts)
        return None

    @cached_property
    def docs(self) -> str:
        """One digest over all docstrings, for the code that reads them."""
        texts = [
            ast.get_docstring(node, clean=False) or ""
            for node in ast.walk(self.tree)
            if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Module))
        ]
        return digest(self.name, *texts)

    def parse(self) -> None:
        """Read and index the file.

        Raises:
            PdpError: The file cannot be read as Python.
        """
        if self.path is None:
            return
        source = self.path.read_bytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "\d" in a text is not our concern
                self.tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None) or 1
            reason = getattr(error, "msg", None) or str(error)
            raise PdpError(f"{self.file}:{line} is not valid Python: {reason}", hint="fix that line") from error
        self.walrus = b":=" in source
        kept = self._kept() if b"TYPE_CHECKING" in source else list(live(self.tree.body))
        for index, node in enumerate(_top_level(kept, self.typing_only)):
            self._add(node, index, has_global=_GLOBAL.search(source) is not None)

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
        statement = Stmt(self, node, index, tuple(sorted(names)))
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
