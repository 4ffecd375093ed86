"""An OpenID provider on this machine, served over HTTP: real keys, real signatures, PKCE checked; each token can be spoiled."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "pdp at home", "a secret of the client's"
SUBJECT, EMAIL = "subject-7301", "somebody.private@example.org"
Claims = dict[str, Any]


@dataclass
class Provider:
    """What the double answers. `spoil` changes a token's claims just before they are signed."""

    address: str = ""
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    told: Claims = field(default_factory=lambda: {"sub": SUBJECT, "email": EMAIL, "email_verified": True})
    spoil: Callable[[Claims], object] = lambda claims: None
    sign: Callable[[Provider, Claims], str] | None = None
    metadata: Claims = field(default_factory=dict)
    back: dict[str, str] = field(default_factory=dict)
    """Goes back with the browser, and in place of what would."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def discovery(self) -> Claims:
        places = {f"{name}_endpoint": f"{self.address}/{name}" for name in ("authorization", "token")}
        return {"issuer": self.address, "jwks_uri": f"{self.address}/jwks", **places} | self.metadata

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes back to: nobody is asked anything here."""
        assert (
            query["response_type"] == "code" and query["code_challenge_method"] == "S256" and len(query["nonce"]) >= 43
        )
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        told = {"code": code, "state": query["state"]} | self.back
        return f"{query['redirect_uri']}?{urlencode({name: text for name, text in told.items() if text})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        """A code is good once, for the client that asked, at the address it named, and for who knows what PKCE hid."""
        expected = base64.b64encode(f"{quote(CLIENT)}:{quote(SECRET)}".encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization not in (f"Basic {expected}", f"Basic {plain}"):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        hidden = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or form.get("redirect_uri") != asked["redirect_uri"]
            or base64.urlsafe_b64encode(hidden).decode().rstrip("=") != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]} | self.told
        self.spoil(claims)
        signed = self.sign(self, claims) if self.sign else self.signed(claims)
        return 200, {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": signed}

    def signed(self, claims: Claims, key: Any = None) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, key or self.key)

    def keys(self) -> Claims:
        return {"keys": [self.key.as_dict(private=False) | {"kid": self.key.kid, "use": "sig", "alg": "RS256"}]}


def by_secret(provider: Provider, claims: Claims) -> str:
    """Signed with what the client knows too."""
    return jwt.encode({"alg": "HS256", "kid": "first"}, claims, OctKey.import_key(SECRET), algorithms=["HS256"])


def by_public_key(provider: Provider, claims: Claims) -> str:
    """Signed with the provider's public key taken for a secret: everybody has it."""
    public = provider.key.as_pem(private=False)
    return jwt.encode({"alg": "HS256", "kid": "first"}, claims, OctKey.import_key(base64.b64encode(public)))


def by_nobody(provider: Provider, claims: Claims) -> str:
    parts = ({"alg": "none", "kid": "first"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts) + "."


def by_a_stranger(provider: Provider, claims: Claims) -> str:
    return provider.signed(claims, RSAKey.generate_key(2048, {"kid": "first"}))


@contextmanager
def served() -> Iterator[Provider]:
    """The double, at an address of its own."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if parts.path == "/authorization":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_response(303)
                self.send_header("Location", provider.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            known = {"/.well-known/openid-configuration": provider.discovery, "/jwks": provider.keys}
            self.answer(200, known[parts.path]()) if parts.path in known else self.answer(404, {})

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self.answer(*provider.token(form, self.headers.get("Authorization", "")))

        def answer(self, status: int, content: Claims) -> None:
            packed = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)

        def log_message(self, *_: object) -> None:
            """The tests look at `asked`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
