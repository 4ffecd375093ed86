"""Nights of one shape, read together: what `mi_sleep.night` tells of each, as columns.

Only plain ones: each stretch of sleep has a duration, and no items; those that tell an offset tell the same one. Any other
night is read by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from stages.columns import Mask
from stages.normalize.days import PLAUSIBLE
from stages.normalize.mi_payloads import quarter_hours
from stages.normalize.mi_places import (
    Bytes,
    Column,
    Number,
    Numbers,
    Path,
    Span,
    columns_of,
    is_leaf,
    number_at,
    numbers_of,
)
from stages.normalize.mi_sleep import MINUTE, NIGHT, SEGMENT, STAGE_COLUMNS

DETAILS, OFFSET, TIMES = "segment_details", "timezone", ("bedtime", "wake_up_time")
_WHOLE = re.compile(rb"-?[0-9]{1,12}")


@dataclass(frozen=True)
class Stretch:
    """Where in a line a stretch of sleep stands; its offset in seconds, None if it tells none."""

    values: Numbers
    bed: Number | None
    wake: Number | None
    offset: int | None


@dataclass(frozen=True)
class Nights:
    """Where in a line a night and its stretches stand; the offset that they tell."""

    values: Numbers
    stretches: tuple[Stretch, ...]
    offset: int | None

    def match(self, lines: Bytes) -> Mask:
        """Which of the lines are such nights: everything in them has a duration, and lies in time."""
        fits = _of(self.values["duration_min"], lines) > 0
        for each in self.stretches:
            fits &= _of(each.values["duration_min"], lines) > 0
            fits &= (_of(each.bed, lines) < PLAUSIBLE.stop) & (_of(each.wake, lines) < PLAUSIBLE.stop)
        return fits


@dataclass(frozen=True)
class Part:
    """One row of each night: as `mi_sleep.Sleep`, in columns. `bed` and `wake` are 0 where there is none; `flags` tells
    by name where a flag is."""

    item: int
    kind: str
    values: Mapping[str, Column]
    offset: int | None
    flags: Mapping[str, Mask]
    bed: Column
    wake: Column


def nights_of(line: bytes, members: Mapping[Path, Span]) -> Nights | None:
    """Where the night in a line stands; None if it is not a plain one."""
    values = numbers_of(NIGHT.fields, line, members)
    if values is None or values["duration_min"] is None:
        return None
    if (DETAILS,) in members and line[members[DETAILS,][0]] != ord("["):
        return None
    count = sum(path[0] == DETAILS for path in members if len(path) == 2)
    found = [_stretch(line, members, (DETAILS, item)) for item in range(count)]
    stretches = tuple(each for each in found if each)
    offsets = {each.offset for each in stretches} - {None}
    if len(stretches) < count or len(offsets) > 1:
        return None
    return Nights(values, stretches, next(iter(offsets), None))


def parts(nights: Nights, lines: Bytes, short_night_min: float) -> Iterator[Part]:
    """The night of each line, then its stretches."""
    stretches = [_read(item, each, lines) for item, each in enumerate(nights.stretches, 1)]
    values, flags = columns_of(NIGHT.fields, nights.values, lines)
    if stretches:
        slept = sum(each.values["duration_min"] for each in stretches)
        flags["sleep_total_differs"] = np.abs(slept - values["duration_min"]) > MINUTE
    flags["short_night"] = values["duration_min"] < short_night_min
    nothing = np.zeros(len(lines))
    yield Part(0, "night", _staged(values), nights.offset, flags, nothing, nothing)
    yield from stretches


def _read(item: int, stretch: Stretch, lines: Bytes) -> Part:
    values, flags = columns_of(SEGMENT.fields, stretch.values, lines)
    values = _staged(values)
    bed, wake = _of(stretch.bed, lines), _of(stretch.wake, lines)
    awake = np.nan_to_num(values.get("awake_min", np.zeros(len(lines))))
    differs = np.abs((wake - bed) / 60 - values["duration_min"] - awake) > MINUTE
    flags["sleep_span_differs"] = (bed > 0) & (wake > 0) & differs
    values |= {"bedtime_utc": np.where(bed > 0, bed, np.nan), "wake_utc": np.where(wake > 0, wake, np.nan)}
    return Part(item, "segment", values, stretch.offset, flags, bed, wake)


def _staged(values: dict[str, Column]) -> dict[str, Column]:
    """As `mi_sleep` has it: without stages where all are zero."""
    stages = {name: minutes for name, minutes in values.items() if name in STAGE_COLUMNS}
    there = sum((minutes > 0 for minutes in stages.values()), np.False_)
    return values | {name: np.where(there, minutes, np.nan) for name, minutes in stages.items()}


def _stretch(line: bytes, members: Mapping[Path, Span], path: Path) -> Stretch | None:
    values = numbers_of(SEGMENT.fields, line, members, path)
    if is_leaf(line, members[path]) or (*path, "items") in members or not values or not values["duration_min"]:
        return None
    times = {key: number_at(line, span) for key in TIMES if (span := members.get((*path, key)))}
    if any(time is None or time.decimals for time in times.values()):
        return None
    span = members.get((*path, OFFSET))
    text = line[slice(*span)] if span else b"null"
    if text != b"null" and not _WHOLE.fullmatch(text):
        return None
    offset = quarter_hours({OFFSET: None if text == b"null" else int(text)})
    return Stretch(values, times.get("bedtime"), times.get("wake_up_time"), offset)


def _of(number: Number | None, lines: Bytes) -> Column:
    """The numbers, 0 where there are none."""
    return np.zeros(len(lines)) if number is None else number.read(lines)
