"""Sleep: stages, times, score and regularity."""

from __future__ import annotations

import streamlit as st

from pdp.charts import sleep as charts
from pdp.dashboard.page import Page, chart, chart_of_days


def show(page: Page) -> None:
    made_from = page.behind("sleep")
    stages = charts.sleep_stages(page.days, period=page.period, height=320, made_from=made_from)
    chart_of_days(stages, page, "sleep_total_min")
    times = charts.sleep_times(page.segments, period=page.period, made_from=made_from)
    chart_of_days(times, page, "sleep_total_min")
    left, right = st.columns(2)
    with left:
        chart(charts.sleep_regularity(page.segments, period=page.period))
    with right:
        chart(charts.midsleep_variability(page.segments, period=page.period))
    score = charts.sleep_score(page.days, period=page.period, made_from=made_from)
    chart_of_days(score, page, "sleep_score")
