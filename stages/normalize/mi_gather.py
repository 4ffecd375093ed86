"""The rows of one Mi Fitness file: each goes to a table or is counted, by account; offsets that rows tell are noted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from stages import schemas
from stages.columns import Mask
from stages.normalize import mi_sleep
from stages.normalize.days import DAY, PLAUSIBLE, Ints
from stages.normalize.mi_files import DAILY, SAMPLES, SPORTS, Layout, seconds
from stages.normalize.mi_nights import Nights, parts
from stages.normalize.mi_payloads import TELLING, Unreadable, latest_offset, parse, quarter_hours
from stages.normalize.mi_places import Bytes, columns_of, read
from stages.normalize.mi_routes import MARK, SLEEP_KEYS, UNKNOWN, Route, count_of, route_of, rows_of, spoilt
from stages.normalize.mi_rows import NONE, Gathered, Raw, Row, shared
from stages.normalize.mi_shapes import Shape

TABLES = (
    schemas.BLOOD_PRESSURE, schemas.HEART_RATE, schemas.SLEEP, schemas.STEPS,
    schemas.SPO2, schemas.STRESS, schemas.WEIGHT, schemas.UNREADABLE,
)  # fmt: skip
OTHER = "(other)"
_NAME = re.compile(r"[\w/.-]{1,80}", re.ASCII)
_MOST_NAMES = 200  # of keys counted one by one

Told = tuple[int, int, int]  # (start, end, offset) of a row that tells its offset
_parse = lru_cache(maxsize=1)(parse)  # a row may be asked for its offsets, then for its values


@dataclass
class Account:
    """What became of the rows of one account, counted, and the offsets that they tell."""

    routed: int = 0
    marks: int = 0
    without_values: int = 0
    other_keys: Counter[str] = field(default_factory=Counter)
    told: set[Told] = field(default_factory=set)

    def count(self, name: str, rows: int) -> None:
        """Rows that no table takes."""
        if name == MARK:
            self.marks += rows
        else:
            count_key(self.other_keys, name, rows)

    def tell(self, start: Ints, end: Ints, offset: Ints) -> None:
        """Offsets, each told for the time from its start to its end."""
        self.told.update(zip(start.tolist(), end.tolist(), offset.tolist(), strict=True))

    def as_data(self) -> dict[str, Any]:
        """Plain data, the same for the same rows."""
        return {
            "routed": self.routed, "marks": self.marks, "without_values": self.without_values,
            "other_keys": dict(self.other_keys), "told": sorted(self.told),
        }  # fmt: skip


class Gatherer:
    """Takes rows as they are read; gives batches of them when there are enough."""

    def __init__(self, table: str, short_night_min: float) -> None:
        self.table = table
        self.short_night_min = short_night_min
        self.rows = 0
        self.accounts: dict[str, Account] = {}
        self._tables = {schema.name: Gathered(schema) for schema in TABLES}

    def account(self, name: str) -> Account:
        if name not in self.accounts:
            self.accounts[name] = Account()
        return self.accounts[name]

    def batches(self, least: int) -> Iterator[tuple[str, pa.RecordBatch]]:
        """The rows of each table of which at least `least` wait."""
        for name, waiting in self._tables.items():
            if waiting.count >= least:
                yield name, waiting.batch()

    def add(self, layout: Layout, line: int, cells: list[str]) -> None:
        """One row, read as text."""
        self.rows += 1
        account = layout.account(cells)
        counts = self.account(account)
        key, tag = layout.cell(cells, layout.key), layout.cell(cells, layout.tag) if self.table == DAILY else ""
        if self._tells(tag, key):
            with suppress(Unreadable, IndexError):  # it tells nothing, and is set aside below
                counts.told.update(_told_by(self.table, key, cells[layout.time], cells[layout.value]))
        route = route_of(self.table, tag, key)
        if route is None:
            counts.count(count_of(self.table, tag, key), 1)
            return
        rows = self._rows(route, layout, line, cells)
        self._tables[route.schema.name].add_rows(rows, account)
        counts.routed += bool(rows)
        counts.without_values += not rows

    def add_lines(self, shape: Shape, lines: Bytes, numbers: Ints) -> None:
        """Rows of one shape: `lines` as they are in the file, `numbers` says where they stand."""
        self.rows += len(lines)
        counts = self.account(shape.account)
        if shape.route is None:
            counts.count(shape.count, len(lines))
            return
        if shape.nights:
            self._add_nights(shape, shape.route, shape.nights, lines, numbers)
        else:
            self._add_plain(shape, shape.route, lines, numbers)

    def _add_plain(self, shape: Shape, route: Route, lines: Bytes, numbers: Ints) -> None:
        assert route.payload
        counts = self.account(shape.account)
        columns, flags = columns_of(route.payload.fields, shape.values, lines)
        lost = np.logical_and.reduce([np.isnan(values) for values in columns.values()]) if flags else not columns
        if shape.latest:
            instant, offset, tells = shape.offsets(lines)
            columns["offset"] = np.where(tells, offset, NONE)
            if shape.tells:
                counts.tell(instant[tells], instant[tells], offset[tells])
        columns |= {name: np.full(len(lines), float(value)) for name, value in route.payload.constant}
        columns |= _stamps(shape, route, lines, numbers)
        if np.any(lost):
            there = np.flatnonzero(~np.broadcast_to(lost, len(lines)))
            columns = {name: values[there] for name, values in columns.items()}
            flags = {name: mask[there] for name, mask in flags.items()}
        counts.routed += len(columns["line"])
        counts.without_values += len(lines) - len(columns["line"])
        self._gather(shape, route, route.kind, columns, flags)

    def _add_nights(self, shape: Shape, route: Route, nights: Nights, lines: Bytes, numbers: Ints) -> None:
        counts = self.account(shape.account)
        counts.routed += len(lines)
        stamps = _stamps(shape, route, lines, numbers)
        for part in parts(nights, lines, self.short_night_min):
            columns: dict[str, Any] = {**part.values, **stamps, "item": np.full(len(lines), part.item)}
            start, end = np.where(part.bed > 0, part.bed, part.wake), np.where(part.wake > 0, part.wake, part.bed)
            columns |= {"instant": np.where(start > 0, start, NONE), "dated": np.where(end > 0, end, NONE)}
            if part.offset is not None:
                columns["offset"] = np.full(len(lines), part.offset)
                counts.tell(*(each[start > 0].astype(np.int64) for each in (start, end, columns["offset"])))
            self._gather(shape, route, part.kind, columns, part.flags)

    def _gather(
        self, shape: Shape, route: Route, kind: str, columns: dict[str, Any], flags: Mapping[str, Mask]
    ) -> None:  # fmt: skip
        """Rows of one table; `flags` tells by name which of them have a flag."""
        gathered = self._tables[route.schema.name]
        common = key = np.zeros(len(columns["line"]), np.int32)
        for bit, mask in enumerate(flags.values()):
            key |= mask.astype(np.int32) << bit
        for each in np.unique(key).tolist() if flags else [0]:
            names = [name for bit, name in enumerate(flags) if each >> bit & 1]
            text = shared(shape.record, shape.sid, kind, shape.account, names, timed=not route.labelled)
            common = np.where(key == each, np.int32(gathered.share(text)), common)
        gathered.add(columns, common)

    def _tells(self, tag: str, key: str) -> bool:
        if self.table == SAMPLES:
            return key in SLEEP_KEYS
        return self.table == SPORTS or tag == "daily_report"

    def _rows(self, route: Route, layout: Layout, line: int, cells: list[str]) -> list[Row]:
        time, key = layout.cell(cells, layout.time), layout.cell(cells, layout.key)
        record = "daily_report" if self.table == DAILY else key
        revision = seconds(layout.cell(cells, layout.revision))
        raw = Raw(line, record, seconds(time), layout.cell(cells, layout.sid), revision)
        if not layout.fits(cells):
            sentence = f"the row has {len(cells)} cells where the header has {layout.width}; export it again"
            return [spoilt(route, raw, ("cells", "", _shown(cells), sentence))]
        if route is UNKNOWN:
            return [spoilt(route, raw, ("no_key", "Key", _shown(cells), "Key or Tag is blank; export it again"))]
        if raw.record_time is None:
            sentence = "Time must be whole seconds since 1970; export it again and do not save it with a spreadsheet"
            return [spoilt(route, raw, ("time", "Time", time[:200], sentence))]
        try:
            payload = _parse(cells[layout.value])
        except Unreadable as error:
            return [spoilt(route, raw, error.problem)]
        return rows_of(route, raw, payload, self.short_night_min)


def count_key(keys: Counter[str], name: str, rows: int) -> None:
    """Counts rows of a key that no table takes; what is no name, or one too many, together."""
    known = name in keys or len(keys) - (OTHER in keys) < _MOST_NAMES
    keys[name if known and _NAME.fullmatch(name) else OTHER] += rows


def _stamps(shape: Shape, route: Route, lines: Bytes, numbers: Ints) -> dict[str, Any]:
    """What the rows have of their raw row."""
    columns: dict[str, Any] = {"line": numbers}
    columns |= zip(shape.stamps, read([*shape.stamps.values()], lines), strict=True)
    return columns | {"label": columns["time"] // DAY} if route.labelled else columns


def _told_by(table: str, key: str, time: str, value: str) -> list[Told]:
    if table == SPORTS:
        start, offset = seconds(time.strip()), quarter_hours(_parse(value))
        known = start is not None and start in PLAUSIBLE and offset is not None
        return [(start, start, offset)] if known else []  # type: ignore[list-item]
    if table == DAILY and key in TELLING:
        latest = latest_offset(_parse(value))
        return [(latest[0], *latest)] if latest else []
    if key not in SLEEP_KEYS:
        return []
    payload = _parse(value)
    parts = mi_sleep.night(payload, 0) if table == DAILY else [mi_sleep.segment(payload)]
    return [
        (part.bed or part.wake or 0, part.wake or part.bed or 0, part.offset)
        for part in parts
        if part and part.offset is not None and (part.bed or part.wake)
    ]


def _shown(cells: list[str]) -> str:
    return " | ".join(cells)[:200]
