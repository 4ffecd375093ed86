"""Store: bytes named by their SHA-256, immutable. Put, get out, verify.

An object is written beside its place, synced, and renamed: whoever finds the name finds the whole of it. Files are
copied out, never linked: a person who edits a copy must not edit the store.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from pdp.errors import RegistryError
from pdp.filehash import sha256_of
from pdp.places import object_name


class Store:
    """Objects below one folder, at `ab/cdef…`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        return self.folder / object_name(digest)

    def temp(self) -> Path:
        """A fresh name for a file that is to become an object, on the store's file system."""
        folder = self.folder / "tmp"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix="new-")
        os.close(handle)
        return Path(name)

    def sweep(self) -> None:
        """Removes what a run that was killed left behind. Only under the run's lock."""
        for left in (self.folder / "tmp").glob("new-*"):
            left.unlink(missing_ok=True)

    def put(self, temp: Path) -> str:
        """Makes the file `temp` an object and gives its hash. The object is on the disk when this returns."""
        digest = sha256_of(temp)
        target = self.path(digest)
        if target.exists() and sha256_of(target) == digest:
            temp.unlink()
            return digest
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync(temp)
        temp.chmod(0o400)
        os.replace(temp, target)
        sync(target.parent)
        sync(self.folder)
        return digest

    def has(self, digest: str) -> bool:
        """Whether the object is there and whole. A damaged one counts as missing: it will be built again."""
        path = self.path(digest)
        return path.is_file() and sha256_of(path) == digest

    def read(self, digest: str) -> bytes:
        """The object's bytes.

        Raises:
            RegistryError: the object is missing or damaged.
        """
        try:
            content = self.path(digest).read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() != digest:
            raise lost(digest)
        return content

    def copy_out(self, digest: str, target: Path) -> None:
        """Puts a copy of the object at `target`, all at once.

        Raises:
            RegistryError: the object is missing.
        """
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".pdp-tmp")
        os.close(handle)
        temp = Path(name)
        try:
            shutil.copyfile(self.path(digest), temp)
            sync(temp)
            os.replace(temp, target)
        except FileNotFoundError as error:
            raise lost(digest) from error
        finally:
            temp.unlink(missing_ok=True)
        sync(target.parent)


def lost(digest: str) -> RegistryError:
    return RegistryError(f"the store has lost the object {digest[:12]}", hint="run doit -a to build everything again")


def sync(path: Path) -> None:
    """Puts a file, or a folder's names, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
