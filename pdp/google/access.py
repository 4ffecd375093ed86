"""How Google is reached: with which credentials, at which address, how long an answer may take. Light: no import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from pdp.errors import SettingsError

SHEETS = "https://www.googleapis.com/auth/spreadsheets.readonly"
DRIVE = "https://www.googleapis.com/auth/drive.readonly"
STATE = "https://www.googleapis.com/auth/drive"
"""For remote state only. The narrower drive.file covers no file that a person made and shared."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
ROOT, BASE64 = "PDP_GOOGLE_ROOT", "GOOGLE_CREDENTIALS_BASE64"


@dataclass(frozen=True)
class Access:
    """Credentials by file or as base64 text, another server's root ("" is Google itself), seconds to wait for it."""

    file: Path | None = None
    base64: str = field(default="", repr=False)
    root: str = ""
    timeout_s: float = 30.0

    @property
    def given(self) -> bool:
        """Whether there are credentials at all."""
        return bool(self.base64) or self.file is not None


def access_of(google: Mapping[str, Any], given: Mapping[str, tuple[str, str]], folder: Path) -> Access:
    """The access that the config section `google` and the variables `given` describe; `folder` holds relative files.

    Raises:
        SettingsError: PDP_GOOGLE_ROOT names a server that is not on this machine.
    """
    path = folder / Path(google["credentials"]).expanduser() if google["credentials"] else None
    text, _ = given.get(BASE64, ("", ""))
    root, where = given.get(ROOT, ("", ""))
    return Access(path, text, loopback(root, where) if root else "", float(google["timeout_s"]))


def loopback(root: str, where: str = ROOT) -> str:
    """`root` without a slash at its end.

    Raises:
        SettingsError: it is no http address of this machine: credentials and readings would go to a stranger.
    """
    try:
        parts = urlsplit(root)
        fine = parts.scheme == "http" and parts.hostname in LOOPBACK and bool(parts.port)
    except ValueError:
        fine = False
    if not fine or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingsError(
            f"{where} may only name a server on this machine", hint="write it as http://127.0.0.1:PORT, or unset it"
        )
    return root.rstrip("/")


def clients() -> ModuleType:
    """`pdp.google.clients`, imported now: it costs about half a second.

    Raises:
        SettingsError: Google's libraries are not installed.
    """
    try:
        from pdp.google import clients as module
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("pdp"):
            raise
        raise SettingsError("Google's client libraries are not installed", hint="pip install 'pdp[google]'") from error
    return module
