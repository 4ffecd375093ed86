"""A slice of the tampering (`make sync` tries all), and that it can fail."""

from __future__ import annotations

import pytest

from pdp.sync.backend import Missing
from pdp.sync.blobs import Blobs, Stored, damaged
from tests.sync_tamper import tamper


def test_nothing_that_was_tampered_with_is_taken_for_right() -> None:
    """Flipped, cut, swapped, replayed: refused with a sentence and nothing changed, or exactly what was pushed."""
    # Keys are drawn anew, and with them the number of bytes that are sealed: 556 to 589 states in forty draws.
    found = tamper(every=89, least=256)
    assert sum(found.values()) > 500
    assert {kind for kind, _ in found} == {
        *(f"{mode} {name}" for mode in ("plain", "sealed") for name in ("flip", "cut", "swap", "replay")),
        "bundle flip", "bundle cut",
    }  # fmt: skip
    assert [kind for kind, outcome in found if outcome == "wrong"] == []


def test_the_tampering_finds_a_reader_that_does_not_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant that takes an object's bytes as they come is caught."""

    def careless(self: Blobs, stored: Stored, digest: str) -> bytes:
        names = (part.ref or self.vault.name(part.digest) for part in stored.parts)
        try:
            return b"".join(self.vault.open(self.backend.get(name)) for name in names)
        except Missing:
            raise damaged(digest) from None

    monkeypatch.setattr(Blobs, "get", careless)
    found = tamper(every=11, least=256)
    assert found["plain flip", "wrong"] > 0
