"""What pdp says to an OpenID provider, and what it believes of the answer.

Authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636, RFC 9207). Authlib speaks the
protocol, joserfc checks the signature. No subject, e-mail address, code or token is logged, shown or kept.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pdp import redact
from pdp.errors import PdpError, UsageError

CALLBACK = "/oidc/callback"
WELL_KNOWN = "/.well-known/openid-configuration"
SETTINGS = ("PDP_OIDC_ISSUER", "PDP_OIDC_CLIENT_ID", "PDP_OIDC_ALLOWED", "PDP_OIDC_ADDRESS")
SECRET = "PDP_OIDC_CLIENT_SECRET"  # noqa: S105 - its name
SIGNED = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""A provider's own signatures only: with HS256 or none, anybody who knows the client could make a token."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
KNOWN_S = 60 * 60
LEEWAY_S, TIMEOUT_S = 60, 10


class Silent(PdpError):
    """Nothing can be asked of the provider now."""

    def __init__(self) -> None:
        super().__init__(
            "the OpenID provider does not answer as one", hint="see that the server reaches PDP_OIDC_ISSUER"
        )


class Refused(Exception):
    """Somebody is not let through. The words are pdp's own: they repeat nothing of what came."""


@dataclass(frozen=True)
class Provider:
    """Who vouches for visitors, as whom pdp asks it, and whom it lets through."""

    issuer: str
    client_id: str
    allowed: frozenset[str] = field(repr=False)
    """`sub:` and a subject, or an e-mail address in lower case."""
    redirect: str
    secret: str = field(default="", repr=False)

    def lets_through(self, claims: Mapping[str, Any]) -> bool:
        """Whether the owner named this subject, or this address, which the provider then must have verified."""
        known = {f"sub:{claims['sub']}"}
        if isinstance(claims.get("email"), str) and claims.get("email_verified") is True:
            known.add(claims["email"].casefold())
        return not self.allowed.isdisjoint(known)


def provider(environ: Mapping[str, str]) -> Provider | None:
    """The provider that the environment names; None if it names none.

    Raises:
        UsageError: something is missing, or would be sent in the clear.
    """
    given = {name: environ.get(name, "").strip() for name in (*SETTINGS, SECRET)}
    if not any(given.values()):
        return None
    missing = [name for name in SETTINGS if not given[name]]
    if missing:
        raise UsageError(f"OpenID Connect is set up in part: {', '.join(missing)} is missing", hint="docs/dashboard.md")
    issuer, client_id, allowed, address = (given[name] for name in SETTINGS)
    for name, value in (("PDP_OIDC_ISSUER", issuer), ("PDP_OIDC_ADDRESS", address)):
        if not _is_safe(value):
            raise UsageError(f"{name} has to begin with https://", hint="plain http is for 127.0.0.1 alone")
    if given[SECRET]:
        redact.register(given[SECRET])
    people = frozenset(_person(entry.strip()) for entry in allowed.split(",") if entry.strip())
    if not people:
        raise UsageError("PDP_OIDC_ALLOWED names nobody", hint="subjects or e-mail addresses, with commas between them")
    return Provider(issuer, client_id, people, address.rstrip("/") + CALLBACK, given[SECRET])


def _person(entry: str) -> str:
    """An address holds an @. A subject that holds one too is written behind `sub:`."""
    if entry.startswith("sub:"):
        return entry
    return entry.casefold() if "@" in entry else f"sub:{entry}"


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"))


@dataclass(frozen=True)
class Asked:
    """What one browser was sent to the provider with."""

    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


@dataclass
class Client:
    """Speaks with the provider."""

    provider: Provider
    clock: Callable[[], float] = time.time
    _known: tuple[float, dict[str, Any]] | None = field(default=None, repr=False)

    def address(self, asked: Asked) -> str:
        """Where at the provider a browser goes.

        Raises:
            PdpError: the provider does not answer, or is another one.
        """
        address, _ = self._client().create_authorization_url(
            self._metadata()["authorization_endpoint"], state=asked.state, code_verifier=asked.verifier,
            nonce=asked.nonce,
        )  # fmt: skip
        return str(address)

    def check(self, asked: Asked, told: Mapping[str, str]) -> None:
        """Whether a browser that came back with `told` is somebody who may pass.

        Raises:
            Refused: it is not.
            PdpError: the provider does not answer, or is another one.
        """
        metadata = self._metadata()
        issuer = told.get("iss")
        if issuer is None and metadata.get("authorization_response_iss_parameter_supported"):
            raise Refused("the answer does not say whose it is")
        if issuer not in (None, metadata["issuer"]):
            raise Refused("the answer is another provider's")
        if "error" in told or not told.get("code"):
            raise Refused("the provider let nobody in")
        if not self.provider.lets_through(self._claims(told["code"], asked, metadata)):
            raise Refused("this account is none of those that may come in")

    def _client(self, method: str | None = None) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        return OAuth2Session(
            self.provider.client_id, self.provider.secret or None, redirect_uri=self.provider.redirect, scope="openid email",
            code_challenge_method="S256", default_timeout=TIMEOUT_S, token_endpoint_auth_method=method,
        )  # fmt: skip

    def _metadata(self) -> dict[str, Any]:
        """What the provider says of itself, asked anew each hour: of whom it is must be what the owner set."""
        now = self.clock()
        if self._known and 0 <= now - self._known[0] < KNOWN_S:
            return self._known[1]
        found = self._json(self.provider.issuer.rstrip("/") + WELL_KNOWN)
        if str(found.get("issuer", "")).rstrip("/") != self.provider.issuer.rstrip("/"):
            raise PdpError(
                "the OpenID provider names another issuer than PDP_OIDC_ISSUER", hint="set it as it is named"
            )
        if not all(isinstance(found.get(name), str) and _is_safe(found[name]) for name in ENDPOINTS):
            raise PdpError("the OpenID provider names no safe addresses of its own", hint="it has to use https")
        self._known = (now, found)
        return found

    def _json(self, address: str) -> dict[str, Any]:
        import requests

        try:
            answer = self._client().get(address, withhold_token=True, allow_redirects=False)
            found = answer.json() if answer.status_code == 200 else None
        except (requests.RequestException, ValueError) as error:
            raise Silent from error
        if not isinstance(found, dict):
            raise Silent
        return found

    def _claims(self, code: str, asked: Asked, metadata: dict[str, Any]) -> Mapping[str, Any]:
        """What the provider's token says, once it is sure that it is the provider's, for pdp, for this sign-in, and new."""
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import InvalidKeyIdError, JoseError

        token = self._token(code, asked, metadata)
        expected = {
            "iss": {"essential": True, "value": metadata["issuer"]}, "nonce": {"essential": True},
            "aud": {"essential": True, "value": self.provider.client_id}, "sub": {"essential": True},
        }  # fmt: skip
        bound = {
            "nonce": asked.nonce, "client_id": self.provider.client_id, "access_token": token.get("access_token"),
        }  # fmt: skip
        try:
            try:
                decoded = self._decoded(token, metadata)
            except InvalidKeyIdError:  # signed with a key that is newer than those that were kept
                metadata.pop("jwks", None)
                decoded = self._decoded(token, metadata)
            claims = CodeIDToken(decoded.claims, decoded.header, expected, bound)
            claims.validate(now=int(self.clock()), leeway=LEEWAY_S)
        except (JoseError, ValueError) as error:
            raise Refused(f"the provider's token does not hold ({type(error).__name__})") from None
        return claims

    def _decoded(self, token: Mapping[str, Any], metadata: dict[str, Any]) -> Any:
        from joserfc import jwt
        from joserfc.jwk import KeySet

        if "jwks" not in metadata:
            metadata["jwks"] = self._json(metadata["jwks_uri"])
        keys = KeySet.import_key_set(metadata["jwks"])
        return jwt.decode(str(token.get("id_token", "")), keys, algorithms=SIGNED)

    def _token(self, code: str, asked: Asked, metadata: dict[str, Any]) -> Mapping[str, Any]:
        import requests
        from authlib.integrations.base_client import OAuthError

        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        by_post = bool(self.provider.secret) and "client_secret_basic" not in methods
        try:
            return self._client("client_secret_post" if by_post else None).fetch_token(
                metadata["token_endpoint"], code=code, code_verifier=asked.verifier, allow_redirects=False
            )
        except OAuthError:
            raise Refused("the provider does not know this sign-in") from None
        except (requests.RequestException, ValueError) as error:
            raise Silent from error
