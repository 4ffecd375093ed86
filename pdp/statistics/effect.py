"""Before and after a treatment event: the difference of a daily value with a 95 % interval, and what it does not prove.

Regression with AR(1) errors by exact likelihood, the model of statsmodels' SARIMAX(1,0,0) with a step (a test holds the
two against each other), which takes missing days as they are. The correlation of neighbouring days is corrected for its
known bias towards zero; with it, estimate and standard error by generalised least squares, the interval by Student's t.
Day-to-day values are not independent: a t-test would call 13 to 25 % of no-effects an effect where 5 % are meant, and
likelihood alone 7 to 12 %. `make effect` measures this one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from pdp.treatments import Treatment

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

WASH_IN_DAYS = 14
LEAST_DAYS = 14
MOST_DAYS = 90
CONFIDENCE = 0.95
CAVEATS = (
    "A treatment is often begun after high values, which would have fallen by themselves (regression to the mean): "
    "with no effect at all by about 2 mmHg on average.\n"
    "A trend, a season, another drug, a change of weight, salt, sleep or exercise in the same weeks counts as if it were "
    "the treatment.\n"
    "Another cuff, arm, posture or time of day makes a difference of its own.\n"
    "One person, one change, nobody blinded: this describes what was measured and decides nothing."
).splitlines()


class Interval(NamedTuple):
    """An estimate and the ends of its 95 % interval, in the value's unit."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Effect:
    """The change of a daily value from before to after an event.

    `step` is the estimate; `with_slope` the same with a straight trend through the whole time allowed for: if the two
    differ much, a trend explains part of it. `rho` is the correlation of neighbouring days.
    """

    column: str
    event: Treatment
    before: tuple[date, date]
    after: tuple[date, date]
    n_before: int
    n_after: int
    mean_before: float
    mean_after: float
    step: Interval
    with_slope: Interval
    rho: float
    wash_in_days: int
    caveats: tuple[str, ...] = tuple(CAVEATS)


@dataclass(frozen=True)
class TooLittle:
    """Why no estimate is given."""

    reason: str


def before_after(
    days: pd.DataFrame,
    column: str,
    event: Treatment,
    others: Sequence[Treatment] = (),
    *,
    wash_in_days: int = WASH_IN_DAYS,
    most_days: int = MOST_DAYS,
    least_days: int = LEAST_DAYS,
) -> Effect | TooLittle:
    """The effect of one event on one column of `daily_metrics`.

    Args:
        others: further events; no side reaches into their time.
        wash_in_days: days after an event that count for neither side.
        most_days: how far each side reaches at most.
        least_days: days with a value that each side needs.
    """
    values = days.set_index("date")[column].astype("float64")
    before, after = sides(event, others, wash_in_days, most_days)
    one, two = (_between(values, *side) for side in (before, after))
    n_before, n_after = int(one.count()), int(two.count())
    if min(n_before, n_after) < least_days:
        return TooLittle(f"{n_before} days before and {n_after} after have a value; each side needs {least_days}")
    whole = _between(values, before[0], after[1]).asfreq("D")
    first = (event.date - whole.index[0].date()).days
    whole.iloc[max(first, 0) : max(first, 0) + wash_in_days] = math.nan
    position = _positions(len(whole))
    step = (position >= first).astype(float)
    level, rho = _fit(whole.to_numpy(), step)
    sloped, _ = _fit(whole.to_numpy(), step, (position - first) / max(len(whole), 1))
    means = float(one.mean()), float(two.mean())
    return Effect(column, event, before, after, n_before, n_after, *means, level, sloped, rho, wash_in_days)


def sides(
    event: Treatment, others: Sequence[Treatment], wash_in_days: int, most_days: int
) -> tuple[tuple[date, date], tuple[date, date]]:
    """First and last date of either side, kept clear of other events and their wash-in."""
    earlier = [other.date for other in others if other.date < event.date]
    later = [other.date for other in others if other.date > event.date]
    start = event.date - timedelta(days=most_days)
    if earlier:
        start = max(start, max(earlier) + timedelta(days=wash_in_days))
    begin = event.date + timedelta(days=wash_in_days)
    end = begin + timedelta(days=most_days - 1)
    if later:
        end = min(end, min(later) - timedelta(days=1))
    return (start, event.date - timedelta(days=1)), (begin, end)


def _between(values: pd.Series, first: date, last: date) -> pd.Series:
    import pandas as pd

    known = values[(values.index >= pd.Timestamp(first)) & (values.index <= pd.Timestamp(last))].dropna()
    return known.sort_index()


def _positions(length: int) -> npt.NDArray[np.int64]:
    import numpy as np

    return np.arange(length)


def _fit(values: Any, *regressors: Any) -> tuple[Interval, float]:
    """(the first regressor's coefficient, the errors' correlation) of values with nan where nothing was measured."""
    import numpy as np
    from scipy.stats import t

    days = np.flatnonzero(np.isfinite(values))
    y, x = values[days], np.column_stack([*regressors, np.ones(len(values))])[days]
    if np.ptp(y) == 0:
        return Interval(0.0, 0.0, 0.0), 0.0
    n, means = x.shape
    rho = float(np.clip((n * correlation(y, x, days) + means) / (n - 3 * means), 0, 0.95))
    white_y, white_x = _whitened(y, rho, days), _whitened(x, rho, days)
    covariance = np.linalg.inv(white_x.T @ white_x)
    found = covariance @ white_x.T @ white_y
    variance = float(np.sum((white_y - white_x @ found) ** 2)) / (n - means)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, n - means)) * math.sqrt(variance * float(covariance[0, 0]))
    estimate = float(found[0])
    return Interval(estimate, estimate - reach, estimate + reach), rho


def correlation(y: Any, x: Any, days: Any) -> float:
    """The AR(1) coefficient of the errors of y on x, measured on some `days`, by exact likelihood.

    It is too low by about (1 + 3 rho) / n for each mean that is estimated besides (Kendall, Biometrika 1954;41:403).
    """
    import numpy as np
    from scipy.optimize import minimize_scalar

    def deviance(rho: float) -> float:
        white_y, white_x = _whitened(y, rho, days), _whitened(x, rho, days)
        rest = white_y - white_x @ np.linalg.lstsq(white_x, white_y, rcond=None)[0]
        return float(len(y) * np.log(rest @ rest) + np.log1p(-(rho ** (2.0 * np.diff(days)))).sum())

    return float(minimize_scalar(deviance, bounds=(0.0, 0.98), method="bounded").x)


def _whitened(values: Any, rho: float, days: Any) -> Any:
    """Values less what the day measured before them foretells, in units of the errors: independent if rho is right."""
    import numpy as np

    kept = (rho ** np.diff(days)).reshape(-1, *[1] * (values.ndim - 1))
    return np.concatenate([values[:1], (values[1:] - kept * values[:-1]) / np.sqrt(1 - kept**2)])
