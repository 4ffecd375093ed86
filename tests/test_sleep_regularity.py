"""How regular sleep is: against hand-computed days and what the measures are known to give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from pdp.statistics import sleep as regularity
from pdp.statistics.sleep import LEAST, MINUTES, PAIRS, agreement, regularity_index, rolling_regularity_index

FIRST = pd.Timestamp("2026-01-05")
Stretches = list[tuple[float, float]]
NIGHT: Stretches = [(23, 31)]


def slept(days: int, hours: Callable[[int], Stretches]) -> pd.DataFrame:
    """Segments of so many days; `hours(day)` gives each day's stretches in hours after the midnight before it."""
    rows = []
    for day in range(days):
        date = FIRST + pd.Timedelta(days=day)
        stretches = hours(day)
        longest = max((end - start for start, end in stretches), default=0)
        for start, end in stretches:
            bed, wake = (date + pd.Timedelta(hours=at - 24) for at in (start, end))
            rows.append((date, bed, wake, (end - start) * 60, end - start == longest))
    return pd.DataFrame(rows, columns=["date", "bedtime", "wake", "duration_min", "main"])


def index(segments: pd.DataFrame) -> float:
    return regularity_index(agreement(segments))


def test_identical_days() -> None:
    """The same hours each day: 100, with a nap too, and whatever the hours are."""
    assert index(slept(7, lambda _: NIGHT)) == 100
    assert index(slept(30, lambda _: [*NIGHT, (34, 35)])) == 100
    assert index(slept(7, lambda _: [(18, 35.5)])) == 100


def test_reversed_days() -> None:
    """Twelve hours asleep, each day those that the day before was awake: −100."""
    assert index(slept(8, lambda day: [(12, 24)] if day % 2 else [(24, 36)])) == -100


@pytest.mark.parametrize(("minutes", "expected"), [(60, 100 - 200 * 120 / MINUTES), (5, 100 - 200 * 10 / MINUTES)])
def test_shifted_nights_by_hand(minutes: int, expected: float) -> None:
    """Each night that begins and ends so much later or earlier than the last differs twice so long from it."""
    shift = minutes / 60
    assert index(slept(9, lambda day: [(23 + shift * (day % 2), 31 + shift * (day % 2))])) == pytest.approx(expected)


def test_one_late_morning_by_hand() -> None:
    """Six pairs, in two of which one hour of 24 differs (up at 6, once at 7): −100 + 200 (4 + 2 · 23/24) / 6."""
    found = index(slept(7, lambda day: [(23, 31 if day == 3 else 30)]))
    assert found == pytest.approx(-100 + 200 * (4 + 2 * 23 / 24) / 6)


def test_a_nap_counts() -> None:
    """An afternoon's hour on one day of seven belongs to the day that begins at noon: it makes two pairs differ."""
    found = index(slept(7, lambda day: [*NIGHT, (38, 39)] if day == 3 else NIGHT))
    assert found == pytest.approx(100 - 200 * 2 / 24 / 6)


def test_random_sleep() -> None:
    """Asleep or awake by the toss of a coin, each hour anew: about 0, which is why it is called an index and no share."""
    coin = np.random.default_rng(3)

    def hours(_day: int) -> Stretches:
        return [(12.0, 15.0), *((float(hour), hour + 1.0) for hour in range(15, 36) if coin.random() < 0.5)]

    found = agreement(slept(400, hours))
    without_the_sure_hours = (found * 24 - 3) / 21
    assert 200 * without_the_sure_hours.mean() - 100 == pytest.approx(0, abs=3)


def test_less_than_seven_days_in_a_row() -> None:
    """Six days have five pairs: no index. A night that is not known takes both its pairs along, and is not "awake"."""
    assert np.isnan(index(slept(6, lambda _: NIGHT)))
    gap = slept(8, lambda day: [] if day == 3 else NIGHT)
    assert len(agreement(gap)) == 5 and np.isnan(index(gap))
    assert index(slept(9, lambda day: [] if day == 3 else NIGHT)) == 100


def test_a_nap_alone_is_no_night() -> None:
    """A day with less than three hours of sleep was not recorded."""
    short = slept(9, lambda day: [(38, 38 + LEAST / 60 - 0.1)] if day == 3 else NIGHT)
    assert list(agreement(short).index.day) == [6, 7, 10, 11, 12, 13]


def test_split_nights_see_broken_sleep() -> None:
    """Two hours awake each second night: the index falls, the middle of the longest stretch need not."""
    whole = index(slept(10, lambda _: NIGHT))
    broken = index(slept(10, lambda day: [(23, 26), (28, 31)] if day % 2 else NIGHT))
    assert broken == pytest.approx(whole - 200 * 2 / 24)


def test_rolling_index_is_the_index_of_its_window() -> None:
    """Each date's value is the index of the 28 days that end on it, alone; from the seventh day on."""
    coin = np.random.default_rng(5)
    segments = slept(60, lambda _: [(22 + 3 * coin.random(), 30 + 2 * coin.random())])
    rolled = rolling_regularity_index(agreement(segments))
    assert rolled["date"].iloc[0] == FIRST + pd.Timedelta(days=PAIRS)
    for row in (rolled.iloc[0], rolled.iloc[30], rolled.iloc[-1]):
        window = segments[segments["date"].between(row["date"] - pd.Timedelta(days=27), row["date"])]
        assert row["sri"] == pytest.approx(index(window), abs=1e-9)


def test_no_sleep_at_all() -> None:
    """No segment, no index, no error."""
    empty = slept(1, lambda _: NIGHT).iloc[:0]
    assert agreement(empty).empty and rolling_regularity_index(agreement(empty)).empty and np.isnan(index(empty))


def test_midpoint_sd_is_circular() -> None:
    """Midpoints just before and just after midnight are regular; equal ones have no spread."""
    assert regularity.midpoint_sd(pd.Series([1435.0, 5.0])) == pytest.approx(5.0, abs=0.01)
    assert regularity.midpoint_sd(pd.Series([180.0, 180.0, 180.0])) == pytest.approx(0.0, abs=1e-3)
    assert np.isnan(regularity.midpoint_sd(pd.Series([180.0])))
