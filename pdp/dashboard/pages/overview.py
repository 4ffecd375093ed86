"""Overview: the period in five numbers, each against the period before, and the charts behind them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pdp.charts.blood_pressure import blood_pressure
from pdp.charts.coverage import coverage
from pdp.charts.daily import METRICS, Metric
from pdp.charts.heart import heart_rate
from pdp.charts.sleep import sleep_stages
from pdp.dashboard.page import Page, chart, chart_of_days
from pdp.dashboard.period import before
from pdp.period import within

TILES = {
    "systolic": "Systolic", "diastolic": "Diastolic", "resting_hr": "Resting heart", "sleep_total_min": "Sleep",
    "steps": "Steps", "weight_kg": "Weight",
}  # fmt: skip
UNITS = {"sleep_total_min": "h:min", "steps": "a day"}
SPARKS = 60
LEAST_DAYS = 3
"""Days that a mean needs before it is compared: fewer say more about the days than about the period."""


def show(page: Page) -> None:
    assert page.period
    _tiles(page)
    pressure = blood_pressure(
        page.days, page.readings, page.sessions, page.guideline, page.thresholds.severe, page.treatments,
        period=page.period, made_from=page.behind("blood_pressure"),
    )  # fmt: skip
    chart_of_days(pressure, page, "systolic")
    left, right = st.columns(2)
    with left:
        made_from = page.behind("heart_rate")
        chart_of_days(heart_rate(page.days, page.treatments, period=page.period, made_from=made_from), page, "avg_hr")
    with right:
        slept = sleep_stages(page.days, period=page.period, made_from=page.behind("sleep"))
        chart_of_days(slept, page, "sleep_total_min")
    chart(coverage(page.days, period=page.period))


def _tiles(page: Page) -> None:
    assert page.period
    now, then = within(page.days, page.period), within(page.days, before(page.period))
    with st.container(horizontal=True):
        for column, title in TILES.items():
            values, earlier = now[column].dropna(), then[column].dropna()
            if values.empty:
                continue
            metric = METRICS[column]
            change = _change(metric, values, earlier)
            st.metric(
                f"{title} ({UNITS.get(column, metric.unit)})", _value(column, values.mean()), change,
                delta_arrow="off" if change == "0" else "auto",
                delta_color="off", border=True, width=170, chart_data=values.tolist()[-SPARKS:], chart_type="line",
                help=f"{metric.title}: mean of {len(values)} days, and the change against the same length of time before",
            )  # fmt: skip


def _value(column: str, mean: float) -> str:
    if column == "sleep_total_min":
        hours, minutes = divmod(round(mean), 60)
        return f"{hours}:{minutes:02d}"
    return f"{mean:,.{METRICS[column].decimals}f}"


def _change(metric: Metric, values: pd.Series, earlier: pd.Series) -> str | None:
    """How far the mean moved; nothing where either is the mean of too few days."""
    if min(len(values), len(earlier)) < LEAST_DAYS:
        return None
    moved = round(values.mean() - earlier.mean(), metric.decimals)
    return f"{moved:+,.{metric.decimals}f}" if moved else "0"
