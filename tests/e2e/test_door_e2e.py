"""The dashboard as a visitor, its owner and a guesser meet it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import PASSWORD, Server, Visitor, free_port

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


@pytest.fixture(scope="module")
def vouched(serve: Serve, demo: Path, vault: Path) -> Iterator[Server]:
    """A dashboard with a gate before its door, and a provider that asks who one is (not our double: another's server)."""
    from oidc_provider_mock import run_server_in_thread

    port = free_port()
    with run_server_in_thread(require_nonce=True) as provider:
        yield serve(
            demo, "--public", port=port, PDP_VAULT=str(vault), PDP_OIDC_CLIENT_ID="pdp",
            PDP_OIDC_ISSUER=f"http://localhost:{provider.server_port}", PDP_OIDC_CLIENT_SECRET="any secret does",
            PDP_OIDC_ALLOWED="the-owner", PDP_OIDC_ADDRESS=f"http://127.0.0.1:{port}",
        )  # fmt: skip


def sign_in(visitor: Visitor, subject: str) -> None:
    visitor.page.locator("input[name=sub]").fill(subject)
    visitor.page.get_by_role("button", name="Authorize").click()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:::authlib")  # the other server speaks with an older Authlib's words
def test_provider_lets_the_owner_to_the_door_and_nobody_else(vouched: Server, visitor: Visit) -> None:
    """Through the provider the owner comes to the password and in; another account reads one sentence; logs name neither."""
    owner, stranger = visitor(f"{vouched.address}/login"), visitor(f"{vouched.address}/login")
    sign_in(stranger, "somebody-else")
    assert "none of those that may come in" in stranger.page.get_by_role("alert").inner_text()
    assert stranger.page.get_by_label("Password").count() == 0
    sign_in(owner, "the-owner")
    owner.page.get_by_label("Password").fill(PASSWORD)
    owner.shoot("login after the provider", with_chart=False)
    owner.page.get_by_role("button", name="Open").click()
    owner.see_chart()
    assert owner.page.get_by_role("button", name="Log out").is_visible()
    assert [
        error for error in owner.errors if vouched.address in error
    ] == []  # the provider's page wants a style sheet
    log = vouched.log.read_text()
    assert [word for word in ("the-owner", "somebody-else", "code=", "state=") if word in log] == []
