"""Regularity of sleep, as the circular standard deviation of the midpoint of the main sleep.

It is said which measure it is, since there are several (the sleep regularity index asks for sleep and wake of every
minute, which a day's report does not tell). Circular, so that a midpoint before and one after midnight lie close
together: SD = sqrt(−2 ln R), R the length of the mean direction (Fisher, Statistical Analysis of Circular Data, 1993).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pdp.statistics.rolling import MONTH, MONTH_MINIMUM

if TYPE_CHECKING:
    import pandas as pd

MINUTES = 24 * 60
MEASURE = "SD of the midpoint of main sleep"
LEAST = 180
"""Minutes of a main sleep that count: on a day whose night was not recorded, the longest stretch is a nap."""


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
