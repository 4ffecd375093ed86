"""Pipeline: a day's numbers down to their readings, what the result was made from, the runs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import streamlit as st

from pdp.charts.daily import METRICS, daily
from pdp.dashboard.page import Page, clock, picked
from pdp.look.lineage import boxes, lineage
from pdp.look.picture import svg
from pdp.look.trace import RESULT, trace
from pdp.look.versions import pick
from pdp.period import Period

RUNS = 30
NUMBER, DAY, CLICKED, ADDRESS = "traced column", "traced day", "traced click", "traced address"
INNER = {"item", "record", "sid", "utc_offset_s", "offset_source", "time_known"}


def show(page: Page) -> None:
    if page.whole:
        _day(page, page.whole)
    with page.history() as history:
        found = lineage(history, pick(history, RESULT))
        runs = history.runs(RUNS)
        versions = history.versions(RESULT, RUNS)
    st.subheader(f"What {found['artifact']} was made from")
    told = f"{found['artifact']} and the {len(boxes(found)) - 1} files and tables that it was made from, left to right"
    st.image(svg(boxes(found), found["edges"]), width="stretch", alt=told)
    st.subheader("Versions")
    names = ("rows", "current", "pinned")
    shown = [
        {"version": row["version"], "made (UTC)": clock(row["created_at"])} | {name: row[name] for name in names}
        for row in versions
    ]
    st.dataframe(shown, hide_index=True, width="stretch")
    st.subheader("Runs")
    st.dataframe([_run(run) for run in runs], hide_index=True, width="stretch")


def _run(run: dict[str, Any]) -> dict[str, Any]:
    did = [f"{one['stage']} {one['outcome']}: {'; '.join(one['reasons'])}" for one in run["stages"]]
    return {
        "run": run["run"], "started (UTC)": clock(run["started_at"]), "status": run["status"],
        "did": " · ".join(did) or "nothing: all was current",
    }  # fmt: skip


def _day(page: Page, whole: Period) -> None:
    """Click a day, see its readings. Number and day stand in the address, so that charts lead here."""
    st.subheader("A number, down to its readings")
    known = [name for name in METRICS if page.days[name].notna().any()]
    _follow_address(whole, known)
    left, right = st.columns(2)
    column = left.selectbox("Number", known, format_func=lambda name: METRICS[name].title, key=NUMBER)
    measured = page.days.loc[page.days[column].notna(), "date"]
    st.session_state.setdefault(DAY, measured.iloc[-1].date())
    place = right.empty()
    made = daily(page.days, column, page.treatments, period=whole, made_from=page.behind(METRICS[column].table))
    clicked = picked(made, f"clicked {column}")
    if clicked and clicked != st.session_state.get(CLICKED):  # a click from before does not undo what was typed since
        st.session_state[DAY] = min(max(clicked, whole.first), whole.last)
    st.session_state[CLICKED] = clicked
    st.caption("Click a day, or choose one above.")
    day = place.date_input("Day", min_value=whole.first, max_value=whole.last, key=DAY, format="YYYY-MM-DD")
    st.session_state[ADDRESS] = {"day": f"{day}", "number": column}
    if st.query_params.to_dict() != st.session_state[ADDRESS]:
        st.query_params.from_dict(st.session_state[ADDRESS])
    if (measured.dt.date == day).any():
        _explained(page, day, column)
    else:
        st.info(f"There is no {METRICS[column].title.lower()} of this day.")


def _follow_address(whole: Period, known: list[str]) -> None:
    """Takes number and day from an address that did not come from here; what makes no sense counts as not given."""
    asked = st.query_params.to_dict()
    if asked == st.session_state.get(ADDRESS):
        return
    if asked.get("number") in known:
        st.session_state[NUMBER] = asked["number"]
    with contextlib.suppress(ValueError):
        day = date.fromisoformat(asked.get("day", ""))
        if whole.first <= day <= whole.last:
            st.session_state[DAY] = day


def _explained(page: Page, day: date, column: str) -> None:
    with page.history() as history:
        found = trace(history, str(page.view.data), pick(history, RESULT), day, column)
    st.markdown(f"**{METRICS[column].title} of {day}: {found['value']:g} {METRICS[column].unit}**")
    st.caption(f"{found['formula']}. {found['artifact']}, made by {found['stage']} in run {found['run']}.")
    st.dataframe([_row(row) for row in found["readings"]], hide_index=True, width="stretch")
    if found["beside"]:
        st.caption("Beside it, not counted:")
        st.dataframe([_row(row) for row in found["beside"]], hide_index=True, width="stretch")


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its moments as a clock on the wall showed them, and without what only the pipeline needs."""
    offset = timedelta(seconds=row.get("utc_offset_s") or 0)
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_utc") and isinstance(value, int):
            shown[name.removesuffix("_utc")] = f"{datetime.fromtimestamp(value, UTC) + offset:%Y-%m-%d %H:%M}"
        elif name not in INNER and value is not None:
            shown[name] = value
    return shown
