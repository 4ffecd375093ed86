"""What a report tells: frames and statistics of one period of one generation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from pdp import frames
from pdp.period import Period, period_of, within
from pdp.statistics.blood_pressure import Pressure, pressure
from pdp.statistics.sessions import sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pdp.generation import Generation
    from pdp.thresholds import Guideline, Severe
    from pdp.treatments import Treatment

NOT_A_DEVICE = "Not a medical device. Self-measured values, checked for plausibility only; no diagnosis, no advice."


@dataclass(frozen=True)
class Facts:
    """All frames are of the period; `all_days` reaches further back, for means over the days before it."""

    period: Period
    days: pd.DataFrame = field(repr=False)
    all_days: pd.DataFrame = field(repr=False)
    readings: pd.DataFrame = field(repr=False)
    sessions: pd.DataFrame = field(repr=False)
    segments: pd.DataFrame = field(repr=False)
    pressure: Pressure
    guideline: Guideline
    severe: Severe
    treatments: Sequence[Treatment]
    made_from: str
    is_demo: bool = False
    name: str = ""


def facts(
    generation: Generation,
    guideline: Guideline,
    severe: Severe,
    treatments: Sequence[Treatment] = (),
    *,
    first: date | None = None,
    last: date | None = None,
    back: int | None = None,
    is_demo: bool = False,
    name: str = "",
) -> Facts:
    """The facts from `first` to `last`, or of the last `back` days; the last day of all data where no last is given.

    Raises:
        InputError: there is no day in the period.
    """
    days, readings = frames.days(generation), frames.readings(generation)
    period = period_of(days, readings, first, last, back)
    chosen, measured = within(days, period), within(readings, period)
    gap = generation.config["blood_pressure"]["session_gap_min"]
    label = ", ".join(generation.label(table) for table in ("daily_metrics", "blood_pressure"))
    found = pressure(measured, chosen, guideline, (severe.systolic, severe.diastolic))
    return Facts(
        period, chosen, days[days["date"] <= chosen["date"].max()], measured, sessions(measured, gap),
        within(frames.sleep_segments(generation), period), found,
        guideline, severe, treatments, label, is_demo, name,
    )  # fmt: skip
