"""From a function to every statement that its result depends on: a work-list over the resolved names."""

from __future__ import annotations

import difflib
import hashlib
from collections import deque
from collections.abc import Callable
from pathlib import Path

from pdp.errors import PdpError
from pdp.fingerprint import special
from pdp.fingerprint.canon import digest
from pdp.fingerprint.effects import Effects
from pdp.fingerprint.index import Hit, Index, Key
from pdp.fingerprint.module import Module, Stmt
from pdp.fingerprint.names import Chain
from pdp.fingerprint.order import orders
from pdp.fingerprint.record import Fingerprint, Statement


class Via:
    """A step on the way; the steps before it are found when somebody asks."""

    def __init__(self, label: str, before: Via | None = None) -> None:
        self.label, self.before = label, before

    def __str__(self) -> str:
        labels, via = [self.label], self.before
        while via is not None:
            if via.label != labels[-1]:
                labels.append(via.label)
            via = via.before
        return " -> ".join(reversed(labels))


class Reach:
    """One walk from some refs."""

    def __init__(self, index: Index, effects: Effects) -> None:
        self.index, self.effects = index, effects
        self.found: dict[Stmt, Via] = {}
        self.notes: dict[tuple[str, tuple[str, ...], str], Statement] = {}  # what is no statement of its own
        self.resources: dict[str, str] = {}
        self.warnings: dict[str, None] = {}
        self.names: set[Key] = set()
        self.loaded: dict[str, Via] = {}
        self.passed: set[Key] = set()  # imports followed
        self._whole: set[str] = set()
        self._everything = False
        self._classes = False
        self._docs = False
        self._todo: deque[tuple[Callable[..., None], tuple[object, ...]]] = (
            deque()
        )  # in breadth: short ways are found first

    def fingerprint(self, refs: tuple[str, ...]) -> Fingerprint:
        for ref in refs:
            self._start(ref)
        while self._todo:
            step, arguments = self._todo.popleft()
            step(*arguments)
        statements = [self._statement(found, via) for found, via in self.found.items()]
        notes = [*self.notes.values(), *orders(self)]
        if self._docs:
            modules = [(m, via) for name, via in self.loaded.items() if (m := self.index.module(name)) and m.path]
            notes += [Statement(m.name, ("(docstrings)",), 1, m.file, m.docs, str(via)) for m, via in modules]
        every = sorted([*statements, *notes], key=lambda s: (s.module, s.line, s.names, s.digest))
        resources = tuple(sorted(self.resources.items()))
        parts = [str(self.index.scheme), *sorted(refs)]
        parts += [digest("statement", *entry) for entry in sorted((s.module, *s.names, s.digest) for s in every)]
        parts += [digest("resource", path, sha) for path, sha in resources]
        return Fingerprint(" ".join(refs), digest(*parts), tuple(every), resources, tuple(self.warnings))

    @staticmethod
    def _statement(found: Stmt, via: Via) -> Statement:
        module = found.module
        names = found.names or ("(import)",)
        return Statement(module.name, names, found.line, module.file, found.digest, str(via))

    def later(self, step: Callable[..., None], *arguments: object) -> None:
        self._todo.append((step, arguments))

    # -- steps -----------------------------------------------------------------------------------------------------

    def _start(self, ref: str) -> None:
        name, _, attribute = ref.partition(":")
        module = self.index.module(name)
        if module is None:
            hint = _guess(name, self.index.names())
            raise PdpError(f"{ref}: there is no module {name} below {self.index.root.name}/", hint=hint)
        via = Via(ref)
        if not attribute:
            self.later(self.whole_module, module, via)
            return
        first, *rest = attribute.split(".")
        if not self.index.binds(module, first):
            raise PdpError(f"{ref}: {module.file}:1 binds no {first}", hint=_guess(first, list(module.bindings)))
        self._check_members(ref, module, first, rest)
        self.name(module, first, via, root=True)

    def _check_members(self, ref: str, module: Module, name: str, rest: list[str]) -> None:
        for statement in module.bindings.get(name, ()) if rest else ():
            members = {n for part in statement.parts for n in [part.name]}
            inherits = bool(statement.form.bases) or not statement.form.is_class
            text = set(statement.form.members)
            if not inherits and rest[0] not in members | text:
                where = f"{module.file}:{statement.line}"
                raise PdpError(f"{ref}: {name} at {where} has no {rest[0]}", hint=_guess(rest[0], sorted(text)))

    def whole_module(self, module: Module, via: Via) -> None:
        """Every statement and every import of a module, and of the modules below a package."""
        if module.name in self._whole:
            return
        self._whole.add(module.name)
        via = Via(module.name, via)
        self.load(module, via)
        for statement in module.statements:
            self.later(self.statement, statement, via)
        for name in [*module.bindings, *module.imports]:
            self.later(self.name, module, name, via)
        for star, _ in module.stars:
            self.later(self.chain, module, ("", *star.split(".")), via)
        for key in self.effects.writers:
            if key[0] == module.name:
                self.later(self.name, module, key[1], via)
        if module.is_package:
            for name in self.index.below(module.name):
                if name != module.name and (below := self.index.module(name)) is not None:
                    self.later(self.whole_module, below, via)

    def whole_project(self, module: Module, reason: str, line: int, via: Via) -> None:
        if self._everything:
            return
        self.warnings[f"{module.file}:{line} uses {reason}: every module of the project counts"] = None
        self._everything = True
        for name in self.index.names():
            try:
                one = self.index.module(name)
            except PdpError:
                file = self.index.file_of(name)
                assert file.path is not None
                sha = hashlib.sha256(file.path.read_bytes()).hexdigest()
                self.note(file, ("(unreadable)",), 1, via, sha)
                continue
            if one is not None:
                self.later(self.whole_module, one, via)

    def note(self, module: Module, names: tuple[str, ...], line: int, via: Via, *text: str) -> None:
        value = digest(module.name, *names, *text)
        key = (module.name, names, value)
        if key not in self.notes:
            reached = str(Via(_label(module, names), via))
            self.notes[key] = Statement(module.name, names, line, module.file, value, reached)

    def name(self, module: Module, name: str, via: Via, root: bool = False) -> None:
        """All that binds the name, and all that may change what it is bound to."""
        key = (module.name, name)
        if key in self.names:
            return
        self.names.add(key)
        via = via if root else Via(f"{module.name}.{name}", via)
        self.load(module, via)
        for statement in module.bindings.get(name, ()):
            self.later(self.statement, statement, via)
        if name in module.imports:
            self.later(self.chain, module, (name,), via)
        for written in (key, (module.name, "*")):
            for statement in self.effects.writers.get(written, ()):
                self.later(self.statement, statement, Via(_label(statement.module, statement.names), via))
        for other, alias in sorted(self.effects.aliases.get(key, ())):
            if (owner := self.index.module(other)) is not None:
                self.later(self.name, owner, alias, via)

    def chain(self, module: Module, chain: Chain, via: Via, soft: bool = False) -> None:
        hits = self.index.resolve(module, chain)
        if soft and (all(hit.kind in ("outside", "missing") for hit in hits)):
            return
        abroad = False
        for hit in hits:
            if hit.kind == "name" and hit.module:
                self.name(hit.module, hit.name, via)
            elif hit.kind == "module" and hit.module:
                self.whole_module(hit.module, via)
            elif hit.kind in ("import", "star") and hit.module:
                abroad |= hit.module is not module
                self._pass(hit, via)
            elif hit.kind == "outside":
                if abroad and special.covers(special.WHOLE_PROJECT, hit.name):
                    self.whole_project(module, hit.name, 1, via)
                if chain[0] == "" and chain[1].startswith("?"):
                    self.warnings[f"{module.file}: an import leaves the project"] = None
            elif hit.kind == "missing" and hit.module:
                self._missing(hit, via, own=len(hits) == 1 and chain[0] == hit.name)

    def _missing(self, hit: Hit, via: Via, *, own: bool) -> None:
        """Nothing binds the name: somebody may set it from outside, or the resolver is blind here, so widen."""
        module = hit.module
        assert module is not None
        if own and hit.name in module.typing_names:
            return
        self.name(module, hit.name, via)
        self.whole_module(module, via)

    def _pass(self, hit: Hit, via: Via) -> None:
        """An import on the way: where it leads is part of the identity, its other names are not."""
        module = hit.module
        assert module is not None
        self.load(module, via)
        key = (module.name, hit.name)
        self.passed.add(key)
        if hit.kind == "star":
            star = hit.rest[0]
            owner = self.index.module(star)
            self.note(module, (hit.name,), hit.line, via, "star", star)
            if owner is not None and owner.exports is None and "__all__" in owner.bindings:
                self.name(owner, "__all__", via)
        else:
            self.note(module, (hit.name,), hit.line, via, "import", *hit.rest)
        for written in (key, (module.name, "*")):
            for statement in self.effects.writers.get(written, ()):
                self.later(self.statement, statement, Via(_label(statement.module, statement.names), via))

    def load(self, module: Module, via: Via) -> None:
        """The module is imported: its packages and its imports too, and what they do."""
        if module.name in self.loaded:
            return
        self.loaded[module.name] = via
        if module.future:
            self.note(module, ("(future)",), 1, via, *sorted(module.future))
        self._load_named(module.name.rpartition(".")[0], via)
        for _, name in module.loads:
            self._load_named(name, Via(module.name, via))
        for star, _ in module.stars:
            owner = self.index.module(star)
            for name in (owner.exports or ()) if owner else ():
                self._load_named(f"{star}.{name}", via)
        for statement in self.effects.world.get(module.name, ()):
            self.later(self.statement, statement, Via(f"{module.name} (import)", via))

    def _load_named(self, name: str, via: Via) -> None:
        while name:
            if name in self.index and (module := self.index.module(name)) is not None:
                self.later(self.load, module, via)
            name = name.rpartition(".")[0]

    def statement(self, statement: Stmt, via: Via) -> None:
        if statement in self.found:
            return
        self.found[statement] = via
        module = statement.module
        self.load(module, via)
        for part in statement.parts:
            for chain in sorted(part.uses):
                self.later(self.chain, module, chain, via)
            for chain in sorted(part.soft):
                self.later(self.chain, module, chain, via, True)
            for name in part.loads:
                self._load_named(name, via)
            for reason, line in part.dynamic:
                self.later(self.whole_project, module, reason, line, via)
            for named, line in part.resources:
                self._resource(module, named, line)
            self._docs |= part.docs
            if part.subclasses and not self._classes:
                self._classes = True
                for one in self.effects.with_bases:
                    self.later(self.statement, one, via)

    # -- data files ------------------------------------------------------------------------------------------------

    def _resource(self, module: Module, named: str | None, line: int) -> None:
        where = f"{module.file}:{line}"
        folder = Path(module.file).parent
        if named is not None and named != "/":
            path = Path(_normal((folder / named).as_posix()))
            if not self._data_file(path.as_posix()):
                self.warnings[f"{where} names {path.as_posix()}, which is missing"] = None
            return
        prefix = "" if named == "/" or folder == Path(".") else folder.as_posix() + "/"
        if not self._everything:
            self.warnings[f"{where} computes which file it reads: every data file in {prefix or './'} counts"] = None
        for other in self.index.others:
            if other.startswith(prefix):
                self._data_file(other)

    def _data_file(self, relative: str) -> bool:
        path = self.index.root / relative
        if not path.is_file():
            self.resources[relative] = "missing"
            return False
        with path.open("rb") as file:
            self.resources[relative] = hashlib.file_digest(file, "sha256").hexdigest()
        return True


def _label(module: Module, names: tuple[str, ...]) -> str:
    return f"{module.name}.{','.join(names)}" if names else f"{module.name} (import)"


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _guess(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else "check the spelling"
