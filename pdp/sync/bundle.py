"""A whole state in one file, for a place where nothing new can be made but a file can be replaced on condition.

So it is with a service account and the Drive of a person: it has no storage of its own, but may change a file that the
person made and shared. All of it travels each time, so it keeps only what is needed now (`everything` is False).

    pdp-bundle 1                 a line
    {"head": N, "objects": …}    a line: the head's size, and each object's name and size, in order
    <head><object>…
"""

from __future__ import annotations

import json
from typing import Protocol

from pdp.errors import SyncError, Untrusted
from pdp.registry import dump
from pdp.sync.backend import NAME, Cell, Missing, Token, checked

KIND = b"pdp-bundle 1"
LARGEST = 100_000_000


class OneFile(Protocol):
    """A file that is replaced as a whole, on condition."""

    where: str

    def read(self) -> Cell | None: ...

    def write(self, token: Token | None, content: bytes) -> None:
        """Raises Conflict if the file is no longer the one that `token` stands for."""
        ...


class Bundle:
    everything = False

    def __init__(self, file: OneFile) -> None:
        self.file, self.where = file, file.where
        self._held: dict[str, bytes] = {}
        self._new: dict[str, bytes] = {}

    def read_head(self) -> Cell | None:
        cell = self.file.read()
        head, self._held = unpack(cell.content) if cell and cell.content else (b"", {})
        return Cell(head, cell.token) if cell else None

    def move_head(self, token: Token | None, content: bytes, named: list[str]) -> None:
        objects = {name: found for name in named if (found := self._of(name)) is not None}
        packed = pack(content, objects)
        if len(packed) > LARGEST:
            raise SyncError(
                f"the state is too large for one file ({len(packed) // 1_000_000} MB)",
                hint="use a shared drive, a person's own token, or S3; see docs/state.md",
            )
        self.file.write(token, packed)

    def get(self, ref: str) -> bytes:
        content = self._of(checked(ref))
        if content is None:
            raise Missing
        return content

    def find(self, name: str, least: int) -> str | None:
        content = self._of(checked(name))
        return name if content is not None and len(content) >= least else None

    def create_if_absent(self, name: str, content: bytes) -> str:
        self._new[checked(name)] = content
        return name

    def delete(self, ref: str) -> None:
        """Nothing to do: what the next head does not name is left out of it."""

    def refs(self) -> list[str]:
        return sorted(self._held)

    def _of(self, name: str) -> bytes | None:
        return self._new.get(name, self._held.get(name))


def pack(head: bytes, objects: dict[str, bytes]) -> bytes:
    """One file of a head and its objects."""
    ordered = sorted(objects.items())
    index = dump({"head": len(head), "objects": [[name, len(content)] for name, content in ordered]})
    return b"\n".join((KIND, index.encode(), head + b"".join(content for _, content in ordered)))


def unpack(content: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The head and the objects. What they hold is verified by whoever uses them.

    Raises:
        Untrusted: the file is none of ours, or was cut short.
        SyncError: a newer pdp wrote it.
    """
    kind, _, rest = content.partition(b"\n")
    if not kind.startswith(b"pdp-bundle "):
        raise Untrusted("the file that should hold the remote state holds something else", hint="name another file")
    if kind != KIND:
        raise SyncError("the remote state was written by a newer pdp", hint="upgrade pdp")
    line, _, body = rest.partition(b"\n")
    try:
        index = json.loads(line)
        sizes = [("", index["head"]), *((name, size) for name, size in index["objects"])]
        if not all(type(size) is int and size >= 0 and (not name or NAME.fullmatch(name)) for name, size in sizes):
            raise ValueError("not an index")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Untrusted(
            "the file of the remote state is damaged", hint="its place may have older versions of it"
        ) from error
    if sum(size for _, size in sizes) != len(body):
        raise Untrusted("the file of the remote state was cut short", hint="its place may have older versions of it")
    parts, at = {}, 0
    for name, size in sizes:
        parts[name] = body[at : at + size]
        at += size
    return parts.pop(""), parts
