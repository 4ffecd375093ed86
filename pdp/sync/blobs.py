"""Bytes of any size in a remote: cut into parts, each an object of its own, each verified when it comes back.

Parts bound the memory, let a transfer that broke off go on, and stay below the size from which Drive wants another
way of uploading.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pdp.errors import Untrusted
from pdp.sync.backend import Backend, Missing
from pdp.sync.vault import Vault

PART = 4 * 1024 * 1024


class Part(NamedTuple):
    """Some bytes of a stored whole: their SHA-256, their number, and where the remote keeps them."""

    digest: str
    size: int
    ref: str


class Stored(NamedTuple):
    """Bytes in the remote: their number, and the parts that make them up."""

    size: int
    parts: tuple[Part, ...]

    def plain(self) -> list[Any]:
        return [self.size, [list(part) for part in self.parts]]

    @classmethod
    def from_plain(cls, data: Any) -> Stored:
        """The reverse of `plain`.

        Raises:
            ValueError, TypeError: the data are not of that form.
        """
        size, parts = data
        found = cls(_count(size), tuple(Part(_hex(digest), _count(n), str(ref)) for digest, n, ref in parts))
        if sum(part.size for part in found.parts) != found.size:
            raise ValueError("the parts do not make the whole")
        return found


def _hex(text: Any) -> str:
    if not isinstance(text, str) or len(bytes.fromhex(text)) != 32:
        raise ValueError("not a hash")
    return text


def _count(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError("not a size")
    return number


class Blobs:
    """Bytes put into a backend and taken out of it, through a vault."""

    def __init__(self, backend: Backend, vault: Vault) -> None:
        self.backend, self.vault = backend, vault
        self.sent = self.received = 0

    def put(self, content: bytes) -> Stored:
        """Keeps bytes; what the remote has already does not travel."""
        cuts = range(0, max(len(content), 1), PART)
        return Stored(len(content), tuple(self._put_part(content[cut : cut + PART]) for cut in cuts))

    def put_file(self, path: Path, digest: str) -> Stored | None:
        """Keeps a file; None if its bytes are not those of `digest` (it was edited meanwhile): nobody will miss the parts."""
        whole, size, parts = hashlib.sha256(), 0, []
        with path.open("rb") as file:
            for piece in _pieces(file):
                whole.update(piece)
                size += len(piece)
                parts.append(self._put_part(piece))
        return Stored(size, tuple(parts)) if whole.hexdigest() == digest else None

    def _put_part(self, piece: bytes) -> Part:
        digest = hashlib.sha256(piece).hexdigest()
        name = self.vault.name(digest)
        ref = self.backend.find(name, self.vault.least(len(piece)))
        if ref is None:
            ref = self.backend.create_if_absent(name, self.vault.close(piece))
            self.sent += len(piece)
        # A place that is addressed by names need not say so a second time.
        return Part(digest, len(piece), "" if ref == name else ref)

    def get(self, stored: Stored, digest: str) -> bytes:
        """Kept bytes, verified.

        Raises:
            Untrusted: they are gone, or not the ones that were put there.
        """
        content = b"".join(self._parts(stored))
        if hashlib.sha256(content).hexdigest() != digest:
            raise damaged(digest)
        return content

    def get_file(self, stored: Stored, digest: str, path: Path) -> None:
        """The same into a file. What lies there is complete only when this returns.

        Raises:
            Untrusted: they are gone, or not the ones that were put there.
        """
        whole = hashlib.sha256()
        with path.open("wb") as file:
            for piece in self._parts(stored):
                whole.update(piece)
                file.write(piece)
        if whole.hexdigest() != digest:
            raise damaged(digest)

    def _parts(self, stored: Stored) -> Iterator[bytes]:
        for part in stored.parts:
            piece = self._part(part)
            if piece is None:
                piece = self._part(part)  # a network may have garbled it
            if piece is None:
                raise damaged(part.digest)
            self.received += len(piece)
            yield piece

    def _part(self, part: Part) -> bytes | None:
        """A part's bytes; None if they are not the ones that were put there."""
        try:
            piece = self.vault.open(self.backend.get(part.ref or self.vault.name(part.digest)))
        except Missing:
            raise Untrusted(
                f"the remote state lacks an object that it names ({part.digest[:12]})", hint=RESCUE
            ) from None
        except Untrusted:
            return None
        return piece if len(piece) == part.size and hashlib.sha256(piece).hexdigest() == part.digest else None


RESCUE = "nothing was changed here; a machine that has it mends it with pdp push --mend"


def damaged(digest: str) -> Untrusted:
    return Untrusted(f"an object of the remote state is not what was put there ({digest[:12]})", hint=RESCUE)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """The file's bytes in parts; an empty file has one, which is empty."""
    piece = file.read(PART)
    yield piece
    while len(piece) == PART:
        piece = file.read(PART)
        if piece:
            yield piece
