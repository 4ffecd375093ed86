"""What a doctor asks of home readings: whether the protocol was met, means and spread, how much lies above the threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from pdp.statistics.summary import Summary, summary

if TYPE_CHECKING:
    import pandas as pd

    from pdp.thresholds import Category, Guideline

PROTOCOL_DAYS, EACH, LEAST_DAYS, LEAST_READINGS = 7, 2, 3, 12
PROTOCOL = "7 days in a row, 2 readings in the morning and 2 in the evening; the first day does not count"
"""BMC Medicine 2010;8:55, figure 2; Hypertension Canada. Least that is usable: 3 days, 12 readings (ESH 2021,
doi 10.1097/HJH.0000000000002922)."""


class Protocol(NamedTuple):
    """Whether the home protocol was met in a period; the last seven days that met it and their mean (mmHg), or nan."""

    met: bool
    usable: bool
    said: str
    first: date | None = None
    last: date | None = None
    readings: int = 0
    systolic: float = math.nan
    diastolic: float = math.nan


@dataclass(frozen=True)
class Pressure:
    """Blood pressure of a period. Summaries are of day means (means of session means), mmHg; pulse in bpm.

    `high_readings`, `high_days`: shares (0 to 1) at or above the guideline's threshold. `category` is of the mean.
    """

    readings: int
    days: int
    sessions: int
    systolic: Summary
    diastolic: Summary
    pulse: Summary
    morning: tuple[Summary, Summary]
    evening: tuple[Summary, Summary]
    high_readings: float
    high_days: float
    severe: int
    category: Category | None
    protocol: Protocol


def pressure(
    readings: pd.DataFrame, days: pd.DataFrame, guideline: Guideline, severe: tuple[float, float] = (180, 120)
) -> Pressure:
    """All of it for a period's `readings` (`pdp.frames.readings`) and `days` (`daily_metrics`)."""
    measured = days.dropna(subset=["systolic", "diastolic"])
    sums = {name: summary(measured[name]) for name in ("systolic", "diastolic", "pulse")}
    parts = [(summary(measured[f"systolic_{part}"]), summary(measured[f"diastolic_{part}"])) for part in ("am", "pm")]
    known = len(measured) > 0
    category = guideline.classify(sums["systolic"].mean, sums["diastolic"].mean) if known else None
    return Pressure(
        len(readings), len(measured), int(measured["bp_sessions"].sum()), sums["systolic"], sums["diastolic"], sums["pulse"],
        parts[0], parts[1], share_high(readings, guideline), share_high(measured, guideline),
        int(((readings["systolic"] > severe[0]) | (readings["diastolic"] > severe[1])).sum()), category, protocol(readings),
    )  # fmt: skip


def share_high(rows: pd.DataFrame, guideline: Guideline) -> float:
    """The share of rows at or above the threshold of hypertension; nan of none."""
    start = guideline.hypertension
    return float(((rows["systolic"] >= start.systolic) | (rows["diastolic"] >= start.diastolic)).mean())


def protocol(readings: pd.DataFrame) -> Protocol:
    """Whether any seven days in a row met PROTOCOL; of several the last. Of more readings in a part the first two count."""
    import pandas as pd

    timed = readings[readings["part"] != ""]
    if timed.empty:
        return Protocol(False, False, "not met: no reading with a time")
    counts = timed.groupby(["date", "part"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=["morning", "evening"], fill_value=0).asfreq("D", fill_value=0)
    full = (counts >= EACH).all(axis=1).rolling(PROTOCOL_DAYS).sum()
    complete = full[full == PROTOCOL_DAYS]
    if complete.empty:
        return _unmet(counts, int(full.max()) if full.notna().any() else int((counts >= EACH).all(axis=1).sum()))
    last = complete.index[-1]
    first = last - pd.Timedelta(days=PROTOCOL_DAYS - 1)
    counted = timed[timed["date"].between(first + pd.Timedelta(days=1), last)].groupby(["date", "part"]).head(EACH)
    means = counted[["systolic", "diastolic"]].mean()
    said = f"met from {first:%d %b} to {last:%d %b %Y}"
    return Protocol(True, True, said, first.date(), last.date(), len(counted), *(float(value) for value in means))


def _unmet(counts: pd.DataFrame, best: int) -> Protocol:
    week = counts.sum(axis=1).rolling(PROTOCOL_DAYS, min_periods=1).sum()
    days = (counts.sum(axis=1) > 0).rolling(PROTOCOL_DAYS, min_periods=1).sum()
    usable = bool(((week >= LEAST_READINGS) & (days >= LEAST_DAYS)).any())
    said = f"not met: the best 7 days have {best} with {EACH} readings in the morning and {EACH} in the evening"
    return Protocol(False, usable, f"{said}; {'the least that is usable was reached' if usable else 'too few to use'}")
