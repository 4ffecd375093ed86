"""What every page works with: one visitor's view of one generation, read once per visitor and kept with them alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pdp import frames, thresholds
from pdp.charts.parts import span
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
    title, lines = caption(made)
    st.markdown(f"**{title}**")
    if lines:
        st.caption("  \n".join(lines))
    ready: Any = themed(made, dark=is_dark(), titled=False)
    st.altair_chart(ready, theme=None, width="stretch")


def clock(moment: str) -> str:
    """A moment of the registry as a person reads it: `2026-02-03 17:45`, in UTC."""
    return moment[:16].replace("T", " ")
