"""The head of a state: the one thing in a remote that changes. It names all else by hash, and is signed.

pdp-state 1 plain            what it is, and how it is kept
<64 hex digits>              the signature of the other two
<the rest>                   canonical JSON, encrypted if the state is
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from pdp.errors import SyncError, Untrusted
from pdp.registry import dump
from pdp.sync.blobs import Stored
from pdp.sync.vault import Vault

KIND = b"pdp-state 1 "
HINT = "nothing was changed here; see docs/state.md, When a state is refused"


@dataclass(frozen=True)
class Head:
    """What the state is now.

    `state` is drawn at random when it is made. Each move of the head adds one to `generation` and names the bytes of the
    head before it, `parent`. `tip` is the hash of the last of `records` records; `segments` hold them, by their hashes.
    """

    state: str
    generation: int
    parent: str
    tip: str
    records: int
    segments: tuple[tuple[str, Stored], ...]
    recipients: tuple[str, ...]
    writer: str
    at: str

    def to_bytes(self, vault: Vault) -> bytes:
        """The head as it is kept. Encryption is never twice the same: make it once, and compare bytes."""
        data = self.__dict__ | {
            "segments": [[digest, stored.plain()] for digest, stored in self.segments],
            "recipients": list(self.recipients),
        }
        first = KIND + vault.mode.encode()
        body = vault.close(dump(data).encode())
        return b"\n".join((first, vault.sign(first + b"\n" + body).encode(), body))

    @classmethod
    def from_bytes(cls, content: bytes, vault: Vault) -> Head:
        """The head, its signature checked before anything of it is read.

        Raises:
            Untrusted: it was cut short, tampered with, or signed by somebody else.
            SyncError: a newer pdp wrote it, or it is encrypted and no key is here.
        """
        first, _, rest = content.partition(b"\n")
        signature, _, body = rest.partition(b"\n")
        _assert_kind(first, vault)
        expected = vault.sign(first + b"\n" + body).encode()
        if not hmac.compare_digest(signature, expected):
            reason = "cut short or tampered with" if vault.mode == "plain" else "cut short, tampered with, or another's"
            raise Untrusted(f"the head of the remote state is {reason}: its signature does not fit", hint=HINT)
        try:
            return _read(json.loads(vault.open(body)))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Untrusted("the head of the remote state is not of its form", hint=HINT) from error


def _assert_kind(first: bytes, vault: Vault) -> None:
    if not first.startswith(b"pdp-state "):
        raise Untrusted("what lies where the remote state should be is no state of pdp", hint=HINT)
    if not first.startswith(KIND):
        raise SyncError("the remote state was written by a newer pdp", hint="upgrade pdp")
    mode = first.removeprefix(KIND)
    if mode == vault.mode.encode():
        return
    if mode == b"sealed":
        raise SyncError(
            "the remote state is encrypted, but its key is not here",
            hint="set PDP_AGE_IDENTITY, or put the key file into its place",
        )
    raise Untrusted(
        "the remote state is not encrypted, though you have a key for it",
        hint=f"if it is yours from before you had one, pdp key rotate encrypts it; {HINT}",
    )


def _read(data: dict[str, Any]) -> Head:
    segments = tuple((str(digest), Stored.from_plain(stored)) for digest, stored in data.pop("segments"))
    head = Head(**data | {"segments": segments, "recipients": tuple(data["recipients"])})
    if type(head.generation) is not int or type(head.records) is not int or head.generation < 1:
        raise ValueError("not a number")
    return head


def digest_of(content: bytes) -> str:
    """The name of a head's bytes, by which the next one calls it."""
    return hashlib.sha256(content).hexdigest()
