"""One look at all that lies below a folder: names and stats, no byte of a file.

It answers whether anything there could be otherwise than at an earlier look, in about the time that the system takes for the
stats of the files. The trust is that of `pdp.filehash`: size, mtime, ctime and inode stand for a file's content.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import time
from dataclasses import dataclass

from pdp.filehash import RACY_NS, Stat

PLAIN = 2  # the version of marshal that writes the same bytes for equal values, however they came about


@dataclass(frozen=True)
class Walk:
    """What was there: (path, size, mtime, ctime, inode) of each entry that is no folder, (path,) of each folder."""

    entries: list[tuple[str, int, int, int, int] | tuple[str]]
    began: int
    """When the look began, in time_ns."""

    def digest(self) -> str:
        return hashlib.sha256(marshal.dumps(self.entries, PLAIN)).hexdigest()

    def stats(self) -> dict[str, Stat]:
        return {path: (stat[0], stat[1], stat[2], stat[3]) for path, *stat in self.entries if stat}

    def is_settled(self) -> bool:
        """Whether all files had been left alone long enough for their stats to stand for their contents."""
        return self.began - max((max(stat[1:3]) for stat in self.stats().values()), default=0) >= RACY_NS


def walk(folder: str) -> Walk | None:
    """All below a folder, in the order in which the disk gives it; no link is followed. None where it cannot be read.

    A folder's own stat says nothing here: what is in it has been looked at.
    """
    found: list[tuple[str, int, int, int, int] | tuple[str]] = []
    began, todo = time.time_ns(), [folder]
    try:
        while todo:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                        found.append((entry.path,))
                    else:
                        stat = entry.stat(follow_symlinks=False)
                        found.append((entry.path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))
    except OSError:
        return None  # whoever reads the files says why
    return Walk(found, began)
