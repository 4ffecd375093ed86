"""What a source on Google has fetched: where it lies in its raw folder, and the index that says which of it is current."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pdp.errors import InputError

# A Drive folder's files lie in a folder of their own; a sheet is one file.
FOLDER, INDEX, SHEET = "drive", ".index.json", "sheet.json"
AGAIN = "run doit without offline=1: it is fetched again"


@dataclass(frozen=True)
class Fetched:
    """A fetched file: its name below the raw folder, its SHA-256 and size, and what identifies it where it came from."""

    name: str
    sha256: str
    size: int
    stamp: str


def is_fetched(name: str) -> bool:
    """Whether a file of this name below the raw folder of a source on Google is one that was fetched."""
    return name == SHEET or name.startswith(f"{FOLDER}/")


def stamp(checksum: str, name: str) -> str:
    """What identifies a file of a Drive folder: its content, and the name that it has there."""
    return f"{checksum} {name}"


def index_path(folder: Path) -> Path:
    return folder / FOLDER / INDEX


def index_of(files: Iterable[Fetched]) -> bytes:
    """The index that names these files."""
    ordered = sorted(files, key=lambda one: (one.name, one.stamp))
    content = {"index": 1, "files": [vars(one) for one in ordered]}
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def read_index(folder: Path, *, broken_is_none: bool = False) -> tuple[Fetched, ...] | None:
    """What the index in a raw folder names as the current files; None where nothing was fetched.

    Raises:
        InputError: the index cannot be read, unless that is to count as none.
    """
    try:
        index = json.loads(index_path(folder).read_bytes())
        return tuple(Fetched(**one) for one in index["files"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        if broken_is_none:
            return None
        why, hint = (f": {error.strerror}", "may you read that folder?") if isinstance(error, OSError) else ("", AGAIN)
        raise InputError(f"raw/{folder.name}/{FOLDER}/{INDEX} cannot be read{why}", hint=hint) from error
