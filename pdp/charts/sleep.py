"""Sleep: how long and of what kind, when, how regular, and the device's score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from pdp.charts import parts
from pdp.charts.daily import daily
from pdp.charts.parts import Series, crosshair, finished, line, nothing, plain, span, value_scale
from pdp.charts.style import BLUE, GREY, ORANGE, PURPLE, SKY
from pdp.period import Period, within
from pdp.statistics import sleep as statistics

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Sleep (hours)"
STAGES = (("sleep_deep_min", "deep", BLUE), ("sleep_light_min", "light", SKY), ("sleep_rem_min", "REM", PURPLE),
          ("unstaged", "without stages", GREY), ("sleep_nap_min", "naps (below the line)", ORANGE))  # fmt: skip


def sleep_stages(
    days: pd.DataFrame, *, period: Period | None = None, height: int = 240, made_from: str = ""
) -> alt.LayerChart:
    """Hours of each night by stage, stacked; naps apart, below the line."""
    days = within(days, period).dropna(subset=["sleep_total_min"])
    if days.empty:
        return nothing(TITLE)
    period = period or span(days)
    hours = _hours(days)
    stacked = hours[[name for name, _, _ in STAGES[:-1]]].sum(axis=1)
    scale = value_scale(stacked, hours["sleep_nap_min"], zero=True)
    x = parts.time_axis("date", period)
    label = alt.Axis(labelExpr="format(abs(datum.value), '')", grid=True)
    y = alt.Y("hours:Q", scale=scale, title="hours", stack="zero", axis=label)
    stages = [name for name, _, _ in STAGES]
    means, step = parts.stretched(hours, stages, period)
    long = means.melt("date", stages, "stage", "hours")
    long = long[long["hours"] != 0].assign(
        order=long["stage"].map({n: i for i, (n, _, _) in enumerate(STAGES)}),
        stage=long["stage"].map({name: words for name, words, _ in STAGES}),
    )
    colours = alt.Scale(domain=[words for _, words, _ in STAGES], range=[colour for *_, colour in STAGES])
    bars = (
        alt.Chart(plain(long))
        .mark_bar(width=parts.bar_width(period, step))
        .encode(x=x, y=y, color=alt.Color("stage:N", scale=colours), order="order:Q")
    )
    series = [Series("total", "asleep in all", "h", 1)]
    series += [Series(name, words.partition(" (")[0], "h", 1) for name, words, _ in STAGES]
    shown = hours.assign(total=days["sleep_total_min"] / 60, sleep_nap_min=-hours["sleep_nap_min"])
    top = alt.Y("total:Q", scale=scale, title="hours")
    hover = crosshair(shown, series, x, lambda _: top, made_from=made_from)
    said = "of the night that ends on the date, by stage; naps below the line"
    return finished([bars, *hover], TITLE, said if step == 1 else f"{said}; means of {step} days", height)


def sleep_score(days: pd.DataFrame, *, period: Period | None = None, made_from: str = "") -> alt.LayerChart:
    """The device's own score of each night, 0 to 100."""
    return daily(days, "sleep_score", period=period, made_from=made_from)


def sleep_times(
    segments: pd.DataFrame, *, period: Period | None = None, height: int = 260, made_from: str = ""
) -> alt.LayerChart:
    """When the person slept: a bar from falling asleep to waking, with the midpoint of the main sleep."""
    title = "Times of sleep (local time)"
    segments = within(segments, period)
    if segments.empty:
        return nothing(title)
    import pandas as pd

    period = period or span(segments)
    noon = segments["date"] - pd.Timedelta(hours=12)
    bars = segments.assign(
        start=(segments["bedtime"] - noon).dt.total_seconds() / 3600,
        end=(segments["wake"] - noon).dt.total_seconds() / 3600,
        kind=segments["main"].map({True: "main sleep", False: "naps"}),
        slept=segments["bedtime"].dt.strftime("%H:%M") + " to " + segments["wake"].dt.strftime("%H:%M"),
    )
    scale = value_scale(bars[["start", "end"]])
    scale.reverse = True
    clock = alt.Axis(labelExpr="format((datum.value + 12) % 24, '02') + ':00'", tickMinStep=1)
    x = parts.time_axis("date", period)
    colours = alt.Scale(domain=["main sleep", "naps"], range=[BLUE, ORANGE])
    mark = alt.Chart(plain(bars[["date", "start", "end", "kind", "slept"]])).mark_bar(
        width=parts.bar_width(period, most=12), opacity=0.75
    )
    y = alt.Y("start:Q", scale=scale, title="clock", axis=clock)
    layer = mark.encode(
        x=x, y=y, y2="end:Q",
        color=alt.Color("kind:N", scale=colours),
    )  # fmt: skip
    told = {"asleep": bars.groupby("date")["slept"].agg(", ".join).to_dict()}
    hover = crosshair(bars[["date"]].drop_duplicates(), (), x, lambda _: y, told, made_from)
    return finished([layer, *hover], title, _regularity(segments), height)


def _regularity(segments: pd.DataFrame) -> list[str]:
    """Both measures of the period, each with what it is made from; nothing of what there is too little for."""
    same, middles = statistics.agreement(segments), statistics.midpoints(segments)
    index, sd = statistics.regularity_index(same), statistics.midpoint_sd(middles)
    return [
        f"{statistics.INDEX} {index:.0f}, over {len(same)} pairs of neighbouring days" if index == index else "",
        f"{statistics.VARIABILITY} {sd:.0f} minutes, over {len(middles)} nights" if sd == sd else "",
    ]


def sleep_regularity(segments: pd.DataFrame, *, period: Period | None = None) -> alt.LayerChart:
    """The sleep regularity index over the 28 days that end on each date: the more, the more regular."""
    title = "Sleep regularity index (−100 to 100)"
    rolled = within(statistics.rolling_regularity_index(statistics.agreement(segments)), period)
    said = "how alike days are minute by minute, over 28 days · 100: all alike, 0: as chance has it"
    none = f"fewer than {statistics.PAIRS} pairs of neighbouring nights in 28 days"
    return _rolled(rolled, Series("sri", "index"), title, said, none, period)


def midsleep_variability(segments: pd.DataFrame, *, period: Period | None = None) -> alt.LayerChart:
    """Variability of midsleep over the 28 days that end on each date: the less, the more regular."""
    title = "Variability of midsleep (minutes)"
    rolled = within(statistics.rolling_midpoint_sd(statistics.midpoints(segments)), period)
    said = "circular SD of the middle of main sleep, over 28 days (at least 14 nights)"
    return _rolled(rolled, Series("sd", "SD", "min"), title, said, "fewer than 14 nights in 28 days", period)


def _rolled(
    rolled: pd.DataFrame, series: Series, title: str, said: str, none: str, period: Period | None
) -> alt.LayerChart:
    if rolled.empty:
        return nothing(title, none)
    period = period or span(rolled)
    x, scale = parts.time_axis("date", period), value_scale(rolled[series.column], zero=series.unit == "min")
    y = alt.Y(f"{series.column}:Q", scale=scale, title=series.unit.replace("min", "minutes") or "index")
    hover = crosshair(rolled, [series], x, lambda _: y)
    return finished([*line(rolled, x, y, color=PURPLE, strokeWidth=2), *hover], title, said, 160)


def _hours(days: pd.DataFrame) -> pd.DataFrame:
    """Hours by stage; what the device gave no stage is `unstaged`, naps are negative so that they hang below the line."""
    stages = ["sleep_deep_min", "sleep_light_min", "sleep_rem_min"]
    asleep = days["sleep_main_min"].fillna(days["sleep_total_min"])
    known = days[stages].fillna(0)
    unstaged = (asleep - known.sum(axis=1)).clip(lower=0)
    naps = -days["sleep_nap_min"].fillna(0)
    return (known.assign(unstaged=unstaged, sleep_nap_min=naps) / 60).assign(date=days["date"])
