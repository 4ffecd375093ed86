"""A project, as code identities are asked of it."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pdp.fingerprint import SCHEME
from pdp.fingerprint.effects import Effects
from pdp.fingerprint.files import Files, state
from pdp.fingerprint.index import Index
from pdp.fingerprint.reach import Reach
from pdp.fingerprint.record import Fingerprint


class Project:
    """All Python modules below a root folder, parsed at most once each.

    It shows the files as they were when it was made; make a new one after an edit. ``scheme`` is the one that records to
    compare with were made by; equal code has equal digests within one scheme.

    Raises:
        PdpError: The root is no folder.
    """

    def __init__(self, root: Path, scheme: int = SCHEME) -> None:
        self.root = Path(root)
        self._index = Index(self.root, scheme)
        self._effects: dict[frozenset[str], Effects] = {}

    def fingerprint(self, *refs: str) -> Fingerprint:
        """The identity of ``"package.module:function"`` (or ``":Class.method"``, or ``"package.module"``: all of it).

        Several refs give one common identity.

        Raises:
            PdpError: A ref leads nowhere, or a file that it reaches is not valid Python.
        """
        with _no_collection():
            found = Reach(self._index, self._effects_for(refs)).fingerprint(refs)
            self._index.memo.keep()
        return found

    def state(self, resources: Iterable[str] = ()) -> tuple[tuple[str, int, int, int, int], ...]:
        """``(path, size, mtime_ns, ctime_ns, inode)`` of every file that can matter: equal states, equal digests.

        ``resources``: paths from earlier fingerprints, for data files outside the packages. One that is missing gives
        ``(path, -1, 0, 0, 0)``.
        """
        return state(self.root, resources, self._index.files)

    @property
    def files(self) -> Files:
        """What files there were."""
        return self._index.files

    def sources(self) -> dict[str, str]:
        """SHA-256 of each module that was read so far, by its file: no other one can matter to what was found."""
        return self._index.sources()

    def _effects_for(self, refs: tuple[str, ...]) -> Effects:
        """Tests change nothing for the code they test, unless that code imports them."""
        index = self._index
        names = {name for name in index.names() if not index.is_test(name)}
        todo = [*names, *(ref.partition(":")[0] for ref in refs)]
        while todo:
            for module in index.readable([todo.pop()]):
                names.add(module.name)
                loads = [name for _, name in module.loads]
                if not index.is_test(module.name) or any(index.is_test(name) for name in loads):
                    loads += [name for s in module.statements for part in s.parts for name in part.loads]
                todo += [name for name in loads if name in index and name not in names]
        key = frozenset(names)
        if key not in self._effects:
            self._effects[key] = Effects(index, list(index.readable(sorted(names))))
        return self._effects[key]


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nearly all that is made here stays; looking for garbage in it takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def fingerprint(ref: str, root: Path) -> Fingerprint:
    """The identity of one ref in the project below ``root``; see ``Project.fingerprint``."""
    return Project(root).fingerprint(ref)
