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


def before_after(
    days: pd.DataFrame, found: Effect | TooLittle, height: int = 260, made_from: str = ""
) -> alt.LayerChart:
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
    ends = {"before": (period.first, found.event.date), "after": (found.after[0], period.last)}
    levels = pd.DataFrame(
        [
            {"date": day.isoformat(), "side": side, "level": level, "low": low, "high": high}
            for side, (level, low, high) in (("before", [found.mean_before] * 3), ("after", expected))
            for day in ends[side]
        ]
    )
    low, high = scale.domain
    wash = pd.DataFrame(
        [{"date": day.isoformat(), "low": low, "high": high} for day in (found.event.date, found.after[0])]
    )

    def up(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=scale, title=metric.unit)

    line = alt.Chart(levels).mark_line(color=VERMILLION, strokeWidth=3, strokeCap="butt")
    layers = [
        alt.Chart(wash).mark_area(color=GREY, opacity=0.15).encode(x=x, y=up("low"), y2="high:Q"),
        alt.Chart(levels.iloc[2:]).mark_area(color=ORANGE, opacity=0.25).encode(x=x, y=up("low"), y2="high:Q"),
        alt.Chart(plain(shown[["date", found.column]])).mark_circle(size=26, color=BLUE, opacity=0.6).encode(x=x, y=y),
        line.encode(x=x, y=up("level"), detail="side:N"),
        *events([found.event], period, x),
        *crosshair(
            shown,
            [Series(found.column, metric.title, metric.unit, metric.decimals)],
            x,
            lambda _: y,
            made_from=made_from,
        ),
    ]
    return finished(layers, f"Before and after: {metric.axis}", said(found, metric.unit), height)


def said(found: Effect, unit: str) -> list[str]:
    """The estimate in words: numbers and how they were got, no verdict."""
    step, sloped = (
        f"{signed(i.estimate)} {unit} (95 % interval {signed(i.low)} to {signed(i.high)})"
        for i in (found.step, found.with_slope)
    )
    return [
        f"after minus before: {step}; {found.n_before} days before, {found.n_after} after",
        f"with a straight trend allowed for: {sloped}",
        f"grey: {found.wash_in_days} days of wash-in, left out · orange: interval of the level after",
    ]


def signed(difference: float) -> str:
    """A difference with its sign, and nought without one: -5.3, +2.0, 0.0."""
    rounded = round(difference, 1)
    return f"{rounded:+,.1f}" if rounded else "0.0"
