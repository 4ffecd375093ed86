"""The order of the statements for which order matters: rebinding, filling, patching.

Two definitions may change places freely. A statement that binds a name again, changes an object in place or acts on
the world may not pass another such statement, nor one that reads what it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pdp.fingerprint.canon import digest
from pdp.fingerprint.index import Key
from pdp.fingerprint.module import Module, Stmt
from pdp.fingerprint.record import Statement

if TYPE_CHECKING:
    from pdp.fingerprint.reach import Reach


def orders(reach: Reach) -> list[Statement]:
    """One record per module in which an order matters, and one for the order of modules that act on others."""
    by_module: dict[str, list[Stmt]] = {}
    for statement in reach.found:
        by_module.setdefault(statement.module.name, []).append(statement)
    abroad = {name for name, found in by_module.items() if any(_acts_abroad(reach, s) for s in found)}
    loads = _Loads(reach)
    notes = []
    for name in sorted(set(by_module) | set(reach.loaded)):
        module = reach.index.module(name)
        if module is None:
            continue
        found = sorted(by_module.get(name, []), key=lambda statement: statement.index)
        parts = _module_order(reach, module, found, abroad, loads)
        if parts:
            value = digest(name, "order", *parts)
            notes.append(Statement(name, ("(order)",), 1, module.file, value, str(reach.loaded[name])))
    return notes


def _acts_abroad(reach: Reach, statement: Stmt) -> bool:
    name = statement.module.name
    writes = reach.effects.eager_writes.get(statement, set())
    return statement in reach.effects.world.get(name, ()) or any(
        key[0] != name and (key in reach.names or key in reach.passed) for key in writes
    )


def _module_order(reach: Reach, module: Module, found: list[Stmt], abroad: set[str], loads: _Loads) -> list[str]:
    """Digests of the pivots in order, each with those of the readers before it; empty when no order matters."""
    world = set(reach.effects.world.get(module.name, ()))
    changed = _changed_names(reach, module, found)
    events: list[tuple[int, bool, str]] = []
    for statement in found:
        eager = statement.parts[0]
        writes = _writes(reach, statement) & changed
        reads = {key for chain in eager.uses for key, _ in reach.index.keys(module, chain)}
        if eager.runs and statement in reach.effects.runs:
            reads |= reach.effects.runs[statement].reads
        pivot = bool(writes) or statement in world
        if pivot or reads & changed or ((world or abroad) and eager.runs and not statement.is_definition):
            events.append((statement.index, pivot, statement.digest))
    before_any = set(loads.of(module.name.rpartition(".")[0])) if abroad else set()
    for position, name in module.loads if abroad else ():
        acting = (loads.of(name) & abroad) - before_any - {module.name}
        if acting:
            before_any |= acting
            events.append((position, True, digest("import", *sorted(acting))))
    for name, imports in module.imports.items():
        if (module.name, name) in reach.passed and len(imports) + len(module.bindings.get(name, ())) > 1:
            events += [(_position(module, one.target), True, digest("bind", name, *one.target)) for one in imports]
        elif (module.name, name) in reach.passed and any(_is_patched(reach, module, name) for _ in imports):
            events += [(_position(module, one.target), False, digest("bind", name)) for one in imports]
    events.sort(key=lambda event: event[0])
    if len(events) < 2 or not any(pivot for _, pivot, _ in events):
        return []
    parts: list[str] = []
    before: list[str] = []
    for _, pivot, value in events:
        if pivot:
            parts.append(digest("pivot", value, *sorted(before)))
            before = []
        else:
            before.append(value)
    return [*parts, digest("rest", *sorted(before))]


def _writes(reach: Reach, statement: Stmt) -> set[Key]:
    module = statement.module.name
    return {(module, name) for name in statement.names} | reach.effects.eager_writes.get(statement, set())


def _changed_names(reach: Reach, module: Module, found: list[Stmt]) -> set[Key]:
    """The reached names that more than one statement of the module binds or changes, or that imports bind too."""
    seen: set[Key] = set()
    twice: set[Key] = set()
    for statement in found:
        writes = _writes(reach, statement)
        twice |= {key for key in writes if key in seen or (key[0] != module.name)}
        seen |= writes
    twice |= {key for key in seen if key[1] in module.imports}
    return {key for key in twice if key in reach.names or key in reach.passed}


def _is_patched(reach: Reach, module: Module, name: str) -> bool:
    hits = reach.index.resolve(module, (name,))
    return any(h.module and h.kind == "name" and reach.effects.writers.get((h.module.name, h.name)) for h in hits)


def _position(module: Module, target: tuple[str, ...]) -> int:
    dotted = ".".join(target[1:])
    return next((index for index, name in module.loads if name == dotted or dotted.startswith(name)), 0)


class _Loads:
    """The modules that an import loads, as far as the project goes."""

    def __init__(self, reach: Reach) -> None:
        self._index = reach.index
        self._known: dict[str, frozenset[str]] = {}

    def of(self, name: str) -> frozenset[str]:
        while name and name not in self._index:
            name = name.rpartition(".")[0]
        if name not in self._known:
            seen: set[str] = set()
            todo = [name] if name else []
            while todo:
                one = todo.pop()
                if one in seen or one not in self._index:
                    continue
                seen.add(one)
                module = self._index.module(one)
                todo += [one.rpartition(".")[0], *(loaded for _, loaded in module.loads)] if module else []
                todo += [loaded.rpartition(".")[0] for _, loaded in module.loads] if module else []
            self._known[name] = frozenset(seen)
        return self._known[name]
