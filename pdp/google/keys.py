"""Credentials: a service account's key or a person's OAuth token, from a file or from base64 text in memory."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from google.auth.exceptions import GoogleAuthError
from google.oauth2 import credentials as person
from google.oauth2 import service_account

from pdp.errors import SettingsError
from pdp.google.access import BASE64, Access
from pdp.redact import register

Credentials = service_account.Credentials | person.Credentials
TOKEN_HOSTS = ("oauth2.googleapis.com", "accounts.google.com", "www.googleapis.com")
_DOWNLOAD = "take the JSON as Google gave it; docs/google.md says where"


def load(access: Access, scopes: Sequence[str]) -> Credentials:
    """The credentials for `scopes`; nothing is asked of Google yet.

    Raises:
        SettingsError: there are none, they cannot be read, or they would be sent to a stranger.
    """
    info, where = read(access)
    token_uri = access.root + "/token" if access.root else str(info.get("token_uri", ""))
    _refuse_strangers(token_uri, access, where)
    info = {**info, "token_uri": token_uri}
    try:
        if info.get("type") == "service_account":
            return service_account.Credentials.from_service_account_info(info, scopes=list(scopes))
        found = person.Credentials.from_authorized_user_info(info, list(scopes))
    except (ValueError, GoogleAuthError, TypeError, AttributeError) as error:
        # The library's own words may repeat what stands in the file.
        raise SettingsError(f"{where} is no key of a service account and no OAuth token", hint=_DOWNLOAD) from error
    # from_authorized_user_info takes Google's own address whatever the file says.
    return person.Credentials(
        None, refresh_token=found.refresh_token, token_uri=token_uri, client_id=found.client_id,
        client_secret=found.client_secret, scopes=list(scopes),
    )  # fmt: skip


def read(access: Access) -> tuple[dict[str, Any], str]:
    """(what the credentials hold, where they come from in the words of a sentence).

    Raises:
        SettingsError: there are none, or they are no JSON.
    """
    if access.base64:
        where = BASE64
        try:
            content = base64.b64decode("".join(access.base64.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise SettingsError(f"{where} is not base64", hint="make it with: base64 -w0 key.json") from error
    elif access.file is not None:
        where = f"the credentials file {access.file.name}"
        try:
            content = access.file.read_bytes()
        except OSError as error:
            hint = "GOOGLE_APPLICATION_CREDENTIALS or google.credentials is to name it"
            raise SettingsError(f"{where} cannot be read: {error.strerror}", hint=hint) from error
    else:
        raise SettingsError(
            "there are no Google credentials",
            hint=f"set GOOGLE_APPLICATION_CREDENTIALS or {BASE64}; docs/google.md says how to get them",
        )
    register(content)
    try:
        info = json.loads(content)
    except ValueError as error:
        raise SettingsError(f"{where} is not JSON", hint=_DOWNLOAD) from error
    if not isinstance(info, dict):
        raise SettingsError(f"{where} is no key of a service account and no OAuth token", hint=_DOWNLOAD)
    if "installed" in info or "web" in info:
        raise SettingsError(
            f"{where} is an OAuth client, not a token", hint="docs/google.md says how to sign in with it"
        )
    return info, where


def _refuse_strangers(token_uri: str, access: Access, where: str) -> None:
    """A key that names another server for its tokens is not Google's."""
    if access.root:
        return
    parts = urlsplit(token_uri or f"https://{TOKEN_HOSTS[0]}/token")
    if parts.scheme != "https" or parts.hostname not in TOKEN_HOSTS:
        raise SettingsError(f"{where} names a server for tokens that is not Google's", hint=_DOWNLOAD)
