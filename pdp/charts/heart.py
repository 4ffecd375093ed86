"""Heart rate: by day, and any stretch of the single measurements from ten years to one hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import altair as alt

from pdp.charts import parts
from pdp.charts.parts import Series, crosshair, events, finished, line, nothing, plain, span, value_scale
from pdp.charts.style import BLUE, GREY, SKY, VERMILLION
from pdp.period import Period, within

if TYPE_CHECKING:
    import pandas as pd

    from pdp.samples import Buckets
    from pdp.treatments import Treatment

TITLE = "Heart rate (bpm)"
CLOCK = {"year": "%Y", "quarter": "%b %Y", "month": "%b %Y", "week": "%d %b", "date": "%d %b", "day": "%d %b", "hours": "%H:%M",
         "minutes": "%H:%M"}  # fmt: skip
"""What a tick says, by what it begins: of 24 hours, as all clocks here."""
SERIES = (
    Series("avg_hr", "mean", "bpm"), Series("min_hr", "lowest", "bpm"), Series("max_hr", "highest", "bpm"),
    Series("resting_hr", "resting", "bpm"),
)  # fmt: skip


def heart_rate(
    days: pd.DataFrame, treatments: Sequence[Treatment] = (), *, period: Period | None = None, height: int = 240,
    made_from: str = "",
) -> alt.LayerChart:  # fmt: skip
    """Mean of each day, its range as a band, and the resting rate as the device tells it: never the day's lowest."""
    columns = [one.column for one in SERIES]
    days = within(days, period).dropna(how="all", subset=columns)
    if days.empty:
        return nothing(TITLE)
    period = period or span(days)
    x, scale = parts.time_axis("date", period), value_scale(days[columns])

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, title="bpm")

    ranged = days.dropna(subset=["min_hr", "max_hr"])
    ranged = ranged.assign(run=parts.runs(ranged["date"]))[["date", "min_hr", "max_hr", "run"]]
    layers = [
        alt.Chart(plain(ranged)).mark_area(color=SKY, opacity=0.25, interpolate="monotone").encode(
            x=x, y=y("min_hr"), y2="max_hr:Q", detail="run:N"
        ),
        alt.Chart(plain(ranged)).mark_rule(color=SKY, opacity=0.35).encode(x=x, y=y("min_hr"), y2="max_hr:Q"),
        *line(days[["date", "avg_hr"]].dropna(), x, y("avg_hr"), color=BLUE, strokeWidth=2),
        *line(days[["date", "resting_hr"]].dropna(), x, y("resting_hr"), color=VERMILLION, strokeWidth=2),
        *events(treatments, period, x),
        *crosshair(days, SERIES, x, y, made_from=made_from),
    ]  # fmt: skip
    return finished(layers, TITLE, "blue: mean of the day · band: lowest to highest · red: resting rate", height)


def heart_samples(buckets: Buckets, *, height: int = 240, made_from: str = "") -> alt.LayerChart:
    """Single measurements put together in equal stretches of time: mean as a line, lowest to highest as a band.

    Args:
        buckets: of `pdp.samples.buckets`, at most `parts.MOST_HOVER` of them: no peak is lost, whatever the zoom.
    """
    frame = buckets.frame
    if frame.empty:
        return nothing(TITLE)
    clock: Any = "%H:%M" if buckets.last - buckets.first <= timedelta(days=2) else CLOCK
    x = alt.X(
        "time:T", title=None, axis=alt.Axis(grid=False, format=clock),
        scale=alt.Scale(type="utc", domain=[parts.moment(buckets.first), parts.moment(buckets.last)], nice=False),
    )  # fmt: skip
    scale = value_scale(frame[["low", "high"]])
    y = alt.Y("mean:Q", scale=scale, title="bpm")
    gap = max(buckets.seconds * 2, 3600)
    frame = frame.assign(run=(frame["time"].diff().dt.total_seconds() > gap).cumsum())
    said = frame["low"].map("{:.0f}".format) + " to " + frame["high"].map("{:.0f} bpm".format)
    frame = frame.assign(
        when=frame["time"].dt.strftime("%a %d %b %Y %H:%M"), average=frame["mean"].map("{:.0f} bpm".format), range=said
    )
    near = alt.selection_point(
        name="near", nearest=True, on="pointermove", clear="pointerout", fields=["time"], empty=False
    )
    base = alt.Chart(plain(frame))
    seen = alt.when(near)
    told = {"from": "when", "mean": "average", "lowest to highest": "range", "measurements": "n"}
    layers = [
        base.mark_area(color=SKY, opacity=0.35).encode(
            x=x, y=alt.Y("low:Q", scale=scale, title="bpm"), y2="high:Q", detail="run:N"
        ),
        base.mark_line(color=BLUE, strokeWidth=1.5).encode(x=x, y=y, detail="run:N"),
        base.mark_rule(color=GREY)
        .encode(x=x, opacity=seen.then(alt.value(0.9)).otherwise(alt.value(0)), tooltip=parts.telling(told, made_from))
        .add_params(near),
    ]
    return finished(layers, TITLE, f"each point: {buckets.words} · band: lowest to highest", height)
