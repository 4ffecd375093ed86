"""Heart: days, and the single measurements of any stretch from an hour to ten years."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import streamlit as st

from pdp import samples
from pdp.charts.heart import heart_rate, heart_samples
from pdp.dashboard.page import Page, chart, chart_of_days

LENGTHS = {
    "1 hour": timedelta(hours=1), "6 hours": timedelta(hours=6), "1 day": timedelta(days=1), "7 days": timedelta(days=7),
    "28 days": timedelta(days=28), "1 year": timedelta(days=365), "all": timedelta(0),
}  # fmt: skip
TABLE, COLUMN = "heart_rate", "bpm"


def show(page: Page) -> None:
    made_from = page.behind(TABLE)
    by_day = heart_rate(page.days, page.treatments, period=page.period, height=320, made_from=made_from)
    chart_of_days(by_day, page, "avg_hr")
    st.subheader("Single measurements")
    extent = samples.extent(page.generation.path(TABLE)) if TABLE in page.generation else None
    if extent is None:
        st.info("There are no single measurements of the heart rate, only the days' reports.")
        return
    _samples(page, *extent)


@st.fragment
def _samples(page: Page, first: datetime, last: datetime) -> None:
    """Only this part runs anew when another stretch is chosen."""
    left, middle, right = st.columns([3, 1, 1], vertical_alignment="bottom")
    length = left.segmented_control("Length", list(LENGTHS), default="7 days", required=True) or "7 days"
    if length == "all":
        start, end = first, last + timedelta(minutes=1)
    else:
        latest = max(last - LENGTHS[length], first)
        day = middle.date_input("From", latest.date(), first.date(), last.date(), format="YYYY-MM-DD")
        hour = (
            right.time_input("at", latest.time().replace(minute=0, second=0))
            if LENGTHS[length] < timedelta(days=1)
            else time()
        )
        start = datetime.combine(day, hour)
        end = start + LENGTHS[length]
    found = samples.buckets(page.generation.path(TABLE), COLUMN, start, end)
    chart(heart_samples(found, height=320, made_from=page.generation.label(TABLE)))
