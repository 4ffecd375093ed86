"""Blood pressure: readings, sessions, days and their 7-day mean against the thresholds of a guideline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt

from pdp.charts import parts
from pdp.charts.parts import Series, crosshair, events, finished, line, nothing, plain, span, value_scale
from pdp.charts.style import BLUE, GREEN, ORANGE, PURPLE, VERMILLION
from pdp.period import Period, within
from pdp.statistics.rolling import WEEK, WEEK_MINIMUM, rolling_mean

if TYPE_CHECKING:
    import pandas as pd

    from pdp.thresholds import Guideline, Severe
    from pdp.treatments import Treatment

TITLE = "Blood pressure (mmHg)"
MEASURES = (("systolic", BLUE), ("diastolic", VERMILLION))
LAYERS = ("readings", "sessions", "days", "mean")
SERIES = (Series("systolic", "systolic", "mmHg"), Series("diastolic", "diastolic", "mmHg"))
MEANS = (Series("systolic_7d", "7-day systolic", "mmHg"), Series("diastolic_7d", "7-day diastolic", "mmHg"))
MOST_READINGS = 10_000
WORDS = {
    "colours": "blue: systolic, red: diastolic",
    "readings": "small dots: readings", "sessions": "rings: sessions", "days": "thin line: daily means",
    "mean": f"thick line: {WEEK}-day mean (at least {WEEK_MINIMUM} days)",
}  # fmt: skip


def blood_pressure(
    days: pd.DataFrame,
    readings: pd.DataFrame,
    sessions: pd.DataFrame,
    guideline: Guideline,
    severe: Severe,
    treatments: Sequence[Treatment] = (),
    *,
    period: Period | None = None,
    show: Sequence[str] = LAYERS,
    made_from: str = "",
    overview: bool = False,
    width: int = 720,
    height: int = 340,
) -> alt.TopLevelMixin:
    """Systolic and diastolic (mmHg) over time, with the guideline's bands and whatever of LAYERS is to be shown.

    Args:
        days, readings, sessions: as `pdp.frames` and `pdp.statistics.sessions` give them.
        period: which dates to draw; all of them where none is given.
        made_from: the versions behind the numbers, for the tooltip.
        overview: adds a strip below in which a period is chosen with the mouse (a chart of `width` pixels, then).
    """
    means = within(_with_means(days), period)
    readings, sessions = within(readings, period), within(sessions, period)
    measured = means.dropna(subset=["systolic"])
    if measured.empty and readings.empty:
        return nothing(TITLE)
    period = period or span(measured, readings)
    brush = alt.selection_interval(name="period", encodings=["x"]) if overview else None
    x = parts.time_axis("date", period)
    if brush is not None:
        x = x.scale(alt.Scale(type="utc", domain=brush, nice=False))
    scale = _scale(guideline, readings, measured)

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=scale, title="mmHg")

    layers = _bands(guideline, scale, y)
    layers += _marks(means, _thinned(readings), sessions, show, x, y)
    layers += _severe(readings, severe, x, y)
    layers += events(treatments, period, x)
    layers += crosshair(means, (*SERIES, *MEANS), x, y, {"readings": _told(readings)}, made_from)
    subtitle = [_categories(guideline), " · ".join(WORDS[name] for name in ("colours", *show))]
    if any(severe.is_reached(*pair) for pair in zip(readings["systolic"], readings["diastolic"], strict=True)):
        subtitle.append(f"▲ {severe.advice}")
    detail = finished(layers, TITLE, subtitle, height)
    return detail if brush is None else _with_overview(detail, measured, brush, period, scale, width)


def morning_evening(
    days: pd.DataFrame, guideline: Guideline, treatments: Sequence[Treatment] = (), *, period: Period | None = None,
    made_from: str = "",
) -> alt.LayerChart:  # fmt: skip
    """Means of the mornings' and the evenings' sessions (mmHg): systolic above, diastolic below."""
    title = "Morning and evening (mmHg)"
    columns = [f"{measure}_{part}" for measure, _ in MEASURES for part in ("am", "pm")]
    days = within(days, period).dropna(how="all", subset=columns)
    if days.empty:
        return nothing(title)
    period = period or span(days)
    x, scale = parts.time_axis("date", period), value_scale(days[columns], include=_thresholds(guideline))
    names = {"am": "morning", "pm": "evening"}
    long = days.melt("date", columns, value_name="value").dropna()
    long = long.assign(part=long["variable"].str[-2:].map(names), measure=long["variable"].str[:-3])
    y = alt.Y("value:Q", scale=scale, title="mmHg")
    colours = alt.Color("part:N", scale=alt.Scale(domain=["morning", "evening"], range=[GREEN, PURPLE]))
    shapes = alt.Scale(domain=["morning", "evening"], range=["circle", "diamond"])
    dots = alt.Chart(plain(long)).mark_point(size=22, filled=True, opacity=0.75).encode(
        x=x, y=y, color=colours, shape=alt.Shape("part:N", scale=shapes),
    )  # fmt: skip
    lines = [
        part
        for column, colour in zip(columns, (GREEN, PURPLE) * 2, strict=True)
        for part in line(
            _rolled(days, column), x, alt.Y(f"{column}:Q", scale=scale, title="mmHg"), color=colour, strokeWidth=2.5
        )
    ]
    series = [Series(f"{m}_{p}", f"{m}, {names[p]}", "mmHg") for p in names for m, _ in MEASURES]
    hover = crosshair(days, series, x, lambda c: alt.Y(f"{c}:Q", scale=scale, title="mmHg"), made_from=made_from)
    rules = _rules(guideline, scale, lambda c: alt.Y(f"{c}:Q", scale=scale, title="mmHg"))
    said = f"dots: means of a day's sessions · lines: {WEEK}-day means · dashed: {guideline.label}"
    return finished([*rules, dots, *lines, *events(treatments, period, x), *hover], title, said)


def pulse_pressure(
    days: pd.DataFrame, treatments: Sequence[Treatment] = (), *, period: Period | None = None, made_from: str = ""
) -> alt.LayerChart:
    """Systolic minus diastolic (mmHg) of each day's means."""
    value = days["systolic"] - days["diastolic"]
    said = "systolic − diastolic"
    return _derived(days.assign(value=value), "Pulse pressure (mmHg)", said, treatments, period, made_from)


def mean_arterial_pressure(
    days: pd.DataFrame, treatments: Sequence[Treatment] = (), *, period: Period | None = None, made_from: str = ""
) -> alt.LayerChart:
    """Diastolic plus a third of the pulse pressure (mmHg): the usual estimate, not a measurement."""
    value = days["diastolic"] + (days["systolic"] - days["diastolic"]) / 3
    said = "estimate: diastolic + (systolic − diastolic) / 3"
    return _derived(days.assign(value=value), "Mean arterial pressure (mmHg)", said, treatments, period, made_from)


def _derived(
    days: pd.DataFrame, title: str, said: str, treatments: Sequence[Treatment], period: Period | None, made_from: str
) -> alt.LayerChart:
    rolled = within(_rolled(days, "value"), period)
    days = within(days, period).dropna(subset=["value"])
    if days.empty:
        return nothing(title)
    period = period or span(days)
    x, scale = parts.time_axis("date", period), value_scale(days["value"])
    y = alt.Y("value:Q", scale=scale, title="mmHg")
    layers = [
        alt.Chart(plain(days[["date", "value"]])).mark_circle(size=18, color=BLUE, opacity=0.5).encode(x=x, y=y),
        *line(rolled, x, y, color=BLUE, strokeWidth=2.5),
        *events(treatments, period, x),
        *crosshair(days, [Series("value", title.rpartition(" (")[0], "mmHg")], x, lambda _: y, made_from=made_from),
    ]
    return finished(layers, title, f"{said} · dots: days · line: {WEEK}-day mean", 200)


def _with_means(days: pd.DataFrame) -> pd.DataFrame:
    """The days with their 7-day means beside them; a date that has only a mean is there too."""
    columns = [measure for measure, _ in MEASURES]
    rolled = rolling_mean(days.dropna(subset=columns), columns)
    rolled = rolled.rename(columns={name: f"{name}_7d" for name in columns})
    return days[["date", *columns]].merge(rolled, on="date", how="outer").sort_values("date", ignore_index=True)


def _rolled(days: pd.DataFrame, column: str) -> pd.DataFrame:
    return rolling_mean(days.dropna(subset=[column]), [column])


def _scale(guideline: Guideline, readings: pd.DataFrame, days: pd.DataFrame) -> alt.Scale:
    columns = [measure for measure, _ in MEASURES]
    return value_scale(readings[columns], days[columns], include=_thresholds(guideline))


def _thresholds(guideline: Guideline) -> list[float]:
    return [guideline.hypertension.systolic, guideline.hypertension.diastolic]


def _bands(guideline: Guideline, scale: alt.Scale, y: Any) -> list[Any]:
    """A tint for each category above the first, of systolic and of diastolic, and a labelled rule where it begins.

    The highest diastolic tint ends where the lowest systolic one begins: between the two lies normal systolic.
    """
    import pandas as pd

    low, high = scale.domain
    rows = []
    for measure, colour in MEASURES:
        ceiling = high if measure == "systolic" else min(c.systolic for c in guideline.categories[1:])
        starts = [(getattr(c, measure), c) for c in guideline.categories[1:] if math.isfinite(getattr(c, measure))]
        ends = [start for start, _ in starts[1:]] + [ceiling]
        for step, ((start, _), end) in enumerate(zip(starts, ends, strict=True), 1):
            rows.append((max(start, low), min(end, high), colour, 0.045 * step))
    tints = [
        alt.Chart(pd.DataFrame([{"from": start, "to": end}]))
        .mark_rect(opacity=opacity, color=colour)
        .encode(y=y("from"), y2="to:Q")
        for start, end, colour, opacity in rows
        if end > start
    ]
    return [*tints, *_rules(guideline, scale, y)]


def _rules(guideline: Guideline, scale: alt.Scale, y: Any) -> list[Any]:
    """A dashed rule where hypertension begins, a dotted one for each other category, its value at the right."""
    import pandas as pd

    low, high = scale.domain
    layers = []
    for measure, colour in MEASURES:
        for category in guideline.categories[1:]:
            value = getattr(category, measure)
            if not low < value < high:
                continue
            begins = category is guideline.hypertension
            frame = pd.DataFrame([{"value": value, "text": f"{value:g}"}])
            rule = alt.Chart(frame).mark_rule(
                color=colour, strokeDash=[6, 4] if begins else [1, 4], strokeWidth=1.4 if begins else 1, opacity=0.8
            )
            text = alt.Chart(frame).mark_text(
                align="left", baseline="middle", dx=5, fontSize=10, color=colour, clip=False
            )
            layers += [
                rule.encode(y=y("value")),
                text.encode(y=y("value"), x=alt.value("width"), text="text:N"),
            ]
    return layers


def _marks(
    means: pd.DataFrame, readings: pd.DataFrame, sessions: pd.DataFrame, show: Sequence[str], x: alt.X, y: Any
) -> list[Any]:
    layers: list[Any] = []
    columns = [measure for measure, _ in MEASURES]
    dots, rings = (
        alt.Chart(plain(frame[["time", *columns]].rename(columns={"time": "date"}))) for frame in (readings, sessions)
    )
    for measure, colour in MEASURES:
        if "readings" in show:
            layers.append(dots.mark_circle(size=14, opacity=0.45, color=colour).encode(x=x, y=y(measure)))
        if "sessions" in show and len(sessions) <= parts.MOST_HOVER:
            ring = rings.mark_point(size=34, strokeWidth=1, opacity=0.55, color=colour)
            layers.append(ring.encode(x=x, y=y(measure)))
        if "days" in show:
            layers += line(means[["date", measure]].dropna(), x, y(measure), color=colour, strokeWidth=1, opacity=0.7)
        if "mean" in show:
            mean = means[["date", f"{measure}_7d"]].dropna()
            layers += line(mean, x, y(f"{measure}_7d"), color=colour, strokeWidth=3)
    return layers


def _thinned(readings: pd.DataFrame) -> pd.DataFrame:
    """All readings, or where they are too many for a browser the highest and the lowest systolic of each day."""
    if len(readings) <= MOST_READINGS:
        return readings
    by_date = readings.groupby("date")["systolic"]
    return readings.loc[sorted({*by_date.idxmax(), *by_date.idxmin()})]


def _severe(readings: pd.DataFrame, severe: Severe, x: alt.X, y: Any) -> list[Any]:
    """A triangle on each reading that is to be repeated."""
    reached = readings[(readings["systolic"] > severe.systolic) | (readings["diastolic"] > severe.diastolic)]
    if reached.empty:
        return []
    marks = alt.Chart(plain(reached[["time", "systolic"]].rename(columns={"time": "date"})))
    return [marks.mark_point(shape="triangle-up", size=90, filled=True, color=ORANGE, stroke=VERMILLION).encode(
        x=x, y=y("systolic")
    )]  # fmt: skip


def _told(readings: pd.DataFrame) -> dict[Any, str]:
    """For each date its readings with time and source, in words."""
    shown = readings.assign(
        text=[
            f"{time:%H:%M} {systolic:.0f}/{diastolic:.0f}" if known else f"{systolic:.0f}/{diastolic:.0f}"
            for time, known, systolic, diastolic in zip(
                readings["time"], readings["time_known"], readings["systolic"], readings["diastolic"], strict=True
            )
        ]
    )
    told = {}
    for day, rows in shown.groupby("date"):
        texts = rows["text"].tolist()
        more = f" and {len(texts) - 6} more" if len(texts) > 6 else ""
        told[day] = ", ".join(texts[:6]) + more + f" ({', '.join(sorted(set(rows['source'])))})"
    return told


def _categories(guideline: Guideline) -> str:
    """`ESC 2024, home: elevated from 120/70, hypertension from 135/85`."""
    starts = [
        f"{c.name} from {c.systolic:g}" + (f"/{c.diastolic:g}" if math.isfinite(c.diastolic) else "")
        for c in guideline.categories[1:]
    ]
    return f"{guideline.label}: {', '.join(starts)}"


def _with_overview(
    detail: alt.LayerChart, days: pd.DataFrame, brush: Any, period: Period, scale: alt.Scale, width: int
) -> alt.VConcatChart:
    """The chart above a strip of the whole period on which a part of it is chosen."""
    strip = alt.Chart(plain(days[["date", "systolic", "diastolic"]])).mark_bar(color=BLUE, opacity=0.5, width=2).encode(
        x=parts.time_axis("date", period, title="drag here to choose a period; click beside it for all"),
        y=alt.Y("systolic:Q", scale=scale, axis=None), y2="diastolic:Q",
    ).properties(width=width, height=46).add_params(brush)  # fmt: skip
    above = detail.properties(width=width)
    above.title = above.description = alt.Undefined
    return alt.vconcat(above, strip, spacing=12).properties(title=detail.title, description=detail.description)
