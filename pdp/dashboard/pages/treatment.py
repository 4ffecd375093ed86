"""Before and after a treatment."""

from __future__ import annotations

import streamlit as st

from pdp.dashboard.page import Page


def show(page: Page) -> None:
    st.info("…")
