"""Starts the server in this process."""

from __future__ import annotations

from pdp.dashboard.server import BASE, Setup, app, options


def serve(setup: Setup, host: str, port: int) -> None:
    """Serves until it is told to stop."""
    app(setup).run(config=options(port, host, "" if setup.is_local else BASE))
