"""The files of a project's code: its modules and what lies beside them, found by a walk. No file is read.

Whether any code can have changed is asked at every run; this module imports nothing that such a run could do without.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pdp.errors import PdpError

REGISTRY = "registry.db"
_SKIPPED = frozenset({"venv", "env", "site-packages", "node_modules", "__pycache__", "build", "dist"})

State = tuple[tuple[str, int, int, int, int], ...]


class Files:
    """`modules`: dotted name -> path (posix, relative to the root; None for a folder without `__init__`) and whether it is
    a package; `others`: the files beside the modules.

    Raises:
        PdpError: The root is no folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise PdpError(f"there is no folder {self.root}", hint="name the folder that holds the packages")
        self.modules: dict[str, tuple[str | None, bool]] = {}
        others = [path for path in walk(self.root) if not self._add(path)]
        paths = (path for path, _ in self.modules.values() if path)
        tops = {path.split("/")[0] for path in paths if "/" in path}
        self.others = [path for path in others if "/" not in path or path.split("/")[0] in tops]

    def _add(self, path: str) -> bool:
        """Whether the file belongs to a module that could be imported."""
        parts = path.split("/")
        names = [*parts[:-1], parts[-1].removesuffix(".py")]
        if not path.endswith(".py") or not all(name.isidentifier() for name in names):
            return False
        is_package = names[-1] == "__init__"
        if is_package:
            names.pop()
        name = ".".join(names)
        if not name:
            return True
        for depth in range(1, len(names)):
            self.modules.setdefault(".".join(names[:depth]), (None, True))
        known = self.modules.get(name)
        if known is None or known[0] is None or is_package:  # a package wins over a module of its name
            self.modules[name] = (path, is_package or known is not None)
        return True


def state(root: Path, resources: Iterable[str] = (), files: Files | None = None) -> State:
    """``(path, size, mtime_ns, ctime_ns, inode)`` of every file that can matter to any identity: equal states, equal digests.

    ``resources``: paths from earlier fingerprints, for data files outside the packages. One that is missing gives
    ``(path, -1, 0, 0, 0)``.
    """
    files = files or Files(root)
    paths = {path for path, _ in files.modules.values() if path}
    found = []
    for path in sorted({*paths, *files.others, *resources}):
        try:
            stat = os.stat(f"{files.root}/{path}")  # no Path: it would take longer than the stat
        except OSError:
            found.append((path, -1, 0, 0, 0))
        else:
            found.append((path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))
    return tuple(found)


def walk(root: Path) -> Iterator[str]:
    """All files below the root, posix and relative, sorted; folders that hold no source of the project are left out."""
    pending: list[tuple[str, frozenset[str]]] = [("", frozenset({os.path.realpath(root)}))]
    while pending:
        folder, above = pending.pop()
        with os.scandir(root / folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        if folder and any(entry.name == REGISTRY for entry in found):
            continue  # a data folder: raw files and objects by the thousand, and no source
        for entry in found:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if entry.name in _SKIPPED or entry.name.endswith(".egg-info"):
                    continue
                real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
                if real not in above:  # a link to a folder above would never end
                    pending.append((path, above | {real}))
            elif entry.is_file():
                yield path
