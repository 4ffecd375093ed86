"""The gate before the door: a real flow with a provider on this machine, and everything that must not pass."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from starlette.applications import Starlette

from pdp.dashboard import view, web
from pdp.dashboard.gate import ASKED_S, MOST_ASKED, PASSED_S, Gate
from pdp.dashboard.key import WrongPassword
from pdp.dashboard.oidc import KNOWN_S, Client, provider
from pdp.dashboard.server import Setup, Site, View
from pdp.errors import UsageError
from tests import oidc_double
from tests.oidc_double import CLIENT, EMAIL, SECRET, SUBJECT, Claims, Provider

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that the client it is made of has a successor
    from starlette.testclient import TestClient

ADDRESS = "http://127.0.0.1:8501"
RIGHT = "four words are enough"


@dataclass
class Opened:
    def close(self) -> None:
        """Nothing was opened."""


@dataclass
class House:
    """A dashboard's routes with a door and a gate, whose clock is moved by hand, and the provider."""

    double: Provider
    site: Site
    moved: float = 0

    def browser(self) -> TestClient:
        return TestClient(Starlette(routes=web.routes(self.site)), ADDRESS, follow_redirects=False)

    def arrive(self, browser: TestClient) -> str:
        """Goes to the provider; gives where the provider sends the browser back to."""
        answer = browser.get("/login")
        assert answer.status_code == 303 and answer.headers["location"].startswith(self.double.address)
        return str(httpx.get(answer.headers["location"]).headers["location"]).removeprefix(ADDRESS)

    def sign_in(self, browser: TestClient) -> httpx.Response:
        return browser.get(self.arrive(browser))

    def type(self, browser: TestClient, password: str = RIGHT) -> httpx.Response:
        return browser.post("/login", data={"password": password}, headers={"Origin": ADDRESS})


def settings(double: Provider, **more: str) -> dict[str, str]:
    return {
        "PDP_OIDC_ISSUER": double.address, "PDP_OIDC_CLIENT_ID": CLIENT, "PDP_OIDC_CLIENT_SECRET": SECRET,
        "PDP_OIDC_ALLOWED": SUBJECT, "PDP_OIDC_ADDRESS": ADDRESS,
    } | more  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with oidc_double.served() as double:
        yield made(tmp_path, double)


def made(folder: Path, double: Provider, **more: str) -> House:
    setup = Setup(View(folder, {}, True, "public"), folder, vault=folder, provider=provider(settings(double, **more)))
    house = House(double, Site(setup))
    assert house.site.door and setup.provider

    def unlock(password: str) -> Any:
        if password != RIGHT:
            raise WrongPassword("wrong")
        return Opened()

    house.site.door.unlock = unlock

    def clock() -> float:
        return time.time() + house.moved

    house.site.gate = Gate(Client(setup.provider, clock), clock)
    return house


def test_owner_passes_the_gate_and_then_the_door(house: House) -> None:
    """The provider's word leads to the form, the password opens; the next login begins at the provider again."""
    browser = house.browser()
    back = house.sign_in(browser)
    assert (back.status_code, back.headers["location"]) == (303, "/login")
    cookie = back.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", f"Max-Age={PASSED_S}"))
    assert "Password" in browser.get("/login").text
    assert house.type(browser, "a guess").status_code == 401
    entered = house.type(browser)
    assert (entered.status_code, entered.headers["location"]) == (303, "/live/")
    assert house.site.door and house.site.door.inside(browser.cookies["pdp"])
    assert browser.get("/login").headers["location"].startswith(house.double.address)


def test_nobody_guesses_before_the_gate(house: House) -> None:
    """Without the provider's word no password is tried, not even the right one, and none is counted."""
    browser = house.browser()
    answer = house.type(browser)
    assert answer.status_code == 403 and "Sign in first" in answer.text and "<form" not in answer.text
    house.arrive(browser)  # on the way there is not through
    assert house.type(browser).status_code == 403
    assert house.site.door and house.site.door._failures == [] and "pdp" not in browser.cookies


SPOILT: dict[str, Callable[[Claims], object]] = {
    "another audience": lambda claims: claims.update(aud="another client"),
    "no audience": lambda claims: claims.pop("aud"),
    "made for another one, among many": lambda claims: claims.update(aud=[CLIENT, "another"], azp="another"),
    "many audiences and nobody named": lambda claims: claims.update(aud=[CLIENT, "another"]),
    "another issuer": lambda claims: claims.update(iss="https://accounts.example.org"),
    "no issuer": lambda claims: claims.pop("iss"),
    "expired": lambda claims: claims.update(exp=int(time.time()) - 120),
    "without an end": lambda claims: claims.pop("exp"),
    "of tomorrow": lambda claims: claims.update(iat=int(time.time()) + 86_400),
    "not valid yet": lambda claims: claims.update(nbf=int(time.time()) + 3600),
    "nonce of another sign-in": lambda claims: claims.update(nonce="n" * 43),
    "without nonce": lambda claims: claims.pop("nonce"),
    "for another access token": lambda claims: claims.update(at_hash="another"),
    "without subject": lambda claims: claims.pop("sub"),
    "subject that is a number": lambda claims: claims.update(sub=7301),
    "another subject": lambda claims: claims.update(sub="subject-7302"),
    "subject in another case": lambda claims: claims.update(sub=SUBJECT.upper()),
}


@pytest.mark.parametrize("how", SPOILT)
def test_spoilt_token_is_refused(how: str, house: House) -> None:
    """A signed token that is for another, of another, too old, too new or replayed lets nobody pass."""
    house.double.spoil = SPOILT[how]
    refused(house)


@pytest.mark.parametrize(
    "sign", [oidc_double.by_secret, oidc_double.by_public_key, oidc_double.by_nobody, oidc_double.by_a_stranger]
)
def test_token_that_the_provider_did_not_sign(sign: Callable[[Provider, Claims], str], house: House) -> None:
    """Signed with the client's secret, with the public key as one, by nobody or with a key of the same name: refused."""
    house.double.sign = sign
    refused(house)


@pytest.mark.parametrize("text", ["", "a.b.c", "no token", "ü", "e30.e30.e30"])
def test_what_is_no_token(text: str, house: House) -> None:
    """Rubbish in place of the token is refused like a wrong one."""
    house.double.sign = lambda _provider, _claims: text
    refused(house)


def refused(house: House, said: str = "You cannot come in") -> None:
    browser = house.browser()
    answer = house.sign_in(browser)
    assert answer.status_code == 403 and said in answer.text
    assert house.type(browser).status_code == 403


@pytest.mark.parametrize(
    ("told", "passes"),
    [
        ({"email": EMAIL, "email_verified": True}, True),
        ({"email": EMAIL.upper(), "email_verified": True}, True),
        ({"email": EMAIL, "email_verified": False}, False),
        ({"email": EMAIL}, False),
        ({"email": EMAIL, "email_verified": "true"}, False),
        ({"email": f"x{EMAIL}", "email_verified": True}, False),
        ({"sub": EMAIL}, False),
        ({"preferred_username": EMAIL}, False),
    ],
)
def test_email_counts_only_if_verified(told: Claims, passes: bool, tmp_path: Path) -> None:
    """An address passes if the provider verified it; a subject or a name that looks like it does not."""
    with oidc_double.served() as double:
        double.told = {"sub": "another"} | told
        found = made(tmp_path, double, PDP_OIDC_ALLOWED=f"sub:somebody@else, {EMAIL}")
        assert found.sign_in(found.browser()).status_code == (303 if passes else 403)


def test_way_back_belongs_to_the_way_there(house: House) -> None:
    """Another browser, another state, a second return: refused, and the code is not even shown to the provider."""
    first, second = house.browser(), house.browser()
    back, other = house.arrive(first), house.arrive(second)
    asked = len(house.double.asked)
    assert house.browser().get(back).status_code == 403
    assert first.get(other).status_code == 403
    assert first.get(back).status_code == 403  # spent by the wrong return
    assert len(house.double.asked) == asked
    assert second.get(other).status_code == 303
    assert second.get(other).status_code == 403


def test_too_slow(house: House) -> None:
    """Ten minutes at the provider, then ten for the password: after either it begins again. A clock set back ends both."""
    slow, late, back = house.browser(), house.browser(), house.browser()
    there = house.arrive(slow)
    house.moved = ASKED_S + 1
    assert slow.get(there).status_code == 403
    house.moved = 0
    assert house.sign_in(late).status_code == house.sign_in(back).status_code == 303
    house.moved = -1
    assert back.get("/login").headers["location"].startswith(house.double.address)
    assert house.sign_in(late).status_code == 303
    house.moved = PASSED_S
    assert house.type(late).status_code == 403


def test_answer_of_another_provider(house: House) -> None:
    """A return that names another issuer, or none although the provider always does, is refused (RFC 9207)."""
    house.double.back = {"iss": "https://accounts.example.org"}
    refused(house, "another provider")
    house.double.back = {"iss": house.double.address}
    assert house.sign_in(house.browser()).status_code == 303
    house.double.metadata = {"authorization_response_iss_parameter_supported": True}
    house.moved += KNOWN_S
    house.double.back = {}
    refused(house, "does not say whose")


def test_provider_that_says_no(house: House) -> None:
    """An error of the provider's, and a code that it does not know, are a sentence; its words are not repeated."""
    house.double.back = {"error": "access_denied", "error_description": "<b>words of others</b>", "code": ""}
    browser = house.browser()
    answer = house.sign_in(browser)
    assert answer.status_code == 403 and "let nobody in" in answer.text and "words of others" not in answer.text
    house.double.back = {"code": "invented"}
    refused(house, "does not know this sign-in")


def test_stolen_code_is_worth_nothing(house: House) -> None:
    """Who reads a code on its way cannot use it in a sign-in of their own: PKCE ties it to the one that was begun."""
    owner, thief = house.browser(), house.browser()
    code = parse_qs(urlsplit(house.arrive(owner)).query)["code"][0]
    house.double.back = {"code": code}
    answer = thief.get(house.arrive(thief))
    assert answer.status_code == 403 and "does not know this sign-in" in answer.text


def test_new_key_of_the_provider(house: House) -> None:
    """A key that came after the keys were read is found; once the old one is gone it no longer counts."""
    assert house.sign_in(house.browser()).status_code == 303
    old = house.double.key
    house.double.key = type(old).generate_key(2048, {"kid": "second"})
    assert house.sign_in(house.browser()).status_code == 303
    house.double.sign = lambda double, claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, old)
    refused(house)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://accounts.example.org"},
        {"issuer": None},
        {"token_endpoint": "http://example.org/token"},
        {"jwks_uri": None},
    ],
)
def test_provider_that_is_none(metadata: Claims, house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Another issuer, an address in the clear or a missing one: no browser is sent anywhere, the log says why."""
    house.double.metadata = metadata
    answer = house.browser().get("/login")
    assert answer.status_code == 503 and "log says why" in answer.text and "<form" not in answer.text
    assert "OpenID provider names" in caplog.text


def test_provider_that_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that does not answer shuts the gate in a sentence; it does not open it."""
    with oidc_double.served() as double:
        house = made(tmp_path, double)
    browser = house.browser()
    assert browser.get("/login").status_code == 503 and house.type(browser).status_code == 403
    assert "PDP_OIDC_ISSUER" in caplog.text


def test_nothing_of_a_person_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Neither subject nor address, neither code nor token nor secret is in any library's log or in a page, in or out."""
    caplog.set_level(logging.DEBUG)
    pages = [house.sign_in(house.browser()).text]
    codes = []
    for spoil in SPOILT.values():
        house.double.spoil = spoil
        browser = house.browser()
        back = house.arrive(browser)
        codes += parse_qs(urlsplit(back).query)["code"]
        pages.append(browser.get(back).text)
    ours = [record for record in caplog.records if not record.name.startswith("http")]  # httpx is the browser
    said = "\n".join([*pages, *(record.getMessage() for record in ours)])
    assert "not let through by OpenID Connect" in said
    assert [word for word in (SUBJECT, EMAIL, SECRET, "subject-7302", *codes) if word in said] == []
    kept = repr(house.site.gate) + repr(house.site.setup)
    assert [word for word in (SUBJECT, EMAIL, SECRET) if word in kept] == []


def test_flood_takes_no_memory(house: House) -> None:
    """However many browsers are sent to the provider, only so many ways back are remembered, the newest."""
    gate = house.site.gate
    assert gate
    first = gate.begin()[1]
    gate._asked |= {str(number): next(iter(gate._asked.values())) for number in range(MOST_ASKED)}
    gate.begin()
    assert len(gate._asked) <= MOST_ASKED and first not in gate._asked


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PDP_OIDC_ISSUER": ""}, "PDP_OIDC_ISSUER is missing"),
        ({"PDP_OIDC_ALLOWED": " "}, "PDP_OIDC_ALLOWED is missing"),
        ({"PDP_OIDC_ALLOWED": ","}, "names nobody"),
        ({"PDP_OIDC_ISSUER": "http://accounts.example.org"}, "PDP_OIDC_ISSUER has to begin with https://"),
        ({"PDP_OIDC_ADDRESS": "http://example.org"}, "PDP_OIDC_ADDRESS has to begin with https://"),
    ],
)
def test_half_a_setup_is_refused(environ: dict[str, str], said: str) -> None:
    """A gate that would be open, shut for all, or in the clear is not built: one sentence says what is missing."""
    with pytest.raises(UsageError, match=said):
        provider(settings(Provider("https://accounts.example.org"), **environ))


def test_without_settings_there_is_no_gate() -> None:
    """Nobody who does not want OpenID Connect notices it; empty variables count as not given."""
    assert provider({}) is None and provider({"PDP_OIDC_ISSUER": ""}) is None


def test_forced_demo_has_no_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DEMO_MODE=true: no vault, so no door, so no gate, whatever else is set."""
    demo = tmp_path / "demo"
    demo.mkdir()
    (demo / "registry.db").touch()
    environ = settings(Provider("https://accounts.example.org")) | {
        "DEMO_MODE": "true", "PDP_DEMO_DIR": str(demo), "PDP_VAULT": "vault",
    }  # fmt: skip
    setup = view.public(Path(__file__).parent.parent, environ, "0.0.0.0")
    assert setup.vault is None and setup.provider is None
