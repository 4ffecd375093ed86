"""Activity and the rest: steps, oxygen saturation, stress, weight."""

from __future__ import annotations

import streamlit as st

from pdp.charts.daily import METRICS, daily
from pdp.dashboard.page import Page, chart_of_days


def show(page: Page) -> None:
    for row in (("steps",), ("avg_spo2", "avg_stress"), ("weight_kg",)):
        for column, place in zip(row, st.columns(len(row)), strict=True):
            with place:
                made = daily(
                    page.days, column, page.treatments, period=page.period, height=280 if column == "steps" else 200,
                    made_from=page.behind(METRICS[column].table),
                )  # fmt: skip
                chart_of_days(made, page, column)
