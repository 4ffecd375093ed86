"""The disk: what is to be there after the power went is synced here, and what the disk refused becomes a sentence."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from pdp.errors import PdpError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

Place = str | os.PathLike[str]


class DiskError(PdpError):
    """The disk, or what stands for one, did not take or give something."""

    exit_code = 3


def sync(place: Place) -> None:
    """Puts a file's bytes, or a folder's names, on the disk. After an error nobody knows what is there: never try again."""
    handle = os.open(place, os.O_RDONLY)
    try:
        flush(handle)
    finally:
        os.close(handle)


def flush(handle: int) -> None:
    """The same for an open file. macOS keeps `fsync`ed bytes in the drive's cache, unless it is told otherwise."""
    with suppress(ImportError):
        import fcntl

        if hasattr(fcntl, "F_FULLFSYNC"):
            try:
                fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
                return
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
                    raise
    os.fsync(handle)


def make_folder(folder: Place) -> None:
    """Makes the folder and what is missing above it, for their owner only; the names are on the disk when this returns."""
    missing = []
    place = os.path.abspath(folder)
    while not os.path.isdir(place):
        missing.append(place)
        place = os.path.dirname(place)
    for path in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        sync(os.path.dirname(path))


def told(error: OSError, doing: str) -> DiskError:
    """What the disk refused, as a sentence: what was being done, to which file, why, and how much space is left."""
    place = os.fspath(error.filename) if error.filename else ""
    where = f": {place.decode(errors='replace') if isinstance(place, bytes) else place}" if place else ""
    return DiskError(f"{doing} ({error.strerror or error}{where})", hint=_hint(error.errno, str(place)))


def _hint(number: int | None, place: str) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return f"make room ({free(place)} left on that disk), then run doit again"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "make that folder writable for you, then run doit again"
    if number in (errno.EMFILE, errno.ENFILE):
        return "close other programs or raise the limit of open files (ulimit -n), then run doit again"
    if number == errno.ENOENT:
        return "is the data folder still there? then run doit again"
    return "check the disk, then run doit again"


def free(place: str) -> str:
    """The space left where `place` lies, or would lie."""
    for folder in _upwards(place):
        with suppress(OSError):
            found = os.statvfs(folder)
            return f"{found.f_bavail * found.f_frsize / 1_000_000:,.1f} MB"
    return "nobody knows how much space is"


def _upwards(place: str) -> Iterator[str]:
    folder = os.path.abspath(place or ".")
    while True:
        yield folder
        if folder == os.path.dirname(folder):
            return
        folder = os.path.dirname(folder)
