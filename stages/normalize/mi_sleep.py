"""Sleep rows of Mi Fitness: a day's report with its segments, and single segments.

Zeros mean "not measured": a nap without stages has none, rather than none of each kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stages import schemas
from stages.normalize.days import PLAUSIBLE
from stages.normalize.mi_payloads import (
    HEART,
    OXYGEN,
    POSITIVE,
    Field,
    Payload,
    Unreadable,
    number,
    quarter_hours,
    wrong_type,
)

STAGES = {1: "awake", 2: "deep", 3: "light", 4: "rem", 5: "awake"}  # state of an item; several projects swap 2 and 3
_MOST_SEGMENTS = 1440  # of a day, one a minute
MINUTE = 1.0  # tolerance of sums, for durations cut to whole minutes
_STAGE_FIELDS = tuple(
    Field(f"{stage}_min", (f"sleep_{stage}_duration",)) for stage in ("deep", "light", "rem", "awake")
)
STAGE_COLUMNS = tuple(stage.column for stage in _STAGE_FIELDS)
_BODY = (Field("avg_hr", ("avg_hr",), HEART), Field("avg_spo2", ("avg_spo2",), OXYGEN))
_SCORE = Field("score", ("sleep_score",), POSITIVE | {255})
NIGHT = Payload(schemas.SLEEP, "night", (Field("duration_min", ("total_duration",)), *_STAGE_FIELDS, _SCORE, *_BODY))
SEGMENT = Payload(schemas.SLEEP, "segment", (Field("duration_min", ("duration",)), *_STAGE_FIELDS, *_BODY))


@dataclass(frozen=True)
class Sleep:
    """One row of the table: `item` and `kind` as there, `bed` and `wake` instants, `values` by column, or a problem."""

    item: int
    kind: str
    bed: int | None = None
    wake: int | None = None
    offset: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    problem: tuple[str, str, str, str] | None = None


def night(payload: Mapping[str, Any], short_night_min: float) -> list[Sleep]:
    """A daily report: the night, then its segments in the order of the export; nothing if it tells of no sleep.

    Raises:
        Unreadable: a field of the report itself cannot be read. A segment that cannot be read is a row with a problem.
    """
    found, flags = NIGHT.read(payload)
    details = payload.get("segment_details") or []
    if not isinstance(details, list) or len(details) > _MOST_SEGMENTS:
        raise wrong_type("segment_details", details, f"a list of at most {_MOST_SEGMENTS}")
    parts = [part for item, detail in enumerate(details, 1) if (part := _part(item, detail))]
    slept = sum(part.values.get("duration_min") or 0 for part in parts)
    if not found["duration_min"]:
        if not slept:
            return [part for part in parts if part.problem]
        found["duration_min"] = slept
        flags.append("sleep_total_missing")
    elif parts and abs(slept - found["duration_min"]) > MINUTE:
        flags.append("sleep_total_differs")
    if found["duration_min"] < short_night_min:
        flags.append("short_night")
    last = max((part for part in parts if part.offset is not None), key=lambda part: part.wake or 0, default=None)
    whole = Sleep(0, "night", None, None, last.offset if last else None, _staged(found), tuple(flags))
    return [whole, *parts]


def segment(payload: Mapping[str, Any], item: int = 0) -> Sleep | None:
    """A single stretch of sleep, None if it tells of none.

    Where durations are declared they count, and items that sum to others leave the flag `stages_disagree`; where only
    items are there (`watch_*` rows), they count.

    Raises:
        Unreadable: a field cannot be read.
    """
    found, flags = SEGMENT.read(payload)
    bed, wake, offset = _instant(payload, "bedtime"), _instant(payload, "wake_up_time"), quarter_hours(payload)
    items = _items(payload)
    sums = _sums(items)
    if items and not any(found[column] for column in ("duration_min", *STAGE_COLUMNS)):
        found.update(sums)
        flags.append("stages_from_items")
        bed = bed or min(start for start, _, _ in items)
        wake = wake or max(end for _, end, _ in items)
    elif items and any(abs((found[column] or 0) - (sums[column] or 0)) > MINUTE for column in STAGE_COLUMNS):
        flags.append("stages_disagree")
    found = _staged(found)
    if not found["duration_min"]:
        return None
    if bed and wake and abs((wake - bed) / 60 - found["duration_min"] - (found["awake_min"] or 0)) > MINUTE:
        flags.append("sleep_span_differs")
    found.update(bedtime_utc=bed, wake_utc=wake)
    return Sleep(item, "segment", bed, wake, offset, found, tuple(flags))


def _part(item: int, detail: object) -> Sleep | None:
    try:
        if not isinstance(detail, dict):
            raise wrong_type("segment_details", detail, "a list of objects")
        return segment(detail, item)
    except Unreadable as error:
        return Sleep(item, "segment", problem=error.problem)


def _staged(found: Mapping[str, Any]) -> dict[str, Any]:
    """Without stages that are all zero: the device told the whole only."""
    if any(found[column] for column in STAGE_COLUMNS):
        return dict(found)
    return {**found, **dict.fromkeys(STAGE_COLUMNS)}


def _sums(items: list[tuple[int, int, int]]) -> dict[str, float | None]:
    """Minutes by stage, and asleep in all; REM null without an item of it, for many bands know none."""
    minutes = dict.fromkeys(("deep", "light", "rem", "awake"), 0.0)
    for start, end, state in items:
        if state in STAGES:
            minutes[STAGES[state]] += (end - start) / 60
    asleep = minutes["deep"] + minutes["light"] + minutes["rem"]
    by_column: dict[str, float | None] = {f"{stage}_min": value for stage, value in minutes.items()}
    return {**by_column, "rem_min": minutes["rem"] or None, "duration_min": asleep}


def _items(payload: Mapping[str, Any]) -> list[tuple[int, int, int]]:
    """(start, end, state) of each item."""
    items = payload.get("items") or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise wrong_type("items", items, "a list of objects")
    found = []
    for item in items:
        start, end, state = _instant(item, "start_time"), _instant(item, "end_time"), number(item, "state")
        if start is None or end is None or state is None:
            raise wrong_type("items", item, "a list of objects with start_time, end_time and state")
        found.append((start, end, int(state)))
    return found


def _instant(payload: Mapping[str, Any], key: str) -> int | None:
    """Seconds since 1970; 0 means "not measured"."""
    value = number(payload, key)
    if not value:
        return None
    # Made whole first: a number with a fraction would be looked for in the range number by number.
    whole = int(value)
    if whole != value or whole not in PLAUSIBLE:
        raise wrong_type(key, value, "whole seconds since 1970")
    return whole
