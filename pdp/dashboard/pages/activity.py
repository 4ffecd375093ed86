"""Activity and the rest: steps, oxygen saturation, stress, weight."""

from __future__ import annotations

import streamlit as st

from pdp.charts.daily import daily
from pdp.dashboard.page import Page, chart


def show(page: Page) -> None:
    chart(daily(page.days, "steps", page.treatments, period=page.period, height=280))
    for pair in (("avg_spo2", "avg_stress"), ("weight_kg",)):
        for column, place in zip(pair, st.columns(len(pair)), strict=True):
            with place:
                chart(daily(page.days, column, page.treatments, period=page.period))
