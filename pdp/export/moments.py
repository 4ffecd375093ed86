"""Times and identities that exported documents share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from pdp import frames
from pdp.period import Period, within

if TYPE_CHECKING:
    import pandas as pd

    from pdp.generation import Generation

SPACE = UUID("6f0e8b62-6a55-5c0b-9d3e-0d2f3a4b5c6d")  # any fixed one: ids are the same for the same measurement


@dataclass(frozen=True)
class Measured:
    """What is exported: the frames of a period, when they were made, and the zone of whole days."""

    readings: pd.DataFrame
    days: pd.DataFrame
    segments: pd.DataFrame
    made_at: str
    zone: ZoneInfo


def measured(generation: Generation, period: Period | None) -> Measured:
    return Measured(
        within(frames.readings(generation), period), within(frames.days(generation), period),
        within(frames.sleep_segments(generation), period), generation.made_at, ZoneInfo(generation.config["timezone"]),
    )  # fmt: skip


def identity(*parts: Any) -> str:
    """A UUID that the same measurement has in every export."""
    return str(uuid5(SPACE, "\x1f".join(str(part) for part in parts)))


def local(time: datetime, offset_s: float) -> str:
    """Wall clock and its offset as ISO 8601: 2025-09-01T07:15:00+02:00."""
    zone = timezone(timedelta(seconds=int(offset_s)))
    return time.replace(tzinfo=zone, microsecond=0).isoformat()


def midnights(day: date, zone: ZoneInfo) -> tuple[str, str]:
    """Where a local date begins and ends."""
    after = day + timedelta(days=1)
    return tuple(datetime(d.year, d.month, d.day, tzinfo=zone).isoformat() for d in (day, after))  # type: ignore[return-value]


def number(value: float) -> int | float:
    """A value as JSON has it: 128, not 128.0; 81.4, not 81.39999."""
    rounded = round(float(value), 3)
    return int(rounded) if rounded == int(rounded) else rounded
