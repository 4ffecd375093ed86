"""What the parts of a stage's tables were made from: a part that is made from the same is copied, not made again.

The bytes are those of the tables that the stage gave last, in the store; here it is kept which part of them stands where.
It is a convenience and no record: nothing refers to it, it is checked before it is used, and it tells of the last build only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pdp.errors import PdpError
from pdp.parquet import Group, Place
from pdp.tables import Writers

FORMAT = 1
Facts = Any
Make = Callable[[], Generator[tuple[str, Any], None, Facts]]
"""Gives (table, rows) pairs, and returns facts that are plain data."""


@dataclass
class _Piece:
    facts: str
    places: dict[str, list[Place]] = field(default_factory=dict)


class Pieces:
    """Those of one stage, kept in one file. `code` is all that its function depends on but for what a piece's key tells."""

    def __init__(
        self, path: Path, code: str, writers: Writers, read: Callable[[str], bytes], *, reuse: bool = True
    ) -> None:
        """`read` gives an object of the store, and raises a PdpError if it is not whole."""
        self.path = path
        self.made = 0
        self._code = code
        self._writers = writers
        self._kept, self._tables = _kept(path, read) if reuse else ({}, {})
        self._found: dict[str, _Piece] = {}

    def piece(self, key: str, make: Make) -> Generator[tuple[str, Any], None, Facts]:
        """What `make` gives, now or, encoded, when the stage was built last and made a piece of this key."""
        name = hashlib.sha256(f"{self._code}\n{key}".encode()).hexdigest()
        piece = self._kept.get(name)
        before = self._writers.groups()
        if piece is None:
            self.made += 1
            facts = yield from make()
            piece = _Piece(json.dumps(facts))
        else:
            yield from self._encoded(piece)
        after = self._writers.groups()
        places = {table: found[len(before.get(table, ())) :] for table, found in after.items()}
        self._found[name] = _Piece(piece.facts, places)
        return json.loads(piece.facts)

    def _encoded(self, piece: _Piece) -> Iterator[tuple[str, Group]]:
        for table, places in piece.places.items():
            for place in places:
                content = self._tables[table][place.at : place.at + place.size]
                yield table, Group(place.rows, content, place.footer)

    def save(self, objects: Mapping[str, str]) -> None:
        """Keeps the pieces of this build, whose tables the store holds by these hashes."""
        if not self._found:
            self.path.unlink(missing_ok=True)
            return
        pieces = {
            name: [piece.facts, {table: [_plain(place) for place in places] for table, places in piece.places.items()}]
            for name, piece in self._found.items()
        }
        tables = {
            table: objects[table] for table in sorted({t for piece in self._found.values() for t in piece.places})
        }
        text = json.dumps({"format": FORMAT, "tables": tables, "pieces": pieces})
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temp = self.path.with_name(f"new-{self.path.name}")
        temp.write_text(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")
        os.replace(temp, self.path)


def _kept(path: Path, read: Callable[[str], bytes]) -> tuple[dict[str, _Piece], dict[str, bytes]]:
    """The pieces that a file tells of, and their tables; nothing if the one or the others are not whole."""
    try:
        digest, _, text = path.read_text().partition("\n")
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            return {}, {}
        kept = json.loads(text)
        if kept["format"] != FORMAT:
            return {}, {}
        tables = {table: read(name) for table, name in kept["tables"].items()}
    except (OSError, ValueError, PdpError):
        return {}, {}
    return {
        name: _Piece(facts, {table: [*map(_place, places)] for table, places in groups.items()})
        for name, (facts, groups) in kept["pieces"].items()
    }, tables


def _plain(place: Place) -> list[Any]:
    return [place.rows, place.at, place.size, [p.hex() if isinstance(p, bytes) else p for p in place.footer]]


def _place(plain: list[Any]) -> Place:
    rows, at, size, footer = plain
    return Place(rows, at, size, tuple(bytes.fromhex(part) if isinstance(part, str) else part for part in footer))
