"""Before and after a treatment: how far a daily value moved, how sure that is, and what it does not prove."""

from __future__ import annotations

import streamlit as st

from pdp.charts.daily import METRICS
from pdp.charts.effect import before_after as drawn
from pdp.charts.effect import signed
from pdp.dashboard.page import Page, chart_of_days
from pdp.statistics.effect import LEAST_DAYS, WASH_IN_DAYS, Effect, TooLittle, before_after
from pdp.treatments import Treatment

HOW = """There is no treatment in the config yet. Add each event of one, and start the dashboard anew:

```toml
[[treatments]]
date = 2026-01-15
label = "what it is, and how much"
kind = "start"  # or "dose" for a change of dose, or "stop"
```

The label stays on this machine, and goes where you send a report or a vault (`pdp vault write` brings it there)."""
LENGTHS = (30, 60, 90, 180)


def show(page: Page) -> None:
    if not page.treatments:
        st.markdown(HOW)
        return
    event, column, wash_in, most = _chosen(page)
    others = [other for other in page.treatments if other != event]
    found = before_after(page.days, column, event, others, wash_in_days=wash_in, most_days=most)
    if isinstance(found, TooLittle):
        st.info(f"No estimate: {found.reason}.")
        return
    _numbers(found)
    made_from = page.behind(METRICS[found.column].table)
    chart_of_days(drawn(page.days, found, height=340, made_from=made_from), page, found.column)
    st.markdown("**What this does not say**\n" + "".join(f"\n- {caveat}" for caveat in found.caveats))
    st.caption(
        "Regression with errors that follow on from the day before (AR(1)); the interval holds the true difference in 95 of "
        "100 such comparisons, if nothing else changed. No side reaches into the time of another event."
    )


def _chosen(page: Page) -> tuple[Treatment, str, int, int]:
    """The event, the number, the days of wash-in and the days of either side."""
    first, second, third, fourth = st.columns([3, 3, 2, 2])
    event = first.selectbox(
        "Event",
        page.treatments,
        len(page.treatments) - 1,
        format_func=lambda one: f"{one.date}, {one.text}",
        key="event",
    )
    known = [name for name in METRICS if page.days[name].notna().any()]
    column = second.selectbox("Number", known, format_func=lambda name: METRICS[name].title, key="compared")
    wash_in = third.number_input(
        "Days of wash-in", 0, 90, WASH_IN_DAYS, key="wash-in", help="Days after the event that count for neither side."
    )
    most = fourth.selectbox(
        "Days of either side", LENGTHS, LENGTHS.index(90), key="side", format_func=lambda days: f"at most {days}",
        help=f"Each side needs {LEAST_DAYS} days with a value.",
    )  # fmt: skip
    return event, column, int(wash_in), most


def _numbers(found: Effect) -> None:
    metric = METRICS[found.column]
    sides = (
        ("before", found.before, found.n_before, found.mean_before),
        ("after", found.after, found.n_after, found.mean_after),
    )
    st.table(
        [
            {"": side, "from": str(days[0]), "to": str(days[1]), "days with a value": n, f"mean ({metric.unit})": f"{mean:,.1f}"}
            for side, days, n, mean in sides
        ],
        hide_index=True,
    )  # fmt: skip
    estimates = (("after minus before", found.step), ("the same, with a straight trend allowed for", found.with_slope))
    st.table(
        [
            {
                f"difference ({metric.unit})": name, "estimate": signed(one.estimate),
                "95 % interval": f"{signed(one.low)} to {signed(one.high)}",
            }
            for name, one in estimates
        ],
        hide_index=True,
    )  # fmt: skip
    st.caption(
        f"{found.wash_in_days} days of wash-in left out. If the two estimates differ much, a trend that was there anyway "
        f"explains part of the difference. Correlation of neighbouring days: {found.rho:.2f}."
    )
