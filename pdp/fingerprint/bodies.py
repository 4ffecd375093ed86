"""What the bodies of functions change, and what they give back."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from pdp.fingerprint import special
from pdp.fingerprint.index import Index, Key
from pdp.fingerprint.module import Module, Stmt
from pdp.fingerprint.names import BUILTINS, Chain
from pdp.fingerprint.part import Part
from pdp.fingerprint.shape import Value

_CONTAINERS = frozenset({"List", "Dict", "Set", "Tuple", "Constant", "ListComp", "DictComp", "SetComp"})
CONTAINER_CALLS = frozenset({
    "list", "dict", "set", "tuple", "frozenset", "sorted", "collections.defaultdict", "collections.OrderedDict",
    "collections.Counter", "collections.deque", "collections.ChainMap", "types.SimpleNamespace",
})  # fmt: skip
_CONSTANT_CALLS = special.COPIES | {
    "json.JSONDecoder", "json.JSONEncoder", "zoneinfo.ZoneInfo", "operator", "struct.Struct", "datetime", "decimal",
    "pathlib", "pyarrow", "logging.getLogger", "frozenset", "range", "uuid.UUID",
}  # fmt: skip
# Outside calls that give everybody the same object.
_SHARED = re.compile(r"(get|current|instance|default|global|root|open|connect|gc[af]|main|session)", re.IGNORECASE)


class Bodies:
    """Questions about single names and bodies of an index; the answers are kept."""

    def __init__(self, index: Index, statements: Iterable[Stmt]) -> None:
        self.index = index
        self._methods: dict[str, list[tuple[Module, Part]]] = defaultdict(list)
        self._deferred: dict[int, tuple[set[Key], bool]] = {}
        for statement in statements:
            for part in statement.parts[1:]:
                self._methods[part.name].append((statement.module, part))

    def _statements(self, key: Key) -> list[Stmt]:
        module = self.index.module(key[0])
        return module.bindings.get(key[1], []) if module else []

    def deferred(self, module: Module, part: Part) -> tuple[set[Key], bool]:
        """``(the names whose objects the part changes when it runs, does it act on the world outside?)``"""
        known = self._deferred.get(id(part))
        if known is not None:
            return known
        keys: set[Key] = set()
        world = False
        for chain in part.writes | part.rebinds:
            found, acts = self.written(module, chain, rebound=chain in part.rebinds)
            keys |= found
            world |= acts
        for chain, level in part.calls.items():
            for hit in self.index.resolve(module, chain):
                if hit.kind in ("name", "missing") and hit.module and hit.rest:
                    key = (hit.module.name, hit.name)
                    if self._method_changes(key, hit.rest[-1], self._hands_code(module, part, chain, level)):
                        keys.add(key)
                        world |= not self._is_ours(key)
                elif hit.kind == "outside":
                    world |= self._acts(hit.name, said=chain in part.said)
        keys |= self._bound_methods(module, part)
        self._deferred[id(part)] = (keys, world)
        return keys, world

    def _hands_code(self, module: Module, part: Part, chain: Chain, level: int) -> int:
        """0: plain values; 1: something that was handed in; 2: a function or a class of the project."""
        if level == 2 or any(self._is_code(module, one) for one in part.args.get(chain, ())):
            return 2
        return level

    def _is_code(self, module: Module, chain: Chain) -> bool:
        return any(
            not rest and (found := self._statements(key)) and all(s.is_definition for s in found)
            for key, rest in self.index.keys(module, chain)
        )

    def _bound_methods(self, module: Module, part: Part) -> set[Key]:
        """``map(ROWS.append, rows)`` changes ROWS."""
        handed = {arg for args in part.args.values() for arg in args if len(arg) > 1 and special.mutates(arg[-1])}
        return {key for arg in handed for key, rest in self.index.keys(module, arg) if rest}

    def _method_changes(self, key: Key, method: str, level: int) -> bool:
        """May a call of the method in a body change the object?"""
        found = self._statements(key)
        if found and all(statement.is_definition for statement in found):
            bodies = [part for statement in found for part in statement.parts[1:] if part.name == method]
            return special.mutates(method) and (
                not bodies or any(part.writes or part.rebinds or part.writes_given for part in bodies)
            )
        if method in special.PURE_METHODS or self._is_fixed(key):
            return False
        return level == 2 or special.mutates(method)

    def written(self, module: Module, chain: Chain, *, rebound: bool = False) -> tuple[set[Key], bool]:
        """``(the names behind a written chain, is it the world outside that is written?)``"""
        if chain[0] == "()":
            return self._flows_of(self._methods.get(chain[1], []), set()), False
        made = chain[-1] == "()"
        chain = chain[:-1] if made else chain
        keys: set[Key] = set()
        world = False
        for hit in self.index.resolve(module, chain):
            if hit.kind == "outside":
                world |= not made or _SHARED.match(hit.name.rpartition(".")[2]) is not None
            elif hit.module and (hit.kind == "module" or hit.name == "__dict__"):
                keys.add((hit.module.name, "*"))
            elif hit.kind in ("name", "missing") and hit.module:
                key = (hit.module.name, hit.name)
                keys |= self._given_back(key, hit.rest, set()) if made else {key}
        return {key for key in keys if rebound or not self._is_fixed(key)}, world

    def _given_back(self, key: Key, rest: Chain, seen: set[Key]) -> set[Key]:
        """The names whose objects a call may give back: of a function, or of a method of an object."""
        if not rest:
            return self._returned(key, seen)
        classes = self._classes(key) if len(rest) == 1 else []
        bodies = [(c.module, part) for c in classes for part in c.parts[1:] if part.name == rest[-1]]
        if not bodies or any(part.returns_given for _, part in bodies):
            return {key}
        return self._flows_of(bodies, seen)

    def _flows_of(self, bodies: Iterable[tuple[Module, Part]], seen: set[Key]) -> set[Key]:
        """The names whose objects the bodies give back."""
        found: set[Key] = set()
        for module, part in bodies:
            for chain in part.flows:
                made = chain[-1] == "()"
                for key, rest in self.index.keys(module, chain[:-1] if made else chain):
                    found |= self._given_back(key, rest, seen) if made else {key}
        return {key for key in found if not self._is_fixed(key)}

    def _classes(self, key: Key) -> list[Stmt]:
        """The project's class of the one object that a name is bound to; empty when that is not certain."""
        found = self._statements(key)
        value = found[0].form.value if len(found) == 1 else None
        chain = value.chain if value and value.kind == "Call" else None
        hits = [h for h in self.index.resolve(found[0].module, chain) if h.kind != "import"] if chain else []
        made = [s for h in hits if h.module and not h.rest for s in self._statements((h.module.name, h.name))]
        return made if len(hits) == 1 and all(s.form.is_class for s in made) else []

    def _returned(self, key: Key, seen: set[Key]) -> set[Key]:
        """The names whose objects a call of the name may give back; none for a class: its instance is new."""
        if key in seen:
            return set()
        seen.add(key)
        keys: set[Key] = set()
        for statement in self._statements(key):
            if not statement.is_definition:
                keys.add(key)
            elif statement.form.is_function:
                keys |= self._flows_of(((statement.module, part) for part in statement.parts[1:]), seen)
        return keys

    def _is_fixed(self, key: Key) -> bool:
        """Is the name bound only to what nobody can change in place: numbers, texts, patterns, types?"""
        found = self._statements(key)
        return bool(found) and all(self._is_constant(s.module, s.form.value) for s in found)

    def _is_constant(self, module: Module, value: Value | None) -> bool:
        if value is None:
            return False
        if value.kind in ("Tuple", "BinOp", "UnaryOp"):
            return all(self._is_constant(module, part) for part in value.parts)
        if value.kind in ("Constant", "JoinedStr"):
            return True
        hits = [hit for hit in self.index.resolve(module, value.chain) if hit.kind != "import"] if value.chain else []
        if value.kind == "Call":
            return bool(hits) and all(h.kind == "outside" and special.covers(_CONSTANT_CALLS, h.name) for h in hits)
        return bool(hits) and all(h.kind == "outside" and h.name.rpartition(".")[2].isupper() for h in hits)

    @staticmethod
    def _acts(dotted: str, *, said: bool) -> bool:
        """May the call of an outside name change something for others?"""
        root, _, _ = dotted.partition(".")
        if dotted in special.SILENT or dotted in special.MUTATORS or root == "super":
            return False
        if "." not in dotted and dotted in BUILTINS:
            return said and dotted not in special.COPIES
        return said or special.MUTATES.match(dotted.rpartition(".")[2]) is not None

    def _shares(self, statement: Stmt, depth: int = 0) -> bool:
        """Do the instances of a class share a container of the class, or of a base of it?"""
        form = statement.form
        if not form.is_class or depth > 8:
            return False
        if form.makes_container:
            return True
        chains = [chain for chain in form.bases if chain]
        keys = {key for chain in chains for key, _ in self.index.keys(statement.module, chain)}
        return any(self._shares(base, depth + 1) for key in keys for base in self._statements(key))

    def _bases(self, key: Key, seen: set[Key]) -> set[Key]:
        """The name of a class and those of its bases in the project."""
        if key in seen:
            return seen
        seen.add(key)
        for statement in self._statements(key):
            for chain in statement.form.bases:
                for other, _ in self.index.keys(statement.module, chain) if chain else ():
                    self._bases(other, seen)
        return seen

    def _is_ours(self, key: Key) -> bool:
        """Is the object made here, so that who changes it changes nothing else?"""
        for statement in self._statements(key):
            value = statement.form.value
            if statement.is_definition or value is None or value.kind in _CONTAINERS:
                continue
            if value.kind != "Call":
                return False
            chains = [chain[:-1] for chain in statement.parts[0].flows if chain[-1] == "()"]
            hits = [hit for chain in chains for hit in self.index.resolve(statement.module, chain)]
            outside = {hit.name for hit in hits if hit.kind == "outside"}
            if not hits or not outside <= CONTAINER_CALLS:
                return False
        return True
