"""Where an unlocked vault lies while its owner looks at it: a folder in memory, never on a disk.

A folder, so that everything which reads a data folder reads this one; in memory, so that a machine that is switched off,
or its disk, holds nothing readable.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pdp.errors import PdpError

PLACES = ("/dev/shm", "/run/shm")  # noqa: S108 - file systems in memory, not a shared temp folder
PREFIX = "pdp-unlocked-"
IN_MEMORY = {"tmpfs", "ramfs"}


def fresh() -> Path:
    """A new folder in memory that only this user may enter.

    Raises:
        PdpError: the machine offers no file system in memory.
    """
    for place in PLACES:
        if _kind(place) in IN_MEMORY and os.access(place, os.W_OK):
            return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place))
    raise PdpError(
        "there is no file system in memory to unlock the vault into",
        hint="mount a tmpfs at /dev/shm; in a container: --shm-size 256m",
    )


def sweep() -> None:
    """Removes what a server that was killed left behind."""
    for folder in _left():
        pid = int(folder.name.removeprefix(PREFIX).partition("-")[0])
        if not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _left() -> Iterator[Path]:
    for place in PLACES:
        for folder in Path(place).glob(f"{PREFIX}[0-9]*-*"):
            if _is_mine(folder):
                yield folder


def _is_mine(folder: Path) -> bool:
    found = folder.lstat()
    return found.st_uid == os.getuid() and not folder.is_symlink()


def _kind(place: str) -> str:
    """The type of the file system that is mounted there; nothing where none is."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((kind for _, point, kind, *_ in map(str.split, reversed(mounts)) if point == place), "")
