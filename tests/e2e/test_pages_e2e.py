"""Every page as a browser paints it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Server, Visitor

Visit = Callable[..., Visitor]
PAGES = (
    "Blood pressure", "Heart", "Sleep", "Activity", "Correlation", "Data quality", "Pipeline", "Overview",
)  # fmt: skip


@pytest.fixture(scope="module")
def local(serve: Callable[..., Server], demo: Path) -> Server:
    """The dashboard on one's own machine."""
    return serve(demo)


@pytest.mark.slow
def test_every_page_paints_its_charts(local: Server, visitor: Visit) -> None:
    """By the navigation, as a person goes: each page paints, nothing is asked of any other place, the console is silent."""
    person = visitor(local.address)
    person.see_chart()
    for name in PAGES:
        person.page.get_by_role("link", name=name, exact=True).click()
        person.page.get_by_role("heading", name=name, exact=True).wait_for()
        person.see_chart()
        assert person.page.get_by_test_id("stAlertContentError").count() == 0, name
    assert person.elsewhere == [] and person.errors == []


def test_hover_shows_values(local: Server, visitor: Visit) -> None:
    """Wherever the mouse is over the chart, the crosshair tells the date and every series."""
    person = visitor(f"{local.address}/blood-pressure")
    chart = person.see_chart()
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    person.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    tip = person.page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    text = tip.inner_text()
    assert all(word in text.lower() for word in ("systolic", "diastolic", "mmhg")), text
