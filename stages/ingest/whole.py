"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

UNFINISHED = ".pdp-tmp"


def write_whole(path: Path, content: bytes) -> bool:
    """Writes `content` beside `path`, syncs it and renames it. False if the file holds these bytes already."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temp = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with temp.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(temp, path)
    finally:
        temp.unlink(missing_ok=True)
    return True


def put_in_place(temp: Path, path: Path) -> None:
    """Renames a synced file, and syncs its folder: after a power cut it is there."""
    os.replace(temp, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
