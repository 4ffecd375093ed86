"""Data quality: what came in and what became of it, row by row where something was set aside."""

from __future__ import annotations

from datetime import date
from typing import Any

import streamlit as st

from pdp.charts.coverage import coverage
from pdp.charts.daily import METRICS
from pdp.dashboard.page import Page, chart, clock
from pdp.errors import mask
from pdp.look.rejected import quarantined, rejected
from pdp.look.versions import is_held, pick

COUNTS = ("read", "accepted", "superseded", "quarantined")


def show(page: Page) -> None:
    with page.history() as history:
        facts, changed, asked = history.facts(), history.changed_at(), history.asked()
        data = str(page.view.data)
        aside = [name for name in quarantined(history) if is_held(data, pick(history, f"{name}_quarantine"))]
        rows = [row for name in aside for row in rejected(history, data, name)]
    for note in (note for told in facts.values() for note in told.get("notes", ())):
        st.warning(mask(note))
    _sources(page, facts, changed, asked)
    _conservation(facts)
    st.subheader(f"Rows set aside: {len(rows)}")
    if rows:
        _reasons(rows)
    if page.whole:
        chart(coverage(page.days))


def _sources(
    page: Page, facts: dict[str, dict[str, Any]], changed: dict[str, str], asked: dict[str, dict[str, Any]]
) -> None:
    """Each source, with the last day that it tells of: a cuff or a band that was put away is seen here."""
    st.subheader("Sources")
    shown, last = [], _last_days(page)
    for name in (stage.partition(":")[2] for stage in sorted(facts) if stage.startswith("ingest:")):
        files = facts[f"ingest:{name}"].get("files", 0)
        row = {"source": name, "files": files, "data up to": str(last.get(name, "–"))}
        row |= {"days before the newest": (page.whole.last - last[name]).days if page.whole and name in last else None}
        row |= {"last change (UTC)": clock(changed.get(name, ""))}
        shown.append(row | {"state": _state(asked.get(name))})
    st.dataframe(shown, hide_index=True, width="stretch")


def _last_days(page: Page) -> dict[str, date]:
    found: dict[str, date] = {}
    for table in sorted({metric.table for metric in METRICS.values()}):
        for source, day in page.sources(table).items():
            found[source] = max(found.get(source, day), day)
    return found


def _state(told: dict[str, Any] | None) -> str:
    if not told:
        return "a folder of yours, read at each run"
    if told["stale"]:
        return f"has not answered since {clock(told['since'])}: shown is what was fetched before"
    return f"answered {clock(told['at'])}"


def _conservation(facts: dict[str, dict[str, object]]) -> None:
    """Nothing is lost: each table's sum is shown, so that it can be checked."""
    st.subheader("Rows read = accepted + superseded + quarantined")
    shown = [
        {"table": stage.partition(":")[2], **{name: told.get(name, 0) for name in COUNTS}}
        for stage, told in sorted(facts.items())
        if stage.startswith("validate:")
    ]
    st.dataframe(shown, hide_index=True, width="stretch")


def _reasons(rows: list[dict[str, object]]) -> None:
    counts: dict[tuple[object, object], int] = {}
    for row in rows:
        counts[row["table"], row["rule"]] = counts.get((row["table"], row["rule"]), 0) + 1
    shown = [{"table": table, "rule": rule, "rows": count} for (table, rule), count in sorted(counts.items(), key=str)]
    st.dataframe(shown, hide_index=True, width="stretch")
    names = ("table", "source", "file", "row", "date", "cell", "text", "sentence")
    with st.expander("Each of them, with its file and row"):
        st.dataframe([{name: row[name] for name in names} for row in rows], hide_index=True, width="stretch")
        st.caption("`pdp rejected` says the same, and how to repair a row.")
