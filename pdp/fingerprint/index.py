"""All modules below a root, and where a name leads: through imports, re-exports, stars and submodules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pdp.errors import PdpError
from pdp.fingerprint import SCHEME
from pdp.fingerprint.files import Files
from pdp.fingerprint.memo import Memo
from pdp.fingerprint.module import Module
from pdp.fingerprint.names import BUILTINS, Chain

_TESTS = frozenset({"tests", "test"})

Key = tuple[str, str]  # (module, name)


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a chain leads to, or passes on the way.

    kind: "name" (bound in ``module``), "module" (a whole module), "import" and "star" (passed), "outside" (not of the
    project), "missing" (the module binds no such name).
    """

    kind: str
    module: Module | None
    name: str
    rest: Chain = ()
    line: int = 1


class Index:
    """The modules of a project, parsed when first asked for."""

    def __init__(self, root: Path, scheme: int = SCHEME) -> None:
        self.scheme = scheme
        self.memo = Memo(root)
        self.files = Files(root)
        self.root, self.others = self.files.root, self.files.others
        self._files = {
            name: Module(name, self.root / path if path else None, path or name.replace(".", "/"), is_package, scheme)
            for name, (path, is_package) in self.files.modules.items()
        }
        self._parsed: dict[str, Module] = {}
        self._failed: dict[str, PdpError] = {}
        self._hits: dict[tuple[str, Chain], list[Hit]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def names(self) -> list[str]:
        return sorted(self._files)

    def module(self, name: str) -> Module | None:
        """The parsed module, or None when the project has none of that name.

        Raises:
            PdpError: The file is not valid Python.
        """
        if name in self._failed:
            raise self._failed[name]
        if name not in self._parsed and name in self._files:
            try:
                self._files[name].parse(self.memo)
            except PdpError as error:
                self._failed[name] = error
                raise
            self._parsed[name] = self._files[name]
        return self._parsed.get(name)

    def readable(self, names: Iterable[str]) -> Iterator[Module]:
        """The modules that are valid Python; an import of another one would fail anyway."""
        for name in names:
            try:
                if (module := self.module(name)) is not None:
                    yield module
            except PdpError:
                continue

    def sources(self) -> dict[str, str]:
        """SHA-256 of each module read so far, by its file."""
        read = (self._files[name] for name in (*self._parsed, *self._failed))
        return {module.file: hashlib.sha256(module.source).hexdigest() for module in read if module.path}

    def file_of(self, name: str) -> Module:
        return self._files[name]

    def below(self, name: str) -> list[str]:
        """The module and all its submodules."""
        return [one for one in self.names() if one == name or one.startswith(name + ".")]

    def is_test(self, name: str) -> bool:
        """Does only a test runner import it?"""
        parts = name.split(".")
        return (
            not _TESTS.isdisjoint(parts)
            or parts[-1] == "conftest"
            or parts[-1].startswith("test_")
            or parts[-1].endswith("_test")
        )

    # -- resolving -----------------------------------------------------------------------------------------------

    def resolve(self, module: Module, chain: Chain) -> list[Hit]:
        """Everything that a chain of a module may mean, with the imports passed on the way."""
        if chain[0] == "()":  # the result of a method of something unknown
            return []
        key = (module.name if chain[0] else "", chain)
        hits = self._hits.get(key)
        if hits is None:
            hits = []
            if chain[0] == "":
                self._absolute(chain[1:], 0, hits, frozenset())
            elif not self._name(module, chain[0], chain[1:], hits, frozenset()) and chain[0] not in BUILTINS:
                hits.append(Hit("missing", module, chain[0], chain[1:]))
            elif not hits:
                hits.append(Hit("outside", None, ".".join(chain)))
            self._hits[key] = hits = list(dict.fromkeys(hits))
        return hits

    def keys(self, module: Module, chain: Chain) -> list[tuple[Key, Chain]]:
        """The project's names that a chain leads to, each with the attributes left over."""
        hits = self.resolve(module, chain)
        return [((h.module.name, h.name), h.rest) for h in hits if h.module and h.kind in ("name", "missing")]

    def binds(self, module: Module, name: str, trail: frozenset[str] = frozenset()) -> bool:
        """Does the module have the name as an own, imported or starred one?"""
        if name in module.bindings or name in module.imports:
            return True
        return any(
            self.exported(star, name, trail | {module.name})
            for star, _ in module.stars
            if star in self and star not in trail
        )

    def exported(self, star: str, name: str, trail: frozenset[str] = frozenset()) -> bool:
        """Does ``from star import *`` give the name?"""
        module = self.module(star)
        if module is None or (module.exports is not None and name not in module.exports):
            return False
        return self.binds(module, name, trail) or (f"{star}.{name}" in self)

    def _name(self, module: Module, name: str, rest: Chain, hits: list[Hit], trail: frozenset[Key]) -> bool:
        if (module.name, name) in trail:
            return True
        trail = trail | {(module.name, name)}
        found = False
        if name in module.bindings:
            hits.append(Hit("name", module, name, rest))
            found = True
        for one in module.imports.get(name, ()):
            hits.append(Hit("import", module, name, one.target, one.line))
            self._absolute(one.target[1:] + rest, one.dotted, hits, trail)
            found = True
        for star, _ in module.stars:
            if star not in self:
                if not found:
                    hits.append(Hit("star", module, name, (star,)))
                    hits.append(Hit("outside", None, f"{star}.{name}"))
                    found = True
            elif self.exported(star, name):
                hits.append(Hit("star", module, name, (star,)))
                self._absolute((*star.split("."), name, *rest), 0, hits, trail)
                found = True
        return found

    def _absolute(self, parts: Chain, dotted: int, hits: list[Hit], trail: frozenset[Key]) -> None:
        if parts[0] not in self:
            hits.append(Hit("outside", None, ".".join(parts)))
            return
        current = self.module(parts[0])
        for position in range(1, len(parts)):
            assert current is not None
            name, rest = parts[position], parts[position + 1 :]
            submodule = f"{current.name}.{name}" in self
            bound = self.binds(current, name)
            if bound and not (submodule and position < dotted):
                self._name(current, name, rest, hits, trail)
                # An import of the submodule rebinds the name, unless the package itself took it from there.
                if not submodule or (not rest and name in current.imports):
                    return
            if not submodule:
                if "__getattr__" in current.bindings:
                    hits.append(Hit("name", current, "__getattr__"))
                hits.append(Hit("missing", current, name, rest))
                return
            current = self.module(f"{current.name}.{name}")
        hits.append(Hit("module", current, ""))
