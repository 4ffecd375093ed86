"""Any measured column of `daily_metrics` by day: steps, SpO2, stress, weight and the rest of METRICS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import altair as alt

from pdp.charts import parts
from pdp.charts.parts import Series, crosshair, events, finished, line, nothing, plain, span, value_scale
from pdp.charts.style import BLUE, GREEN, PURPLE, SKY, VERMILLION
from pdp.period import Period, within
from pdp.statistics.rolling import WEEK, rolling_mean

if TYPE_CHECKING:
    import pandas as pd

    from pdp.treatments import Treatment


class Metric(NamedTuple):
    """How a column is shown: its name, unit, decimals, colour, whether it is a count that begins at zero, and its table."""

    title: str
    unit: str
    decimals: int = 0
    colour: str = BLUE
    counted: bool = False
    table: str = ""

    @property
    def axis(self) -> str:
        """`Weight (kg)`."""
        return f"{self.title} ({self.unit})"


METRICS = {
    "systolic": Metric("Systolic blood pressure", "mmHg", table="blood_pressure"),
    "diastolic": Metric("Diastolic blood pressure", "mmHg", colour=VERMILLION, table="blood_pressure"),
    "pulse": Metric("Pulse of the cuff", "bpm", colour=GREEN, table="blood_pressure"),
    "avg_hr": Metric("Heart rate, mean of the day", "bpm", table="heart_rate"),
    "resting_hr": Metric("Resting heart rate", "bpm", colour=VERMILLION, table="heart_rate"),
    "sleep_total_min": Metric("Sleep", "minutes", colour=PURPLE, counted=True, table="sleep"),
    "sleep_score": Metric("Sleep score", "0 to 100", colour=PURPLE, table="sleep"),
    "steps": Metric("Steps", "steps a day", colour=GREEN, counted=True, table="steps"),
    "avg_spo2": Metric("Oxygen saturation, mean of the day", "%", table="spo2"),
    "avg_stress": Metric("Stress, mean of the day", "0 to 100", colour=VERMILLION, table="stress"),
    "weight_kg": Metric("Weight", "kg", 1, PURPLE, table="weight"),
}


def daily(
    days: pd.DataFrame, column: str, treatments: Sequence[Treatment] = (), *, period: Period | None = None,
    height: int = 200, made_from: str = "",
) -> alt.LayerChart:  # fmt: skip
    """One column by day and its 7-day mean: bars from zero for what is counted, points else.

    Args:
        days: as `pdp.frames.days` gives them.
        column: a key of METRICS.
    """
    metric = METRICS[column]
    rolled = within(rolling_mean(days.dropna(subset=[column]), [column]), period)
    days = within(days, period).dropna(subset=[column])
    if days.empty:
        return nothing(metric.axis)
    period = period or span(days)
    x, scale = parts.time_axis("date", period), value_scale(days[column], zero=metric.counted)
    y = alt.Y(f"{column}:Q", scale=scale, title=metric.unit)
    step = 1
    if metric.counted:
        means, step = parts.stretched(days[["date", column]], [column], period)
        bars = alt.Chart(plain(means)).mark_bar(color=SKY, opacity=0.7, width=parts.bar_width(period, step, 10))
        mark = bars.encode(x=x, y=y, y2=alt.value("height"))
    else:
        mark = (
            alt.Chart(plain(days[["date", column]]))
            .mark_circle(size=22, color=metric.colour, opacity=0.5)
            .encode(x=x, y=y)
        )
    series = [Series(column, metric.title, metric.unit, metric.decimals)]
    sparse = len(days) < period.days / 3  # weighings once a week have no mean of four days: join them
    thick = line(days[["date", column]], x, y, 14, color=metric.colour, strokeWidth=2) if sparse else line(
        rolled, x, y, color=metric.colour, strokeWidth=2.5
    )  # fmt: skip
    said = "line: joins values at most 14 days apart" if sparse else f"line: {WEEK}-day mean"
    each = "dots: days" if not metric.counted else "bars: days" if step == 1 else f"bars: means of {step} days"
    layers = [
        mark,
        *thick,
        *events(treatments, period, x),
        *crosshair(days, series, x, lambda _: y, made_from=made_from),
    ]
    return finished(layers, metric.axis, f"{each} · {said}", height)
