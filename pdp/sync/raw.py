"""Raw files that were put into a folder: on a second machine they are as much a part of the state as the records.

Without them the next run there would find files gone, or older ones, and undo what another machine had added. Nothing of a
person's is overwritten: what is replaced or removed is moved aside first, and what both sides changed is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pdp.disk import make_folder, sync
from pdp.errors import Diverged
from pdp.session import Session
from pdp.sync.blobs import Blobs
from pdp.sync.ledger import Ledger
from pdp.sync.records import State

Travels = Callable[[str, str], bool]
"""Whether a source's file of this name travels."""

FETCHED = ("drive/", "sheet.json")  # where sources on Google put what they fetch; tests hold it against those


def travelling(values: Mapping[str, Any]) -> Travels:
    """Files that have no other home than this machine: what a source on Google has fetched is fetched again elsewhere."""
    fetched = {name for name, place in values["fetch"].items() if place["id"]}
    return lambda source, name: bool(values["state"]["raw"]) and not (source in fetched and name.startswith(FETCHED))


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


def take_over(session: Session, blobs: Blobs, ledger: Ledger, take: list[Change]) -> list[str]:
    """Does to the raw folders what the other side did; gives what a person should be told."""
    told = []
    for one in take:
        path = session.path(f"raw/{one.source}/{one.name}")
        stored = ledger.objects.get(one.theirs) if one.theirs else None
        if one.theirs and stored is None:
            told.append(f"the remote has no bytes of raw file {one.source}/{one.name}; push them where they are")
            continue
        temp = session.store.temp()
        try:
            if one.theirs and stored:
                blobs.get_file(stored, one.theirs, temp)
                sync(temp)
            if one.mine:
                told.append(_put_aside(session, path, one.mine))
            if one.theirs:
                make_folder(path.parent)
                os.replace(temp, path)
                sync(path.parent)
        finally:
            temp.unlink(missing_ok=True)
    return told


def _put_aside(session: Session, path: Path, digest: str) -> str:
    aside = session.path(f"edited/{path.stem}.{digest[:8]}{path.suffix}")
    make_folder(aside.parent)
    os.replace(path, aside)
    sync(aside.parent)
    return f"your {path.name} was moved to {session.shown(f'edited/{aside.name}')}: the remote has another one"
