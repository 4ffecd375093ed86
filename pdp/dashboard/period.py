"""The period that a visitor looks at: a preset or two dates, and how it stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from pdp.period import Period

PRESETS = {"7 days": 7, "28 days": 28, "90 days": 90, "1 year": 365, "all": 0}
DEFAULT, OWN = "90 days", "own dates"


def preset(name: str, whole: Period) -> Period:
    """The last so many days of what there is."""
    days = PRESETS[name]
    first = whole.last - timedelta(days=days - 1) if days else whole.first
    return Period(max(first, whole.first), whole.last)


def before(period: Period) -> Period:
    """The period of the same length that ends the day before this one begins."""
    return Period(period.first - timedelta(days=period.days), period.first - timedelta(days=1))


def from_address(address: Mapping[str, str]) -> tuple[str, Period | None]:
    """The preset that an address names, or OWN and its dates; what makes no sense counts as not given."""
    named = address.get("period", "")
    if named in PRESETS:
        return named, None
    try:
        first, last = (date.fromisoformat(part) for part in named.split("_"))
    except ValueError:
        return DEFAULT, None
    return (OWN, Period(first, last)) if first <= last else (DEFAULT, None)


def to_address(name: str, period: Period) -> str:
    """What `from_address` reads."""
    return name if name in PRESETS else f"{period.first}_{period.last}"
