"""The pages, and what stands around each of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from pdp.charts.coverage import strip
from pdp.dashboard import period as periods
from pdp.dashboard.page import Page, brushed, clock, load
from pdp.dashboard.pages import (
    activity,
    blood_pressure,
    correlation,
    heart,
    overview,
    pipeline,
    quality,
    sleep,
    treatment,
)
from pdp.dashboard.server import site
from pdp.period import Period

STYLE = Path(__file__).with_name("style.css").read_text(encoding="utf-8")


class Entry(NamedTuple):
    """A page: its title, what draws it below its head, its icon; whether it asks for a period, and shows anything without
    a day of data."""

    title: str
    draw: Callable[[Page], None]
    icon: str
    with_period: bool = True
    needs_days: bool = True


PAGES = {
    "overview": Entry("Overview", overview.show, ":material/dashboard:"),
    "blood-pressure": Entry("Blood pressure", blood_pressure.show, ":material/favorite:"),
    "heart": Entry("Heart", heart.show, ":material/monitor_heart:"),
    "sleep": Entry("Sleep", sleep.show, ":material/bedtime:"),
    "activity": Entry("Activity", activity.show, ":material/directions_walk:"),
    "before-after": Entry("Before and after", treatment.show, ":material/medication:", with_period=False),
    "correlation": Entry("Correlation", correlation.show, ":material/scatter_plot:"),
    "data-quality": Entry("Data quality", quality.show, ":material/fact_check:", False, needs_days=False),
    "pipeline": Entry("Pipeline", pipeline.show, ":material/account_tree:", False, needs_days=False),
}
DATES, DRAGGED = "period dates", "period dragged"
FOOT = (
    "pdp is no medical device and gives no medical advice. The colours of a chart are a guideline's, not a diagnosis."
)


def show() -> None:
    """Draws the page that the address names, for the visitor who asks."""
    st.set_page_config(page_title="pdp", page_icon="📈", layout="wide")
    listed = [
        st.Page(partial(draw, path), title=one.title, icon=one.icon, url_path=path, default=path == "overview")
        for path, one in PAGES.items()
    ]
    st.session_state["pipeline page"] = listed[list(PAGES).index("pipeline")]
    chosen = st.navigation(listed, position="top")
    st.html(f"<style>{STYLE}</style>")
    chosen.run()


def draw(path: str) -> None:
    """One page, from its head to its foot."""
    entry, page = PAGES[path], load(site(), dict(st.context.cookies))
    page.pipeline = st.session_state.get("pipeline page")
    _head(page, entry.title)
    if page.whole is None:
        st.info(
            "There is no day with data yet. Put exports into the raw folders and run doit. Data quality shows what was read "
            "and set aside, and Pipeline what the runs did."
        )
    if page.whole or not entry.needs_days:
        if entry.with_period and page.whole:
            page.period = _choose_period(page, page.whole)
        entry.draw(page)
    st.caption(FOOT)


def _head(page: Page, title: str) -> None:
    st.title(title)
    last = f"data up to {page.whole.last} · " if page.whole else ""
    st.caption(f"{last}built {clock(page.generation.made_at)} UTC · {page.made_from}")
    for source, since in stale_sources(page):
        st.warning(f"{source} has not answered since {clock(since)} UTC: there may be newer data than what is shown.")
    if failing := failing_stages(page):
        words = f"{', '.join(failing)} failed when last run: newer data may be missing here. `pdp status` says why."
        st.warning(words)
    if page.view.is_demo:
        st.info("This is an invented person. No number here is anyone's.", icon=":material/theater_comedy:")
    if page.view.mode == "public" and site().door:
        st.html('<a class="door" href="/login">Log in to your own data</a>')
    if page.view.mode == "private":
        st.html('<form method="post" action="/logout"><button class="door" type="submit">Log out</button></form>')


def stale_sources(page: Page) -> list[tuple[str, str]]:
    """Sources that did not answer when they were last asked, each with the moment since when."""
    with page.history() as history:
        asked = history.asked()
    return [(source, told["since"]) for source, told in sorted(asked.items()) if told.get("stale")]


def failing_stages(page: Page) -> list[str]:
    """Stages of what is shown whose last attempt failed, so that it is older than it could be."""
    with page.history() as history:
        known = history.facts()
        return [one["stage"] for one in history.failing() if one["stage"] in known]


def _choose_period(page: Page, whole: Period) -> Period:
    """Presets and two dates; the choice stands in the address, so that it can be kept and sent."""
    named, own = periods.from_address(
        {"period": st.query_params.get("period") or st.session_state.get("period kept", "")}
    )
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    options = [*periods.PRESETS, periods.OWN]
    chosen = bar.segmented_control("Period", options, default=named, required=True, key="period chosen") or named
    if chosen == periods.OWN:
        period = _own_dates(page, whole, own or periods.preset(periods.DEFAULT, whole), bar)
    else:
        period = periods.preset(chosen, whole)
        bar.caption(f"{period.first} to {period.last} · {'1 day' if period.days == 1 else f'{period.days} days'}")
    address = periods.to_address(chosen, period)
    st.session_state["period kept"] = address
    if st.query_params.get("period") != address:
        st.query_params["period"] = address
    return period


def _own_dates(page: Page, whole: Period, start: Period, bar: st.delta_generator.DeltaGenerator) -> Period:
    """Two dates, typed or dragged on a strip of all days; what lies outside of them is cut off."""
    last = min(max(start.last, whole.first), whole.last)
    within = Period(min(max(start.first, whole.first), last), last)
    place = bar.empty()
    dragged = brushed(strip(page.days), "period strip")
    if dragged and dragged != st.session_state.get(DRAGGED):  # a drag from before does not undo what was typed since
        st.session_state[DATES] = tuple(min(max(day, whole.first), whole.last) for day in dragged)
    st.session_state[DRAGGED] = dragged
    st.session_state.setdefault(DATES, (within.first, within.last))
    dates: Any = place.date_input(  # two, since two are in the session
        "From and to", min_value=whole.first, max_value=whole.last, format="YYYY-MM-DD", width=260, key=DATES
    )
    return Period(*dates) if len(dates) == 2 else within
