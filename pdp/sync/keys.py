"""Keys of an encrypted state: age identities that read, recipients that may be written to, and the seal that signs.

age encrypts but does not say who did: anyone who knows a recipient can make a file for it. So the head is signed with
a second secret, the seal, and names every object by hash. A key file works with the `age` tool too:

    # pdp-seal: PDP-SEAL-…
    AGE-SECRET-KEY-…
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pdp.errors import SettingsError
from pdp.redact import register

SEAL = "PDP-SEAL-"
SEAL_BYTES, CHECK_BYTES = 16, 4
IDENTITY_VARIABLE, SEAL_VARIABLE = "PDP_AGE_IDENTITY", "PDP_STATE_SEAL"
IDENTITY_WORD = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]+")
SEAL_WORD = re.compile(rf"{SEAL}[A-Z2-7]+")
HINT = "pdp key init makes one; CI takes it from PDP_AGE_IDENTITY"


@dataclass(frozen=True, repr=False)
class Keys:
    """Secrets as text, as they stand in a key file. It has no repr that could end up in a log."""

    identities: tuple[str, ...]
    seal: str
    recipients: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Keys({len(self.identities)} identities, {len(self.recipients)} recipients)"

    def text(self) -> str:
        """What a key file holds."""
        lines = [f"# pdp-seal: {self.seal}", *(f"# recipient: {recipient}" for recipient in self.recipients)]
        for identity in self.identities:
            lines += [f"# public key: {public(identity)}", identity]
        return "\n".join(lines) + "\n"


def new_identity() -> str:
    from pyrage import x25519

    return str(x25519.Identity.generate())


def new_seal() -> str:
    """16 random bytes with a checksum, so that a slip in copying from paper is told from a wrong seal."""
    secret = secrets.token_bytes(SEAL_BYTES)
    return SEAL + base64.b32encode(secret + _check(secret)).decode()


def seal_bytes(seal: str) -> bytes:
    """The secret in a seal.

    Raises:
        SettingsError: it was copied wrongly.
    """
    try:
        raw = base64.b32decode(seal.removeprefix(SEAL))
    except binascii.Error:
        raw = b""
    secret = raw[:SEAL_BYTES]
    if len(raw) != SEAL_BYTES + CHECK_BYTES or raw[SEAL_BYTES:] != _check(secret):
        raise SettingsError("the seal of the state's key is not as it was made", hint="copy it again, all 41 signs")
    return secret


def _check(secret: bytes) -> bytes:
    return hashlib.sha256(b"pdp seal" + secret).digest()[:CHECK_BYTES]


def public(identity: str) -> str:
    """The recipient that an identity can read for.

    Raises:
        SettingsError: it was copied wrongly.
    """
    from pyrage import IdentityError, x25519

    try:
        return str(x25519.Identity.from_str(identity).to_public())
    except IdentityError:
        raise SettingsError("the age identity is not as it was made", hint="copy it again") from None


def parse(text: str, what: str) -> Keys:
    """The keys in a key file's text. `what` names the place in a sentence; nothing of the text is ever repeated.

    Raises:
        SettingsError: there is no identity or no seal in it.
    """
    identities = tuple(IDENTITY_WORD.findall(text.upper()))
    seals = SEAL_WORD.findall(text.upper())
    if not identities:
        raise SettingsError(f"{what} holds no age identity", hint=HINT)
    if len(set(seals)) != 1:
        raise SettingsError(
            f"{what} holds {'no seal' if not seals else 'several seals'}",
            hint=f"its line begins with {SEAL}; {SEAL_VARIABLE} may hold it alone",
        )
    for secret in (*identities, seals[0]):
        register(secret)
    for identity in identities:
        public(identity)
    seal_bytes(seals[0])
    return Keys(identities, seals[0])


def recipients_in(path: Path) -> tuple[str, ...]:
    """The recipients that a key file was made with: its own, and the paper's."""
    return tuple(re.findall(r"# recipient: (age1[0-9a-z]+)", path.read_text(encoding="utf-8", errors="replace")))


def find(recipients: Iterable[str], path: Path, environ: Mapping[str, str]) -> Keys | None:
    """The keys in force: from the environment, else from the key file; None if there are neither keys nor recipients.

    Raises:
        SettingsError: recipients are set but no key is there, others may read the key file, or a key is damaged.
    """
    found = None
    if environ.get(IDENTITY_VARIABLE):
        text = environ[IDENTITY_VARIABLE] + "\n" + environ.get(SEAL_VARIABLE, "")
        found = parse(text, IDENTITY_VARIABLE)
    elif path.is_file():
        _refuse_open(path)
        found = parse(path.read_text(encoding="utf-8", errors="replace"), f"the key file {path.name}")
    for recipient in recipients:
        _refuse_unknown(recipient)
    if found is None:
        if tuple(recipients):
            raise SettingsError("the state is encrypted, but its key is not here", hint=HINT)
        return None
    listed = tuple(recipients)
    if listed and not {public(identity) for identity in found.identities} & set(listed):
        raise SettingsError(
            "state.recipients does not name your own key, so that you could not read what you push",
            hint="put in what pdp key init or rotate printed; the key file names them too",
        )
    return Keys(found.identities, found.seal, listed)


def _refuse_open(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        raise SettingsError(f"others may read the key file {path.name}", hint=f"chmod 600 {path}")


def _refuse_unknown(recipient: str) -> None:
    from pyrage import RecipientError, x25519

    try:
        x25519.Recipient.from_str(recipient)
    except RecipientError:
        secret = IDENTITY_WORD.search(recipient.upper())
        raise SettingsError(
            "state.recipients holds a secret identity" if secret else "state.recipients holds what is no age recipient",
            hint="a recipient begins with age1; pdp key init prints them",
        ) from None


def write(keys: Keys, path: Path) -> None:
    """A new key file, its owner's only, on the disk when this returns.

    Raises:
        SettingsError: there is one already, or it cannot be written.
    """
    from pdp.disk import sync

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="ascii") as file:
            file.write(keys.text())
            file.flush()
            os.fsync(file.fileno())
        sync(path.parent)
    except FileExistsError:
        raise SettingsError(
            f"there is a key file {path.name} already, and it was left as it is", hint="pdp key rotate makes a new one"
        ) from None
    except OSError as error:
        raise SettingsError(f"the key file {path} cannot be written: {error.strerror}") from error
