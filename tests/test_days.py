"""Offsets from UTC and the days that instants belong to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.normalize.days import PLAUSIBLE, Offsets, local_date, local_days, local_to_utc

BERLIN = "Europe/Berlin"
SUMMER, WINTER = 7200, 3600
ZONES = ["Europe/Berlin", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]


def utc(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[arg-type, misc]


def at(offsets: Offsets, instant: int) -> tuple[int, str]:
    found, source = offsets.at(np.array([instant]))
    return int(found[0]), str(source[0])


@pytest.mark.parametrize("zone", ZONES)
def test_the_zone_is_that_of_zoneinfo(zone: str) -> None:
    """At any instant from 1970 to 2100 the vectorised look-up says what zoneinfo says."""
    instants = np.arange(0, PLAUSIBLE[-1], 1_234_567)
    expected = [datetime.fromtimestamp(int(i), ZoneInfo(zone)).utcoffset() for i in instants]
    assert Offsets(zone).of_zone(instants).tolist() == [int(e.total_seconds()) for e in expected if e is not None]


def test_the_offsets_of_a_few_instants_are_those_among_many() -> None:
    """However far apart the instants are that are asked about together; one outside 1970 to 2100 is the nearer end."""
    instants = np.array(
        [-1, 0, *range(10**9 - 3, 10**9 + 10**8, 9_999_999), *PLAUSIBLE[-2:], PLAUSIBLE[-1] + 200 * 86_400]
    )
    for zone in ZONES:
        together = Offsets(zone).of_zone(instants)
        assert [int(Offsets(zone).of_zone(instants[i : i + 1])[0]) for i in range(len(instants))] == together.tolist()
        assert together[0] == together[1] and together[-1] == together[-2]


def test_a_change_to_summer_time_is_exact() -> None:
    """The last second of winter time, and the first of summer time."""
    change = utc(2025, 3, 30, 1)
    assert Offsets(BERLIN).of_zone(np.array([change - 1, change])).tolist() == [WINTER, SUMMER]


def test_without_a_known_offset_the_zone_decides() -> None:
    """Labelled zone, summer time included."""
    assert at(Offsets(BERLIN), utc(2025, 7, 1)) == (SUMMER, "zone")
    assert at(Offsets(BERLIN), utc(2025, 12, 1)) == (WINTER, "zone")


def test_abroad_the_nearest_row_decides() -> None:
    """A row that tells an offset the zone does not know rules its surroundings."""
    offsets = Offsets(BERLIN, [(utc(2025, 7, 1), SUMMER), (utc(2025, 7, 10), -10800), (utc(2025, 7, 20), SUMMER)])
    assert at(offsets, utc(2025, 7, 8)) == (-10800, "nearest")
    assert at(offsets, utc(2025, 7, 3)) == (SUMMER, "nearest")
    assert at(offsets, utc(2025, 7, 30)) == (SUMMER, "nearest")


def test_at_home_a_change_of_the_clock_is_not_missed() -> None:
    """The nearest row says summer time, the sample lies after its end: the zone's winter time is right."""
    offsets = Offsets(BERLIN, [(utc(2025, 10, 25, 6), SUMMER)])
    assert at(offsets, utc(2025, 10, 25, 20)) == (SUMMER, "nearest")
    assert at(offsets, utc(2025, 10, 26, 20)) == (WINTER, "zone")


def test_the_order_of_known_offsets_and_repeats_change_nothing() -> None:
    """Two rows that contradict each other at one instant included."""
    known = [(1000, 3600), (5000, 7200), (1000, 0), (9000, -3600)]
    instants = np.array([0, 1000, 2999, 3000, 3001, 7000, 99_999])
    expected = [array.tolist() for array in Offsets("UTC", known).at(instants)]
    assert [array.tolist() for array in Offsets("UTC", [*reversed(known), *known]).at(instants)] == expected
    assert expected[0] == [0, 0, 0, 0, 7200, 7200, -3600]


def test_many_instants_are_asked_for_as_one_by_one() -> None:
    """Whether the clock changes between them or not, and beyond both ends of what is plausible."""
    zone = Offsets(BERLIN)
    change, far = utc(2025, 10, 26, 1), 4_102_444_800
    for instants in (
        [change - 1, change - 3600], [change - 1, change], [change, change + 1], [change + 1, -5, change - 1], [far + 10**9, -1],
        [far, far + 1, far + 10**8],
    ):  # fmt: skip
        alone = [zone.of_zone(np.array([instant])).item() for instant in instants]
        assert zone.of_zone(np.array(instants)).tolist() == alone
    assert zone.of_zone(np.array([change - 1, change])).tolist() == [SUMMER, WINTER]


def test_no_instants_and_wild_instants_do_no_harm() -> None:
    """Far outside 1970 to 2100 the nearest end of the zone's table is taken."""
    assert len(Offsets(BERLIN).at(np.array([], dtype=np.int64))[0]) == 0
    assert at(Offsets(BERLIN), 10**17)[1] == at(Offsets(BERLIN), -(10**17))[1] == "zone"


@pytest.mark.parametrize(
    ("zone", "label", "offset"),
    [(BERLIN, (2025, 10, 26), SUMMER), (BERLIN, (2025, 10, 27), WINTER), ("America/Los_Angeles", (2025, 3, 9), -28800)],
)
def test_local_midnight_of_a_labelled_date(zone: str, label: tuple[int, ...], offset: int) -> None:
    """On the day on which the clock changes, the offset is that of its beginning."""
    found, _ = Offsets(zone).at_local_midnight(np.array([utc(*label)]))
    assert found.tolist() == [offset]


def test_the_day_may_begin_later() -> None:
    """T18: twenty past midnight counts for the evening before, where a day is said to begin at four."""
    instant = utc(2026, 1, 1, 23, 20)  # 00:20 in Berlin
    assert local_date(instant, WINTER) == date(2026, 1, 2)
    assert local_date(instant, WINTER, 4) == date(2026, 1, 1)
    days = local_days(np.array([instant, instant]), np.array([WINTER, WINTER]), np.array([0, 4]))
    assert [date(1970, 1, 1) + timedelta(days=int(day)) for day in days] == [date(2026, 1, 2), date(2026, 1, 1)]


def test_a_skipped_local_time_is_flagged() -> None:
    """In the gap of spring the offset before it is taken."""
    found = local_to_utc(datetime(2025, 3, 30, 2, 30), BERLIN)
    assert found == (utc(2025, 3, 30, 1, 30), WINTER, ("nonexistent_local_time",))


def test_a_repeated_local_time_is_flagged() -> None:
    """In autumn the first of the two is taken."""
    found = local_to_utc(datetime(2025, 10, 26, 2, 30), BERLIN)
    assert found == (utc(2025, 10, 26, 0, 30), SUMMER, ("ambiguous_local_time",))


@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)), st.sampled_from(ZONES))
def test_any_other_local_time_goes_there_and_back(naive: datetime, zone: str) -> None:
    """Without a flag, the instant read back in the zone is the local time again."""
    naive = naive.replace(microsecond=0)
    instant, offset, flags = local_to_utc(naive, zone)
    if not flags:
        assert datetime.fromtimestamp(instant, ZoneInfo(zone)).replace(tzinfo=None) == naive
        assert Offsets(zone).of_zone(np.array([instant])).tolist() == [offset]


@given(st.lists(st.integers(-1, 4_102_444_802), min_size=1, max_size=6), st.sampled_from(ZONES))
def test_instants_far_apart_have_the_offsets_that_each_has_alone(instants: list[int], zone: str) -> None:
    """Of the years between them nothing is asked."""
    alone = [int(Offsets(zone).of_zone(np.array([instant]))[0]) for instant in instants]
    assert Offsets(zone).of_zone(np.array(instants)).tolist() == alone


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([-10_800, 0, 3600, 7200, 20_700])), max_size=12),
    st.integers(-3, 43), st.integers(0, 20), st.sampled_from(ZONES),
)  # fmt: skip
def test_what_is_near_decides_as_all_do(known: list[tuple[int, int]], first: int, days: int, zone: str) -> None:
    """Between two instants, and for local midnights a day within them; however much is known before and after."""
    start = utc(2025, 3, 10)
    pairs = [(start + day * 86_400, offset) for day, offset in known]
    whole = Offsets(zone, pairs)
    low, high = start + first * 86_400, start + (first + days) * 86_400
    near = whole.near(low, high)
    told = sorted(dict(sorted(pairs, reverse=True)).items())
    parts = [told[begin:end] for begin in range(len(told) + 1) for end in range(begin, len(told) + 1)]
    named = {Offsets(zone, part).digest(): part for part in parts}
    assert len(named) == len({tuple(part) for part in parts}) and near.digest() in named
    instants = np.arange(low, high + 1, 10_800)
    for asked, all_of in ((near.told, whole.told), (near.at_local_midnight, whole.at_local_midnight)):
        inside = instants if asked == near.told else instants[(instants >= low + 86_400) & (instants <= high - 86_400)]
        for found, expected in zip(asked(inside), all_of(inside), strict=True):
            assert found.tolist() == expected.tolist()
