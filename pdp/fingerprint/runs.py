"""What a statement may run when its module is imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pdp.fingerprint import special
from pdp.fingerprint.bodies import CONTAINER_CALLS, Bodies
from pdp.fingerprint.index import Index, Key
from pdp.fingerprint.module import Module, Stmt
from pdp.fingerprint.names import Chain
from pdp.fingerprint.part import Part
from pdp.fingerprint.shape import Form

# Outside calls that keep what they are given and call nothing of it.
_HOLDERS = CONTAINER_CALLS - {"sorted"} | {
    "dict.fromkeys", "zip", "enumerate", "types.MappingProxyType", "functools.partial", "typing.NewType",
    "typing.TypeVar", "typing.cast", "isinstance", "issubclass", "staticmethod", "classmethod", "property",
}  # fmt: skip


@dataclass(slots=True)
class Run:
    """What a statement may run at import beyond itself: bodies of functions, methods by name."""

    parts: list[tuple[Module, Part]] = field(default_factory=list)
    reads: set[Key] = field(default_factory=set)
    writes: set[Key] = field(default_factory=set)
    writes_given: bool = False
    world: bool = False

    def has_method(self, name: str) -> bool:
        return any(part.name == name for _, part in self.parts)


class Runs(Bodies):
    """Follows calls, methods by their names alone."""

    def __init__(self, index: Index, statements: Iterable[Stmt]) -> None:
        super().__init__(index, statements)
        self._callees: dict[tuple[str, Chain], Run] = {}

    def run(self, statement: Stmt) -> Run:
        """What a statement may run at import: through its calls, and through functions that it hands to a caller."""
        module, eager = statement.module, statement.parts[0]
        decorated = any(self._changes_what_it_decorates(module, chain) for chain in eager.decorators)
        own = [part for part in statement.parts[1:] if decorated or not statement.is_definition]
        inherited = [] if own or not statement.form.is_class else statement.parts[1:]
        run = self._follow(statement, eager, own, inherited)
        for chain, args in eager.args.items():
            callee = self.callee(module, chain)
            functions = [one for one in args if self._runs(module, chain, callee)]
            if callee.writes_given or any(self.callee(module, one).writes_given for one in functions):
                run.writes |= {key for arg in args for key in self.written(module, arg)[0]}
        return run

    def callee(self, module: Module, chain: Chain) -> Run:
        """What a call of the chain may run."""
        key = (module.name, chain)
        if key not in self._callees:
            self._callees[key] = Run(parts=[(module, Part("*", given_calls={""}))], writes_given=True)  # in a cycle
            probe = Part("", calls={chain: 0}, uses={chain[:-1] if chain[-1] == "()" else chain}, attrs=set(chain[1:]))
            self._callees[key] = self._follow(Stmt(module, -1, (), 0, Form("Pass")), probe, [], [])
        return self._callees[key]

    def _follow(self, statement: Stmt, eager: Part, own: list[Part], inherited: list[Part]) -> Run:
        """Everything reachable from the part, methods by their names alone."""
        run = Run()
        attrs = set(eager.attrs)
        visited = {statement}
        waiting = [(statement.module, part, True) for part in own] + [(statement.module, p, False) for p in inherited]
        todo = [(statement.module, eager)]
        while todo:
            while todo:
                module, part = todo.pop()
                attrs |= part.attrs
                names = statement.names if part is eager else ()
                skipped = set() if part.name == "" and part is not eager else self._only_handed(module, part, names)
                for key in {key for chain in part.uses for key, _ in self.index.keys(module, chain)}:
                    run.reads.add(key)
                    for found in self._statements(key):
                        if found not in visited and found not in skipped:
                            visited.add(found)
                            todo.append((found.module, found.parts[0]))
                            waiting += [(found.module, one, True) for one in found.parts[1:]]
            ready = [
                w for w in waiting if w[1].name in attrs or (w[2] and (w[1].decorated or _runs_unnamed(w[1].name)))
            ]
            waiting = [one for one in waiting if one not in ready]
            todo = [(module, part) for module, part, _ in ready]
            run.parts += todo
        for module, part in run.parts:
            keys, world = self.deferred(module, part)
            run.writes |= keys
            run.world |= world
            run.writes_given |= part.writes_given
        return run

    def _runs(self, module: Module, chain: Chain, callee: Run) -> bool:
        """May a call of the chain call a function that it is handed?"""
        outside = {hit.name for hit in self.index.resolve(module, chain) if hit.kind == "outside"}
        return not outside <= _HOLDERS | special.COPIES or any(self._calls_given(m, part) for m, part in callee.parts)

    def _calls_given(self, module: Module, part: Part) -> bool:
        """May the part call a function that was handed to it?"""
        for name in part.given_calls:
            known = name in self._methods or name in special.PURE_METHODS
            if not known and not special.MUTATES.match(name or "-"):
                return True
        outside = {h.name for chain in part.hands_on for h in self.index.resolve(module, chain) if h.kind == "outside"}
        return not outside <= _HOLDERS | special.COPIES

    def _only_handed(self, module: Module, part: Part, names: Iterable[str]) -> set[Stmt]:
        """The functions that a part names, and neither calls nor hands to code that may call them.

        At import (``names``: what the statement binds) a function in a list is not called, unless something unnamed
        or the name of a loop is. In a body it may be, by a local name.
        """
        called = set(part.calls) | part.decorators
        functions = [one for one in part.uses - called if self._is_function(module, one)]
        if not functions:
            return set()
        handed = {one for args in part.args.values() for one in args}
        if part.name != "" or ("", "?") in part.args or any((name,) in part.calls for name in names):
            called |= {one for one in functions if one not in handed}
        for chain, args in part.args.items():
            if not args.isdisjoint(functions) and self._runs(module, chain, self.callee(module, chain)):
                called |= args
        named = {key for chain in functions if chain not in called for key, _ in self.index.keys(module, chain)}
        ran = {key for chain in called for key, _ in self.index.keys(module, chain)}
        return {s for key in named - ran for s in self._statements(key) if s.form.is_function}

    def _is_function(self, module: Module, chain: Chain) -> bool:
        return any(s.form.is_function for key, _ in self.index.keys(module, chain) for s in self._statements(key))

    def _changes_what_it_decorates(self, module: Module, chain: Chain) -> bool:
        hits = self.index.resolve(module, chain)
        return any(
            hit.kind != "import"
            and (hit.kind != "outside" or hit.name.removeprefix("builtins.") not in special.PASSIVE)
            for hit in hits
        )


def _runs_unnamed(name: str) -> bool:
    return name == "*" or (name.startswith("__") and name.endswith("__"))
