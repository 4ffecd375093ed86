"""Every page as a browser paints it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.e2e.conftest import Server, Visitor
from tests.project import PATIENCE_S

Visit = Callable[..., Visitor]
PAGES = (
    "Blood pressure", "Heart", "Sleep", "Activity", "Before and after", "Correlation", "Data quality", "Pipeline", "Overview",
)  # fmt: skip
PATHS = ("", *(name.lower().replace(" and ", "-").replace(" ", "-") for name in PAGES[:-1]))
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SERIOUS = {"serious", "critical"}
STREAMLITS = ".stMetric svg"
"""Left out: the small lines of the tiles are drawn by Streamlit, which gives their dots no names."""


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
        person.shoot(name.lower())
    assert person.elsewhere == [] and person.errors == []


@pytest.mark.slow
def test_hover_shows_values(local: Server, visitor: Visit) -> None:
    """Wherever the mouse is over the chart, the crosshair tells the date and every series."""
    person = visitor(f"{local.address}/blood-pressure")
    chart = person.see_chart()
    chart.scroll_into_view_if_needed()
    text = person.hover(chart).inner_text()
    assert all(word in text.lower() for word in ("systolic", "diastolic", "mmhg")), text


@pytest.mark.slow
def test_a_click_on_a_day_leads_to_its_readings(local: Server, visitor: Visit) -> None:
    """A click in a chart offers the way to that day's number; there the chart's days can be clicked too."""
    person = visitor(f"{local.address}/blood-pressure?period=all")
    person.see_chart()
    person.settle()
    _click_chart(person, 0.5)
    link = person.page.get_by_role("link", name=re.compile(r"Systolic blood pressure of \d{4}-\d\d-\d\d"))
    link.wait_for(timeout=PATIENCE_S * 1000)
    day = re.search(r"\d{4}-\d\d-\d\d", link.inner_text())
    assert day
    link.click()
    person.page.get_by_text(re.compile(f"Systolic blood pressure of {day[0]}: ")).wait_for(timeout=PATIENCE_S * 1000)
    person.page.wait_for_url(f"**day={day[0]}*")
    person.see_chart()
    person.settle()
    _click_chart(person, 0.9)
    person.page.wait_for_url(lambda url: "day=" in url and day[0] not in url, timeout=PATIENCE_S * 1000)
    assert person.errors == []


@pytest.mark.slow
def test_a_period_is_dragged(local: Server, visitor: Visit) -> None:
    """With own dates a strip of all days is there: dragging on it chooses the dates, and the address follows."""
    person = visitor(f"{local.address}/blood-pressure?period=2026-01-05_2026-01-11")
    box = person.see_chart().bounding_box()
    person.settle()
    y = box["y"] + box["height"] / 3
    person.page.mouse.move(box["x"] + box["width"] * 0.3, y)
    person.page.mouse.down()
    for step in range(1, 11):
        person.page.mouse.move(box["x"] + box["width"] * (0.3 + 0.03 * step), y)
    person.page.mouse.up()
    chosen = re.compile(r"period=(2025-1\d-\d\d)_(2025-1\d-\d\d|2026-0\d-\d\d)")
    person.page.wait_for_url(chosen, timeout=PATIENCE_S * 1000)
    found = chosen.search(person.page.url)
    assert found and 45 <= (date.fromisoformat(found[2]) - date.fromisoformat(found[1])).days <= 65
    person.shoot("own dates")
    assert person.errors == []


def _click_chart(person: Visitor, across: float) -> None:
    box = person.see_chart().bounding_box()
    at = box["x"] + box["width"] * across, box["y"] + box["height"] * 0.5
    person.page.mouse.move(*at)
    person.page.locator("#vg-tooltip-element.visible").wait_for()
    person.page.mouse.click(*at)


@pytest.mark.slow
def test_page_scrolls_over_a_chart(local: Server, visitor: Visit) -> None:
    """The mouse wheel over a chart scrolls the page: no chart takes it."""
    person = visitor(f"{local.address}/blood-pressure")
    box = person.see_chart().bounding_box()
    person.settle()
    person.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    person.page.mouse.wheel(0, 400)
    person.page.wait_for_function(
        "document.querySelector('[data-testid=stMain]').scrollTop >= 300", timeout=PATIENCE_S * 1000
    )


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_phone(path: str, local: Server, visitor: Visit) -> None:
    """On a phone nothing is wider than the screen, and the navigation opens, leads on, and leaves the page free again."""
    person = visitor(f"{local.address}/{path}", **PHONE)
    person.see_chart()
    person.settle()
    wide = person.page.evaluate(
        "[document.documentElement, document.querySelector('[data-testid=stMain]')].map(e => e.scrollWidth - e.clientWidth)"
    )
    assert wide == [0, 0]
    person.shoot(f"phone {path or 'overview'}")
    other = "Sleep" if path != "sleep" else "Heart"
    person.page.get_by_test_id("stExpandSidebarButton").click()
    person.page.get_by_role("link", name=other, exact=True).click()
    person.page.get_by_role("heading", name=other, exact=True).wait_for(timeout=PATIENCE_S * 1000)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_no_serious_fault_of_accessibility(path: str, scheme: str, local: Server, visitor: Visit) -> None:
    """axe-core finds nothing serious or critical, contrast of text included, on light and on dark."""
    from axe_playwright_python.sync_playwright import Axe

    person = visitor(f"{local.address}/{path}", color_scheme=scheme)
    person.see_chart()
    person.settle()
    found = Axe().run(person.page, context={"exclude": [STREAMLITS]}).response["violations"]
    told = [
        f"{one['id']}: {[node['html'][:150] for node in one['nodes']]}" for one in found if one["impact"] in SERIOUS
    ]
    assert told == []
    if scheme == "dark":
        person.shoot(f"dark {path or 'overview'}")


@pytest.mark.slow
def test_keyboard_reaches_navigation_and_period(local: Server, visitor: Visit) -> None:
    """By Tab and Enter alone one goes to another page and chooses another period."""
    person = visitor(local.address)
    person.see_chart()
    person.settle()
    _tab_to(person, "Sleep")
    person.page.keyboard.press("Enter")
    person.page.get_by_role("heading", name="Sleep", exact=True).wait_for(timeout=PATIENCE_S * 1000)
    person.settle()
    _tab_to(person, "7 days")
    person.page.keyboard.press("Enter")
    person.page.wait_for_url("**period=7*", timeout=PATIENCE_S * 1000)


def _tab_to(person: Visitor, name: str) -> None:
    for _ in range(60):
        person.page.keyboard.press("Tab")
        if person.page.evaluate("document.activeElement.innerText").strip().endswith(name):
            return
    pytest.fail(f"{name} cannot be reached with Tab")
