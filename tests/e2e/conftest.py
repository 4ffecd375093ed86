"""A real dashboard and a real browser, for tests of what a person sees."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.checkout import CONFIGS, copy_pipeline
from tests.project import PATIENCE_S

ROOT = Path(__file__).parents[2]
# Each process of xdist has its own.
PORTS = iter(range(20_000 + 100 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), 32_000))
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
]  # fmt: skip
HOME = TemporaryDirectory(prefix="pdp-e2e-")
SCREENSHOTS = ROOT / "build/screenshots"
CHARTS = ("[data-testid=stVegaLiteChart]", "figure .chart")
"""Where a chart is: on a live page, on the static one."""
PROBE = re.compile(r"/[a-z-]+/_stcore/(health|host-config)$")
"""Opened at /sleep, Streamlit first asks for itself below that address, is told 404, and asks at the root. The browser
writes the 404 to its console; an answer of any other kind would make Streamlit believe that it lives there."""
PASSWORD = "four words are enough"


@dataclass
class Server:
    """A running `pdp dashboard`."""

    address: str
    process: subprocess.Popen[str]
    log: Path

    def memory_mb(self) -> float:
        """Resident memory of the server, of which no part is shared with another process that matters."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


@dataclass
class Visitor:
    """A browser with cookies of its own, and what its console and its network said."""

    page: Any
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Waits until Streamlit has run the page to its end."""
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=PATIENCE_S * 1000)

    def shoot(self, name: str, *, with_chart: bool = True) -> None:
        """Keeps a picture of the whole page in build/screenshots."""
        if self.page.get_by_test_id("stApp").count():
            self.settle()
        size = self.page.viewport_size
        tall = self.page.evaluate(
            "(document.querySelector('[data-testid=stMain]') || document.documentElement).scrollHeight"
        )
        self.page.set_viewport_size(size | {"height": min(max(tall, size["height"]), 4000)})
        if with_chart:
            self.see_chart()
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        self.page.set_viewport_size(size)

    def hover(self, chart: Any) -> Any:
        """The tooltip: the mouse moves as a hand does until it is there, for a chart may be drawn anew under it."""
        box = chart.bounding_box()
        tip = self.page.locator("#vg-tooltip-element.visible")
        for step in range(PATIENCE_S):
            across = 0.4 + step % 40 / 200
            self.page.mouse.move(box["x"] + box["width"] * across, box["y"] + box["height"] * 0.5)
            if tip.count():
                break
            self.page.wait_for_timeout(500)
        return tip

    def see_chart(self, number: int = 0) -> Any:
        """The chart, once it is painted."""
        chart = self.page.locator(
            ", ".join(f"{place} {drawn}" for place in CHARTS for drawn in ("canvas", "svg.marks"))
        )
        chart = chart.nth(number)
        chart.wait_for(timeout=PATIENCE_S * 1000)
        return chart


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's data folder, built once, with its public page."""
    data = tmp_path_factory.mktemp("demo") / "data"
    for command in (("pdp", "demo"), ("doit",), ("pdp", "demo", "--public-page")):
        run(*command, data=data)
    return data


@pytest.fixture(scope="session")
def vault(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vault that holds the demo's generation, as if it were somebody's own."""
    folder = tmp_path_factory.mktemp("vault") / "vault"
    run("pdp", "vault", "init", str(folder), "--password-stdin", data=demo, typed=f"{PASSWORD}\n")
    run("pdp", "vault", "write", str(folder), data=demo)
    return folder


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts dashboards; all of them end with the tests."""
    started: list[Server] = []

    def start(data: Path, *options: str, port: int = 0, **environ: str) -> Server:
        port = port or free_port()
        log = tmp_path_factory.mktemp("server") / "log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "pdp", "dashboard", "--no-browser", "--port", str(port), *options],
                cwd=home(), env=environment(data) | environ, stdout=file, stderr=file, text=True,
            )  # fmt: skip
        server = Server(f"http://127.0.0.1:{port}", process, log)
        started.append(server)
        until_well(server)
        return server

    yield start
    for server in started:
        server.process.terminate()
    for server in started:
        server.process.wait(timeout=PATIENCE_S)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the PATH: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE_S * 1000)
        yield started
        started.close()


@pytest.fixture
def visitor(browser: Any) -> Iterator[Callable[..., Visitor]]:
    """Opens an address in a browser of its own."""
    contexts = []

    def open_(address: str, **options: Any) -> Visitor:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        context.set_default_timeout(PATIENCE_S * 1000)
        contexts.append(context)
        found = Visitor(context.new_page())
        origin = "/".join(address.split("/")[:3])
        found.page.on("pageerror", lambda error: found.errors.append(str(error)))
        found.page.on("console", lambda said: _note_error(found, said))
        found.page.on("request", lambda asked: _note(found, asked.url, origin))
        found.page.goto(address)
        return found

    yield open_
    for context in contexts:
        context.close()


def _note_error(visitor: Visitor, said: Any) -> None:
    conflict = said.type == "warning" and "Conflicting" in said.text  # Vega's word for a chart that is not what it says
    if conflict or (said.type == "error" and not PROBE.search(said.location["url"])):
        visitor.errors.append(f"{said.text} ({said.location['url']})")


def _note(visitor: Visitor, url: str, origin: str) -> None:
    if not url.startswith((origin, origin.replace("http", "ws", 1), "data:", "blob:")):
        visitor.elsewhere.append(url)


def until_well(server: Server) -> None:
    """Waits until the server answers; one that ended first has said why."""
    import time

    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if server.process.poll() is not None:
            pytest.fail(f"the dashboard ended: {server.log.read_text()}")
        with suppress(OSError):
            urllib.request.urlopen(f"{server.address}/healthz", timeout=PATIENCE_S)
            return
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(0.1)
    pytest.fail(f"the dashboard is not well: {server.log.read_text()}")


def free_port() -> int:
    """One that nobody listens at, below those that the system gives to whoever asks for any: it stays free until it is used."""
    for port in PORTS:
        with socket.socket() as trial, suppress(OSError):
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@cache
def home() -> Path:
    """The project as it is cloned. A developer's config, `.env` and data beside the tests have no say in what they see."""
    root = Path(HOME.name)
    copy_pipeline(root, *CONFIGS)
    return root


def environment(data: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PDP_")}
    return own | {"PDP_CONFIG": "configs/demo.toml", "PDP_DATA_DIR": str(data), "PDP_DEMO_DIR": str(data)}


def run(*command: str, data: Path, typed: str = "") -> str:
    """What a command that must succeed prints."""
    module, *rest = command
    done = subprocess.run(
        [sys.executable, "-m", module, *rest], cwd=home(), env=environment(data), input=typed, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
