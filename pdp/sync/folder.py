"""A folder as the remote: on this disk, a stick, or a mount that knows locks.

head          replaced by rename, under a lock
lock          the kernel's lock; it ends with its process
ab/cdef…      objects
tmp/          what is being written
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pdp.disk import make_folder, sync
from pdp.errors import SyncError
from pdp.places import object_name
from pdp.sync.backend import NAME, Cell, Conflict, Missing, checked

LEFT_BEHIND_S = 24 * 3600


class Folder:
    everything = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.where = f"the folder {folder}"

    def read_head(self) -> Cell | None:
        with self._told("read"):
            try:
                content = (self.folder / "head").read_bytes()
            except FileNotFoundError:
                return None
            # It may be of a push that was killed before its name was on the disk, and whoever reads it builds on it.
            if os.access(self.folder, os.W_OK):
                sync(self.folder)
            return Cell(content, hashlib.sha256(content).hexdigest())

    def move_head(self, token: str | None, content: bytes, named: list[str]) -> None:
        with self._told("written"), self._locked():
            now = self.read_head()
            if (now.token if now else None) != token:
                raise Conflict
            # What is there already may be of a push that was killed before it was on the disk.
            for place in [*self.folder.glob("??"), self.folder]:
                sync(place)
            self._write(self.folder / "head", content)

    def get(self, ref: str) -> bytes:
        with self._told("read"):
            try:
                return self._path(ref).read_bytes()
            except FileNotFoundError as error:
                raise Missing from error

    def find(self, name: str, least: int) -> str | None:
        path = self._path(name)
        with self._told("read"):
            return name if path.is_file() and path.stat().st_size >= least else None

    def create_if_absent(self, name: str, content: bytes) -> str:
        # A name follows from the bytes, so whoever writes it second writes the same.
        if self.find(name, len(content)) is None:
            with self._told("written"):
                make_folder(self._path(name).parent)
                self._write(self._path(name), content)
                sync(self.folder)
        return name

    def delete(self, ref: str) -> None:
        with self._told("written"):
            self._path(ref).unlink(missing_ok=True)

    def refs(self) -> list[str]:
        with self._told("read"):
            names = [path.parent.name + path.name for path in self.folder.glob("??/*")]
        return sorted(name for name in names if NAME.fullmatch(name))

    def _path(self, name: str) -> Path:
        return self.folder / object_name(checked(name))

    def _write(self, target: Path, content: bytes) -> None:
        """Beside its place, synced, renamed: whoever finds the name finds the whole of it."""
        tmp = self.folder / "tmp"
        make_folder(tmp)
        self._sweep(tmp)
        handle, name = tempfile.mkstemp(dir=tmp, prefix="new-")
        try:
            with open(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync(target.parent)

    def _sweep(self, tmp: Path) -> None:
        """What a machine that was switched off left behind. A day old, since another may be writing now."""
        for left in tmp.glob("new-*"):
            try:
                if time.time() - left.stat().st_mtime > LEFT_BEHIND_S:
                    left.unlink()
            except FileNotFoundError:
                continue  # another one swept it

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_folder(self.folder)
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        """What the disk refuses becomes a sentence."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise SyncError(f"{self.where} cannot be {verb}: {reason}", hint="is it mounted, and yours?") from error
