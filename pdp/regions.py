"""In which order regions write numeric dates, where it is not day first (CLDR, short date formats)."""

from __future__ import annotations

MONTH_FIRST = frozenset({"US", "PH", "PR", "GU", "AS", "VI"})
YEAR_FIRST = frozenset({"CA", "CN", "HU", "IR", "JP", "KP", "KR", "LT", "MN", "SE", "TW", "ZA"})


def date_order(region: str) -> str:
    """dmy, mdy or ymd, by the region's two letters."""
    return "mdy" if region in MONTH_FIRST else "ymd" if region in YEAR_FIRST else "dmy"
