"""One raw row of Mi Fitness -> the table it belongs to, and its rows there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pdp.schema import Schema
from stages import schemas
from stages.normalize import mi_sleep
from stages.normalize.days import DAY, PLAUSIBLE
from stages.normalize.mi_files import DAILY, SAMPLES, SPORTS
from stages.normalize.mi_payloads import REPORTS, SAMPLE_ROWS, Payload, Unreadable, latest_offset, value_columns
from stages.normalize.mi_rows import Raw, Row

SLEEP_KEYS = frozenset(("sleep", "watch_night_sleep", "watch_daytime_sleep"))
_SLEEP_COLUMNS = value_columns(schemas.SLEEP)


@dataclass(frozen=True)
class Route:
    """The table, the kind of its rows, whether Time labels a date, and how a payload becomes rows (none: no value)."""

    schema: Schema
    kind: str
    labelled: bool
    rows: Callable[[Route, Raw, Mapping[str, Any], float], list[Row]]
    payload: Payload | None = None


def rows_of(route: Route, raw: Raw, payload: Mapping[str, Any], short_night_min: float) -> list[Row]:
    """The rows of one raw row; none if it tells no value. What cannot be read is a row with a problem."""
    if raw.record_time is None:
        raise ValueError("a row without a time has no place")
    try:
        return route.rows(route, raw, payload, short_night_min)
    except Unreadable as error:
        return [spoilt(route, raw, error.problem)]


def spoilt(route: Route, raw: Raw, problem: tuple[str, str, str, str]) -> Row:
    """The row that stands for a raw row which cannot be read, placed in time where its Time can be."""
    label = _label(raw) if route.labelled else None
    instant = None if route.labelled else _instant(raw)
    return Row(raw, 0, route.kind, instant, instant, None, label, None, (), problem)


def _plain(route: Route, raw: Raw, payload: Mapping[str, Any], short_night_min: float) -> list[Row]:
    assert route.payload
    found, flags = route.payload.read(payload)
    values = route.payload.values(found)
    if values is None:
        return []
    if not route.labelled:
        instant = _instant(raw)
        return [Row(raw, 0, route.kind, instant, instant, None, None, values, flags)]
    latest = latest_offset(payload)
    flags += _label_flags(raw)
    return [Row(raw, 0, route.kind, None, None, latest[1] if latest else None, _label(raw), values, flags)]


def _night(route: Route, raw: Raw, payload: Mapping[str, Any], short_night_min: float) -> list[Row]:
    rows = []
    for part in mi_sleep.night(payload, short_night_min):
        flags = [*part.flags, *(_label_flags(raw) if part.kind == "night" else ())]
        rows.append(_sleep(raw, part, _label(raw), flags))
    return rows


def _segment(route: Route, raw: Raw, payload: Mapping[str, Any], short_night_min: float) -> list[Row]:
    part = mi_sleep.segment(payload)
    if part is None:
        return []
    return [_sleep(raw, part, _label(raw) if route.labelled else None, part.flags)]


def _sleep(raw: Raw, part: mi_sleep.Sleep, label: int | None, flags: Any) -> Row:
    """A segment counts for the day it ends on; one without times stands at its row's time."""
    start, end = part.bed or part.wake, part.wake or part.bed
    if part.kind == "segment" and label is None:
        start, end = start or _instant(raw), end or _instant(raw)
    values = None if part.problem else tuple([part.values.get(name) for name in _SLEEP_COLUMNS])
    return Row(raw, part.item, part.kind, start, end, part.offset, label, values, flags, part.problem)


def _instant(raw: Raw) -> int | None:
    # Asked first: None in a range is looked for number by number.
    known = raw.record_time is not None and raw.record_time in PLAUSIBLE
    return raw.record_time if known else None


def _label(raw: Raw) -> int | None:
    instant = _instant(raw)
    return None if instant is None else instant // DAY


def _label_flags(raw: Raw) -> list[str]:
    return ["time_not_midnight"] if raw.record_time is not None and raw.record_time % DAY else []


def _plain_route(payload: Payload) -> Route:
    return Route(payload.schema, payload.kind, payload.kind == "daily", _plain, payload)


NIGHTS = Route(schemas.SLEEP, "night", True, _night)

# By table, then by (Tag, Key); the fitness_data file has no Tag.
ROUTES: dict[str, dict[tuple[str, str], Route]] = {
    DAILY: {
        **{("daily_report", key): _plain_route(payload) for key, payload in REPORTS.items()},
        ("daily_report", "sleep"): NIGHTS,
    },
    SAMPLES: {
        **{("", key): _plain_route(payload) for key, payload in SAMPLE_ROWS.items()},
        ("", "sleep"): Route(schemas.SLEEP, "segment", False, _segment),
        ("", "watch_night_sleep"): Route(schemas.SLEEP, "segment", True, _segment),
        ("", "watch_daytime_sleep"): Route(schemas.SLEEP, "segment", True, _segment),
    },
    SPORTS: {},
}
MARK = ""  # of a row that says only that there is data
UNKNOWN = Route(schemas.UNREADABLE, "", False, _plain)


def route_of(table: str, tag: str, key: str) -> Route | None:
    """Where a row of the file `table` goes; None for one that no table takes."""
    route = ROUTES[table].get((tag, key))
    if route is None and table != SPORTS and (not key or (table == DAILY and not tag)):
        return UNKNOWN
    return route


def count_of(table: str, tag: str, key: str) -> str:
    """Under which name a row is counted that no table takes."""
    if table == SPORTS:
        return "sport_record"
    return MARK if tag == "daily_mark" else f"{tag}/{key}" if tag else key
