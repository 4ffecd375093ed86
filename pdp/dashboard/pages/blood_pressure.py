"""Blood pressure: readings to 7-day means, mornings and evenings, what derives from them, the period in numbers."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pdp.charts import blood_pressure as charts
from pdp.dashboard.page import Page, chart, chart_of_days
from pdp.period import within
from pdp.statistics.summary import summary

NAMES = {"readings": "readings", "sessions": "sessions", "days": "daily means", "mean": "7-day means"}


def show(page: Page) -> None:
    with st.container(horizontal=True):
        known = page.thresholds.guidelines
        st.selectbox(
            "Thresholds of", list(known), list(known).index(page.guideline.id), format_func=lambda one: known[one].label,
            key="guideline",
        )  # fmt: skip
        shown = st.pills(
            "Show", charts.LAYERS, selection_mode="multi", default=charts.LAYERS, format_func=NAMES.__getitem__
        )
    made_from = page.behind("blood_pressure")
    made = charts.blood_pressure(
        page.days, page.readings, page.sessions, page.guideline, page.thresholds.severe, page.treatments,
        period=page.period, show=tuple(name for name in charts.LAYERS if name in shown), made_from=made_from, height=420,
    )  # fmt: skip
    chart_of_days(made, page, "systolic")
    st.table(_numbers(page).style.format(precision=1, na_rep="–"), hide_index=True)
    st.caption(
        "Of the days' means of sessions. SD: standard deviation; ARV: mean change from one measured day to the next."
    )
    days, events, period = page.days, page.treatments, page.period
    chart(charts.morning_evening(days, page.guideline, events, period=period, made_from=made_from))
    left, right = st.columns(2)
    with left:
        chart(charts.pulse_pressure(days, events, period=period, made_from=made_from))
    with right:
        chart(charts.mean_arterial_pressure(days, events, period=period, made_from=made_from))
    with st.expander("The readings"):
        readings = within(page.readings, page.period)
        columns = ["time", "systolic", "diastolic", "pulse", "source", "place"]
        moment = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")
        st.dataframe(readings[columns].iloc[::-1], column_config={"time": moment}, hide_index=True, width="stretch")


def _numbers(page: Page) -> pd.DataFrame:
    days, readings = within(page.days, page.period), within(page.readings, page.period)
    high = page.guideline.hypertension
    rows = []
    for name, column, limit in (
        ("systolic (mmHg)", "systolic", high.systolic),
        ("diastolic (mmHg)", "diastolic", high.diastolic),
    ):
        one = summary(days[column])
        count = readings[column].count()
        share = 100 * (readings[column] >= limit).sum() / count if count else float("nan")
        rows.append(
            {
                "": name, "readings": count, "days": one.n, "mean": round(one.mean, 1), "SD": round(one.sd, 1),
                "CV (%)": round(one.cv, 1), "ARV": round(one.arv, 1), "lowest day": round(one.least, 1),
                "highest day": round(one.largest, 1), f"readings ≥ {limit:.0f} (%)": round(share, 1),
                "mornings": round(days[f"{column}_am"].mean(), 1), "evenings": round(days[f"{column}_pm"].mean(), 1),
            }
        )  # fmt: skip
    return pd.DataFrame([{name: value for name, value in row.items() if not name.startswith("readings ≥")} | {
        "readings at or above the threshold (%)": next(v for n, v in row.items() if n.startswith("readings ≥"))
    } for row in rows])  # fmt: skip
