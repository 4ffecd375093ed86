"""Whether a visitor would see a chart: the first one is made, as a page makes it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pdp.errors import PdpError, sentence

if TYPE_CHECKING:
    from pdp.dashboard.server import Setup


def problem(setup: Setup) -> str | None:
    """Why the server cannot do its work, in one sentence; None if it can.

    What lies behind the door cannot be tried without its password; that the vault is there can.
    """
    from pdp.dashboard.key import read_key
    from pdp.generation import newest

    try:
        number = newest(setup.view.data)
        if number is None:
            return "nothing is built yet"
        _draw(setup.root, setup.view.data, number)
        if setup.vault:
            read_key(setup.vault)
    except PdpError as error:
        return sentence(error)
    return None


@lru_cache(maxsize=1)
def _draw(root: Path, data: Path, number: int) -> None:
    """Makes the first chart of one generation; once, since the same generation gives the same chart.

    Raises:
        PdpError: it cannot be made.
    """
    from pdp.charts.blood_pressure import blood_pressure
    from pdp.dashboard.page import Page
    from pdp.dashboard.server import View
    from pdp.generation import current
    from pdp.thresholds import DEFAULT

    page = Page(View(data, {}, is_demo=True, mode="public"), current(data), root)
    severe = page.thresholds.severe
    blood_pressure(page.days, page.readings, page.sessions, page.thresholds[DEFAULT], severe).to_dict()
