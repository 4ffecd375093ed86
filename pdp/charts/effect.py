"""Before and after a treatment event: the days, the level of either side, the estimate with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from pdp.charts import parts
from pdp.charts.daily import METRICS
from pdp.charts.parts import Series, crosshair, events, finished, nothing, plain, value_scale
from pdp.charts.style import BLUE, GREY, ORANGE, VERMILLION
from pdp.period import Period, within
from pdp.statistics.effect import Effect, TooLittle

if TYPE_CHECKING:
    import pandas as pd


def before_after(days: pd.DataFrame, found: Effect | TooLittle, height: int = 260) -> alt.LayerChart:
    """The days of both sides, the wash-in shaded, and where the 95 % interval puts the level after the event."""
    if isinstance(found, TooLittle):
        return nothing("Before and after (no estimate)", found.reason)
    import pandas as pd

    metric = METRICS[found.column]
    period = Period(found.before[0], found.after[1])
    shown = within(days, period).dropna(subset=[found.column])
    period = Period(max(period.first, shown["date"].min().date()), min(period.last, shown["date"].max().date()))
    expected = [found.mean_before + value for value in found.step]
    scale = value_scale(shown[found.column], expected)
    x, y = parts.time_axis("date", period), alt.Y(f"{found.column}:Q", scale=scale, title=metric.unit)
    levels = pd.DataFrame(
        {
            "start": [period.first.isoformat(), found.after[0].isoformat()],
            "end": [found.event.date.isoformat(), period.last.isoformat()],
            "level": [found.mean_before, expected[0]], "low": [found.mean_before, expected[1]],
            "high": [found.mean_before, expected[2]],
        }
    )  # fmt: skip
    wash = pd.DataFrame({"start": [found.event.date.isoformat()], "end": [found.after[0].isoformat()]})

    def across(field: str) -> alt.X:
        return parts.time_axis(field, period)

    line = alt.Chart(levels).mark_rule(color=VERMILLION, strokeWidth=3)
    band = alt.Chart(levels.iloc[1:]).mark_rect(color=ORANGE, opacity=0.25)
    layers = [
        alt.Chart(wash).mark_rect(color=GREY, opacity=0.15).encode(x=across("start"), x2="end:T"),
        band.encode(x=across("start"), x2="end:T", y=alt.Y("low:Q", scale=scale, title=metric.unit), y2="high:Q"),
        alt.Chart(plain(shown[["date", found.column]])).mark_circle(size=26, color=BLUE, opacity=0.6).encode(x=x, y=y),
        line.encode(x=across("start"), x2="end:T", y=alt.Y("level:Q", scale=scale, title=metric.unit)),
        *events([found.event], period, x),
        *crosshair(shown, [Series(found.column, metric.title, metric.unit, metric.decimals)], x, lambda _: y),
    ]
    return finished(layers, f"Before and after: {metric.axis}", said(found, metric.unit), height)


def said(found: Effect, unit: str) -> list[str]:
    """The estimate in words: numbers and how they were got, no verdict."""
    step, sloped = (
        f"{i.estimate:+.1f} {unit} (95 % interval {i.low:+.1f} to {i.high:+.1f})"
        for i in (found.step, found.with_slope)
    )
    return [
        f"after minus before: {step}; {found.n_before} days before, {found.n_after} after",
        f"with a straight trend allowed for: {sloped}",
        f"grey: {found.wash_in_days} days of wash-in, left out · orange: interval of the level after",
    ]
