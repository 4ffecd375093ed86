"""A slice of the campaign of flipped bits at every test run; `CRASH_SEED` makes another choice."""

from __future__ import annotations

import os

import pytest

from pdp import registry
from tests.bits import Bench, campaign

SETTING = b'"day_starts_at":0'


def test_no_flipped_bit_of_the_registry_serves_wrong_data_in_silence() -> None:
    fates, wrong = campaign(60, int(os.environ["CRASH_SEED"]), 20)
    assert not wrong, f"CRASH_SEED={os.environ['CRASH_SEED']}"
    assert sum(fates.values()) == 60


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bits"))


def bit_of(bench: Bench, text: bytes) -> int:
    """The lowest bit of the last byte of `text`, where the registry holds it first."""
    return (bench.bytes.index(text) + len(text) - 1) * 8


def test_a_kept_setting_that_was_harmed_is_read_from_the_config_again(bench: Bench) -> None:
    """The hour at which a day starts becomes another valid hour on the disk: nobody is told that one."""
    assert bench.flip(bit_of(bench, SETTING), True) == ("healed", "")


def test_the_campaign_sees_what_a_missing_checksum_lets_through(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = lambda text, *name: registry.load(text.rpartition("#")[0])  # noqa: E731
    monkeypatch.setattr(registry, "unsealed", kept)
    fate, what = bench.flip(bit_of(bench, SETTING), False)
    assert fate == "wrong" and "settings" in what


def test_a_column_whose_name_was_harmed_is_found(bench: Bench) -> None:
    """Another case is the same name to SQLite, and none that readers of its rows know."""
    bit = bench.bytes.index(b"finished_at TEXT") * 8 + 5
    assert bench.flip(bit, False)[0] == "told by verify, until then words differ"


def test_a_version_without_its_maker_is_told(bench: Bench) -> None:
    """In an index one name became another: the version is listed, and what made it is not found. A sentence says what to do."""
    bit = (bench.bytes.index(b"\x04\x17\x01\x01total\x02") + 4) * 8
    assert bench.flip(bit, False) == ("told to readers", "")


def test_a_record_that_was_harmed_is_found(bench: Bench) -> None:
    """A reason becomes another word: readers cannot know, `pdp verify` does."""
    assert bench.flip(bit_of(bench, b"never built"), False)[0] == "told by verify, until then words differ"
