"""What is asked of a statement's syntax once its names are known: plain data, so that the tree need not be kept."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from pdp.fingerprint.names import FUNCTIONS, Chain, chain_of

_FUNCTIONS = frozenset(kind.__name__ for kind in FUNCTIONS)
_COMPOSED = (ast.Tuple, ast.BinOp, ast.UnaryOp)
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_MAKERS = frozenset({"list", "dict", "set", "deque", "defaultdict", "Counter", "OrderedDict", "count"})


@dataclass(frozen=True, slots=True)
class Value:
    """An expression that a name is bound to. ``chain``: of what is called, if it is a call; ``parts``: of what it is
    composed."""

    kind: str
    chain: Chain | None = None
    parts: tuple[Value, ...] = ()

    @classmethod
    def of(cls, node: ast.AST | None) -> Value | None:
        if not isinstance(node, ast.expr):
            return None
        parts = ast.iter_child_nodes(node) if isinstance(node, _COMPOSED) else ()
        chain = chain_of(node.func if isinstance(node, ast.Call) else node)
        return cls(type(node).__name__, chain, tuple(part for one in parts if (part := cls.of(one))))

    def as_data(self) -> tuple[Any, ...]:
        return self.kind, self.chain, tuple(part.as_data() for part in self.parts)

    @classmethod
    def from_data(cls, data: tuple[Any, ...]) -> Value:
        kind, chain, parts = data
        return cls(kind, chain, tuple(map(cls.from_data, parts)))


@dataclass(frozen=True, slots=True)
class Form:
    """The kind of a statement and what it binds; of a class also its bases, the names in its body, and whether that makes
    a container."""

    kind: str
    value: Value | None = None
    bases: tuple[Chain | None, ...] = ()
    members: tuple[str, ...] = ()
    makes_container: bool = False

    @classmethod
    def of(cls, node: ast.stmt) -> Form:
        kind, value = type(node).__name__, Value.of(getattr(node, "value", None))
        if not isinstance(node, ast.ClassDef):
            return cls(kind, value)
        values = [held for inner in node.body if (held := getattr(inner, "value", None)) is not None]
        members = dict.fromkeys(name for inner in node.body for name in _names_of(inner))
        return cls(kind, None, tuple(map(chain_of, node.bases)), tuple(members), any(map(_makes_container, values)))

    @property
    def is_function(self) -> bool:
        return self.kind in _FUNCTIONS

    @property
    def is_class(self) -> bool:
        return self.kind == "ClassDef"

    def as_data(self) -> tuple[Any, ...]:
        return self.kind, self.value and self.value.as_data(), self.bases, self.members, self.makes_container

    @classmethod
    def from_data(cls, data: tuple[Any, ...]) -> Form:
        kind, value, *rest = data
        return cls(kind, value and Value.from_data(value), *rest)


def _makes_container(node: ast.expr) -> bool:
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MAKERS
    return called or isinstance(node, _MUTABLE)


def _names_of(node: ast.AST) -> list[str]:
    targets = [*getattr(node, "targets", []), getattr(node, "target", None)]
    names = [getattr(node, "name", None), *(getattr(target, "id", None) for target in targets)]
    return [name for name in names if isinstance(name, str)]
