"""Machines and places for the tests of remote state, in memory: a chain as `pdp.chain` writes it, and a backend."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from pdp.registry import dump
from pdp.sync.backend import Cell, Conflict, Missing
from pdp.sync.blobs import Blobs, Stored
from pdp.sync.engine import Memory
from pdp.sync.records import State, hash_of


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


_hash = lru_cache(100_000)(hash_of)  # a simulation asks for the same ones again and again


class Place:
    """A backend in memory. Its token is a number that counts the moves."""

    where = "memory"
    everything = True

    def __init__(self) -> None:
        self.head: bytes | None = None
        self.moves = 0
        self.objects: dict[str, bytes] = {}

    def read_head(self) -> Cell | None:
        return None if self.head is None else Cell(self.head, self.moves)

    def move_head(self, token: int | None, content: bytes, named: list[str]) -> None:
        if token != (None if self.head is None else self.moves):
            raise Conflict
        self.head, self.moves = content, self.moves + 1

    def get(self, ref: str) -> bytes:
        if ref not in self.objects:
            raise Missing
        return self.objects[ref]

    def find(self, name: str, least: int) -> str | None:
        return name if len(self.objects.get(name, b"")) >= max(least, 1) else None

    def create_if_absent(self, name: str, content: bytes) -> str:
        self.objects.setdefault(name, content)
        return name

    def delete(self, ref: str) -> None:
        self.objects.pop(ref, None)

    def refs(self) -> list[str]:
        return sorted(self.objects)


class Machine:
    """This machine's side, in memory. What `adopt` does is one step."""

    def __init__(self, writer: str = "one") -> None:
        self.writer = writer
        self.chain: list[str] = []
        self.store: dict[str, bytes] = {}
        self.segments: dict[str, bytes] = {}
        self.seen: Memory | None = None
        self.runs = 0

    def commit(self, stage: str, inputs: dict[str, str] | None = None, **outputs: bytes) -> str:
        """A finished stage, its outputs by artifact name; gives the record's hash."""
        state = State(self.chain)
        run = max(state.runs, default=0) + 1
        named = []
        for name, content in sorted(outputs.items()):
            self.store[sha(content)] = content
            version = state.number(name, sha(content))
            one = {"name": name, "path": name, "rows": 1, "hash": sha(content), "size": len(content)}
            named.append(one | {"version": version})
        return self.append(
            run, kind="stage", stage=stage, outcome="built", outputs=named, key=stage, facts={}, seconds=0.0, reasons=[],
            identity={"inputs": inputs or {}, "snapshot": []},
        )  # fmt: skip

    def ingest(self, source: str, **files: bytes) -> str:
        """A snapshot of raw files."""
        listed = [{"name": name, "sha256": sha(content), "size": len(content)} for name, content in files.items()]
        manifest = dump(listed).encode()
        self.store[sha(manifest)] = manifest
        state = State(self.chain)
        one = {"name": source, "path": source, "rows": None, "hash": sha(manifest), "size": len(manifest)}
        one["version"] = state.number(source, sha(manifest))
        return self.append(
            max(state.runs, default=0) + 1, kind="stage", stage=f"ingest:{source}", outcome="built", outputs=[one],
            key="", facts={}, seconds=0.0, reasons=[], identity={"inputs": {}, "snapshot": listed},
        )  # fmt: skip

    def append(self, run: int | None, **fields: Any) -> str:
        started: dict[str, Any] = {"id": run, "started_at": "2026-01-01T00:00:00Z", "command": "doit", "versions": {}}
        record = {"scheme": 1, "previous": self.hashes()[-1] if self.chain else "", "at": "2026-01-01T00:00:00Z"}
        self.chain.append(dump(record | {"run": started if run else None} | fields))
        return hash_of(self.chain[-1])

    def hashes(self) -> list[str]:
        return [_hash(record) for record in self.chain]

    def record(self, digest: str) -> str:
        return next(record for record in self.chain if _hash(record) == digest)

    def objects(self) -> dict[str, int]:
        return {digest: len(content) for digest, content in self.store.items()}

    def upload(self, digest: str, blobs: Blobs) -> Stored | None:
        return blobs.put(self.store[digest]) if digest in self.store else None

    def has(self, digest: str) -> bool:
        return digest in self.store

    def download(self, digest: str, stored: Stored, blobs: Blobs) -> None:
        self.store[digest] = blobs.get(stored, digest)

    def adopt(self, keep: int, records: list[str], memory: Memory) -> None:
        self.chain, self.seen = self.chain[:keep] + records, memory

    def memory(self) -> Memory | None:
        return self.seen

    def remember(self, memory: Memory) -> None:
        self.seen = memory

    def segment(self, digest: str) -> bytes | None:
        return self.segments.get(digest)

    def keep_segment(self, digest: str, content: bytes) -> None:
        self.segments[digest] = content

    def contents(self) -> dict[str, bytes]:
        """What is current, by artifact."""
        state = State(self.chain)
        return {name: self.store[state.versions[name, at].digest] for name, (_, at) in state.current.items()}
