"""`pdp dashboard`: the charts in a browser."""

from __future__ import annotations

import os
import socket
import threading
import webbrowser
from pathlib import Path

import click

from pdp import config
from pdp.errors import PdpError, UsageError

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=None, help="The port; a free one from 8501 on by default."
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--public", is_flag=True, help="Show invented data only; with PDP_VAULT, the owner may log in.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen on; others only with --public."
)
def dashboard(port: int | None, no_browser: bool, public: bool, host: str) -> None:
    """Show the dashboard: your data on this machine alone, or the demo while there is none of yours.

    DEMO_MODE=true forces the invented data, whatever else is set.
    """
    from pdp.cli import takeaway

    takeaway.require("starlette", "dashboard")
    from pdp.dashboard import run, view

    root = config.project_root(Path.cwd())
    public = public or view.demo_is_forced(os.environ)
    if host not in LOOPBACK and not public:
        raise UsageError(
            f"--host {host} would show your data to the network", hint="use --public with a vault: pdp vault init"
        )
    setup = view.public(root, os.environ, host) if public else view.local(root, os.environ)
    chosen = port if port is not None else _free_port(host)
    address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{chosen}/"  # noqa: S104
    click.echo(f"{setup.words} at {address}  (Ctrl-C ends it)")
    if not (no_browser or public):
        _open_when_up(address, chosen)
    run.serve(setup, host, chosen)


def _free_port(host: str) -> int:
    for port in range(8501, 8601):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
            try:
                trial.bind((host, port))
            except OSError:
                continue
            return port
    raise PdpError("no port from 8501 to 8600 is free", hint="name one: --port 9000")


def _open_when_up(address: str, port: int) -> None:
    """Opens the browser once the server listens; a browser that is too early shows an error."""

    def wait() -> None:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.1).close()
            except OSError:
                threading.Event().wait(0.1)
            else:
                webbrowser.open(address)
                return

    threading.Thread(target=wait, daemon=True).start()
