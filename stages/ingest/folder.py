"""A folder on this machine: its files as they lie there, named and hashed."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from pdp.errors import InputError
from pdp.fetched import AGAIN, FOLDER, read_index
from pdp.labels import label
from pdp.snapshot import MANIFEST, RawFile, Snapshot

# What browsers, editors and desktops leave beside real files, or have not finished writing.
UNFINISHED = (".part", ".crdownload", ".download", ".tmp", ".pdp-tmp")
MAX_DEPTH = 32  # folders within folders


def fetch(folder: Path, source: str, sha256: Callable[[str], str | None]) -> Snapshot:
    """The folder's files, ordered by name. `sha256` gives the hash of a file named relative to the data folder.

    Raises:
        InputError: a file cannot be read, is none (a link, a pipe), or went away while the folder was read.
    """
    files = []
    current = read_index(folder)
    wanted = {one.name: one.sha256 for one in current or ()}
    for name, path in sorted(_files(folder)):
        if current is not None and name.startswith(f"{FOLDER}/") and name not in wanted:
            continue  # of an earlier snapshot, or of one that is not complete
        try:
            digest = sha256(f"raw/{source}/{name}")
            size = os.stat(path).st_size
        except OSError as error:
            raise InputError(f"raw file {source}/{name} cannot be read: {error.strerror}") from error
        if digest is None:
            raise InputError(f"raw file {source}/{name} went away while it was being read", hint="run again")
        if wanted.pop(name, digest) != digest:
            raise InputError(f"raw file {source}/{name} is not as it was fetched", hint=AGAIN)
        files.append(RawFile(name, digest, size, path))
    if wanted:
        raise InputError(f"raw file {source}/{next(iter(wanted))} was fetched, but is gone", hint=AGAIN)
    return Snapshot(source, tuple(files))


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """(name below the folder, path) of each file; nothing is opened, and no link is followed."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"raw/{folder.name} is a file", hint="make it a folder and put the exports into it")
    todo = [(str(folder), "")]
    while todo:
        place, below = todo.pop()
        for entry in _entries(place):
            name = below + entry.name
            if name == MANIFEST or _is_litter(entry):
                continue
            _refuse(entry, f"{folder.name}/{name}")
            if not _is_folder(entry):
                yield name, entry.path
            elif name.count("/") < MAX_DEPTH:
                todo.append((entry.path, f"{name}/"))
            else:
                raise InputError(f"raw/{folder.name} has folders nested more than {MAX_DEPTH} deep", hint=_AWAY)


_AWAY = "take it away"


def _is_litter(entry: os.DirEntry[str]) -> bool:
    if _is_folder(entry):
        return entry.name.startswith(".")
    return entry.name.startswith((".", "~$")) or entry.name.lower().endswith(UNFINISHED)


def _entries(place: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as found:
            return list(found)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"the raw folder {os.path.basename(place)} cannot be read: {error.strerror}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _refuse(entry: os.DirEntry[str], name: str) -> None:
    """A link may lead out of the folder, a pipe never ends, and a name that is no text cannot be recorded.

    Raises:
        InputError: the entry is one of these.
    """
    if not entry.name.isprintable() and any(unicodedata.category(sign) in ("Cc", "Cs") for sign in entry.name):
        raise InputError(f"the name of raw/{label(name)} holds more than text", hint="rename it")
    if entry.is_symlink():
        raise InputError(f"raw/{name} is a link", hint="put the file itself there")
    if not _is_folder(entry) and not entry.is_file(follow_symlinks=False):
        raise InputError(f"raw/{name} is neither a file nor a folder, but a pipe, a socket or a device", hint=_AWAY)
