"""What every page works with: one visitor's view of one generation, read once per visitor and kept with them alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pdp import frames, thresholds
from pdp.charts.coverage import RANGE
from pdp.charts.daily import METRICS
from pdp.charts.parts import PICKED, span
from pdp.charts.style import caption, themed
from pdp.dashboard.server import Site, View
from pdp.generation import Generation, current, newest
from pdp.period import Period
from pdp.registry.history import History
from pdp.statistics.sessions import sessions
from pdp.thresholds import Guideline, Thresholds
from pdp.treatments import Treatment, treatments

if TYPE_CHECKING:
    import pandas as pd

KEPT = "pdp kept"


@dataclass
class Page:
    """A view with the tables of its current generation, each read when a page first asks for it."""

    view: View
    generation: Generation
    root: Path
    period: Period | None = None
    pipeline: Any = None
    """The page that explains a number, as the navigation knows it."""
    _sources: dict[str, dict[str, date]] = field(default_factory=dict, repr=False)

    @cached_property
    def days(self) -> pd.DataFrame:
        return frames.days(self.generation)

    @cached_property
    def readings(self) -> pd.DataFrame:
        return frames.readings(self.generation)

    @cached_property
    def sessions(self) -> pd.DataFrame:
        return sessions(self.readings, self.generation.config["blood_pressure"]["session_gap_min"])

    @cached_property
    def segments(self) -> pd.DataFrame:
        return frames.sleep_segments(self.generation)

    @cached_property
    def thresholds(self) -> Thresholds:
        return thresholds.load(self.root)

    @cached_property
    def treatments(self) -> tuple[Treatment, ...]:
        return treatments(self.view.config)

    @cached_property
    def whole(self) -> Period | None:
        """From the first to the last day that there is."""
        return span(self.days) if len(self.days) else None

    @property
    def guideline(self) -> Guideline:
        chosen = st.session_state.get("guideline") or self.view.config.get("report", {}).get("guideline")
        return self.thresholds[chosen or thresholds.DEFAULT]

    @property
    def made_from(self) -> str:
        return self.generation.label("daily_metrics")

    def behind(self, table: str) -> str:
        """What the numbers of a day were made from: `daily_metrics@v3 of heart_rate@v2 from mi_band`."""
        if table not in self.generation:
            return self.made_from
        return f"{self.made_from} of {self.generation.label(table)} from {', '.join(self.sources(table))}"

    def sources(self, table: str) -> dict[str, date]:
        """The sources of a table of this generation, each with the last date it tells of."""
        if table not in self._sources:
            self._sources[table] = frames.sources(self.generation.path(table)) if table in self.generation else {}
        return self._sources[table]

    @contextmanager
    def history(self) -> Iterator[History]:
        """The registry of this view, for as long as the block lasts."""
        history = History.open(self.view.data / "registry.db")
        try:
            yield history
        finally:
            history.db.close()


def load(site: Site, cookies: dict[str, str]) -> Page:
    """The visitor's page. Frames are kept from one step to the next, until there is a newer generation or another view.

    Raises:
        PdpError: nothing is built yet.
    """
    view = site.view(cookies)
    kept = st.session_state.get(KEPT)
    if isinstance(kept, Page) and kept.view == view and newest(view.data) == kept.generation.number:
        return kept
    page = Page(view, current(view.data), site.setup.root)
    st.session_state[KEPT] = page
    return page


def is_dark() -> bool:
    return st.context.theme.type == "dark"


def chart(made: Any) -> None:
    """Shows a chart as wide as the page; its title and its lines are text, so that they wrap on a phone."""
    st.altair_chart(_told(made), theme=None, width="stretch")


def chart_of_days(made: Any, page: Page, column: str) -> None:
    """A chart whose days can be clicked: below it stands the way to what that day's number was made from."""
    if day := picked(made, f"picked {caption(made)[0]}"):
        words = f"{METRICS[column].title} of {day}: down to its readings"
        asked = {"day": day.isoformat(), "number": column}
        st.page_link(page.pipeline, label=words, icon=":material/account_tree:", query_params=asked)


def picked(made: Any, key: str) -> date | None:
    """Shows a chart; gives the day that was clicked in it last."""
    if not is_pickable(made):
        chart(made)
        return None
    state = st.altair_chart(_told(made), theme=None, width="stretch", on_select="rerun", selection_mode=PICKED, key=key)
    points = state["selection"].get(PICKED) or []
    return _day(points[0]["date"]) if points else None


def brushed(made: Any, key: str) -> tuple[date, date] | None:
    """Shows a chart; gives the first and the last day of what was dragged in it."""
    state = st.altair_chart(_told(made), theme=None, width="stretch", on_select="rerun", selection_mode=RANGE, key=key)
    ends = (state["selection"].get(RANGE) or {}).get("date")
    return (_day(ends[0]), _day(ends[1])) if ends else None


def _day(milliseconds: float) -> date:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date()


def is_pickable(made: Any) -> bool:
    """Whether a chart has days at all: one that is empty has none."""
    return any(param["name"] == PICKED for param in made.to_dict(validate=False).get("params", ()))


def _told(made: Any) -> Any:
    title, lines = caption(made)
    st.markdown(f"**{title}**")
    if lines:
        st.caption("  \n".join(lines))
    return themed(made, dark=is_dark(), titled=False)


def clock(moment: str) -> str:
    """A moment of the registry as a person reads it: `2026-02-03 17:45`, in UTC."""
    return moment[:16].replace("T", " ")
