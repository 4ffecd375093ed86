"""The chain: every change of the history is a record in the store first, then rows of the registry.

A record names the one before it by its hash. So a hole or an edit in the history shows, and a registry that is gone, or
older than the store, catches up by itself. What a record looks like is in docs/reliability.md.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pdp.errors import PdpError
from pdp.registry import Registry, backfill, dump, now
from pdp.registry.apply import SCHEME, apply, head, is_applied, next_version, parse
from pdp.store import Store


class Chain:
    """Writes the history. What appends a record belongs within `with chain.transaction():`."""

    def __init__(self, registry: Registry, store: Store) -> None:
        self.registry, self.store = registry, store

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction of the registry; where it fails, the records written in it go too."""
        self._written: list[str] = []
        try:
            with self.registry.transaction():
                yield
        except BaseException:
            with suppress(
                OSError, sqlite3.Error, PdpError
            ):  # one that stays is overtaken or applied later, see `catch_up`
                for digest in self._written:
                    if not is_applied(self.registry.db, digest):
                        self.store.remove_record(digest)
            raise

    def append(self, kind: str, **fields: Any) -> None:
        """Writes a record and its rows. The record is on the disk before the caller's transaction can end."""
        db = self.registry.db
        if backfill.is_due(db):
            self._write_down(db)
        content, digest = self._put({"kind": kind, "at": now(), "run": self.registry.run, **fields}, head(db))
        apply(db, parse(content), digest)

    def _put(self, record: dict[str, Any], previous: str) -> tuple[bytes, str]:
        content = dump({"scheme": SCHEME, "previous": previous} | record).encode()
        digest = self.store.put_record(content)
        self._written.append(digest)
        return content, digest

    def _write_down(self, db: sqlite3.Connection) -> None:
        """Gives a history that is older than the chain its records."""
        last = head(db)
        for stage_run, record in list(backfill.records(db)):
            _, last = self._put(record, last)
            db.execute("INSERT INTO chain (hash) VALUES (?)", (last,))
            db.execute("UPDATE stage_run SET record = ? WHERE id = ?", (last, stage_run))

    def commit_stage(self, stage: dict[str, Any]) -> str:
        """Records a finished stage and gives its outcome.

        `stage`: stage, outcome (built or restored), reasons, key, identity, facts, seconds, and outputs, each with
        name, path, hash, size, rows. A built stage whose outputs are what they were is `unchanged`.
        """
        before = self.registry.current_of(stage["stage"])
        outcome = stage["outcome"]
        if outcome == "built" and before == {output["name"]: output["hash"] for output in stage["outputs"]}:
            outcome = "unchanged"
        db = self.registry.db
        outputs = [one | {"version": next_version(db, one["name"], one["hash"])} for one in stage["outputs"]]
        self.append("stage", **stage | {"outcome": outcome, "outputs": outputs})
        return outcome

    def record_outcome(self, stage: str, outcome: str, reasons: list[str]) -> None:
        """A stage that made nothing: its last good record stays what counts."""
        self.append("outcome", stage=stage, outcome=outcome, reasons=reasons)

    def end_run(self, status: str, current: int, release: dict[str, int] | None = None) -> None:
        """`release`: what the run leaves as a whole, artifact -> version; None where it left no whole."""
        self.append("end", status=status, current=current, release=release)

    def forget(self, stage: str | None) -> None:
        """The next run builds the stage, or all of them, whatever the store holds."""
        self.append("forget", stage=stage)

    def drop_current(self, artifacts: set[str]) -> None:
        """Of these nothing is current any more; their versions stay in the records."""
        self.append("drop", artifacts=sorted(artifacts))

    def pin(self, artifact: str, version: int) -> bool:
        """Keeps a version from being collected; False if it was pinned."""
        return self._pin("pin", artifact, version, False)

    def unpin(self, artifact: str, version: int) -> bool:
        """False if it was not pinned."""
        return self._pin("unpin", artifact, version, True)

    def _pin(self, kind: str, artifact: str, version: int, when_pinned: bool) -> bool:
        if self.registry.is_pinned(artifact, version) is not when_pinned:
            return False
        self.append(kind, artifact=artifact, version=version)
        return True

    def has_last_record(self) -> bool:
        """The cheap look at each start: the store is the one that belongs to this registry."""
        last = head(self.registry.db)
        return not last or self.store.record_path(last).is_file()

    def catch_up(self) -> int:
        """Applies the records that the store has and the registry lacks; gives their number. Only under the run's lock.

        They are what a run that was killed had just written, or all of them where the registry is gone. A record that
        another one has overtaken, left by a commit that failed, is removed.
        """
        db = self.registry.db
        known = set(self.registry.chain())
        unknown = self.store.records() - known
        if not unknown:
            return 0
        if backfill.is_due(db):
            # A run was killed while it wrote the old history down: its records tell what the rows have, and come out the same.
            with self.transaction():
                self._write_down(db)
            known = set(self.registry.chain())
            unknown -= known
        following = longest(read_all(self.store, unknown), head(db))
        with self.registry.transaction():
            for digest, record in following:
                apply(db, record, digest)
        for digest, record in read_all(self.store, unknown - {digest for digest, _ in following}).items():
            if record["previous"] in known or record["previous"] in unknown or not record["previous"]:
                self.store.remove_record(digest)
        return len(following)


def read_all(store: Store, digests: set[str]) -> dict[str, dict[str, Any]]:
    """These records by hash; damaged ones are left out."""
    found = {}
    for digest in sorted(digests):
        content = store.record_path(digest).read_bytes()
        if hashlib.sha256(content).hexdigest() == digest:
            found[digest] = parse(content)
    return found


def longest(records: dict[str, dict[str, Any]], start: str) -> list[tuple[str, dict[str, Any]]]:
    """The longest chain of these records that goes on from `start`, in order; of two of one length, that of the lesser hash."""
    followers: dict[str, list[str]] = {}
    for digest, record in sorted(records.items()):
        followers.setdefault(record["previous"], []).append(digest)
    reached = [start]
    for digest in reached:  # breadth first: whoever is reached last is farthest away
        reached += followers.get(digest, ())
    depth = {start: 0}
    for digest in reached[1:]:
        depth[digest] = depth[records[digest]["previous"]] + 1
    last = max(reached, key=lambda digest: depth[digest])
    found = []
    while last != start:
        found.append((last, records[last]))
        last = records[last]["previous"]
    return found[::-1]
