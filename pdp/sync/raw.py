"""Raw files: on a second machine they are as much a part of the state as the records.

Without them the next run there would find files gone, or older ones, and undo what another machine had added. Nothing of a
person's is overwritten: what is replaced or removed is moved aside first, and what both sides changed is refused. What
a source on Google had fetched is brought too, so that a machine with an empty folder need not fetch it again; there
Google, asked by the next run, has the last word.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pdp import fetched
from pdp.disk import make_folder, sync
from pdp.errors import Diverged
from pdp.fetched import Fetched, is_fetched
from pdp.session import Session
from pdp.sync.blobs import Blobs
from pdp.sync.engine import Report
from pdp.sync.ledger import Ledger
from pdp.sync.records import Files, State

Travels = Callable[[str, str], bool]
"""Whether a source's file of this name travels."""


def on_google(values: Mapping[str, Any]) -> set[str]:
    """The sources that are fetched from Google."""
    return {name for name, place in values["fetch"].items() if place["id"]}


def travelling(values: Mapping[str, Any], *, fetched_too: bool) -> Travels:
    """Raw files that the state holds, those that were fetched from Google only if `fetched_too`."""
    sources = on_google(values)
    return lambda source, name: (
        bool(values["state"]["raw"]) and (fetched_too or source not in sources or not is_fetched(name))
    )


class Change(NamedTuple):
    """What the other side did to a raw file: its bytes there (None: removed), and the bytes that lie here."""

    source: str
    name: str
    theirs: str | None
    mine: str | None


def changes(session: Session, base: State, theirs: State, travels: Travels) -> tuple[list[Change], list[Change]]:
    """(what can be taken over, what both sides changed since `base`)."""
    take: list[Change] = []
    clash: list[Change] = []
    for source in sorted(base.raw.keys() | theirs.raw.keys()):
        before, after = base.raw.get(source, {}), theirs.raw.get(source, {})
        for name in sorted(name for name in before.keys() | after.keys() if travels(source, name)):
            was, there = before.get(name, (None, 0))[0], after.get(name, (None, 0))[0]
            here = session.hashes.sha256(f"raw/{source}/{name}")
            if there not in (was, here):
                (take if here == was else clash).append(Change(source, name, there, here))
    return take, clash


def refuse(clash: list[Change]) -> Diverged:
    one = clash[0]
    more = f" and {len(clash) - 1} more" if len(clash) > 1 else ""
    mine, theirs = (digest[:12] if digest else "gone" for digest in (one.mine, one.theirs))
    return Diverged(
        f"raw file {one.source}/{one.name}{more} changed on both sides: {mine} here, {theirs} in the remote",
        hint="choose with --keep mine or --keep theirs; the other one stays as a version",
    )


def lacking(session: Session, theirs: State, travels: Travels) -> dict[str, int]:
    """The bytes of raw files on the other side that are not in their places here: SHA-256 -> size."""
    return {
        digest: size
        for source, files in theirs.raw.items()
        for name, (digest, size) in files.items()
        if travels(source, name) and session.hashes.sha256(f"raw/{source}/{name}") != digest
    }


class Transfer(NamedTuple):
    """What is needed to bring raw files here, and the report that counts them."""

    session: Session
    blobs: Blobs
    ledger: Ledger
    report: Report

    @contextmanager
    def received(self, digest: str) -> Iterator[Path]:
        """The bytes as a temp file, whole and synced; moved away or removed."""
        stored = self.ledger.objects[digest]
        with self.session.store.fresh() as temp:
            self.blobs.get_file(stored, digest, temp)
            sync(temp)
            self.report.count(stored.size)
            yield temp


def take_over(transfer: Transfer, take: list[Change]) -> list[str]:
    """Does to the raw folders what the other side did; gives what a person should be told."""
    told = []
    for one in take:
        path = transfer.session.path(f"raw/{one.source}/{one.name}")
        if one.theirs is None:
            told.append(f"{_put_aside(transfer.session, path, one.mine or '')}: in the remote it was removed")
        elif one.theirs not in transfer.ledger.objects:
            told.append(f"the remote has no bytes of raw file {one.source}/{one.name}; push them where they are")
        else:
            with transfer.received(one.theirs) as temp:
                if one.mine:
                    told.append(f"{_put_aside(transfer.session, path, one.mine)}: the remote has another one")
                _put(temp, path)
    return told


def bring_fetched(transfer: Transfer, base: State, theirs: State, travels: Travels) -> None:
    """Brings what sources on Google had fetched on the other side, unless one has fetched here since `base`.

    Of the bytes that the remote lacks the index tells the next run, which asks the source for them.
    """
    session = transfer.session
    for source in sorted(on_google(session.config.values) & theirs.raw.keys()):
        there, was = (
            {n: file for n, file in state.raw.get(source, {}).items() if is_fetched(n) and travels(source, n)}
            for state in (theirs, base)
        )
        here = _fetched_here(session, source)
        if not there or (here and here != {name: digest for name, (digest, _) in was.items()}):
            continue
        for name, (digest, _) in sorted(there.items()):
            path = f"raw/{source}/{name}"
            if digest in transfer.ledger.objects and session.hashes.sha256(path) != digest:
                with transfer.received(digest) as temp:
                    _put(temp, session.path(path))
        _index(transfer, source, there)


def _fetched_here(session: Session, source: str) -> dict[str, str]:
    """Name -> SHA-256 of what the source fetched here and has now."""
    index = fetched.read_index(session.path(f"raw/{source}"), broken_is_none=True) or ()
    sheet = session.hashes.sha256(f"raw/{source}/{fetched.SHEET}")
    return {one.name: one.sha256 for one in index} | ({fetched.SHEET: sheet} if sheet else {})


def _index(transfer: Transfer, source: str, there: Files) -> None:
    """Writes the index of a Drive folder's files. A checksum other than SHA-256 it cannot know: the next run looks."""
    files = [
        Fetched(name, digest, size, fetched.stamp(digest, "/".join(PurePosixPath(name).parts[2:])))
        for name, (digest, size) in there.items() if name != fetched.SHEET
    ]  # fmt: skip
    path = fetched.index_path(transfer.session.path(f"raw/{source}"))
    if not files and not path.exists():
        return
    with transfer.session.store.fresh() as temp:
        temp.write_bytes(fetched.index_of(files))
        sync(temp)
        _put(temp, path)


def _put(temp: Path, path: Path) -> None:
    make_folder(path.parent)
    os.replace(temp, path)
    sync(path.parent)


def _put_aside(session: Session, path: Path, digest: str) -> str:
    aside = session.path(f"edited/{path.stem}.{digest[:8]}{path.suffix}")
    make_folder(aside.parent)
    os.replace(path, aside)
    sync(aside.parent)
    return f"your {path.name} was moved to {session.shown(f'edited/{aside.name}')}"
