"""The routes of the door and the headers of every answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import logging
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from pdp.dashboard import front
from pdp.dashboard.door import LONGEST, TooMany
from pdp.dashboard.gate import PASSED_S
from pdp.dashboard.health import problem
from pdp.dashboard.key import WrongPassword
from pdp.dashboard.oidc import CALLBACK, Refused
from pdp.errors import PdpError, sentence

if TYPE_CHECKING:
    from pdp.dashboard.gate import Gate
    from pdp.dashboard.server import Site

LOGIN_PAGE = Path(__file__).with_name("login.html")
LONGEST_FORM = 4096
FORM = re.compile("<form.*</form>", re.DOTALL)
UNKEPT = {"Cache-Control": "no-store"}
log = logging.getLogger("pdp.dashboard")

# Vega evaluates the expressions of a chart; nothing is loaded from, or sent to, any other place. {scripts}: the hashes of
# what Streamlit's own page runs inline.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval'{scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Headers:
    """Adds the headers that keep a page to itself. An answer that has its own policy (the static page) keeps it."""

    def __init__(self, app: Any, *, local: bool) -> None:
        self.app = app
        self.added = HEADERS | {"Content-Security-Policy": policy()}
        if not local:
            self.added["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def policy() -> str:
    """The content security policy of every page of Streamlit's."""
    import streamlit

    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_bytes()
    inline = re.findall(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", page, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in inline if script.strip()]
    return POLICY.format(scripts="".join(f" 'sha256-{one}'" for one in hashes))


def routes(site: Site) -> list[Route]:
    """Those of the mode that the site is in."""
    doors = Doors(site)
    found = [Route("/healthz", doors.health)]
    if not site.setup.is_local:
        found.append(Route("/", doors.front))
    if site.door:
        found += [
            Route("/login", doors.login, methods=["GET", "POST"]),
            Route("/logout", doors.logout, methods=["POST"]),
        ]
    if site.gate:
        found.append(Route(CALLBACK, doors.returned))
    return found


class Doors:
    """The answers of the routes."""

    def __init__(self, site: Site) -> None:
        self.site, self.setup = site, site.setup

    async def health(self, request: Request) -> Response:
        """Whether a visitor would see a chart: one is really made."""
        found = await asyncio.to_thread(problem, self.setup)
        return JSONResponse(
            {"status": "ok"} if found is None else {"status": "failing", "why": found}, 503 if found else 200
        )

    async def front(self, request: Request) -> Response:
        """The public page, made with the image, so that it is there at once."""
        page = self.setup.static_page
        found = await asyncio.to_thread(front.read, page, self.site.door is not None) if page else None
        if found is None:
            return RedirectResponse("/live/", 307)
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": found.policy, "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.packed, media_type="text/html", headers=headers | {"Content-Encoding": "gzip"})
        return Response(found.content, media_type="text/html", headers=headers)

    async def login(self, request: Request) -> Response:
        gate = self.site.gate
        if gate and not gate.is_passed(request.cookies.get(self.setup.gate_cookie)):
            return await self._to_provider(gate) if request.method == "GET" else _again("Sign in first.", 403)
        if request.method == "GET":
            return _form()
        if not _same_origin(request):
            return _form("This form was sent from another page; try again here.", 403)
        assert self.site.door is not None
        try:
            password = await _password(request)
            token = await asyncio.to_thread(self.site.door.enter, password, self._address(request))
        except TooMany as error:
            minutes = -(-error.retry_after // 60)
            answer = _form(f"Too many wrong passwords. Try again in {minutes} minutes.", 429)
            answer.headers["Retry-After"] = str(error.retry_after)
            return answer
        except WrongPassword:
            return _form("That is not the password.", 401)
        except PdpError as error:
            log.warning("the vault cannot be opened: %s", sentence(error))
            return _form("The vault cannot be opened; the server's log says why.", 503)
        entered = RedirectResponse("/live/", 303)
        entered.set_cookie(
            self.setup.cookie, token, max_age=LONGEST, path="/", httponly=True, samesite="strict",
            secure=not self.setup.is_loopback,
        )  # fmt: skip
        if gate:
            gate.leave(request.cookies.get(self.setup.gate_cookie))
            self._keep(entered, "", 0)
        return entered

    async def _to_provider(self, gate: Gate) -> Response:
        """The way to the provider; a cookie ties the way back to this browser."""
        try:
            address, token = await asyncio.to_thread(gate.begin)
        except PdpError as error:
            return _unanswered(error)
        return self._keep(RedirectResponse(address, 303, headers=UNKEPT), token, PASSED_S)

    async def returned(self, request: Request) -> Response:
        """Back from the provider: on to the login, or a sentence."""
        assert self.site.gate is not None
        token = request.cookies.get(self.setup.gate_cookie)
        try:
            passed = await asyncio.to_thread(self.site.gate.finish, token, request.query_params)
        except Refused as refused:
            log.warning("not let through by OpenID Connect: %s", refused)
            return _again(f"You cannot come in: {refused}.", 403)
        except PdpError as error:
            return _unanswered(error)
        return self._keep(RedirectResponse("/login", 303, headers=UNKEPT), passed, PASSED_S)

    def _keep(self, answer: Response, token: str, seconds: int) -> Response:
        """Lax: a browser that comes from the provider's page sends no strict cookie along."""
        answer.set_cookie(
            self.setup.gate_cookie, token, max_age=seconds, path="/", httponly=True, samesite="lax",
            secure=not self.setup.is_loopback,
        )  # fmt: skip
        return answer

    async def logout(self, request: Request) -> Response:
        if not _same_origin(request):
            return Response(status_code=403)
        assert self.site.door is not None
        self.site.door.leave(request.cookies.get(self.setup.cookie))
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(
            self.setup.cookie, path="/", httponly=True, samesite="strict", secure=not self.setup.is_loopback
        )
        return answer

    def _address(self, request: Request) -> str:
        """Who knocks: behind a proxy the header that only the proxy can set."""
        if self.setup.address_header:
            return request.headers.get(self.setup.address_header, "unknown")
        return request.client.host if request.client else "unknown"


async def _password(request: Request) -> str:
    """The password of the form. A form that is too large is no form."""
    from urllib.parse import parse_qs

    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise WrongPassword("the form is too large")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=8)
    return fields.get("password", [""])[0]


def _same_origin(request: Request) -> bool:
    """Whether a form was sent by our own page. A browser always says where a form comes from."""
    _, _, origin = request.headers.get("origin", "").partition("://")
    return bool(origin) and origin == request.headers.get("host")


def _form(said: str = "", status: int = 200) -> HTMLResponse:
    note = f'<p role="alert">{html.escape(said)}</p>' if said else ""
    page = LOGIN_PAGE.read_text(encoding="utf-8").replace("<!-- said -->", note)
    return HTMLResponse(page, status, headers=UNKEPT)


def _again(said: str, status: int) -> HTMLResponse:
    """The page of the login with the way to the provider in place of the form."""
    answer = _form(said, status)
    page = FORM.sub('<p><a href="/login">Sign in again</a></p>', bytes(answer.body).decode())
    return HTMLResponse(page, status, headers=UNKEPT)


def _unanswered(error: PdpError) -> HTMLResponse:
    log.warning("the gate cannot be opened: %s", sentence(error))
    return _again("The sign-in does not work now; the server's log says why.", 503)


def said(error: Exception) -> bool:
    """A page failed: its visitor reads one sentence, the log names the place and no value."""
    import traceback

    import streamlit

    place = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, PdpError):
        streamlit.error(sentence(error))
    else:
        log.error("fault of pdp: %s at %s:%s", type(error).__name__, Path(place.filename).name, place.lineno)
        streamlit.error("This page could not be drawn; that is a fault of pdp. The server's log names the place.")
    return True
