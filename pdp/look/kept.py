"""Plain data kept beside the stats of all files that it was made from: good while none of them has moved.

The same trust as in `pdp.filehash`: size, mtime, ctime and inode stand for a file, unless it was touched less than two
seconds before it was looked at. Everything here is what Python has loaded anyway.
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

RACY_NS = 2_000_000_000
FOLDER = ".pdp"
PLAIN = ("HOME", "PYTHONPATH", "PDP_CONFIG", "PDP_DATA_DIR")


def recall(root: str, name: str) -> Any:
    """What was kept under `name`; None if there is nothing, or something that it was made from has moved."""
    try:
        with open(f"{root}/{FOLDER}/{name}", "rb") as file:
            surroundings, stats, value = marshal.load(file)  # noqa: S302 - our own file, readable by its owner only
    except (OSError, ValueError, EOFError, TypeError):
        return None
    if surroundings != _surroundings() or any(_stat(path) != stat for path, stat in stats.items()):
        return None
    return value


def keep(root: str, name: str, value: Any, paths: Iterable[str], began: int) -> None:
    """Keeps `value`, which was made after `began` (time_ns) from these files and folders, missing ones included.

    Nothing is kept if one of them may have moved meanwhile, or if the place cannot be written: it is only a short cut.
    """
    try:
        if not os.path.isdir(f"{root}/{FOLDER}"):
            # Before the stats are taken: making it touches the project's folder, which is one of the paths.
            os.mkdir(f"{root}/{FOLDER}", 0o700)
            with open(f"{root}/{FOLDER}/.gitignore", "w", encoding="ascii") as file:
                file.write("*\n")
    except OSError:
        return
    stats = {path: _stat(path) for path in paths}
    if any(began - max(stat[1:3]) < RACY_NS for stat in stats.values() if stat):
        return
    temp = f"{root}/{FOLDER}/{name}.{os.getpid()}"
    try:
        with open(os.open(temp, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            marshal.dump((_surroundings(), stats, value), file)
        os.replace(temp, f"{root}/{FOLDER}/{name}")
    except OSError:
        return


def _stat(path: str) -> tuple[int, int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _surroundings() -> tuple[Any, ...]:
    """What else can matter. Settings by environment are kept as a hash: one may be private."""
    ours = ("PDP_", "GOOGLE_", "MI_BAND_")
    others = sorted((k, v) for k, v in os.environ.items() if k.startswith(ours) and k not in PLAIN)
    if others:
        import hashlib

        others = [("", hashlib.sha256(repr(others).encode()).hexdigest())]
    return (sys.version, sys.prefix, [os.environ.get(name) for name in PLAIN], others)
