"""SHA-256 of files, read only when a file may have changed.

The cache is keyed by size, mtime, ctime and inode, so that an edit which keeps size and mtime is seen. An entry whose
file was touched so shortly before it was read that a later write could leave the same stat behind is not kept (git's racy
rule): less than two seconds. Where only its mode or its name was touched, as a first run does that makes raw files private,
it is enough that the clock by which files are stamped moved on since.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat as modes
import time
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

RACY_NS = 2_000_000_000
RAW = "raw/"  # where raw files lie

Stat = tuple[int, int, int, int]


def stat_of(path: Path | str) -> Stat | None:
    """Size, mtime, ctime and inode of a regular file; None where there is none."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not modes.S_ISREG(found.st_mode):
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def is_settled(stat: Stat) -> bool:
    """Whether a file with this stat has been left alone long enough for its stat to stand for its content."""
    return time.time_ns() - max(stat[1], stat[2]) >= RACY_NS


def stamp(folder: Path | str) -> tuple[int, int] | None:
    """(device, ctime) of a file without a name that is made here and now; None where there can be none.

    No file of that device will be stamped earlier from now on, whoever writes it.
    """
    try:
        handle = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (AttributeError, OSError):  # not Linux, or a file system without such files, or read-only
        return None
    try:
        made = os.fstat(handle)
    finally:
        os.close(handle)
    return made.st_dev, made.st_ctime_ns


def open_regular(path: Path | str) -> BufferedReader:
    """The file, opened to be read. What is no regular file is never waited for: a pipe would block for ever.

    Raises:
        OSError: there is no such file, it may not be read, or it is a folder, a pipe, a device.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not modes.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", os.fspath(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def sha256_of(path: Path | str) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FileHashes:
    """Hashes of files below one folder, cached by stat. `changed` holds the entries to keep.

    `load` gives what was kept of raw files (True) or of all others: of ten thousand raw files nothing is asked for the sake of
    one output. `clock` gives a `stamp`, or None.
    """

    def __init__(
        self,
        folder: Path,
        load: Callable[[bool], dict[str, tuple[Stat, str]]],
        clock: Callable[[], tuple[int, int] | None] = lambda: None,
    ) -> None:
        self.folder = folder
        self.changed: dict[str, tuple[Stat, str]] = {}
        self.hashed_bytes = 0
        self._load = load
        self._clock = clock
        self._now: tuple[int, int] | None = None
        self._known: dict[bool, dict[str, tuple[Stat, str]]] = {}

    def sha256(self, name: str) -> str | None:
        """Hash of the file `name` (relative to the folder); None where there is no such file."""
        path = f"{self.folder}/{name}"  # no Path: of 10,000 files it would take as long as their stats
        stat = stat_of(path)
        if stat is None:
            return None
        entries = self.recall(raw=name.startswith(RAW))
        kept = entries.get(name)
        if kept is not None and kept[0] == stat:
            return kept[1]
        try:
            # Before it is read: a write meanwhile must show, too.
            settled = is_settled(stat) or self._is_past(path, stat)
            digest = sha256_of(path)
        except (FileNotFoundError, IsADirectoryError):
            return None
        self.hashed_bytes += stat[0]
        # Stat again: a write during the hashing must not be covered by what was read before it.
        if settled and stat_of(path) == stat:
            entries[name] = self.changed[name] = (stat, digest)
        return digest

    def _is_past(self, path: str, stat: Stat) -> bool:
        """Whether its content was left alone for long, and files are stamped later by now than its ctime, which nobody can set.

        The clock alone would not do: one long write stamps the file once, when it begins.
        """
        if time.time_ns() - stat[1] < RACY_NS:
            return False
        if self._now is None or self._now[1] <= stat[2]:
            self._now = self._clock()
        return self._now is not None and self._now[1] > stat[2] and self._now[0] == os.stat(path).st_dev

    def recall(self, *, raw: bool) -> dict[str, tuple[Stat, str]]:
        """The entries of raw files, or of all others, loaded once."""
        entries = self._known.get(raw)
        if entries is None:
            entries = self._known[raw] = self._load(raw)
        return entries

    def known(self, name: str) -> tuple[Stat, str] | None:
        """Stat and hash of the file `name` as this process has them by heart; nothing is read for it."""
        return self._known.get(name.startswith(RAW), {}).get(name)
