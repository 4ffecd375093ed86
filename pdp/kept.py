"""Plain data kept beside the stats of all files that it was made from: good while none of them has moved.

The same trust as in `pdp.filehash`: size, mtime, ctime and inode stand for a file, unless it was touched so shortly before
it was looked at that a further touch might not show (`clock`; two seconds where that cannot be told). Everything here is
what Python has loaded anyway.
"""

from __future__ import annotations

import marshal
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
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
    if surroundings != _surroundings(root) or any(_stat(path) != stat for path, stat in stats.items()):
        return None
    return value


def clock(root: str) -> dict[int, int]:
    """What the clock says by which files are stamped, by device: all that was written before is stamped earlier.

    So a file that was stamped earlier cannot be written again without its stamp showing it, however lately it was made.
    Empty where that cannot be told soon: a file system may stamp in whole seconds, or the place may not be ours to write.
    """
    try:
        place = f"{_folder(root)}/clock"
        with open(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600), "wb"):
            os.utime(place)
        first = os.stat(place)
        give_up, late = time.monotonic() + 0.05, False
        while not late:
            late = (
                time.monotonic() >= give_up
            )  # before the look: one that was kept waiting on a busy machine looks once more
            os.utime(place)
            now = os.stat(place)
            if now.st_ctime_ns > first.st_ctime_ns:
                return {now.st_dev: now.st_ctime_ns}
    except OSError:
        pass  # only the short cut is lost
    return {}


def keep(
    root: str, name: str, value: Any, paths: Iterable[str], began: int, clocks: Mapping[int, int] | None = None
) -> None:
    """Keeps `value`, which was made after `began` (time_ns) from these files and folders, missing ones included.

    Nothing is kept if one of them may have moved meanwhile, or if the place cannot be written: it is only a short cut.
    `clocks`: what `clock` gave before `value` was made.
    """
    try:
        folder = _folder(root)  # before the stats are taken: making it touches the project's folder, one of the paths
    except OSError:
        return
    stats: dict[str, tuple[int, ...] | None] = {}
    for path in paths:
        try:
            found = os.stat(path)
        except OSError:
            stats[path] = None
            continue
        limit = (clocks or {}).get(found.st_dev)
        newest = found.st_ctime_ns if limit else max(found.st_mtime_ns, found.st_ctime_ns)
        if newest >= (limit or began - RACY_NS):
            return
        stats[path] = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    temp = f"{folder}/{name}.{os.getpid()}"
    try:
        with open(os.open(temp, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            marshal.dump((_surroundings(root), stats, value), file)
        os.replace(temp, f"{folder}/{name}")
    except OSError:
        return


def _folder(root: str) -> str:
    folder = f"{root}/{FOLDER}"
    if not os.path.isdir(folder):
        os.mkdir(folder, 0o700)
        with open(f"{folder}/.gitignore", "w", encoding="ascii") as file:
            file.write("*\n")
    return folder


def _stat(path: str) -> tuple[int, int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _surroundings(root: str) -> tuple[Any, ...]:
    """What else can matter. A copied project has the kept answers of the first with it. Settings by environment are kept
    as a hash: one may be private."""
    ours = ("PDP_", "GOOGLE_", "MI_BAND_")
    others = sorted((k, v) for k, v in os.environ.items() if k.startswith(ours) and k not in PLAIN)
    if others:
        import hashlib

        others = [("", hashlib.sha256(repr(others).encode()).hexdigest())]
    return (root, sys.version, sys.prefix, [os.environ.get(name) for name in PLAIN], others)
