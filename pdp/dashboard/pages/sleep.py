"""Sleep: stages, times, score and regularity."""

from __future__ import annotations

import streamlit as st

from pdp.charts import sleep as charts
from pdp.dashboard.page import Page, chart


def show(page: Page) -> None:
    chart(charts.sleep_stages(page.days, period=page.period, height=320))
    chart(charts.sleep_times(page.segments, period=page.period))
    left, right = st.columns(2)
    with left:
        chart(charts.sleep_regularity(page.segments, period=page.period))
    with right:
        chart(charts.midsleep_variability(page.segments, period=page.period))
    chart(charts.sleep_score(page.days, period=page.period))
