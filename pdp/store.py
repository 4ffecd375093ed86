"""Store: bytes named by their SHA-256, immutable. Put, get out, verify.

An object is written beside its place, synced, and renamed: whoever finds the name finds the whole of it. Files are
copied out, never linked: a person who edits a copy must not edit the store.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pdp.disk import make_folder, sync
from pdp.errors import RegistryError
from pdp.filehash import sha256_of
from pdp.places import object_name
from pdp.signals import held

RECORDS = "records"
TEMPS = "tmp"


@contextmanager
def fresh(folder: Path, prefix: str, suffix: str = "") -> Iterator[Path]:
    """A new file in `folder` that is gone at the end of the block, unless it was moved. No signal comes before it is known."""
    made: list[Path] = []
    try:
        with held():
            handle, name = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
            os.close(handle)
            made.append(Path(name))
        yield made[0]
    finally:
        for path in made:
            path.unlink(missing_ok=True)


class Store:
    """Objects below one folder, at `ab/cdef…`; beside them the records of the history, at `records/abcdef…`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records_folder = folder / RECORDS

    def path(self, digest: str) -> Path:
        return self.folder / object_name(digest)

    def temp(self) -> Path:
        """A fresh name for a file that is to become an object, on the store's file system."""
        folder = self.folder / TEMPS
        make_folder(folder)
        handle, name = tempfile.mkstemp(dir=folder, prefix="new-")
        os.close(handle)
        return Path(name)

    def fresh(self) -> AbstractContextManager[Path]:
        """As `temp`, for the length of a block."""
        folder = self.folder / TEMPS
        make_folder(folder)
        return fresh(folder, "new-")

    def sweep(self) -> None:
        """Removes what a run that was killed left behind, and makes sure of the names that it made. Only under the run's lock."""
        if not self.folder.is_dir():
            return
        for left in (self.folder / TEMPS).glob("new-*"):
            left.unlink(missing_ok=True)
        # A killed run may have made folders whose names are not on the disk yet: what lies in them would be gone with them.
        sync(self.folder)
        if (self.records_folder).is_dir():
            sync(self.records_folder)

    def put(self, *temps: Path) -> list[str]:
        """Makes the files `temps` objects and gives their hashes. The objects are on the disk when this returns."""
        digests = [sha256_of(temp) for temp in temps]
        for temp, digest in zip(temps, digests, strict=True):
            target = self.path(digest)
            if target.exists() and sha256_of(target) == digest:
                temp.unlink()
            else:
                target.parent.mkdir(mode=0o700, exist_ok=True)
                self._place(temp, target)
        # Those that were there too: a run that was killed may have left them without their names on the disk.
        for folder in sorted({self.path(digest).parent for digest in digests}):
            sync(folder)
        sync(self.folder)
        return digests

    def _place(self, temp: Path, target: Path) -> None:
        sync(temp)
        temp.chmod(0o400)
        os.replace(temp, target)

    # Records

    def record_path(self, digest: str) -> Path:
        return self.records_folder / digest

    def put_record(self, content: bytes) -> str:
        """Keeps a record of the history and gives its hash. It is on the disk when this returns."""
        digest = hashlib.sha256(content).hexdigest()
        make_folder(self.records_folder)
        with self.fresh() as temp:
            temp.write_bytes(content)
            self._place(temp, self.record_path(digest))
        sync(self.records_folder)
        return digest

    def put_records(self, contents: Sequence[bytes]) -> list[str]:
        """Keeps records that follow one another, and gives their hashes: all of them, or none that counts.

        The first is put in its place last, since without it no other one continues the chain.
        """
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        make_folder(self.records_folder)
        for number in reversed(range(len(contents))):
            if number == 0:
                sync(self.records_folder)
            with self.fresh() as temp:
                temp.write_bytes(contents[number])
                self._place(temp, self.record_path(digests[number]))
        sync(self.records_folder)
        return digests

    def records(self) -> set[str]:
        """The hashes of all records that are there."""
        try:
            return set(os.listdir(self.records_folder))
        except FileNotFoundError:
            return set()

    def remove_record(self, digest: str) -> None:
        self.record_path(digest).unlink(missing_ok=True)
        sync(self.records_folder)

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

    def copy_out(self, digest: str, target: Path, still: Callable[[], bool] = lambda: True) -> bool:
        """Puts a copy of the object at `target`, all at once; nothing, if by then it is not `still` to be done.

        Its name is on the disk once the caller syncs the folder, which several copies may share.

        Raises:
            RegistryError: the object is missing.
        """
        make_folder(target.parent)
        with fresh(target.parent, f".{target.name}.", ".pdp-tmp") as temp:
            try:
                shutil.copyfile(self.path(digest), temp)
            except FileNotFoundError as error:
                if self.path(digest).exists():
                    raise
                raise lost(digest) from error
            sync(temp)
            if not still():
                return False
            os.replace(temp, target)
        return True


def lost(digest: str) -> RegistryError:
    return RegistryError(f"the store has lost the object {digest[:12]}", hint="run doit -a to build everything again")
