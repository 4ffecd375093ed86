"""A folder on this machine: its files as they lie there, named and hashed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pdp.errors import InputError
from pdp.snapshot import MANIFEST, RawFile, Snapshot

# What browsers, editors and desktops leave beside real files, or have not finished writing.
UNFINISHED = (".part", ".crdownload", ".download", ".tmp", ".pdp-tmp")


def fetch(folder: Path, source: str, sha256: Callable[[str], str | None]) -> Snapshot:
    """The folder's files, ordered by name. `sha256` gives the hash of a file named relative to the data folder.

    Raises:
        InputError: a file cannot be read, or went away while the folder was read.
    """
    files = []
    for path in sorted(_files(folder), key=lambda path: path.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        try:
            digest = sha256(f"raw/{source}/{name}")
            size = path.stat().st_size
        except OSError as error:
            raise InputError(f"raw file {source}/{name} cannot be read: {error.strerror}") from error
        if digest is None:
            raise InputError(f"raw file {source}/{name} went away while it was being read", hint="run again")
        files.append(RawFile(name, digest, size, path))
    return Snapshot(source, tuple(files))


def _files(folder: Path) -> Iterator[Path]:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"raw/{folder.name} is a file", hint="make it a folder and put the exports into it")
    for place, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = Path(place, name)
            hidden = name.startswith((".", "~$")) or name.lower().endswith(UNFINISHED)
            if not hidden and path.is_file() and path != folder / MANIFEST:
                yield path


def _unreadable(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise InputError(f"the raw folder {Path(error.filename).name} cannot be read: {error.strerror}") from error
