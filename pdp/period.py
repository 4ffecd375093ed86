"""Periods: which dates are asked for, and the rows that lie in them."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from pdp.errors import InputError, UsageError

if TYPE_CHECKING:
    import pandas as pd


class Period(NamedTuple):
    """The dates that a chart spans, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def within(frame: pd.DataFrame, period: Period | None) -> pd.DataFrame:
    """The rows whose `date` lies in the period."""
    if period is None or frame.empty:
        return frame
    import pandas as pd

    return frame[frame["date"].between(pd.Timestamp(period.first), pd.Timestamp(period.last))]


def period_of(
    days: pd.DataFrame, readings: pd.DataFrame, first: date | None, last: date | None, back: int | None
) -> Period:
    """The dates that were asked for. A number of days ends at the last reading (else the last day of anything).

    Raises:
        InputError: no day lies in it.
        UsageError: it ends before it begins.
    """
    if days.empty:
        raise InputError("there is no day to report on", hint="put exports into the raw folder and run doit")
    newest = (readings if len(readings) else days)["date"].max().date()
    end = last or (newest if back else max(newest, days["date"].max().date()))
    start = first or (end - timedelta(days=back - 1) if back else days["date"].min().date())
    if start > end and not last:
        raise InputError(f"there is no day from {start} on", hint=f"the last one is {end}")
    if start > end:
        raise UsageError(f"{start} lies after {end}", hint="a period goes from the earlier date to the later one")
    period = Period(start, end)
    if within(days, period).empty:
        known = f"days go from {days['date'].min().date()} to {days['date'].max().date()}"
        raise InputError(f"there is no day from {start} to {end}", hint=known)
    return period


def days_back(text: str) -> int:
    """`28d`, `4w`, `3m` or `1y` (or a plain number of days) as days.

    Raises:
        UsageError: it is something else, or nothing.
    """
    match = re.fullmatch(r"(\d{1,5})\s*([dwmy]?)", text.strip().lower())
    number = int(match[1]) * {"": 1, "d": 1, "w": 7, "m": 30, "y": 365}[match[2]] if match else 0
    if not number:
        raise UsageError(f"{text} is no length of time", hint="write it like 28d, 12w, 6m or 1y")
    return number
