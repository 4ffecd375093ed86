"""This machine's side of a push or a pull: the chain and the store of a session, under the run's lock."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Collection
from pathlib import Path

from pdp.disk import make_folder
from pdp.errors import RegistryError
from pdp.registry import backfill, now
from pdp.registry.apply import apply, parse, replace
from pdp.registry.history import History
from pdp.session import Session
from pdp.snapshot import is_snapshot
from pdp.sync.blobs import Blobs, Stored
from pdp.sync.engine import Memory
from pdp.sync.raw import Travels
from pdp.sync.records import hash_of

MEMO = "sync"
CACHE = "sync"


class LocalState:
    """Bound to one remote by its URL: what was seen there is remembered for it alone."""

    def __init__(self, session: Session, url: str, travels: Travels) -> None:
        """`travels` says of a source and a file's name whether that raw file is kept in the remote too."""
        if backfill.is_due(session.registry.db):
            raise RegistryError(
                "the registry is of an older pdp, without records", hint="run doit once, which writes them"
            )
        self.session, self.travels = session, travels
        self.writer = socket.gethostname()
        self._key = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._cache = session.data / CACHE
        self._raw: dict[str, Path] = {}

    # The chain

    def hashes(self) -> list[str]:
        return self.session.registry.chain()

    def record(self, digest: str) -> str:
        try:
            text = self.session.store.record_path(digest).read_text(encoding="utf-8")
        except OSError:
            text = ""
        if hash_of(text) != digest:
            raise RegistryError(f"the store has lost the record {digest[:12]}", hint="run pdp verify")
        return text

    def adopt(self, keep: int, records: list[str], memory: Memory) -> None:
        """Records are on the disk before the transaction ends; a kill before that leaves what was."""
        store, known = self.session.store, self.hashes()
        kept = [(digest, self.record(digest)) for digest in known[:keep]] if keep < len(known) else []
        digests = store.put_records([record.encode() for record in records])
        new = [(digest, parse(record.encode())) for digest, record in zip(digests, records, strict=True)]
        with self.session.registry.transaction() as db:
            if kept or keep < len(known):
                replace(db, [*((digest, parse(text.encode())) for digest, text in kept), *new])
            else:
                for digest, record in new:
                    apply(db, record, digest)
            self.remember(memory)
        for digest in known[keep:]:
            store.remove_record(digest)

    # Bytes

    def objects(self) -> dict[str, int]:
        store = self.session.store
        self._raw = self._raw_files()
        versions = History(self.session.registry.db).all_versions()
        found = {row["hash"]: row["size"] for row in versions if store.path(row["hash"]).is_file()}
        return found | {digest: path.stat().st_size for digest, path in self._raw.items()}

    def _raw_files(self) -> dict[str, Path]:
        """The raw files that the current manifests name, as far as they lie there unchanged in size."""
        found = {}
        for name, row in self.session.registry.current().items():
            if not is_snapshot(row["path"]):
                continue
            folder = self.session.path(f"raw/{name}")
            for file in json.loads(self.session.store.read(row["hash"]))["files"]:
                path = folder / file["name"]
                if self.travels(name, file["name"]) and path.is_file() and path.stat().st_size == file["size"]:
                    found[file["sha256"]] = path
        return found

    def upload(self, digest: str, blobs: Blobs) -> Stored | None:
        path = self._raw.get(digest) or self.session.store.path(digest)
        return blobs.put_file(path, digest)

    def has(self, digest: str) -> bool:
        return self.session.store.has(digest)

    def download(self, digest: str, stored: Stored, blobs: Blobs) -> None:
        with self.session.store.fresh() as temp:
            blobs.get_file(stored, digest, temp)
            self.session.store.put(temp)

    # What is remembered of the remote

    def memory(self) -> Memory | None:
        kept = self.session.registry.get(MEMO, self._key)
        return Memory(**kept) if kept else None

    def remember(self, memory: Memory) -> None:
        if memory != self.memory():
            self.session.registry.put(MEMO, self._key, memory._asdict())
            seen = {"generation": memory.generation, "records": memory.records, "seen_at": now()}
            self.session.registry.put(MEMO, "last", seen)

    def forget(self) -> None:
        self.session.registry.put(MEMO, self._key, None)

    def segment(self, digest: str) -> bytes | None:
        try:
            content = (self._cache / digest).read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None

    def keep_segment(self, digest: str, content: bytes) -> None:
        """A short cut only: a segment that is lost or damaged travels again."""
        make_folder(self._cache)
        path = self._cache / digest
        temp = path.with_suffix(f".{os.getpid()}")
        with open(os.open(temp, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        os.replace(temp, path)

    def keep_only(self, digests: Collection[str]) -> None:
        """Removes segments that no head names any more."""
        for path in self._cache.glob("*"):
            if path.name not in digests:
                path.unlink(missing_ok=True)
