"""What a series of values is like: mean, spread, variability from one to the next."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Summary(NamedTuple):
    """Of `n` values: mean, sample SD, CV (percent of the mean), ARV (mean change from one to the next), least, largest.

    What needs more values than there are is nan. Units are the values' own.
    """

    n: int
    mean: float
    sd: float
    cv: float
    arv: float
    least: float
    largest: float


def summary(values: pd.Series) -> Summary:
    """Values in order of time, nan left out.

    CV = 100 SD / mean; ARV = mean |x(i) − x(i−1)| (average real variability, Mena et al., J Hypertens 2005;23:505),
    of neighbours as they were measured: nothing is interpolated.
    """
    known = values.dropna()
    n = len(known)
    if not n:
        return Summary(0, *[math.nan] * 6)
    mean, sd = float(known.mean()), float(known.std(ddof=1)) if n > 1 else math.nan
    cv = 100 * sd / mean if mean else math.nan
    arv = float(known.diff().abs().mean()) if n > 1 else math.nan
    return Summary(n, mean, sd, cv, arv, float(known.min()), float(known.max()))


def spearman(x: pd.Series, y: pd.Series) -> float:
    """Spearman's rank correlation of paired values; nan where one of them does not vary."""
    if x.nunique() < 2 or y.nunique() < 2:
        return math.nan
    return float(x.rank().corr(y.rank()))
