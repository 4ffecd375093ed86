"""Snapshot: the files of one fetch with their hashes, in `snapshots/<source>.json`: all that later stages depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pdp.errors import InputError
from pdp.filehash import Stat, open_regular, stat_of

FOLDER = "snapshots"
MANIFEST = "manifest.json"  # where it lay before: directly below raw/<source>/, where it is still no export
BLOCK = 2**20

Known = Callable[[str], tuple[Stat, str] | None]


def path_of(source: str) -> str:
    """Where the source's snapshot is published, below the data folder: raw folders are a person's, and never written to."""
    return f"{FOLDER}/{source}.json"


def is_snapshot(path: str) -> bool:
    """Whether a version that was published here is a snapshot."""
    return path.startswith((f"{FOLDER}/", "raw/"))


@dataclass(frozen=True)
class RawFile:
    """One raw file: its name below `raw/<source>/` (POSIX), its SHA-256 and its size in bytes."""

    name: str
    sha256: str
    size: int
    path: Path | str
    stat: Stat | None = None
    known: bool = False
    """Whether the stat alone says that these are the bytes that were hashed."""

    def moved(self) -> bool:
        """Whether the file was touched since this snapshot was opened."""
        return stat_of(self.path) != self.stat

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """The bytes that the manifest names, up to `size` at a time; hashed on the way unless they are `known`.

        Raises:
            InputError: the file is gone, or (at the end) its bytes are no longer those that were fetched.
        """
        sha256 = None if self.known else hashlib.sha256()
        try:
            left = self.size + 1  # not all of a file that grew meanwhile
            with open_regular(self.path) as file:
                while block := file.read(min(size, left)):
                    left -= len(block)
                    if sha256:
                        sha256.update(block)
                    yield block
        except OSError as error:
            raise InputError(f"raw file {self.name} cannot be read: {error.strerror}", hint="put it back") from error
        if sha256 and sha256.hexdigest() != self.sha256:
            raise InputError(f"raw file {self.name} changed while it was being read", hint="run again")

    def read_bytes(self) -> bytes:
        """All of `blocks`."""
        return b"".join(self.blocks())


@dataclass(frozen=True)
class Snapshot:
    """The files of one source, ordered by name."""

    source: str
    files: tuple[RawFile, ...]

    def __iter__(self) -> Iterator[RawFile]:
        return iter(self.files)

    def manifest(self) -> dict[str, Any]:
        """What is written of it: the same files give the same bytes."""
        files = [{"name": f.name, "sha256": f.sha256, "size": f.size} for f in self.files]
        return {"manifest": 1, "source": self.source, "files": files}

    def to_bytes(self) -> bytes:
        """As `json.dumps(indent=1)` would write it, which takes ten times as long."""
        text = json.encoder.encode_basestring
        files = [
            f'  {{\n   "name": {text(f.name)},\n   "sha256": {text(f.sha256)},\n   "size": {f.size}\n  }}'
            for f in self.files
        ]
        listed = "[\n{}\n ]".format(",\n".join(files)) if files else "[]"
        return f'{{\n "manifest": 1,\n "source": {text(self.source)},\n "files": {listed}\n}}\n'.encode()

    @classmethod
    def parse(cls, content: bytes, folder: Path, known: Known = lambda name: None) -> Snapshot:
        """The snapshot that a manifest's bytes name; its files lie below `folder`.

        `known(name)` gives the stat with which the file at `<folder>/<name>` was hashed, and the hash.

        Raises:
            InputError: the bytes are no manifest.
        """
        try:
            manifest = json.loads(content)
            return cls(manifest["source"], tuple(_raw_file(f, folder, known) for f in manifest["files"]))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(
                f"the snapshot of {folder.name} is not a manifest", hint="delete it and run doit again"
            ) from error


def _raw_file(entry: dict[str, Any], folder: Path, known: Known) -> RawFile:
    """The file that an entry names: it lies below `folder`, whatever a manifest from elsewhere says."""
    name, digest, size = entry["name"], entry["sha256"], entry["size"]
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or parts[0] == "/" or "\0" in name:
        raise ValueError("a name leaves the folder")
    if not (isinstance(digest, str) and isinstance(size, int) and size >= 0):
        raise TypeError("a hash is a text and a size a number")
    path = folder / name
    stat = stat_of(path)
    return RawFile(name, digest, size, path, stat, known(name) == (stat, digest))
