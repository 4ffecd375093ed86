"""Readings of a cuff -> sessions -> days: readings close together are a session, a day is the mean of its sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stages.by_date import Floats, Groups
from stages.columns import Ints

VALUES = ("systolic", "diastolic", "pulse")


@dataclass(frozen=True)
class Readings:
    """Columns: `date` (days since 1970), `instant` (seconds, UTC), `clock` (seconds since local midnight, nan where the
    log gives a date only), and each value (mmHg, mmHg, bpm; nan where there is none)."""

    date: Ints
    instant: Ints
    clock: Floats
    values: dict[str, Floats]


@dataclass(frozen=True)
class Sessions:
    """Columns: `date`, the `clock` at its start, how many `readings`, and the mean of each value over those that have it."""

    date: Ints
    clock: Floats
    readings: Ints
    values: dict[str, Floats]


def sessions(readings: Readings, gap_min: float) -> Sessions:
    """The sessions, by date.

    Args:
        gap_min: minutes; a reading later than this after the one before it begins a new session. So does a new date.
            The readings of a date without a time are one session; its `clock` is nan.
    """
    timed = ~np.isnan(readings.clock)
    order = np.lexsort((readings.instant, timed, readings.date))
    date, instant, timed = readings.date[order], readings.instant[order], timed[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(instant) > gap_min * 60) | (np.diff(date) != 0) | (timed[1:] != timed[:-1])
    grouped = Groups(np.cumsum(new))
    means = {name: grouped.mean(readings.values[name][order]) for name in VALUES}
    return Sessions(date[new], readings.clock[order][new], grouped.size(), means)


def days(found: Sessions, evening_from_hour: int, day_starts_at: int) -> Iterator[tuple[Ints, dict[str, Floats]]]:
    """(dates, values by column): means of session means, of the mornings' (`_am`) and the evenings' (`_pm`) alone.

    A session is of the morning if it starts between the hour at which a day begins and `evening_from_hour`, else of
    the evening: so one after midnight that counts for the day before is that day's evening. Without a time it is
    neither.
    """
    hours = (found.clock / 3600 - day_starts_at) % 24
    morning = hours < (evening_from_hour - day_starts_at) % 24
    by_date = Groups(found.date)
    counts = {
        "bp_readings": by_date.sum(found.readings.astype(np.float64)),
        "bp_sessions": by_date.size().astype(float),
    }
    yield by_date.keys, {name: by_date.mean(found.values[name]) for name in VALUES} | counts
    for suffix, part in (("_am", morning), ("_pm", ~np.isnan(hours) & ~morning)):
        by_date = Groups(found.date[part])
        yield by_date.keys, {name + suffix: by_date.mean(found.values[name][part]) for name in VALUES}
