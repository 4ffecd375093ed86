"""What charts are put together from: axes, lines with gaps, the crosshair, labelled events, the chart that is empty."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import altair as alt

from pdp.charts.style import GREY
from pdp.period import Period

if TYPE_CHECKING:
    import pandas as pd

    from pdp.treatments import Treatment

MOST_HOVER = 2000
"""Points of a crosshair: with more, a browser no longer follows the mouse."""
MOST_BARS = 740
"""Bars, or stacks of them, of two years: with more, one would be narrower than a pixel."""
HEIGHT = 280
MISSING = "–"
FEW_DAYS, DAY_MS = 14, 86_400_000
"""Ticks nearer to each other than a day would name it several times; of few days Vega makes halves all the same."""
PICKED = "picked"
NARROW, LETTER = 280, 6.8
"""Pixels of a phone's plot, and of a letter of a label."""


class Series(NamedTuple):
    """A column, its name with which it is shown, its unit and the decimals it deserves."""

    column: str
    name: str
    unit: str = ""
    decimals: int = 0

    def text(self, value: float) -> str:
        """A value as a person reads it: `128 mmHg`."""
        return MISSING if value != value else f"{value:,.{self.decimals}f} {self.unit}".strip()


def span(*frames: pd.DataFrame) -> Period:
    """From the first to the last `date` of any of the frames, one of which must have rows."""
    dates = [frame["date"] for frame in frames if len(frame)]
    return Period(min(d.min() for d in dates).date(), max(d.max() for d in dates).date())


def time_axis(field: str, period: Period, **axis: Any) -> alt.X:
    """The x of a chart over dates: the whole period, from midnight to midnight, in no zone's time."""
    ticks = {"tickCount": {"interval": "day", "step": 1}} if period.days <= FEW_DAYS else {"tickMinStep": DAY_MS}
    axis = {"format": "%d %b" if period.days <= 370 else "%b %Y", **ticks} | axis
    ends = (period.first, period.last + timedelta(days=1))
    domain = [moment(datetime(day.year, day.month, day.day)) for day in ends]  # noqa: DTZ001 - wall clock
    return alt.X(
        f"{field}:T", title=None, axis=alt.Axis(grid=False, **axis),
        scale=alt.Scale(type="utc", domain=domain, nice=False),
    )  # fmt: skip


def value_scale(*values: Any, include: Sequence[float] = (), zero: bool = False) -> alt.Scale:
    """One scale for the y of all layers: from the least to the largest of all values, with some room."""
    import numpy as np

    flat = np.concatenate([np.asarray(v, np.float64).ravel() for v in (*values, include)])
    flat = flat[np.isfinite(flat)]
    low, high = (float(flat.min()), float(flat.max())) if len(flat) else (0.0, 1.0)
    low = min(low, 0.0) if zero else low
    room = max((high - low) * 0.06, 1e-9 if high > low else max(abs(high) * 0.05, 1.0))
    return alt.Scale(domain=[low if zero and low == 0 else low - room, high + room], nice=False, zero=False)


def runs(dates: pd.Series, most_days: int = 1) -> pd.Series:
    """The number of the unbroken run that each date is in; `dates` ascend. A line is drawn within a run only."""
    return (dates.diff().dt.days > most_days).cumsum()


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as a chart carries it: ISO text for times, numbers to three decimals."""
    import pandas as pd

    ready = {}
    for name, column in frame.items():
        if pd.api.types.is_datetime64_any_dtype(column):
            whole = bool((column.dropna() == column.dropna().dt.normalize()).all())
            ready[name] = column.dt.strftime("%Y-%m-%d" if whole else "%Y-%m-%dT%H:%MZ")
        else:
            ready[name] = column.round(3) if pd.api.types.is_float_dtype(column) else column
    return pd.DataFrame(ready, index=frame.index)


def line(frame: pd.DataFrame, x: alt.X, y: alt.Y, step: int = 1, **mark: Any) -> list[alt.Chart]:
    """A line over `date` that breaks where days are missing; what stands alone is a point."""
    ordered = frame.sort_values("date").assign(run=lambda f: runs(f["date"], step))
    alone = ordered[ordered.groupby("run")["run"].transform("size") == 1]
    size = mark.get("strokeWidth", 2) * 12
    point = {name: value for name, value in mark.items() if name in ("color", "opacity")}
    return [
        alt.Chart(plain(ordered)).mark_line(**mark).encode(x=x, y=y, detail="run:N"),
        alt.Chart(plain(alone)).mark_circle(size=size, **point).encode(x=x, y=y),
    ]


def bar_width(period: Period, days: int = 1, most: float = 14) -> alt.ExprRef:
    """The width of a bar that stands for so many days: seven tenths of its place, however wide the chart is."""
    return alt.ExprRef(f"max(1, min({most}, {0.7 * days / period.days:.6f} * width))")


def stretched(frame: pd.DataFrame, columns: Sequence[str], period: Period) -> tuple[pd.DataFrame, int]:
    """The frame by `date`, or where its days are more than MOST_BARS the means of stretches of whole weeks; and their days.

    The date of a stretch is its middle. One without a value is left out.
    """
    import pandas as pd

    days = 1 if period.days <= MOST_BARS else 7 * -(-period.days // (7 * MOST_BARS))
    if days == 1:
        return frame, 1
    means = frame.resample(f"{days}D", on="date")[list(columns)].mean().dropna(how="all").reset_index()
    return means.assign(date=means["date"] + pd.Timedelta(days=days // 2)), days


def hover_days(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """One row per `date` for the crosshair, with its `day` in words; means of whole weeks where days are too many.

    Without a column there is nothing to take means of: then so many of the days as a browser bears.
    """
    import pandas as pd

    wide = frame[["date", *columns]].sort_values("date")
    wide = wide.dropna(how="all", subset=list(columns)) if columns else wide.iloc[:: -(-len(wide) // MOST_HOVER)]
    if len(wide) <= MOST_HOVER:
        return wide.assign(day=wide["date"].dt.strftime("%a %d %b %Y"))
    weeks = -(-len(wide) // (7 * MOST_HOVER))
    means = wide.resample(f"{7 * weeks}D", on="date")[list(columns)].mean().dropna(how="all").reset_index()
    until = means["date"] + pd.Timedelta(days=7 * weeks - 1)
    return means.assign(day=means["date"].dt.strftime("mean %d %b") + until.dt.strftime(" to %d %b %Y"))


def crosshair(
    frame: pd.DataFrame,
    series: Sequence[Series],
    x: alt.X,
    y: Callable[[str], alt.Y],
    extra: Mapping[str, Mapping[Any, str]] | None = None,
    made_from: str = "",
) -> list[alt.Chart]:
    """The crosshair: an unseen rule per date that tells every series' value, and a point on each series.

    A click picks the date (the selection PICKED), for a page that leads on from there.

    Args:
        frame: one row per `date`, a column per series.
        y: gives the shared y of a column.
        extra: further lines of the tooltip: title -> {date: text}.
        made_from: the versions and sources behind the numbers, the tooltip's last line.
    """
    hover = hover_days(frame, [one.column for one in series])
    said = hover[["date", "day"]].assign(
        **{one.name: [one.text(value) for value in hover[one.column]] for one in series},
        **{title: [texts.get(day, MISSING) for day in hover["date"]] for title, texts in (extra or {}).items()},
    )
    near = alt.selection_point(
        name="near", nearest=True, on="pointermove", clear="pointerout", fields=["date"], empty=False
    )
    picked = alt.selection_point(name=PICKED, nearest=True, on="click", fields=["date"], empty=False)
    seen = alt.when(near)
    told = {"date": "day"} | {title: title for title in said if title not in ("date", "day")}
    rule = (
        alt.Chart(plain(said))
        .mark_rule(color=GREY, strokeWidth=1)
        .encode(x=x, tooltip=telling(told, made_from), opacity=seen.then(alt.value(0.9)).otherwise(alt.value(0)))
        .add_params(near, picked)
    )
    points = [
        alt.Chart(plain(hover[["date", one.column]].dropna()))
        .mark_circle(size=60, color=GREY)
        .encode(x=x, y=y(one.column), opacity=seen.then(alt.value(1)).otherwise(alt.value(0)))
        for one in series
    ]
    return [*points, rule]  # the rule last: what lies on top feels the pointer


def telling(fields: Mapping[str, str], made_from: str = "") -> alt.TooltipValue:
    """A tooltip (title -> column) that a crosshair can tell, and what its numbers were made from.

    It is felt by Vega's invisible cell around the nearest mark, whose row is one step further away; Vega-Lite reads a
    tooltip of plain text fields from the wrong one of the two.
    """
    said = [f"{json.dumps(title)}: (datum.datum || datum)[{json.dumps(name)}]" for title, name in fields.items()]
    if made_from:
        said.append(f'"made from": {json.dumps(made_from)}')
    return alt.TooltipValue(alt.ExprRef(f"{{{', '.join(said)}}}"))


def events(treatments: Sequence[Treatment], period: Period, x: alt.X) -> list[alt.Chart]:
    """A labelled rule for each treatment event of the period; no label lies on another, on a phone neither."""
    import pandas as pd

    inside = sorted((event for event in treatments if period.first <= event.date <= period.last), key=lambda e: e.date)
    if not inside:
        return []
    frame = pd.DataFrame(
        {"date": [event.date.isoformat() for event in inside], "label": [event.text for event in inside]}
    )
    rules = alt.Chart(frame).mark_rule(strokeDash=[2, 3], strokeWidth=1.5).encode(x=x)
    half = alt.ExprRef("width / 2 - 8")  # so much room has every label: it stands on the wider side of its rule
    labels = [
        alt.Chart(frame.iloc[[i]])
        .mark_text(align="left" if left else "right", dx=4 if left else -4, fontWeight=600, baseline="top", limit=half)
        .encode(x=x, y=alt.value(2 + 13 * level), text="label:N")
        for i, (left, level) in enumerate(_places(inside, period))
    ]
    return [rules, *labels]


def _places(inside: Sequence[Treatment], period: Period) -> list[tuple[bool, int]]:
    """For each event whether its label stands at the right of its rule, and in which line, the first that is free there."""
    taken: list[list[tuple[float, float]]] = []
    places = []
    for event in inside:
        at = NARROW * (event.date - period.first).days / period.days
        left = at <= NARROW / 2
        long = min(len(event.text) * LETTER, NARROW / 2) + 8
        start, end = (at, at + long) if left else (at - long, at)
        level = next(
            (i for i, line in enumerate(taken) if all(end <= low or start >= high for low, high in line)), len(taken)
        )
        if level == len(taken):
            taken.append([])
        taken[level].append((start, end))
        places.append((left, level))
    return places


def finished(layers: Sequence[Any], title: str, subtitle: str | Sequence[str], height: int = HEIGHT) -> alt.LayerChart:
    """The layers as one chart, as wide as its container, with a title and a description for those who cannot see it."""
    lines = [subtitle] if isinstance(subtitle, str) else list(subtitle)
    drawn = [layer for layer in layers if len(layer.data)]  # Vega warns of a mark without a row
    return cast("alt.LayerChart", alt.layer(*drawn)).properties(
        width="container", height=height, title=alt.TitleParams(title, subtitle=[text for text in lines if text]),
        description=". ".join([title, *lines]),
    )  # fmt: skip


def nothing(title: str, said: str = "no data in this period", height: int = 120) -> alt.LayerChart:
    """The chart of no data: its title, and that there is none."""
    import pandas as pd

    text = alt.Chart(pd.DataFrame({"text": [said]})).mark_text(fontSize=13).encode(text="text:N")
    return finished([text], title, "", height)


def moment(time: datetime) -> alt.DateTime:
    """A local time as the end of a scale."""
    return alt.DateTime(year=time.year, month=time.month, date=time.day, hours=time.hour, minutes=time.minute, utc=True)
