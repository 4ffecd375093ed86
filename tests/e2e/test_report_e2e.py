"""The HTML report in a real browser, without network: it paints, tells values under the pointer, zooms, and scrolls."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pdp.period import Period
from pdp.report.facts import Facts
from pdp.report.html import html
from pdp.statistics.blood_pressure import pressure
from tests.chart_data import HOME, THRESHOLDS, TREATMENTS, Data, demo
from tests.project import PATIENCE_S

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip

pytestmark = pytest.mark.skipif(not os.path.exists(CHROMIUM), reason=f"there is no {CHROMIUM}")


def facts_of(data: Data, name: str = "") -> Facts:
    period = Period(data.days["date"].min().date(), data.days["date"].max().date())
    found = pressure(data.readings, data.days, HOME)
    return Facts(
        period, data.days, data.days, data.readings, data.sessions, data.segments, found, HOME, THRESHOLDS.severe,
        TREATMENTS, "daily_metrics@v1", True, name,
    )  # fmt: skip


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_bytes(html(facts_of(demo(), "</script><b>bold</b>")))
    return path


class Visit:
    """The page, open in a window; every complaint and every request is kept."""

    def __init__(self, browser: Any, path: Path, width: int, height: int, scheme: str) -> None:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            offline=True,
            timezone_id="America/Santiago",
        )
        context.set_default_timeout(PATIENCE_S * 1000)
        self.page = context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.drawn("blood-pressure")

    def until(self, holds: Callable[[], bool]) -> None:
        """Waits for a condition; the page's own policy forbids Playwright to evaluate one in it."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end
            self.page.wait_for_timeout(50)

    def drawn(self, name: str) -> Any:
        """The canvas of a figure, once it is painted."""
        figure = self.page.locator(f"#{name}")
        figure.scroll_into_view_if_needed()
        self.page.wait_for_selector(f"#{name}[data-drawn] canvas", timeout=PATIENCE_S * 1000)
        return self.page.locator(f"#{name} canvas")


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(1100, 900, "light"), (360, 740, "dark")], ids=["desk", "phone"]
)
def test_report_in_a_browser(browser: Any, page_file: Path, width: int, height: int, scheme: str) -> None:
    """Every chart is painted, none is wider than the page; nothing but the file is asked for; nobody complains."""
    visit = Visit(browser, page_file, width, height, scheme)
    for figure in visit.page.locator("figure").all():
        canvas = visit.drawn(str(figure.get_attribute("id")))
        assert canvas.bounding_box()["width"] <= width
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.asked == [page_file.as_uri()]
    assert visit.said == []
    assert visit.page.locator("h1 b").count() == 0  # a name is text


def test_pointer_tells_values_and_wheel_scrolls(browser: Any, page_file: Path) -> None:
    """Anywhere in the chart the tooltip has the day's values; the wheel moves the page, not the chart."""
    visit = Visit(browser, page_file, 1100, 900, "light")
    canvas = visit.drawn("blood-pressure")
    box = canvas.bounding_box()

    def told_of() -> bool:
        visit.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 40)
        visit.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
        return bool(visit.page.locator("#tip:not([hidden])").count())

    visit.until(told_of)
    told = visit.page.locator("#tip").inner_text()
    assert "mmHg" in told and "google_sheets" in told and "daily_metrics@v1" in told and "undefined" not in told
    before = visit.page.evaluate("scrollY")
    visit.page.mouse.wheel(0, -200)
    visit.until(lambda: visit.page.evaluate("scrollY") < before)


def test_button_chooses_the_period(browser: Any, page_file: Path) -> None:
    """Seven days: the chart is drawn anew, and the pointer at its left is in the last week."""
    visit = Visit(browser, page_file, 1100, 900, "light")
    button = visit.page.get_by_role("button", name="7 days")
    button.click()
    visit.page.wait_for_selector("button[data-days='7'][aria-pressed='true']")
    box = visit.drawn("blood-pressure").bounding_box()
    last = demo().days["date"].max().date()

    def told() -> str:
        visit.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
        visit.page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 60)
        return str(visit.page.locator("#tip dd").first.text_content())

    visit.until(lambda: (last - datetime.strptime(told(), "%a %d %b %Y").date()).days < 7)  # noqa: DTZ007 - a date alone
