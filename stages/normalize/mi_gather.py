"""The rows of one Mi Fitness file: each goes to a table or is counted, by account; offsets that rows tell are noted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from stages import schemas
from stages.normalize import mi_sleep
from stages.normalize.days import DAY, PLAUSIBLE, Ints
from stages.normalize.mi_files import DAILY, SAMPLES, SPORTS, Layout, seconds
from stages.normalize.mi_payloads import Unreadable, latest_offset, parse, quarter_hours
from stages.normalize.mi_routes import MARK, SLEEP_KEYS, UNKNOWN, Route, count_of, route_of, rows_of, spoilt
from stages.normalize.mi_rows import Gathered, Raw, Row, shared
from stages.normalize.mi_shapes import Bytes, Shape

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
        return self.accounts.setdefault(name, Account())

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
        columns, flags, there = _values(shape, lines)
        counts.without_values += len(lines) - int(there.sum())
        if not there.all():
            lines, numbers, flags = lines[there], numbers[there], flags[there]
            columns = {name: values[there] for name, values in columns.items()}
        counts.routed += len(lines)
        columns |= {"line": numbers} | {name: number.read(lines) for name, number in shape.stamps.items()}
        if shape.route.labelled:
            columns["label"] = columns["time"] // DAY
        gathered = self._tables[shape.route.schema.name]
        common = np.zeros(len(lines), np.int64)
        for key in np.unique(flags).tolist() if flags.any() else [0]:
            names = [f"sentinel_{name}" for bit, name in enumerate(shape.values) if key >> bit & 1]
            text = shared(
                shape.record, shape.sid, shape.route.kind, shape.account, names, timed=not shape.route.labelled
            )
            common[flags == key] = gathered.share(text)
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


def _values(shape: Shape, lines: Bytes) -> tuple[dict[str, Any], Ints, Any]:
    """(values by column, the bits of those that are sentinels, whether a line has any value at all)."""
    assert shape.route and shape.route.payload
    payload = shape.route.payload
    columns: dict[str, Any] = {}
    flags, there = np.zeros(len(lines), np.int64), np.zeros(len(lines), bool)
    for bit, each in enumerate(payload.fields):
        number = shape.values[each.column]
        if number is None:
            continue
        values = number.read(lines)
        lost = np.zeros(len(lines), bool)
        for sentinel in each.sentinels:
            lost |= values == sentinel
        if lost.any():
            values = np.where(lost, np.nan, values)
            flags |= lost.astype(np.int64) << bit
        there |= ~lost
        columns[each.column] = values
    return columns | {name: np.full(len(lines), float(value)) for name, value in payload.constant}, flags, there


def _told_by(table: str, key: str, time: str, value: str) -> list[Told]:
    if table == SPORTS:
        start, offset = seconds(time.strip()), quarter_hours(_parse(value))
        known = start is not None and start in PLAUSIBLE and offset is not None
        return [(start, start, offset)] if known else []  # type: ignore[list-item]
    if table == DAILY and key in ("heart_rate", "spo2"):
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
