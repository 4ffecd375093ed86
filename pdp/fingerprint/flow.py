"""What a name or an expression means at one place: globals, imports, or an object that was handed in."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pdp.fingerprint import special
from pdp.fingerprint.names import COMPREHENSIONS, Chain, Local, chain_of

_FRESH = (ast.BinOp, ast.Compare, ast.UnaryOp, ast.Constant, ast.JoinedStr, ast.Lambda)


@dataclass(slots=True)
class Scope:
    names: Mapping[str, Local]
    globals: set[str]
    is_class: bool = False


class Flow:
    """The scopes around a place. ``imported``: name -> dotted targets of the module's own imports."""

    def __init__(self, imported: Mapping[str, list[str]]) -> None:
        self.imported = imported
        self.scopes: list[Scope] = []

    def find(self, name: str) -> tuple[Local | None, bool]:
        """``(the local that the name means, or None for a global, is it perhaps a name of a class body?)``"""
        soft = False
        for depth, scope in enumerate(reversed(self.scopes)):
            if name in scope.globals:
                return None, soft
            if name in scope.names:
                if not scope.is_class:
                    return scope.names[name], soft
                soft = True
                if depth == 0 and scope.names[name].imports:
                    return scope.names[name], soft
        return None, soft

    def chains(self, chain: Chain) -> list[Chain]:
        """The chains from a module's globals that a written chain may mean; none for a local value."""
        local, _ = self.find(chain[0])
        return [chain] if local is None else [target + chain[1:] for target in local.imports]

    def dotted(self, chain: Chain | None) -> set[str]:
        """The dotted names that a chain may mean outside the project: ``{"importlib.import_module"}``."""
        found = set()
        for one in self.chains(chain) if chain else ():
            if one[0] == "":
                found.add(".".join(one[1:]))
            elif one[0] in self.imported:
                found |= {".".join((target, *one[1:])) for target in self.imported[one[0]]}
            else:
                found.add(".".join(one))
        return {name.removeprefix("builtins.") for name in found}

    def roots(self, node: ast.expr | None) -> tuple[set[Chain], bool]:
        """``(global chains whose object the expression may be or hold, may it be an object handed in?)``

        A chain that ends in "()" is the result of a call; ``("()", "name")`` that of a method of something unknown.
        """
        found: set[Chain] = set()
        return found, self._roots(node, found, set()) if node is not None else False

    def _roots(self, node: ast.expr, found: set[Chain], seen: set[int]) -> bool:
        given = False
        inner: Iterable[ast.expr]
        if (chain := chain_of(node)) is not None:
            local, _ = self.find(chain[0])
            if local is None:
                found.add(chain)
                return False
            found.update(target + chain[1:] for target in local.imports)
            found |= local.holds
            inner = local.values if id(local) not in seen else ()
            seen.add(id(local))
            given = local.handed_in
        elif isinstance(node, ast.Call):
            inner = self._result(node, found)
        elif isinstance(node, _FRESH):
            inner = ()
        elif isinstance(node, ast.Subscript):
            inner = (node.value,)
        elif isinstance(node, ast.Dict):
            inner = node.values
        elif isinstance(node, COMPREHENSIONS):
            self.scopes.append(Scope(self.targets(node), set()))
            held = node.value if isinstance(node, ast.DictComp) else node.elt
            given = self._roots(held, found, seen)
            self.scopes.pop()
            inner = ()
        else:
            inner = (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
        for child in inner:
            given |= self._roots(child, found, seen)
        return given

    def _result(self, node: ast.Call, found: set[Chain]) -> list[ast.expr]:
        """Note what a call may give back; the expressions that it may pass through."""
        func = chain_of(node.func)
        chains = self.chains(func) if func is not None else []
        found.update((*one, "()") for one in chains)
        dotted = self.dotted(func)
        inner = [] if dotted and dotted <= special.COPIES else [*node.args, *(k.value for k in node.keywords)]
        if dotted == {"dict.fromkeys"}:
            inner = inner[1:]  # keys cannot be changed in place
        if func is None:
            inner.append(node.func)
        if isinstance(node.func, ast.Attribute) and not chains:
            found.add(("()", node.func.attr))
            inner.append(node.func.value)
        return inner

    @staticmethod
    def targets(node: ast.expr) -> dict[str, Local]:
        names: dict[str, Local] = {}
        for generator in node.generators:  # type: ignore[attr-defined]
            for target in ast.walk(generator.target):
                if isinstance(target, ast.Name):
                    names.setdefault(target.id, Local()).values.append(generator.iter)
        return names
