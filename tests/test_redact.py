"""What is registered as a secret is in no sentence."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest

from pdp import redact
from pdp.errors import InputError, sentence

KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvQ+IBADANBg/kqhkiG9w0\nBAQEFAASCBKcwggSj\n-----END PRIVATE KEY-----\n"
ACCOUNT = json.dumps(
    {
        "type": "service_account",
        "private_key_id": "0a1b2c3d4e5f",
        "private_key": KEY,
        "client_email": "someone@project.iam.example",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
)


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_forms", {})


@pytest.mark.parametrize("around", ["", "a", "ab", "abc"])
def test_a_secret_is_masked_in_every_dress(around: str) -> None:
    """Plain, as JSON, percent-encoded, and within base64 at any position."""
    secret = 'S3cr"et/\\ümlaut+token-4711'
    redact.register(secret)
    text = around + secret + around
    for dress in (text, json.dumps(text), json.dumps(text, ensure_ascii=False), quote(text, safe="")):
        masked = redact.redact(f"before {dress} after")
        assert redact.SHOWN in masked and "4711" not in masked and masked.startswith("before "), dress
    for encode in (b64encode, urlsafe_b64encode):
        dress = encode(text.encode()).decode()
        assert dress[8:-8] not in redact.redact(dress)


def test_the_pieces_of_a_credential_are_masked() -> None:
    """Each value of its JSON, each line of its key; what every such credential has stays."""
    redact.register(ACCOUNT)
    for piece in ("0a1b2c3d4e5f", "someone@project.iam.example", "MIIEvQ+IBADANBg/kqhkiG9w0", "BAQEFAASCBKcwggSj"):
        assert redact.redact(f"no {piece} here") == f"no {redact.SHOWN} here"
    assert redact.redact(ACCOUNT) == redact.SHOWN
    assert redact.redact("https://oauth2.googleapis.com/token of a service_account") == (
        "https://oauth2.googleapis.com/token of a service_account"
    )


def test_errors_leave_without_secrets() -> None:
    """The longest form is masked first, so that no rest of one stands; short texts are no secrets."""
    redact.register("token-47")
    redact.register(b"token-4711-and-more\n")
    redact.register("no")
    error = InputError("no access with token-4711-and-more", hint="see token-47")
    assert sentence(error) == "no access with [secret]; see [secret]"
