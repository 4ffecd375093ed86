"""The server: one ASGI app in one of three modes.

    local    on one's own machine, bound to loopback: the real data (or the demo), no password
    public   invented data only: a static page at the door, the same charts live below /live; no private file is looked at
    vault    public, and a door: who knows the password sees the vault, in that browser alone; with an OpenID provider a gate
             stands before the door, so that others cannot even guess

Streamlit does the pages below BASE; the routes here are the door's, and none of them runs a page.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdp.dashboard import memory, web
from pdp.dashboard.door import Door
from pdp.dashboard.gate import Gate
from pdp.dashboard.oidc import Client, Provider
from pdp.dashboard.vault import Opened, unlock

if TYPE_CHECKING:
    from streamlit.web.server.starlette import App

SCRIPT = (
    Path(__file__).parent / "pages/script.py"
)  # not beside pages/: Streamlit would take the modules there for pages
BASE = "live"
EXPIRY_CHECK_S = 30


@dataclass(frozen=True)
class View:
    """What one visitor may see: a data folder, what the pages need of the config, and whether it is invented."""

    data: Path
    config: Mapping[str, Any]
    is_demo: bool
    mode: str
    """local, public or private."""


@dataclass(frozen=True)
class Setup:
    """How this process serves. `view` is what everybody sees who has not come through the door."""

    view: View
    root: Path
    words: str = ""
    vault: Path | None = None
    provider: Provider | None = None
    """Who vouches for those that may come to the door; without one everybody may."""
    static_page: Path | None = None
    """The public page that opens at once."""
    address_header: str = ""
    """Behind a proxy that sets it: the header with the visitor's address."""
    is_loopback: bool = True

    @property
    def is_local(self) -> bool:
        return self.view.mode == "local"

    @property
    def cookie(self) -> str:
        # The prefix makes the browser refuse the cookie from any other host or over plain http.
        return "pdp" if self.is_loopback else "__Host-pdp"

    @property
    def gate_cookie(self) -> str:
        return f"{self.cookie}-gate"


class Site:
    """What the routes and the pages of this process share."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.door: Door[Opened] | None = None
        if setup.vault:
            folder = setup.vault
            self.door = Door(lambda password: unlock(folder, password))
        self.gate = Gate(Client(setup.provider)) if setup.provider else None

    def view(self, cookies: Mapping[str, str]) -> View:
        """What a visitor with these cookies sees."""
        opened = self.door.inside(cookies.get(self.setup.cookie)) if self.door else None
        if opened is None:
            return self.setup.view
        return View(opened.folder, opened.config, is_demo=False, mode="private")


_site: Site | None = None


def site() -> Site:
    """The site of this process: Streamlit runs the script with no other way to reach it."""
    assert _site is not None, "the server is not set up"
    return _site


def set_up(setup: Setup) -> Site:
    global _site  # noqa: PLW0603 - one process serves one site
    _site = Site(setup)
    return _site


def app(setup: Setup) -> App:
    """The ASGI app."""
    import streamlit
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    made = set_up(setup)
    middleware = [Middleware(web.Headers, local=setup.is_local)]
    if setup.is_loopback:
        # A page elsewhere must not reach this server by a name of its own that points to loopback.
        middleware.insert(
            0, Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]", "::1"])
        )
    return streamlit.App(
        SCRIPT, routes=web.routes(made), middleware=middleware, lifespan=_lifespan, on_script_error=web.said
    )


@contextlib.asynccontextmanager
async def _lifespan(_app: Any) -> AsyncIterator[None]:
    """Drops unlocked data when its visit is over, also when nobody asks any more."""
    door = site().door
    memory.sweep()
    watch = asyncio.create_task(_expire(door)) if door else None
    try:
        yield
    finally:
        if watch:
            watch.cancel()
        if door:
            door.close()


async def _expire(door: Door[Opened]) -> None:
    while True:
        await asyncio.sleep(EXPIRY_CHECK_S)
        await asyncio.to_thread(door.expire)


def options(port: int, host: str, base: str) -> dict[str, Any]:
    """Streamlit's own settings: nothing is sent to anyone, no error shows a value, no file is watched."""
    return {
        "server.port": port,
        "server.address": host,
        "server.headless": True,
        "server.baseUrlPath": base,
        "server.fileWatcherType": "none",
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.enableStaticServing": False,
        "server.maxUploadSize": 1,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.toolbarMode": "viewer",
        "global.developmentMode": False,
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,  # for it Streamlit asks a stranger which address this machine has
        "theme.light.primaryColor": "#00598c",
        "theme.dark.primaryColor": "#56b4e9",
        "runner.magicEnabled": False,
    }
