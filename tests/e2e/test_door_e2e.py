"""The dashboard as a visitor, its owner and a guesser meet it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import PASSWORD, Server, Visitor

Serve = Callable[..., Server]
Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def guarded(serve: Serve, demo: Path, vault: Path) -> Server:
    """A public dashboard with a door."""
    return serve(demo, "--public", PDP_VAULT=str(vault))


def log_in(visitor: Visitor, address: str, password: str) -> None:
    visitor.page.goto(f"{address}/login")
    visitor.page.get_by_label("Password").fill(password)
    visitor.page.get_by_role("button", name="Open").click()


@pytest.mark.slow
def test_owner_comes_in_and_others_do_not(guarded: Server, visitor: Visit) -> None:
    """The right password shows private data in that browser alone; logging out ends it; nothing leaves the origin."""
    owner, stranger = visitor(f"{guarded.address}/live/"), visitor(f"{guarded.address}/live/")
    owner.see_chart()
    assert owner.page.get_by_text("This is an invented person").is_visible()
    log_in(owner, guarded.address, PASSWORD)
    owner.see_chart()
    assert owner.page.get_by_text("This is an invented person").count() == 0
    stranger.page.reload()
    stranger.see_chart()
    assert stranger.page.get_by_text("This is an invented person").is_visible()
    owner.shoot("private overview")
    owner.page.get_by_role("button", name="Log out").click()
    owner.page.goto(f"{guarded.address}/live/")
    owner.see_chart()
    assert owner.page.get_by_text("This is an invented person").is_visible()
    assert owner.elsewhere == stranger.elsewhere == []


def test_five_wrong_passwords_and_no_more(serve: Serve, demo: Path, vault: Path, visitor: Visit) -> None:
    """After five failures the door is locked, for the right password too, and says for how long."""
    guarded = serve(demo, "--public", PDP_VAULT=str(vault))
    guesser = visitor(f"{guarded.address}/login")
    for _ in range(5):
        log_in(guesser, guarded.address, "not the right words")
        assert guesser.page.get_by_role("alert").inner_text() == "That is not the password."
    log_in(guesser, guarded.address, PASSWORD)
    assert "Too many wrong passwords. Try again in" in guesser.page.get_by_role("alert").inner_text()
