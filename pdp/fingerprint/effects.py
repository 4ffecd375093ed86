"""Who changes what at a distance: containers filled, modules patched, functions registered, in any module.

A name that is reached brings along every statement found here that may change the object behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pdp.fingerprint import special
from pdp.fingerprint.index import Index, Key
from pdp.fingerprint.module import Module, Stmt
from pdp.fingerprint.names import BUILTINS, Chain
from pdp.fingerprint.runs import Run, Runs


class Effects(Runs):
    """The index of changes over some modules."""

    def __init__(self, index: Index, modules: Iterable[Module]) -> None:
        statements = [statement for module in modules for statement in module.statements]
        super().__init__(index, statements)
        self.writers: dict[Key, dict[Stmt, None]] = defaultdict(dict)
        self.world: dict[str, list[Stmt]] = defaultdict(list)
        self.aliases: dict[Key, set[Key]] = defaultdict(set)
        self.eager_writes: dict[Stmt, set[Key]] = {}
        self.runs: dict[Stmt, Run] = {}
        self.with_bases: list[Stmt] = []
        self._calls: dict[Key, list[tuple[Stmt, int]]] = defaultdict(list)
        for statement in statements:
            self._note_deferred(statement)
        for statement in statements:
            self._note_eager(statement)
        self._note_registrars()
        self._note_aliases()

    def _note_deferred(self, statement: Stmt) -> None:
        module = statement.module
        if statement.form.bases:
            self.with_bases.append(statement)
        for part in statement.parts[1:]:
            for key in self.deferred(module, part)[0]:
                self.writers[key][statement] = None
            for chain, hands_given in part.calls.items():
                level = self._hands_code(module, part, chain, hands_given)
                if level:
                    for key, rest in self.index.keys(module, chain):
                        if not rest:
                            self._calls[key].append((statement, level))

    def _note_eager(self, statement: Stmt) -> None:
        module, part = statement.module, statement.parts[0]
        writes: set[Key] = set()
        world = part.world
        for chain in part.writes | part.rebinds:
            found, acts = self.written(module, chain, rebound=chain in part.rebinds)
            writes |= found
            world |= acts or not all(self._is_ours(key) for key in found)
        if part.runs or part.said:
            run = self.runs[statement] = self.run(statement)
            writes |= run.writes
            world |= run.world
            for chain in part.calls:
                more, acts = self._called(statement, chain, run)
                writes |= more
                world |= acts
            writes |= self._bound_methods(module, part)
        if writes:
            self.eager_writes[statement] = writes
        for key in writes:
            self.writers[key][statement] = None
        if world:
            self.world[module.name].append(statement)

    def _called(self, statement: Stmt, chain: Chain, run: Run) -> tuple[set[Key], bool]:
        module, part = statement.module, statement.parts[0]
        writes: set[Key] = set()
        world = False
        said = chain in part.said
        decorates = chain in part.decorators
        for hit in self.index.resolve(module, chain):
            if hit.kind == "outside":
                passive = decorates and hit.name.removeprefix("builtins.") in special.PASSIVE
                acts = not passive and (decorates or self._acts(hit.name, said=said))
                world |= acts
                if acts and hit.name not in BUILTINS:
                    writes |= {key for arg in part.args.get(chain, ()) for key in self.written(module, arg)[0]}
            elif hit.kind == "missing":
                world |= hit.name not in BUILTINS
                writes |= {(hit.module.name, "*")} if hit.module and hit.name == "__dict__" else set()
            elif not hit.rest and hit.kind == "name" and hit.module:
                world |= said
                key = (hit.module.name, hit.name)
                found = self._statements(key)
                if any(self._shares(one) or not one.is_definition for one in found):
                    writes |= self._bases(key, set())  # a list of the class, or the object of a bound method
            elif hit.kind == "name" and hit.module:
                key = (hit.module.name, hit.name)
                if self._method_writes(key, hit.rest[-1], run, said=said or decorates):
                    writes.add(key)
                    world |= not self._is_ours(key)
        return writes, world

    def _method_writes(self, key: Key, method: str, run: Run, *, said: bool) -> bool:
        if method in special.PURE_METHODS:
            return False
        if said:
            return True
        if run.has_method(method):
            return run.writes_given
        found = self._statements(key)
        if found and all(statement.is_definition for statement in found):
            return special.MUTATES.match(method) is not None
        return True

    def _note_registrars(self) -> None:
        """A function that hands code to a writer of X is a writer of X."""
        for key in list(self.writers):
            todo = [s for s in self.writers[key] if s.form.is_function]
            seen = set(todo)
            while todo:
                statement = todo.pop()
                for name in statement.names:
                    for caller, level in self._calls.get((statement.module.name, name), ()):
                        if caller in seen or (level < 2 and not self._is_handed_code(caller)):
                            continue
                        seen.add(caller)
                        todo.append(caller)
                        self.writers[key][caller] = None

    def _is_handed_code(self, statement: Stmt) -> bool:
        return any(
            level == 2 for name in statement.names for _, level in self._calls.get((statement.module.name, name), ())
        )

    def _note_aliases(self) -> None:
        """``Y = X`` and a write through Y: who reaches X needs Y."""
        for written in list(self.writers):
            todo, seen = [written], {written}
            while todo:
                current = todo.pop()
                keys = self._put_into(current)
                for statement in self._statements(current):
                    functions = statement.form.is_function
                    for part in statement.parts[1:] if functions else statement.parts:
                        keys |= self._shared(statement.module, part.flows)
                    if not statement.is_definition:  # a = b = []
                        keys |= {(statement.module.name, name) for name in statement.names}
                for key in keys - seen:
                    seen.add(key)
                    todo.append(key)
                    self.aliases[key].add(written)

    def _put_into(self, key: Key) -> set[Key]:
        """``Y.append(X)``, ``Y.x = X``: the names whose objects the writers of Y may put into it."""
        found: set[Key] = set()
        for statement in self.writers.get(key, ()):
            for part in statement.parts:
                args = {
                    arg
                    for chain, given in part.args.items()
                    if any(one == key and rest for one, rest in self.index.keys(statement.module, chain))
                    for arg in given
                }
                found |= self._shared(statement.module, part.stores | args)
        return found

    def _is_new(self, statement: Stmt) -> bool:
        """Does a call of it give an object that shares nothing?"""
        return statement.form.is_class and not self._shares(statement)

    def _shared(self, module: Module, flows: set[Chain]) -> set[Key]:
        found: set[Key] = set()
        for chain in flows:
            if chain[0] == "()":
                found |= self._flows_of(self._methods.get(chain[1], []), set())
                continue
            made = chain[-1] == "()"
            for key, _ in self.index.keys(module, chain[:-1] if made else chain):
                if not made or not all(self._is_new(s) for s in self._statements(key)):
                    found.add(key)
        return found
