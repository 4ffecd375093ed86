"""Reads all that a state names, and sends anew what is damaged or gone there and whole here."""

from __future__ import annotations

from typing import NamedTuple

from pdp.errors import Diverged, SyncError, Untrusted
from pdp.sync.blobs import Stored
from pdp.sync.engine import Local, Remote, View, move
from pdp.sync.ledger import Ledger


class Mended(NamedTuple):
    """How many objects and segments were read, how many of them are whole again, and what is damaged and not here."""

    read: int
    mended: int
    lost: tuple[str, ...]


def mend(local: Local, remote: Remote) -> Mended:
    """Makes the remote whole, as far as its bytes are here.

    Raises:
        SyncError: there is no state yet, or another machine moved the head meanwhile.
        Untrusted: the head itself is damaged, or a segment is and is not here either.
    """
    view = remote.look(local)
    if view.head is None:
        raise SyncError(f"there is no state in {remote.backend.where} yet", hint="pdp push makes it")
    if view.behind:
        raise Diverged("the remote has records that are not here", hint="pdp pull first")
    objects = view.ledger.objects
    broken = [digest for digest, stored in sorted(objects.items()) if not _is_whole(remote, digest, stored)]
    segments = [(digest, stored) for digest, stored, _ in view.ledger.segments if not _is_whole(remote, digest, stored)]
    here = local.objects()
    again = {digest: _again(local, remote, digest, objects[digest]) for digest in broken if digest in here}
    for _, stored in segments:
        _remove(remote, stored)
    if again or segments:
        anew = View(view.cell, view.head, Ledger(), view.mine, 0)
        if not move(local, remote, anew, {}, objects | {d: stored for d, stored in again.items() if stored}):
            raise SyncError("another machine moved the remote's head meanwhile", hint="try again")
    lost = tuple(digest for digest in broken if not again.get(digest))
    return Mended(len(objects) + len(view.ledger.segments), len(broken) + len(segments) - len(lost), lost)


def _is_whole(remote: Remote, digest: str, stored: Stored) -> bool:
    try:
        remote.blobs.get(stored, digest)
    except Untrusted:
        return False
    return True


def _again(local: Local, remote: Remote, digest: str, stored: Stored) -> Stored | None:
    _remove(remote, stored)
    return local.upload(digest, remote.blobs)


def _remove(remote: Remote, stored: Stored) -> None:
    """What is damaged is in the way of what is whole: both have one name."""
    for part in stored.parts:
        remote.backend.delete(part.ref or remote.vault.name(part.digest))
