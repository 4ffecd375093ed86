"""Cells of a hand-kept sheet: what each way of writing means, and what is refused rather than guessed."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.normalize.cells import (
    UTC,
    Clock,
    Moment,
    Unreadable,
    is_blank,
    parse_moment,
    parse_number,
    parse_pair,
    parse_time,
)

FEB_1 = dt.date(2026, 2, 1)
JAN_12 = dt.date(2025, 1, 12)


def clock(hour: int, minute: int, second: int = 0) -> Clock:
    return Clock(hour * 3600 + minute * 60 + second)


@pytest.mark.parametrize("order", ["ymd", "dmy", "mdy"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-01", Moment(FEB_1)),
        ("2026/2/1", Moment(FEB_1)),
        ("2026.02.01", Moment(FEB_1)),
        ("20260201", Moment(FEB_1)),
        ("2026-02-01 07:30", Moment(FEB_1, 27_000)),
        ("2026-02-01T07:30:15", Moment(FEB_1, 27_015)),
        ("2026-02-01T07:30:00+01:00", Moment(FEB_1, 27_000, 3600)),
        ("2026-02-01 07:30 -0330", Moment(FEB_1, 27_000, -12_600)),
        ("2026-02-01T07:30:00Z", Moment(FEB_1, 27_000, UTC)),
        ("2026-02-01, 7:30 PM", Moment(FEB_1, 70_200)),
        ("Jan 12 2025", Moment(JAN_12)),
        ("Jan 12, 2025", Moment(JAN_12)),
        ("January 12th, 2025", Moment(JAN_12)),
        ("12. Januar 2025", Moment(JAN_12)),
        ("12-Jan-2025", Moment(JAN_12)),
        ("12 Jan 25", Moment(JAN_12)),
        ("So, 12. Jan. 2025 19:30", Moment(JAN_12, 70_200)),
        ("28 Apr 2026", Moment(dt.date(2026, 4, 28))),
        ("Apr 28, 2026", Moment(dt.date(2026, 4, 28))),
        ("1. März 2026", Moment(dt.date(2026, 3, 1))),
        ("1er août 2026", Moment(dt.date(2026, 8, 1))),
        ("2 de enero de 2026", Moment(dt.date(2026, 1, 2))),
        ("46054", Moment(FEB_1)),
        ("46054.3125", Moment(FEB_1, 27_000)),
        ("46054,3125", Moment(FEB_1, 27_000)),
        ("\u00a02026-02-01 ", Moment(FEB_1)),
    ],
)
def test_dates_that_need_no_declaration(text: str, expected: Moment, order: str) -> None:
    """Year-first dates, names of months and serial numbers mean the same under every date_order."""
    assert parse_moment(text, order) == expected


@pytest.mark.parametrize(
    "text", ["01/02/2026", "1.2.2026", "1-2-26", "01. 02. 2026", "So 01.02.2026", "1/2/2026 7:30:00"]
)
def test_dates_of_numbers_are_read_as_declared(text: str) -> None:
    """The same digits are the first of February or the second of January, as date_order says; never by guess."""
    day_first, month_first = parse_moment(text, "dmy"), parse_moment(text, "mdy")
    assert day_first and day_first.date == FEB_1
    assert month_first and month_first.date == dt.date(2026, 1, 2)
    with pytest.raises(Unreadable, match=r'set google_sheets.date_order to "dmy" or "mdy"') as refused:
        parse_moment(text, "ymd")
    assert refused.value.problem == "ambiguous_date"


@pytest.mark.parametrize(
    ("text", "order", "problem"),
    [
        ("13/02/2026", "ymd", "ambiguous_date"),
        ("13/02/2026", "mdy", "impossible_date"),
        ("02/13/2026", "dmy", "impossible_date"),
        ("2026-02-30", "dmy", "impossible_date"),
        ("1926-02-01", "ymd", "impossible_date"),
        ("01.02.", "dmy", "unreadable_date"),
        ("1.2/2026", "dmy", "unreadable_date"),
        ("Average", "dmy", "unreadable_date"),
        ("12345", "dmy", "unreadable_date"),
        ("12 Jan 07:30", "dmy", "unreadable_time"),
        ("2026-02-01 25:00", "ymd", "unreadable_time"),
        ("2026-02-01 after lunch", "ymd", "unreadable_time"),
    ],
)
def test_dates_that_are_refused(text: str, order: str, problem: str) -> None:
    """What cannot be a date under the declared order is refused by name."""
    with pytest.raises(Unreadable) as refused:
        parse_moment(text, order)
    assert refused.value.problem == problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7:30 AM", clock(7, 30)),
        ("7:30am", clock(7, 30)),
        ("7:30\u202fPM", clock(19, 30)),
        ("7:30 p. m.", clock(19, 30)),
        ("12:15 AM", clock(0, 15)),
        ("12:15 PM", clock(12, 15)),
        ("7 pm", clock(19, 0)),
        ("19:30", clock(19, 30)),
        ("19.30", clock(19, 30)),
        ("7.30", clock(7, 30)),
        ("19h30", clock(19, 30)),
        ("19 h", clock(19, 0)),
        ("19:30 Uhr", clock(19, 30)),
        ("07:30:15", clock(7, 30, 15)),
        ("0730", clock(7, 30)),
        ("730", clock(7, 30)),
        ("1930", clock(19, 30)),
        ("0.3125", clock(7, 30)),
        ("0,8125", clock(19, 30)),
        ("0.25", clock(6, 0)),
        ("00.25", clock(0, 25)),
        ("0", clock(0, 0)),
        ("46054.3125", clock(7, 30)),
        ("07:30+01:00", Clock(27_000, 3600)),
        ("07:30 UTC", Clock(27_000, UTC)),
        ("7:30 PM -05:00", Clock(70_200, -18_000)),
    ],
)
def test_times(text: str, expected: Clock) -> None:
    """Twelve and twenty-four hours, with and without separators, and the fractions that Sheets stores."""
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text", ["7", "24:00", "19:60", "13:30 AM", "7.5", "46054", "12345", "19:30-19:45", "7-30", "noon", "1.5"]
)
def test_times_that_are_refused(text: str) -> None:
    """A lone hour, a range, an hour that no clock shows: not read as something near."""
    with pytest.raises(Unreadable):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("132", 132), ("132,5", 132.5), ("132.5", 132.5), ("\u00a0132 ", 132), ("132 mmHg", 132), ("132mm Hg", 132),
        ("72bpm", 72), ("72 /min", 72), ("１３２", 132),
    ],
)  # fmt: skip
def test_numbers(text: str, expected: float) -> None:
    """A decimal comma is one, a unit may stand beside the number, spaces around it do not matter."""
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    "text", ["13O", "7x", "1.234,5", "13 2", "-5", "1e5", "inf", "nan%", "120/80", "17.3 kPa", "?"]
)
def test_numbers_that_are_refused(text: str) -> None:
    """A letter O is no zero, and a number that could be two is neither."""
    with pytest.raises(Unreadable, match="not a number"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("130/85", (130, 85, None)), ("130 / 85", (130, 85, None)), ("130-85", (130, 85, None)),
        ("130–85", (130, 85, None)), ("130/85 mmHg", (130, 85, None)), ("120,80", (120, 80, None)),
        ("130 85", (130, 85, None)), ("132,5/85,5", (132.5, 85.5, None)), ("130/85/70", (130, 85, 70)),
        ("80/120", (80, 120, None)),
    ],
)  # fmt: skip
def test_pairs(text: str, expected: tuple[float, float, float | None]) -> None:
    """Both pressures in one cell, perhaps with the pulse; nothing is swapped."""
    assert parse_pair(text) == expected


@pytest.mark.parametrize("text", ["130", "130.85", "13O/85", "130/", "130/85/70/60", "high"])
def test_pairs_that_are_refused(text: str) -> None:
    """One number is no pair, nor is a decimal."""
    with pytest.raises(Unreadable, match="not a pair"):
        parse_pair(text)


@pytest.mark.parametrize("text", ["", "  ", "\u00a0", "-", "–", "n/a", "N/A", "null", "NaN", "#N/A"])
def test_blanks(text: str) -> None:
    """What people and programs write for "nothing" is nothing, in every kind of cell."""
    assert is_blank(text)
    assert [parse_moment(text, "dmy"), parse_time(text), parse_number(text), parse_pair(text)] == [None] * 4


@given(st.dates(dt.date(1970, 1, 1), dt.date(2099, 12, 31)), st.sampled_from(["dmy", "mdy"]), st.sampled_from("./-"))
def test_every_date_is_read_back(date: dt.date, order: str, separator: str) -> None:
    """A date written in the declared order is that date, whatever its digits."""
    written = date.strftime(separator.join({"d": "%d", "m": "%m", "y": "%Y"}[part] for part in order))
    assert parse_moment(written, order) == parse_moment(date.isoformat(), order) == Moment(date)


@given(st.integers(0, 86_399))
def test_every_second_is_read_back(second: int) -> None:
    """Every time of day, written on either clock or as a serial number, is that time."""
    moment = dt.datetime(2026, 2, 1) + dt.timedelta(seconds=second)
    for written in (f"{moment:%H:%M:%S}", f"{moment:%I:%M:%S %p}", f"{second / 86_400:.10f}"):
        assert parse_time(written) == Clock(second)


@given(st.text(max_size=40) | st.text("0123456789 :.,/-+apmzthTjnov", max_size=20), st.sampled_from(["ymd", "mdy"]))
def test_anything_is_read_or_refused(text: str, order: str) -> None:
    """Whatever stands in a cell, the answer is a value, a blank or a refusal with a rule's name."""
    for parse in (lambda cell: parse_moment(cell, order), parse_time, parse_number, parse_pair):
        with suppress(Unreadable):
            parse(text)
