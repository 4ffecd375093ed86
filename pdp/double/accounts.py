"""Who asks: service accounts with real keys, persons with OAuth tokens, and what their access tokens allow."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pdp.double.api import ApiError, Method

JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE = "https://oauth2.googleapis.com/token"  # google-auth writes this, whatever the key's token_uri says
LIFETIME_S = 3600
DOMAIN = "pdp-demo.iam.gserviceaccount.com"


@dataclass
class Accounts:
    """All accounts; `root` is the double's own address."""

    root: str
    keys: dict[str, Any] = field(default_factory=dict)  # e-mail -> public key
    people: dict[str, dict[str, str]] = field(default_factory=dict)  # refresh token -> its client, secret and e-mail
    tokens: dict[str, tuple[str, frozenset[str], float]] = field(default_factory=dict)

    def service_account(self, name: str = "pdp") -> dict[str, str]:
        """A new service account's key, as the JSON file that Google gives."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        email = f"{name}@{DOMAIN}"
        self.keys[email] = key.public_key()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account", "project_id": "pdp-demo", "private_key_id": "1", "private_key": pem.decode(),
            "client_email": email, "client_id": "1", "token_uri": f"{self.root}/token",
        }  # fmt: skip

    def person(self, email: str = "person@example.org") -> dict[str, str]:
        """A person's OAuth token, as google-auth writes it to a file."""
        one = {"client_id": "client", "client_secret": "secret", "refresh_token": f"refresh-{len(self.people)}"}
        self.people[one["refresh_token"]] = {**one, "email": email}
        return {"type": "authorized_user", **one, "token_uri": f"{self.root}/token"}

    def withdraw(self, email: str) -> None:
        """The account is gone: no new token, and the old ones are void."""
        self.keys.pop(email, None)
        self.people = {token: one for token, one in self.people.items() if one["email"] != email}
        self.tokens = {token: one for token, one in self.tokens.items() if one[0] != email}

    def grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The answer of the token endpoint.

        Raises:
            ApiError: 400 with OAuth's error word.
        """
        if form.get("grant_type") == JWT:
            email, scopes = self._assertion(form.get("assertion", ""))
        elif form.get("grant_type") == "refresh_token":
            one = self.people.get(form.get("refresh_token", ""))
            if not one or (one["client_id"], one["client_secret"]) != (
                form.get("client_id"),
                form.get("client_secret"),
            ):
                raise ApiError(400, "invalid_grant", "Token has been expired or revoked.")
            email, scopes = one["email"], frozenset(form.get("scope", "").split())
        else:
            raise ApiError(400, "unsupported_grant_type", "Invalid grant_type")
        token = f"ya29.{len(self.tokens)}.{email}"
        self.tokens[token] = (email, scopes, time.time() + LIFETIME_S)
        return {"access_token": token, "expires_in": LIFETIME_S - 1, "token_type": "Bearer", "scope": " ".join(scopes)}

    def caller(self, headers: Mapping[str, str], method: Method) -> str:
        """The e-mail of who asks.

        Raises:
            ApiError: 401, no token or an old one; 403, it was not made for this method.
        """
        email, scopes, until = self.tokens.get(headers.get("Authorization", "").removeprefix("Bearer "), ("", (), 0.0))
        if time.time() >= until:
            raise ApiError(401, "authError", "Invalid Credentials")
        if not method.scopes & frozenset(scopes):
            reason = "ACCESS_TOKEN_SCOPE_INSUFFICIENT" if method.api[0] == "sheets" else "insufficientPermissions"
            raise ApiError(403, reason, "Request had insufficient authentication scopes.")
        return email

    def _assertion(self, assertion: str) -> tuple[str, frozenset[str]]:
        """(e-mail, scopes) of a signed JWT."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            head, claims, signature = assertion.split(".")
            header, claim = json.loads(_decoded(head)), json.loads(_decoded(claims))
            key = self.keys[claim["iss"]]
            if header["alg"] != "RS256":
                raise InvalidSignature
            key.verify(_decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, KeyError, TypeError, InvalidSignature):
            raise ApiError(400, "invalid_grant", "Invalid JWT Signature.") from None
        now = time.time()
        if claim.get("aud") not in (f"{self.root}/token", AUDIENCE):
            raise ApiError(400, "invalid_grant", "Invalid JWT: audience")
        if not claim["iat"] - 300 <= now < claim["exp"] <= claim["iat"] + LIFETIME_S:
            raise ApiError(
                400, "invalid_grant", "Invalid JWT: Token must be a short-lived token and in a reasonable timeframe"
            )
        return claim["iss"], _scopes(str(claim.get("scope", "")).split())


def _scopes(words: Iterable[str]) -> frozenset[str]:
    found = frozenset(words)
    if not found:
        raise ApiError(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    return found


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
