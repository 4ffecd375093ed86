"""What a state holds: every record of the chain, in order, and where the bytes of each object lie.

Both come in segments, each an object of the remote: a push adds one, and takes in those before it while they are no
larger, so that there are only ever a few (the logarithm of the number of records).
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from pdp.errors import Untrusted
from pdp.registry import dump
from pdp.sync.blobs import Blobs, Stored
from pdp.sync.head import HINT, Head

LARGEST = 256 * 1024 * 1024  # bytes of a segment unpacked: what claims to be larger is a bomb


class Cache(Protocol):
    """Where segments are kept that were seen before."""

    def segment(self, digest: str) -> bytes | None: ...

    def keep_segment(self, digest: str, content: bytes) -> None: ...


@dataclass
class Segment:
    """Records that follow one another, and the objects that came with them."""

    records: list[str] = field(default_factory=list)
    objects: dict[str, Stored] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        return len(self.records) + len(self.objects)

    def to_bytes(self) -> bytes:
        data = {"records": self.records, "objects": {name: stored.plain() for name, stored in self.objects.items()}}
        return zlib.compress(dump(data).encode(), 6)

    @classmethod
    def from_bytes(cls, content: bytes) -> Segment:
        """The reverse.

        Raises:
            Untrusted: these bytes are no segment.
        """
        try:
            unpack = zlib.decompressobj()
            data: dict[str, Any] = json.loads(unpack.decompress(content, LARGEST))
            if not unpack.eof or not all(isinstance(record, str) for record in data["records"]):
                raise ValueError("not whole")
            objects = {name: Stored.from_plain(stored) for name, stored in data["objects"].items()}
            return cls(data["records"], objects)
        except (zlib.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Untrusted("a segment of the remote state is not of its form", hint=HINT) from error


@dataclass
class Ledger:
    """All that a head names. `hashes` are those of `records`, in order."""

    segments: list[tuple[str, Stored, Segment]] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)
    objects: dict[str, Stored] = field(default_factory=dict)

    @classmethod
    def load(cls, head: Head, blobs: Blobs, cache: Cache) -> Ledger:
        """What the head names, down to each record and its link to the one before it.

        Raises:
            Untrusted: something is missing, or is not what the head says.
        """
        ledger = cls()
        for digest, stored in head.segments:
            content = cache.segment(digest)
            if content is None:
                content = blobs.get(stored, digest)
                cache.keep_segment(digest, content)
            ledger._take(digest, stored, Segment.from_bytes(content))
        tip = ledger.hashes[-1] if ledger.hashes else ""
        if (tip, len(ledger.hashes)) != (head.tip, head.records):
            raise Untrusted("the records of the remote state are not those that its head names", hint=HINT)
        return ledger

    def _take(self, digest: str, stored: Stored, segment: Segment) -> None:
        self.segments.append((digest, stored, segment))
        self.objects |= segment.objects
        for text in segment.records:
            previous = self.hashes[-1] if self.hashes else ""
            if previous_of(text) != previous:
                raise Untrusted("the history of the remote state has a hole", hint=HINT)
            self.records.append(text)
            self.hashes.append(hashlib.sha256(text.encode()).hexdigest())

    def extended(self, records: list[str], objects: dict[str, Stored]) -> tuple[list[tuple[str, Stored]], Segment]:
        """The segments that stay, and the one that is new with these records and objects."""
        kept, new = list(self.segments), Segment(records, objects)
        while kept and kept[-1][2].weight <= new.weight:
            _, _, last = kept.pop()
            new = Segment(last.records + new.records, last.objects | new.objects)
        return [(digest, stored) for digest, stored, _ in kept], new


def previous_of(record: str) -> str:
    """The hash of the record before this one.

    Raises:
        Untrusted: this is no record.
    """
    try:
        found = json.loads(record)["previous"]
    except (ValueError, KeyError, TypeError, RecursionError):
        found = None
    if not isinstance(found, str):
        raise Untrusted("a record of the remote state is no record", hint=HINT)
    return found
