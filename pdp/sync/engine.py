"""Push, pull and merge: objects first, the head last, and what a lost answer left open is read back.

A chain of records only grows at its end. So two sides agree up to some record; if only one has more, the other follows;
if both have, they ran apart, and joining them is a person's word (`merge`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from pdp.errors import Diverged, SyncError, Untrusted
from pdp.registry import now
from pdp.sync.backend import Backend, Cell, Conflict, Unreachable
from pdp.sync.blobs import Blobs, Stored
from pdp.sync.head import HINT, Head, digest_of
from pdp.sync.ledger import Ledger, Segment
from pdp.sync.records import State, rebase
from pdp.sync.vault import Sealed, Vault

ROUNDS = 8  # so often in a row may others be faster


class Memory(NamedTuple):
    """What this machine last saw of a state: whatever claims to be it must go on from there."""

    state: str
    generation: int
    head: str
    records: int
    tip: str


class Local(Protocol):
    """This machine's side."""

    writer: str

    def hashes(self) -> list[str]:
        """The chain, in order."""
        ...

    def record(self, digest: str) -> str: ...

    def objects(self) -> dict[str, int]:
        """All bytes worth keeping that are here: SHA-256 -> size."""
        ...

    def upload(self, digest: str, blobs: Blobs) -> Stored | None:
        """Puts these bytes into the remote; None if they are no longer here."""
        ...

    def has(self, digest: str) -> bool:
        """Whether these bytes are here, and whole."""
        ...

    def download(self, digest: str, stored: Stored, blobs: Blobs) -> None:
        """Takes these bytes out of the remote into the store."""
        ...

    def adopt(self, keep: int, records: list[str], memory: Memory) -> None:
        """The first `keep` records stay, these follow; with the memory, in one step or not at all."""
        ...

    def memory(self) -> Memory | None: ...

    def remember(self, memory: Memory) -> None: ...

    def segment(self, digest: str) -> bytes | None:
        """A segment that was kept, if it is still whole."""
        ...

    def keep_segment(self, digest: str, content: bytes) -> None:
        """Keeps a segment, so that it need not travel again."""
        ...


@dataclass
class View:
    """A state as it lies in the remote, verified, and how the chain here compares with it."""

    cell: Cell | None
    head: Head | None
    ledger: Ledger
    mine: list[str]
    common: int
    """So many records at the beginning of both chains are the same."""

    @property
    def ahead(self) -> list[str]:
        """Hashes of the records that only this machine has."""
        return self.mine[self.common :]

    @property
    def behind(self) -> list[str]:
        """Hashes of the records that only the remote has."""
        return self.ledger.hashes[self.common :]

    @property
    def memory(self) -> Memory:
        assert self.cell and self.head
        head = self.head
        return Memory(head.state, head.generation, digest_of(self.cell.content), head.records, head.tip)


@dataclass
class Report:
    """What travelled."""

    generation: int = 0
    records: int = 0
    objects: int = 0
    size: int = 0
    merged: int = 0
    behind: int = 0
    lacking: list[str] = field(default_factory=list)
    """Needed bytes that the remote lacks; the next run makes them again."""

    def count(self, size: int) -> None:
        """One more object of so many bytes."""
        self.objects += 1
        self.size += size


class Remote:
    """A place and the way it is written: all that push and pull need to know of it."""

    def __init__(self, backend: Backend, vault: Vault) -> None:
        self.backend, self.vault, self.blobs = backend, vault, Blobs(backend, vault)
        self.segments: frozenset[str] = frozenset()
        """The segments of the head that was last seen or written."""

    def look(self, local: Local) -> View:
        """Reads and verifies the state.

        Raises:
            Untrusted: it is not what was put there, older than what was seen before, or another one.
        """
        memory, mine = local.memory(), local.hashes()
        cell = self.backend.read_head()
        if cell is None or not cell.content:
            if memory:
                raise Untrusted(
                    f"the state in {self.backend.where} is gone: generation {memory.generation} was there",
                    hint="bring it back, or start a new one there with pdp push --anew",
                )
            return View(cell, None, Ledger(), mine, 0)
        head, cell = self._head(cell)
        _assert_not_older(head, digest_of(cell.content), memory)
        if isinstance(self.vault, Sealed) and not self.vault.recipients:
            self.vault.recipients = head.recipients
        ledger = Ledger.load(head, self.blobs, local)
        self.segments = frozenset(digest for digest, _ in head.segments)
        if memory and memory.records and ledger.hashes[memory.records - 1 : memory.records] != [memory.tip]:
            raise Untrusted("the remote state has lost records that were in it", hint=HINT)
        pairs = zip(mine, ledger.hashes, strict=False)
        common = next((n for n, (one, two) in enumerate(pairs) if one != two), min(len(mine), len(ledger.hashes)))
        return View(cell, head, ledger, mine, common)

    def _head(self, cell: Cell) -> tuple[Head, Cell]:
        """The head, asked for a second time if it does not fit: a network may have garbled it."""
        try:
            return Head.from_bytes(cell.content, self.vault), cell
        except Untrusted:
            again = self.backend.read_head()
            if again is None or again.content == cell.content:
                raise
            return Head.from_bytes(again.content, self.vault), again

    def refs(self, segment: Segment, segments: Iterable[tuple[str, Stored]]) -> list[str]:
        """Where all objects lie that a head with these segments names, of which `segment` is the one with content."""
        stored = [*segment.objects.values(), *(stored for _, stored in segments)]
        return [part.ref or self.vault.name(part.digest) for one in stored for part in one.parts]


def _assert_not_older(head: Head, digest: str, memory: Memory | None) -> None:
    if memory is None:
        return
    if head.state != memory.state:
        raise Untrusted("the remote holds another state than the one that was there before", hint=HINT)
    if head.generation < memory.generation:
        raise Untrusted(
            f"the remote state is older than it was: generation {head.generation}, after {memory.generation} was seen",
            hint=HINT,
        )
    if head.generation == memory.generation and digest != memory.head:
        raise Untrusted(f"the remote state has two different generations {head.generation}", hint=HINT)


def push(local: Local, remote: Remote, sent: dict[str, Stored] | None = None) -> Report:
    """Sends what the remote lacks, then moves its head; what is there already does not travel.

    Raises:
        Diverged: the remote has records that are not here.
        SyncError: the place does not answer, or others were faster each time.
    """
    sent = {} if sent is None else sent
    report = Report()
    for _ in range(ROUNDS):
        view = remote.look(local)
        if view.behind and view.ahead:
            raise diverged(view)
        if view.behind:
            assert view.head
            report.generation, report.behind = view.head.generation, len(view.behind)
            return report
        wanted = _wanted(local, remote, view)
        known = {digest: stored for digest, stored in view.ledger.objects.items() if wanted(digest)}
        sent |= _upload(local, remote, lambda d: d in known or d in sent or not wanted(d), report)  # noqa: B023
        fresh = {digest: stored for digest, stored in sent.items() if digest not in known and wanted(digest)}
        if not view.ahead and not fresh and view.head:
            local.remember(view.memory)
            report.generation = view.head.generation
            return report
        if move(local, remote, view, known, fresh):
            report.records = len(view.ahead)
            report.generation = view.head.generation + 1 if view.head else 1
            return report
    raise SyncError("others moved the remote's head each time", hint="try again")


def _wanted(local: Local, remote: Remote, view: View) -> Callable[[str], bool]:
    """Which bytes the state is to hold after a push: all, or what is needed now."""
    if remote.backend.everything:
        return lambda digest: True
    state = State([*view.ledger.records, *map(local.record, view.ahead)])
    return (state.needed().keys() | state.raw_needed()).__contains__


def _upload(local: Local, remote: Remote, skip: Callable[[str], bool], report: Report) -> dict[str, Stored]:
    found = {}
    for digest, size in sorted(local.objects().items()):
        stored = None if skip(digest) else local.upload(digest, remote.blobs)
        if stored is not None:
            found[digest] = stored
            report.count(size)
    return found


def move(local: Local, remote: Remote, view: View, known: dict[str, Stored], fresh: dict[str, Stored]) -> bool:
    """Writes the segment and the head that add what is new to what is known; False if another one was faster.

    After a network error the head is read back: only if it is still the one before is anything tried again.
    """
    records = [local.record(digest) for digest in view.ahead]
    if remote.backend.everything:
        kept, segment = view.ledger.extended(records, fresh)
    else:
        # A place that is written whole holds all records, and of the bytes what is needed now.
        kept, segment = [], Segment(view.ledger.records + records, known | fresh)
    content = segment.to_bytes()
    digest = digest_of(content)
    segments = (*kept, (digest, remote.blobs.put(content)))
    head = Head(
        state=view.head.state if view.head else secrets.token_hex(16),
        generation=view.head.generation + 1 if view.head else 1,
        parent=digest_of(view.cell.content) if view.cell else "",
        tip=view.mine[-1] if view.mine else "",
        records=len(view.mine),
        segments=segments,
        recipients=remote.vault.recipients,
        writer=local.writer,
        at=now(),
    )
    written = head.to_bytes(remote.vault)
    named = [] if remote.backend.everything else remote.refs(segment, segments)
    if not swap(remote.backend, view.cell, written, named):
        return False
    local.keep_segment(digest, content)
    remote.segments = frozenset(digest for digest, _ in segments)
    local.remember(Memory(head.state, head.generation, digest_of(written), head.records, head.tip))
    return True


def swap(backend: Backend, before: Cell | None, content: bytes, named: list[str]) -> bool:
    """Moves the head from `before` to `content`, which names these objects; False if it is another one by now.

    Raises:
        Unreachable: the place does not answer, not even when it is asked what became of it.
    """
    token = before.token if before else None
    for _ in range(ROUNDS):
        try:
            backend.move_head(token, content, named)
            return True
        except (Conflict, Unreachable):
            # Whether it took effect is not known; a library may also have sent it twice and told of the second.
            now_there = backend.read_head()
            if now_there and now_there.content == content:
                return True
            if (now_there.content if now_there else b"") != (before.content if before else b""):
                return False
            token = now_there.token if now_there else None  # touched, but not changed
    raise Unreachable(f"{backend.where} does not take the new head", hint="nothing is lost: try again later")


def pull(
    local: Local,
    remote: Remote,
    *,
    merge: bool = False,
    unrelated: bool = False,
    everything: bool = False,
    bring: Callable[[Ledger, State, State, Report], None] | None = None,
) -> Report:
    """Brings here what the remote has: objects first, then all records in one step.

    `merge` joins histories that ran apart: the remote's order stays, what is new here follows it (see `rebase`);
    `unrelated` even those that have nothing in common. `everything` fetches old versions too.
    `bring(ledger, base, theirs, report)` is called before the records count: it brings raw files, and may refuse.

    Raises:
        Diverged: both sides have records that the other lacks, and `merge` was not asked for.
        Untrusted: the state is not what was put there; nothing has changed here.
    """
    view = remote.look(local)
    report = Report()
    if view.head is None:
        raise SyncError(f"there is no state in {remote.backend.where} yet", hint="pdp push makes it")
    report.generation = view.head.generation
    theirs = view.ledger.records
    records = theirs
    if view.behind and view.ahead:
        if not merge or (view.common == 0 and not unrelated):
            raise diverged(view)
        records = theirs + rebase(theirs, view.common, [local.record(digest) for digest in view.mine])
        report.merged = len(records) - len(theirs)
    elif view.ahead:
        records = theirs + [local.record(digest) for digest in view.ahead]
    _download(local, remote, view, records, everything, report)
    if bring:
        bring(view.ledger, State(theirs[: view.common]), State(theirs), report)
    report.records = len(view.behind)
    if view.behind:
        local.adopt(view.common, records[view.common :], view.memory)
    else:
        local.remember(view.memory)
    return report


def _download(local: Local, remote: Remote, view: View, records: list[str], everything: bool, report: Report) -> None:
    state = State(records)
    wanted = state.needed()
    if everything:
        wanted |= {given.digest: given.size for given in state.versions.values()}
    for digest, size in sorted(wanted.items()):
        if local.has(digest):
            continue
        stored = view.ledger.objects.get(digest)
        if stored is None:
            report.lacking.append(digest)
            continue
        local.download(digest, stored, remote.blobs)
        report.count(size)


def diverged(view: View) -> Diverged:
    """The refusal; it carries both sides, so that the door can show them."""
    if not view.common:
        error = Diverged(
            "the remote holds another history: not one record of it is here",
            hint="is it the right remote? pdp pull --merge --unrelated joins them all the same",
        )
        error.sides = view
        return error
    error = Diverged(
        f"two machines ran apart: {len(view.ahead)} records are only here, {len(view.behind)} only in the remote",
        hint="pdp pull --merge joins them",
    )
    error.sides = view
    return error
