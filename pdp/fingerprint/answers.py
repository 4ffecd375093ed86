"""Identities of code, kept from run to run with all that they follow from: asked again, they cost a look at the sources.

An identity follows from the names of the project's modules, their sources, and the data files that the code reads (from
the names of all files, where it does not name what it reads). It is taken from here only if every one of them is, by its
content, what it was; when a file was touched does not count. So a new data folder, a copy of a project or a note that is
laid beside the code does not make pdp find out anew what it knows.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pdp.fingerprint import beside
from pdp.fingerprint.files import Files

if TYPE_CHECKING:
    from pdp.fingerprint.project import Project

MISSING = "missing"


class Answer(NamedTuple):
    """An identity: its digest, its warnings, its statements as `Fingerprint.record` gives them, the data files it reads."""

    digest: str
    warnings: tuple[str, ...]
    record: dict[str, str]
    resources: tuple[str, ...]


_Files = dict[str, str]  # path, relative to the root -> SHA-256 of what the file holds, or that it is missing
_Kept = tuple[str, _Files, _Files, tuple[Any, ...]]  # the names of all files; sources; data files; the answer


class Answers:
    """What is known of the code below a root. It shows the files as they were when they were first looked at.

    `files`: what files there are, where the caller has looked already.
    """

    def __init__(self, root: Path, files: Files | None = None) -> None:
        self.root, self._files = Path(root), files
        self.path = beside.place(root, ".answers")
        self._kept: dict[tuple[int, str], _Kept] | None = None
        self._names: dict[bool, str] = {}
        self._seen: dict[str, str] = {}
        self._projects: dict[int, Project] = {}

    def of(self, ref: str, scheme: int) -> Answer:
        """The identity of a function, class or module, as `Project.fingerprint` takes it.

        Raises:
            PdpError: as that does.
        """
        if known := self._known(ref, scheme):
            return known
        from pdp.fingerprint.project import Project

        if scheme not in self._projects:
            self._projects[scheme] = Project(self.root, scheme)
        project = self._projects[scheme]
        found = project.fingerprint(ref)
        answer = Answer(found.digest, found.warnings, found.record(), tuple(path for path, _ in found.resources))
        names = _digest(project.files, _looks_around(answer))
        self._keep(ref, scheme, answer, names, project.sources(), dict(found.resources))
        return answer

    def of_files(self, *paths: Path, scheme: int) -> Answer:
        """The identity of all that stands in these modules, whatever project they are of."""
        ref = " ".join(map(str, paths))
        if known := self._known(ref, scheme):
            return known
        import ast

        from pdp.fingerprint.canon import TEXTS, digest

        sources = {str(path): path.read_bytes() for path in paths}
        answer = Answer(digest(*(TEXTS[scheme](ast.parse(source)) for source in sources.values())), (), {}, ())
        self._keep(ref, scheme, answer, "", {path: _sha(source) for path, source in sources.items()}, {})
        return answer

    def _known(self, ref: str, scheme: int) -> Answer | None:
        if self._kept is None:
            self._kept = beside.load(self.path) or {}
        if (scheme, ref) not in self._kept:
            return None
        names, sources, resources, answer = self._kept[scheme, ref]
        same = (not names or names == self._named(_looks_around(Answer(*answer)))) and all(
            self._seen_sha(path) == sha for path, sha in (*sources.items(), *resources.items())
        )
        return Answer(*answer) if same else None

    def _named(self, others: bool) -> str:
        if others not in self._names:
            self._names[others] = _digest(self._files or Files(self.root), others)
        return self._names[others]

    def _keep(
        self, ref: str, scheme: int, answer: Answer, names: str, sources: _Files, resources: _Files
    ) -> None:  # fmt: skip
        """Beside those that still hold."""
        known = self._kept or {}
        held = {key: one for key, one in known.items() if self._known(key[1], key[0])}
        shared = next((one[1] for one in held.values() if one[1] == sources), sources)  # written, and later held, once
        self._kept = held | {(scheme, ref): (names, shared, resources, tuple(answer))}
        beside.store(self.path, self._kept)

    def _seen_sha(self, path: str) -> str:
        """The hash of a file's content, as `Project` takes it."""
        if path not in self._seen:
            file = self.root / path
            try:
                self._seen[path] = _sha(file.read_bytes()) if file.is_file() else MISSING
            except OSError:
                return ""  # equal to no hash
        return self._seen[path]


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _looks_around(answer: Answer) -> bool:
    """Whether files beside the modules can matter to it, whatever their names: not where all that it reads is named."""
    return bool(answer.resources or answer.warnings)


def _digest(files: Files, others: bool) -> str:
    """What modules there are, by name, and with `others` what lies beside them."""
    return _sha(repr((sorted(files.modules.items()), sorted(files.others) if others else [])).encode())
