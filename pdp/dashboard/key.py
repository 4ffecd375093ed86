"""The vault's key: an age identity, wrapped by a password. The login is the decryption.

`key.json` holds the identity encrypted with AES-256-GCM under a key that argon2id makes of the password. A wrong password
fails the authentication tag: there is no separate password hash to steal or to compare. Work factor: OWASP's password
storage cheat sheet, argon2id with 46 MiB, t = 1 at the least; three passes here.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdp.errors import PdpError, UsageError

KEY, RECIPIENT = "key.json", "recipient.txt"
COST = {"kdf": "argon2id", "time_cost": 3, "memory_kib": 47_104, "parallelism": 1}
LEAST_PASSWORD = 16
MOST_MEMORY_KIB = 1 << 20


class WrongPassword(PdpError):
    """The password does not open the key."""


@dataclass(frozen=True)
class Key:
    """An age identity in memory. Its secret is in no repr."""

    _secret: str

    def __repr__(self) -> str:
        return "Key(…)"

    @classmethod
    def new(cls) -> Key:
        import pyrage

        return cls(str(pyrage.x25519.Identity.generate()))

    @property
    def secret(self) -> str:
        """`AGE-SECRET-KEY-1…`: for the owner's paper, once."""
        return self._secret

    @property
    def identity(self) -> Any:
        import pyrage

        return pyrage.x25519.Identity.from_str(self._secret)

    @property
    def recipient(self) -> str:
        """`age1…`: who has it can write into the vault, and read nothing."""
        return str(self.identity.to_public())

    @classmethod
    def recovered(cls, secret: str) -> Key:
        """The key that was written on paper.

        Raises:
            UsageError: it is no age identity.
        """
        key = cls(secret.strip())
        try:
            _ = key.recipient
        except Exception:  # pyrage's own error repeats the secret
            raise UsageError("that is no recovery key", hint="it begins with AGE-SECRET-KEY-1") from None
        return key


def wrap(key: Key, password: str, cost: Mapping[str, Any] = COST) -> bytes:
    """What `key.json` holds.

    Raises:
        UsageError: the password is too short to be left to anyone's guesses.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(password) < LEAST_PASSWORD:
        raise UsageError(
            f"the password has {len(password)} characters, fewer than {LEAST_PASSWORD}", hint="take five or six words"
        )
    header = {"vault": 1, **cost, "salt": _text(os.urandom(16)), "nonce": _text(os.urandom(12))}
    sealed = AESGCM(_stretched(password, header)).encrypt(_bytes(header["nonce"]), key.secret.encode(), _bound(header))
    return (json.dumps(header | {"wrapped": _text(sealed)}, indent=1) + "\n").encode()


def unwrap(content: bytes, password: str) -> Key:
    """The key that `wrap` closed.

    Raises:
        WrongPassword: this is not the password, or the file was altered.
        PdpError: the file is no key.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        header = json.loads(content)
        sealed, nonce = _bytes(header.pop("wrapped")), _bytes(header["nonce"])
        if header["vault"] != 1 or header["kdf"] != COST["kdf"] or not 8 <= header["memory_kib"] <= MOST_MEMORY_KIB:
            raise ValueError
        stretched = _stretched(password, header)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PdpError(
            f"{KEY} of the vault is no key", hint="put it back, or make a new vault: pdp vault init"
        ) from error
    try:
        return Key(AESGCM(stretched).decrypt(nonce, sealed, _bound(header)).decode())
    except InvalidTag:
        raise WrongPassword("wrong password") from None


def read_key(folder: Path) -> bytes:
    """The vault's `key.json`.

    Raises:
        PdpError: there is none.
    """
    try:
        return (folder / KEY).read_bytes()
    except OSError as error:
        raise PdpError(
            f"there is no vault in {folder.name}: {error.strerror}", hint="make one: pdp vault init"
        ) from error


def _stretched(password: str, header: Mapping[str, Any]) -> bytes:
    from argon2.low_level import Type, hash_secret_raw

    return hash_secret_raw(
        password.encode(), _bytes(header["salt"]), time_cost=header["time_cost"], memory_cost=header["memory_kib"],
        parallelism=header["parallelism"], hash_len=32, type=Type.ID,
    )  # fmt: skip


def _bound(header: Mapping[str, Any]) -> bytes:
    """The header as the tag covers it: nobody may weaken the work factor."""
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
