"""What a remote is given to keep: plain bytes, or bytes that only the owner can read (age) and sign (the seal).

Encrypted, an object's name is an HMAC of its hash, since a plain hash lets a reader confirm a guess, and its size is
rounded up. Still visible: how many objects there are, when they came, and about how large they are.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Protocol

from pdp.errors import SettingsError, SyncError, Untrusted
from pdp.sync.keys import Keys, seal_bytes

LEAST = 4096
LENGTH_BYTES = 8


class Vault(Protocol):
    mode: str
    recipients: tuple[str, ...]

    def name(self, digest: str) -> str:
        """The name under which the bytes with this SHA-256 are kept: 64 hex digits."""
        ...

    def close(self, content: bytes) -> bytes: ...

    def open(self, blob: bytes) -> bytes:
        """What `close` was given.

        Raises:
            Untrusted: the bytes are not what `close` made.
        """
        ...

    def least(self, size: int) -> int:
        """The least size that so many bytes have when they are kept."""
        ...

    def sign(self, content: bytes) -> str:
        """64 hex digits that stand for these bytes."""
        ...


class Plain:
    """Kept as it is. Hashes find what a disk or a network broke, but not one who writes them anew."""

    mode = "plain"
    recipients: tuple[str, ...] = ()

    def name(self, digest: str) -> str:
        return digest

    def close(self, content: bytes) -> bytes:
        return content

    def open(self, blob: bytes) -> bytes:
        return blob

    def least(self, size: int) -> int:
        return size

    def sign(self, content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()


class Sealed:
    """Encrypted to every recipient with age, signed with the seal."""

    mode = "sealed"

    def __init__(self, keys: Keys) -> None:
        self.recipients = keys.recipients
        self._identities = keys.identities
        secret = seal_bytes(keys.seal)
        self._name_key = hmac.digest(secret, b"pdp names 1", "sha256")
        self._head_key = hmac.digest(secret, b"pdp head 1", "sha256")

    def name(self, digest: str) -> str:
        return hmac.digest(self._name_key, digest.encode(), "sha256").hex()

    def close(self, content: bytes) -> bytes:
        if not self.recipients:
            raise SettingsError("nobody is named who may read the state", hint="set recipients under [state]")
        pyrage = _pyrage()
        recipients = [pyrage.x25519.Recipient.from_str(recipient) for recipient in self.recipients]
        return pyrage.encrypt(pad(content), recipients)

    def open(self, blob: bytes) -> bytes:
        pyrage = _pyrage()
        identities = [pyrage.x25519.Identity.from_str(identity) for identity in self._identities]
        try:
            return unpad(pyrage.decrypt(blob, identities))
        except (pyrage.DecryptError, ValueError) as error:
            raise Untrusted("bytes in the remote state cannot be decrypted with your key") from error

    def least(self, size: int) -> int:
        return padded(size)

    def sign(self, content: bytes) -> str:
        return hmac.digest(self._head_key, content, "sha256").hex()


def pad(content: bytes) -> bytes:
    """The length, the content, and zeros up to a size that many contents share."""
    return (len(content).to_bytes(LENGTH_BYTES, "big") + content).ljust(padded(len(content)), b"\0")


def unpad(content: bytes) -> bytes:
    """What `pad` was given.

    Raises:
        ValueError: `pad` did not make this.
    """
    length = int.from_bytes(content[:LENGTH_BYTES], "big")
    inner = content[LENGTH_BYTES : LENGTH_BYTES + length]
    if pad(inner) != content:
        raise ValueError("not padded as it should be")
    return inner


def padded(size: int) -> int:
    """The size that so many bytes are padded to: Padmé (Nikitin and others, 2019, PURBs), which leaks O(log log size)
    bits and adds at most 12 %; what is small is all of one size.
    """
    size = max(size + LENGTH_BYTES, LEAST)
    exponent = size.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (size + mask) & ~mask


def _pyrage() -> Any:
    try:
        import pyrage
    except ImportError:
        raise SyncError("an encrypted state needs pyrage", hint='pip install "pdp[state]"') from None
    return pyrage
