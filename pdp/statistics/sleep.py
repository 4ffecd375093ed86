"""How regular sleep is: the sleep regularity index, and the variability of midsleep.

Sleep regularity index (SRI): how much likelier than chance a person is in the same state, asleep or awake, at two moments
24 hours apart. 100: all days alike; 0: as chance has it; −100: each day the reverse of the one before. Phillips et al. 2017
(Sci Rep 7:3216, doi 10.1038/s41598-017-03171-4), with N days of M minutes:

    SRI = −100 + 200 / (M (N − 1)) · Σ over days i and minutes j of [state(i, j) = state(i + 1, j)]

Over pairs of neighbouring days that are both known, days from noon to noon, as Windred et al. 2024 (Sleep 47:zsad253) do
with gaps. Variability of midsleep: the circular standard deviation of the middle of the main sleep, so that one before and
one after midnight lie close together: SD = sqrt(−2 ln R), R the length of the mean direction (Fisher, Statistical Analysis
of Circular Data, 1993). It sees slow drifts that the SRI does not, the SRI naps and broken nights (Fischer et al. 2021,
doi 10.1093/sleep/zsab103).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pdp.statistics.rolling import MONTH, MONTH_MINIMUM

if TYPE_CHECKING:
    import pandas as pd

MINUTES = 24 * 60
INDEX, VARIABILITY = "sleep regularity index", "variability of midsleep"
LEAST = 180
"""Minutes of a main sleep that count: on a day whose night was not recorded, the longest stretch is a nap."""
PAIRS = 6
"""Pairs of neighbouring days that an index needs: those of seven days in a row."""


def agreement(segments: pd.DataFrame) -> pd.Series:
    """By date, the share of minutes at which the state was that of 24 hours before, from noon to noon by the wall clock.

    A date is there if its night and the one before are known, each by a main sleep of at least LEAST minutes: a night
    without one was not recorded, since a device that is not worn tells nothing. Awake within a stretch of sleep counts as
    asleep: reports tell how long it was, not when.

    Args:
        segments: as `pdp.frames.sleep_segments` gives them.
    """
    import numpy as np
    import pandas as pd

    known = segments.loc[segments["main"] & (segments["duration_min"] >= LEAST), "date"].drop_duplicates()
    if known.empty:
        return pd.Series(index=pd.DatetimeIndex([], name="date"), dtype="float64")
    dates = pd.date_range(known.min(), known.max(), name="date")
    noon = dates[0] - pd.Timedelta(hours=12)
    ends = [((segments[name] - noon).dt.total_seconds() / 60).round().astype("int64") for name in ("bedtime", "wake")]
    asleep = np.zeros(len(dates) * MINUTES, dtype=bool)
    for start, end in zip(*ends, strict=True):
        asleep[max(start, 0) : max(end, 0)] = True
    days = asleep.reshape(len(dates), MINUTES)
    same = pd.Series(np.r_[np.nan, (days[1:] == days[:-1]).mean(axis=1)], dates)
    has = pd.Series(dates.isin(known), dates)
    return same[has & has.shift(fill_value=False)].rename("same")


def regularity_index(same: pd.Series) -> float:
    """The sleep regularity index, −100 to 100, of what `agreement` gave; nan for less than PAIRS of it."""
    return math.nan if len(same) < PAIRS else 200 * float(same.mean()) - 100


def rolling_regularity_index(same: pd.Series, window: int = MONTH) -> pd.DataFrame:
    """`date`, `sri`: over the `window` calendar days that end on each date, where PAIRS of them are known."""
    if same.empty:
        return same.rename("sri").reset_index()
    rolled = same.asfreq("D").rolling(window - 1, min_periods=PAIRS).mean()  # so many pairs have that many days
    return (200 * rolled - 100).dropna().rename("sri").rename_axis("date").reset_index()


def midpoints(segments: pd.DataFrame) -> pd.Series:
    """Minutes after local midnight at the middle of each day's longest stretch of sleep, if at least LEAST, by date of waking."""
    main = segments[segments["main"] & (segments["duration_min"] >= LEAST)].drop_duplicates("date")
    middle = main["bedtime"] + (main["wake"] - main["bedtime"]) / 2
    minutes = (middle - middle.dt.normalize()).dt.total_seconds() / 60
    return minutes.set_axis(main["date"]).sort_index().rename("midpoint")


def midpoint_sd(minutes: pd.Series) -> float:
    """Circular SD of midpoints (minutes); nan for less than two."""
    if len(minutes) < 2:
        return math.nan
    import numpy as np

    angle = minutes.to_numpy() * (2 * math.pi / MINUTES)
    return _sd(float(np.hypot(np.cos(angle).mean(), np.sin(angle).mean())))


def rolling_midpoint_sd(minutes: pd.Series, window: int = MONTH, minimum: int = MONTH_MINIMUM) -> pd.DataFrame:
    """`date`, `sd` (minutes): over the `window` calendar days that end on each date, where `minimum` nights are known."""
    import numpy as np
    import pandas as pd

    if minutes.empty:
        return pd.DataFrame({"date": minutes.index, "sd": minutes})
    angle = minutes.asfreq("D") * (2 * math.pi / MINUTES)
    rolled = [values.rolling(window, min_periods=minimum).mean() for values in (np.cos(angle), np.sin(angle))]
    sd = np.hypot(*rolled).map(_sd, na_action="ignore")
    return sd.dropna().rename("sd").rename_axis("date").reset_index()


def _sd(length: float) -> float:
    length = min(max(length, 1e-12), 1.0)
    return math.sqrt(-2 * math.log(length)) * MINUTES / (2 * math.pi)
