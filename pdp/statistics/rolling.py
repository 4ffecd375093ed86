"""Means over the last days, where enough of them were measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

WEEK, WEEK_MINIMUM = 7, 4
MONTH, MONTH_MINIMUM = 28, 14


def rolling_mean(
    days: pd.DataFrame, columns: Sequence[str], window: int = WEEK, minimum: int = WEEK_MINIMUM
) -> pd.DataFrame:
    """The mean of the `window` calendar days that end on a date, for each date where `minimum` of them have a value.

    Args:
        days: one row per `date`; days that are missing stay missing, nothing is interpolated.
        columns: what to average.

    Returns:
        `date` and the columns; dates on which no column has enough days are left out.
    """
    by_date = days.set_index("date")[list(columns)].astype("float64")
    if by_date.empty:
        return by_date.reset_index()
    rolled = by_date.asfreq("D").rolling(window, min_periods=minimum).mean()
    return rolled.dropna(how="all").rename_axis("date").reset_index()
