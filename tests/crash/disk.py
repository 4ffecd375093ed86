"""The weakest disk that POSIX allows: what was not synced may be there, be gone, or be there in part.

Bytes are safe once their file is synced, a name once its folder is. Until then every subset of the pending changes may be
what a power cut leaves (ALICE, OSDI 14). The changes come from strace's record of a real run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.calls import Call

SECTOR = 512


@dataclass(frozen=True)
class Change:
    """One change to one inode (a file's bytes, or a folder's names), safe once that inode is synced."""

    inode: int
    number: int

    def apply(self, disk: Disk) -> None:
        raise NotImplementedError

    def torn(self) -> Change | None:
        """The same, cut off in the middle; None where it is whole or nothing."""
        return None


@dataclass(frozen=True)
class Put(Change):
    offset: int
    data: bytes

    def apply(self, disk: Disk) -> None:
        content = disk.files[self.inode].ljust(self.offset, b"\0")
        disk.files[self.inode] = content[: self.offset] + self.data + content[self.offset + len(self.data) :]

    def torn(self) -> Change | None:
        half = len(self.data) // 2
        cut = half // SECTOR * SECTOR or half
        return Put(self.inode, self.number, self.offset, self.data[:cut]) if cut else None


@dataclass(frozen=True)
class Cut(Change):
    size: int

    def apply(self, disk: Disk) -> None:
        disk.files[self.inode] = disk.files[self.inode][: self.size].ljust(self.size, b"\0")


@dataclass(frozen=True)
class Names(Change):
    """Names of one folder that change together: name -> inode, or None where the name goes."""

    names: tuple[tuple[str, int | None], ...]

    def apply(self, disk: Disk) -> None:
        for name, inode in self.names:
            if inode is None:
                disk.folders[self.inode].pop(name, None)
            else:
                disk.folders[self.inode][name] = inode


class Disk:
    """Inodes: files with their bytes, folders with their names. Inode 0 is the project's folder."""

    def __init__(self) -> None:
        self.files: dict[int, bytes] = {}
        self.folders: dict[int, dict[str, int]] = {0: {}}
        self.numbers = iter(range(1, 10**9))

    @classmethod
    def read(cls, root: Path) -> Disk:
        disk = cls()
        disk._read(root, 0)
        return disk

    def _read(self, folder: Path, inode: int) -> None:
        for path in sorted(folder.iterdir()):
            self.folders[inode][path.name] = number = next(self.numbers)
            if path.is_dir():
                self.folders[number] = {}
                self._read(path, number)
            else:
                self.files[number] = path.read_bytes()

    def copy(self) -> Disk:
        other = Disk()
        other.files = dict(self.files)
        other.folders = {inode: dict(names) for inode, names in self.folders.items()}
        return other

    def find(self, path: str) -> int | None:
        """The inode at a path below the root; None where there is none."""
        inode: int | None = 0
        for part in filter(None, path.split("/")):
            inode = self.folders.get(inode, {}).get(part) if inode is not None else None
        return inode

    def tree(self, inode: int = 0, prefix: str = "") -> Iterator[tuple[str, bytes | None]]:
        """Every path that can be reached, sorted: a file's bytes, or None for a folder."""
        for name, child in sorted(self.folders[inode].items()):
            yield prefix + name, self.files.get(child)
            if child in self.folders:
                yield from self.tree(child, f"{prefix}{name}/")

    def write(self, root: Path) -> None:
        root.mkdir(parents=True)
        for path, content in self.tree():
            if content is None:
                os.mkdir(f"{root}/{path}", 0o700)
            else:
                with open(f"{root}/{path}", "wb") as file:
                    file.write(content)


class Recorder:
    """Follows the calls of one process after another: what all would see (`live`), what is safe, what is pending."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.live = Disk.read(root)
        self.safe = self.live.copy()
        self.pending: list[Change] = []
        self.printed = ""
        self._positions: dict[int, int] = {}
        self._count = 0
        self._folders: dict[int, dict[str, int]] = {}

    def follow(self, root: Path, calls: Iterable[Call]) -> Iterator[Call]:
        """Takes in the calls of one process in `root`, and gives each after it was taken in."""
        self.root, self._positions, self.printed = root, {}, ""
        for call in calls:
            if call.result is not None and call.result >= 0:
                getattr(self, f"_{HANDLERS.get(call.name, call.name)}", self._unknown)(call)
            yield call

    def _unknown(self, call: Call) -> None:
        if call.touches(self.root):
            raise NotImplementedError(f"the disk does not know {call}")

    def _inside(self, path: str) -> str | None:
        path = path.removesuffix(" (deleted)")
        if not path.startswith("/"):
            path = f"{self.root}/{path}"
        prefix = f"{self.root}/"
        return path[len(prefix) :] if path.startswith(prefix) else "" if path == str(self.root) else None

    def _change(self, kind: type[Change], inode: int, *what: Any) -> None:
        self._count += 1
        change = kind(inode, self._count, *what)
        change.apply(self.live)
        self.pending.append(change)

    def _name(self, path: str, inode: int | None) -> None:
        folder, _, name = path.rpartition("/")
        place = self.live.find(folder)
        assert place is not None, path
        self._change(Names, place, ((name, inode),))

    def _new(self, path: str, *, folder: bool = False) -> None:
        number = next(self.live.numbers)
        for disk in (self.live, self.safe):
            # An inode without a name is nowhere: it may be known before it is reachable.
            if folder:
                disk.folders[number] = {}
            else:
                disk.files[number] = b""
        self._name(path, number)

    def _open(self, call: Call) -> None:
        flags = call.arguments[-2] if call.arguments[-1].startswith("0") else call.arguments[-1]
        path = self._inside(call.path(1 if call.name == "openat" else 0))
        assert call.result is not None
        self._positions[call.result] = 0
        if path is None:
            return
        inode = self.live.find(path)
        if inode is None and "O_CREAT" in flags:
            self._new(path)
        elif inode is not None and "O_TRUNC" in flags and self.live.files[inode]:
            self._change(Cut, inode, 0)

    def _descriptor(self, call: Call, index: int = 0) -> tuple[int, int | None]:
        number = int(call.arguments[index].partition("<")[0])
        path = self._inside(call.path(index))
        return number, None if path is None else self.live.find(path)

    def _write(self, call: Call) -> None:
        number, inode = self._descriptor(call)
        if inode is None:
            if number == 1:
                self.printed += call.data(1).decode(errors="replace")
            return
        assert call.result is not None
        self._put(number, inode, call.data(1)[: call.result])

    def _put(self, number: int, inode: int, data: bytes) -> None:
        at = self._positions.get(number, 0)
        self._change(Put, inode, at, data)
        self._positions[number] = at + len(data)

    def _pwrite64(self, call: Call) -> None:
        _, inode = self._descriptor(call)
        if inode is not None:
            self._change(Put, inode, int(call.arguments[3]), call.data(1)[: call.result])

    def _sendfile(self, call: Call) -> None:
        number, inode = self._descriptor(call)
        _, source = self._descriptor(call, 1)
        if inode is None or not call.result:
            return
        assert source is not None, call
        start = re.match(r"\[(\d+)\]", call.arguments[2])
        assert start, call
        at = int(start.group(1))
        self._put(number, inode, self.live.files[source][at : at + call.result])

    def _ftruncate(self, call: Call) -> None:
        _, inode = self._descriptor(call)
        if inode is not None:
            self._change(Cut, inode, int(call.arguments[1]))

    def _sync(self, call: Call) -> None:
        _, inode = self._descriptor(call)
        if inode is None:
            return
        for change in [one for one in self.pending if one.inode == inode]:
            change.apply(self.safe)
            self.pending.remove(change)

    def _mkdir(self, call: Call) -> None:
        if (path := self._inside(call.path(0))) is not None:
            self._new(path, folder=True)

    def _rename(self, call: Call) -> None:
        old, new = self._inside(call.path(0)), self._inside(call.path(1))
        if old is None or new is None:
            return
        inode = self.live.find(old)
        assert inode is not None, call
        (folder, _, name), (target, _, other) = old.rpartition("/"), new.rpartition("/")
        if folder == target:
            place = self.live.find(folder)
            assert place is not None
            self._change(Names, place, ((name, None), (other, inode)))
        else:
            # Two folders, two syncs: the weakest disk may have the one without the other.
            self._name(new, inode)
            self._name(old, None)

    def _link(self, call: Call) -> None:
        old, new = self._inside(call.path(0)), self._inside(call.path(1))
        if old is not None and new is not None:
            self._name(new, self.live.find(old))

    def _unlink(self, call: Call) -> None:
        if (path := self._inside(call.path(0))) is not None:
            self._name(path, None)

    def _unlinkat(self, call: Call) -> None:
        if (path := self._inside(os.path.join(call.path(0), call.path(1)))) is not None:
            self._name(path, None)

    def _chmod(self, call: Call) -> None:
        """Modes are no part of the states: the invariants are about bytes and names."""


HANDLERS = {
    "openat": "open", "creat": "open", "fsync": "sync", "fdatasync": "sync", "rmdir": "unlink", "fchmod": "chmod",
}  # fmt: skip


Choice = tuple[tuple[int, bool], ...]


def choices(pending: Sequence[Change]) -> Iterator[tuple[Change, ...]]:
    """The subsets of the pending changes that a power cut is taken to leave."""
    every = tuple(pending)
    yield ()
    yield every
    yield tuple(one for one in every if isinstance(one, Names))
    yield tuple(one for one in every if not isinstance(one, Names))
    for i, one in enumerate(every):
        rest = every[:i] + every[i + 1 :]
        yield (one,)
        yield rest
        if half := one.torn():
            yield (half,)
            yield (*every[:i], half, *every[i + 1 :])


def after(safe: Disk, changes: Sequence[Change]) -> Disk:
    """What is on the disk: what is safe, and these of the pending changes."""
    disk = safe.copy()
    for change in changes:
        change.apply(disk)
    return disk
