"""Correlation: two metrics, a point per day."""

from __future__ import annotations

import streamlit as st

from pdp.charts.correlation import correlation
from pdp.charts.daily import METRICS
from pdp.dashboard.page import Page, chart

LAGS = {0: "the same day", 1: "the day before", 2: "two days before", 7: "a week before"}
CAVEAT = (
    "Two things that move together need not have to do with each other: both may follow a season, a habit or a third thing. "
    "Who tries many pairs finds some that look related by chance alone."
)


def show(page: Page) -> None:
    known = [name for name in METRICS if page.days[name].notna().any()]
    if len(known) < 2:
        st.info("This needs two metrics.")
        return
    left, middle, right = st.columns(3)
    titles = {name: METRICS[name].title for name in known}
    across = left.selectbox(
        "Across", known, known.index("steps") if "steps" in known else 0, format_func=titles.__getitem__
    )
    up = middle.selectbox("Up", [name for name in known if name != across], format_func=titles.__getitem__)
    lag = right.selectbox("Across is of", list(LAGS), format_func=LAGS.__getitem__)
    chart(correlation(page.days, across, up, lag_days=lag, period=page.period))
    st.caption(CAVEAT)
