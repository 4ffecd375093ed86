"""Two columns against each other, with how many days there are and what the picture does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt

from pdp.charts.daily import METRICS
from pdp.charts.parts import MOST_HOVER, finished, nothing, telling, value_scale
from pdp.charts.style import BLUE
from pdp.period import Period, within
from pdp.statistics.summary import spearman

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 10
"""Days below which no coefficient is given."""
CAVEAT = (
    "not cause and effect: both may follow a third thing, a season or a trend; "
    "days are not independent, and among many pairs some agree by chance"
)
MOST_POINTS = 5000


def correlation(
    days: pd.DataFrame, across: str, up: str, *, lag_days: int = 0, period: Period | None = None, height: int = 320
) -> alt.LayerChart:
    """A point per day: `up` on the date, `across` on the date or `lag_days` before it.

    Args:
        across, up: keys of `pdp.charts.daily.METRICS`.
    """
    x_metric, y_metric = METRICS[across], METRICS[up]
    title = f"{y_metric.axis} by {x_metric.axis}"
    pairs = within(paired(days, across, up, lag_days), period)
    if pairs.empty:
        return nothing(title, "no day has both")
    shown = pairs if len(pairs) <= MOST_POINTS else pairs.iloc[:: -(-len(pairs) // MOST_POINTS)]
    said = shown.assign(day=shown["date"].dt.strftime("%a %d %b %Y"))[["day", "across", "up"]].round(2)
    near = alt.selection_point(
        name="near", nearest=len(said) <= MOST_HOVER, on="pointermove", clear="pointerout", fields=["day"], empty=False
    )
    told = {"date": "day", x_metric.axis: "across", y_metric.axis: "up"}
    points = alt.Chart(said).mark_circle(color=BLUE).encode(
        x=alt.X("across:Q", title=x_metric.axis, scale=value_scale(pairs["across"])),
        y=alt.Y("up:Q", title=y_metric.axis, scale=value_scale(pairs["up"])), tooltip=telling(told),
        size=alt.when(near).then(alt.value(110)).otherwise(alt.value(36)),
        opacity=alt.when(near).then(alt.value(1)).otherwise(alt.value(0.45)),
    ).add_params(near)  # fmt: skip
    n = len(pairs)
    lagged = f", {x_metric.title} of {lag_days} day{'' if lag_days == 1 else 's'} before" if lag_days else ""
    found = f"n = {n} days{lagged}; " + (
        f"Spearman's rho {spearman(pairs['across'], pairs['up']):.2f}"
        if n >= FEWEST
        else f"too few for a coefficient (at least {FEWEST})"
    )
    return finished([points], title, [found, CAVEAT], height)


def paired(days: pd.DataFrame, across: str, up: str, lag_days: int = 0) -> pd.DataFrame:
    """`date`, `across`, `up` for each date that has both."""
    import pandas as pd

    early = days[["date", across]].rename(columns={across: "across"})
    early = early.assign(date=early["date"] + pd.Timedelta(days=lag_days))
    late = days[["date", up]].rename(columns={up: "up"})
    return early.merge(late, on="date").dropna()
