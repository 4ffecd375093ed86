"""Another key for a state: everything is encrypted anew, under new names, before the head moves to it.

What the old key could read it can read for ever in copies that somebody kept; Drive keeps revisions about 30 days.
"""

from __future__ import annotations

from collections.abc import Callable

from pdp.errors import Diverged, SyncError
from pdp.sync.engine import Local, Remote, View, move
from pdp.sync.ledger import Ledger


def reencrypt(local: Local, old: Remote, new: Remote, tell: Callable[[str], None] = lambda line: None) -> int:
    """Moves the state from the vault of `old` to that of `new`, reads all of it back, and only then removes what was.

    Whoever is killed goes on with the key that the head then has; at worst, bytes stay that nothing names.

    Raises:
        SyncError: the remote has what is not here, or somebody moved the head meanwhile; the old key is then still good.
    """
    view = old.look(local)
    if view.head is None:
        raise SyncError(f"there is no state in {old.backend.where} yet", hint="pdp push makes it")
    if view.behind:
        raise Diverged("the remote has records that are not here", hint="pdp pull first")
    tell(f"encrypting {len(view.ledger.objects)} objects anew")
    objects = {
        digest: new.blobs.put(old.blobs.get(stored, digest)) for digest, stored in sorted(view.ledger.objects.items())
    }
    if not move(local, new, View(view.cell, view.head, Ledger(), view.mine, 0), {}, objects):
        raise SyncError("another machine moved the remote's head meanwhile", hint="try again")
    tell("reading all of it back")
    for digest, stored in sorted(new.look(local).ledger.objects.items()):
        new.blobs.get(stored, digest)
    tell("removing what the old key reads")
    for stored in [*(stored for _, stored, _ in view.ledger.segments), *view.ledger.objects.values()]:
        for part in stored.parts:
            old.backend.delete(part.ref or old.vault.name(part.digest))
    return view.head.generation + 1
