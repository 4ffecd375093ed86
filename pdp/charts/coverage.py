"""Which days have what: a calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from pdp.charts import parts
from pdp.charts.parts import finished, nothing, plain, span
from pdp.charts.style import BLUE, GREY
from pdp.period import Period, within

if TYPE_CHECKING:
    import pandas as pd

RANGE = "range"
TITLE = "Coverage (kinds of data a day)"
KINDS = (("systolic", "blood pressure"), ("avg_hr", "heart rate"), ("sleep_total_min", "sleep"), ("steps", "steps"))
ROW = 13
WEEKDAYS = 8  # a row between two years stays empty
MONTHS = "['Jan','Feb','Mar','Apr','May','Jun','Jul','Aug','Sep','Oct','Nov','Dec']"


def coverage(days: pd.DataFrame, *, period: Period | None = None) -> alt.LayerChart:
    """A square for every day from the first to the last, the darker the more kinds of data it has; a year per strip."""
    import pandas as pd

    days = within(days, period)
    if days.empty:
        return nothing(TITLE)
    period = period or span(days)
    dates = pd.date_range(period.first, period.last, name="date")
    known = days.set_index("date")[[column for column, _ in KINDS]].notna().reindex(dates, fill_value=False)
    words = [", ".join(w for (_, w), has in zip(KINDS, row, strict=True) if has) for row in known.to_numpy()]
    first_year = period.first.year
    january = pd.to_datetime(dates.year.astype(str) + "-01-01")
    week = (dates.day_of_year - 1 + january.day_of_week) // 7
    row = (dates.year - first_year) * WEEKDAYS + dates.day_of_week
    frame = pd.DataFrame(
        {
            "week": week, "week_end": week + 0.88, "row": row, "row_end": row + 0.88, "kinds": known.sum(axis=1).to_numpy(),
            "day": dates.strftime("%a %d %b %Y"), "has": [text or "nothing" for text in words],
        }
    )  # fmt: skip
    strips = period.last.year - first_year + 1
    years = alt.Axis(
        values=[i * WEEKDAYS + 3.5 for i in range(strips)], grid=False, ticks=False, domain=False,
        labelExpr=f"format({first_year} + floor(datum.value / {WEEKDAYS}), 'd')",
    )  # fmt: skip
    months = alt.Axis(
        values=[i * 365.25 / 84 + 2 for i in range(12)], grid=False, ticks=False, domain=False, orient="top",
        labelExpr=f"{MONTHS}[round((datum.value - 2) * 84 / 365.25)]", labelOverlap=False,
    )  # fmt: skip
    y = alt.Y(
        "row:Q", title=None, axis=years, scale=alt.Scale(domain=[strips * WEEKDAYS - 1, 0], nice=False, zero=False)
    )
    base = alt.Chart(frame).encode(
        x=alt.X("week:Q", title=None, axis=months, scale=alt.Scale(domain=[0, 54], nice=False)), x2="week_end:Q",
        y=y, y2="row_end:Q", tooltip=[alt.Tooltip("day:N", title="date"), alt.Tooltip("has:N", title="has")],
    )  # fmt: skip
    opacity = alt.Opacity("kinds:Q", scale=alt.Scale(domain=[1, len(KINDS)], range=[0.3, 1]), legend=None)
    layers = [
        base.transform_filter("datum.kinds == 0").mark_rect(color=GREY, opacity=0.15),
        base.transform_filter("datum.kinds > 0").mark_rect(color=BLUE).encode(opacity=opacity),
    ]
    missing = int((known.sum(axis=1) == 0).sum())
    said = f"{len(dates):,} days, {missing:,} without any data; weeks from left to right, Monday on top"
    kinds = f"of {', '.join(words for _, words in KINDS)}"
    return finished(layers, TITLE, [kinds, said], strips * WEEKDAYS * ROW)


def strip(days: pd.DataFrame) -> alt.LayerChart:
    """All days in a narrow strip, the higher the more they have, to drag a period on (the selection RANGE)."""
    period = span(days)
    kinds = days[[column for column, _ in KINDS]].notna().sum(axis=1)
    means, step = parts.stretched(days[["date"]].assign(kinds=kinds), ["kinds"], period)
    brush = alt.selection_interval(name=RANGE, encodings=["x"])
    y = alt.Y("kinds:Q", title=None, axis=None, scale=alt.Scale(domain=[0, len(KINDS)], nice=False))
    bars = alt.Chart(plain(means)).mark_bar(color=BLUE, opacity=0.5, width=parts.bar_width(period, step))
    drawn = bars.encode(x=parts.time_axis("date", period), y=y).add_params(brush)
    return finished([drawn], "Drag to choose a period", "", 90)
