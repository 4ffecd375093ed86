"""Mi Fitness (Xiaomi) account exports -> tables. Zips, folders and lone CSV files, any number of exports.

Two passes over the files, one file in memory at a time: the first (`mi_survey`) learns whose rows there are and which
offsets from UTC they tell, the second reads the rows. Every raw row is routed to a table or counted in the facts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from pdp.errors import StageError
from stages import schemas
from stages.normalize.archive import Member
from stages.normalize.days import Offsets
from stages.normalize.mi_files import DAILY, SPORTS, ExportFile, Layout, open_file, seconds
from stages.normalize.mi_routes import ROUTES, UNKNOWN, Context, Route, rows_of, spoilt
from stages.normalize.mi_rows import SOURCE, Raw, Row, chunk
from stages.normalize.mi_survey import members, survey

TABLES = (
    schemas.BLOOD_PRESSURE, schemas.HEART_RATE, schemas.SLEEP, schemas.STEPS,
    schemas.SPO2, schemas.STRESS, schemas.WEIGHT, schemas.UNREADABLE,
)  # fmt: skip
CHUNK_ROWS = 50_000
_NAME = re.compile(r"[\w/.-]{1,80}", re.ASCII)
_MOST_NAMES = 200  # of keys counted one by one

Chunks = Iterator[tuple[str, pa.Table]]


def read(inputs: Mapping[str, Any], config: Mapping[str, Any]) -> Generator[tuple[str, pa.Table], None, dict[str, Any]]:
    """The tables `mi_band_<table>` of all exports in the snapshot `inputs["mi_band"]`, in chunks; then the facts.

    Facts: {rows, routed, marks, without_values, other_account, other_keys {key: rows}, files {name: {encoding,
    delimiter, rows}}, same {name: the identical file read}, not_read [names], unrecognised [names], offsets_told}.
    A report or sample that holds no value, be it that all are sentinels, is counted as `without_values`, like a mark.

    Raises:
        InputError: no file is of an export, one lacks a column or is damaged, or whose rows count is not clear.
    """
    snapshot = inputs[SOURCE]
    found = survey(snapshot, config["timezone"], config[SOURCE].get("account", ""))
    reader = _Reader(found.account, Offsets(config["timezone"], found.known), config)
    for schema in TABLES:
        yield f"{SOURCE}_{schema.name}", schemas.normalized(schema).empty()
    for file, member in members(snapshot, found.files):
        yield from reader.read(file, member)
    return {
        **reader.facts(),
        "same": dict(sorted(found.same.items())),
        "not_read": found.not_read,
        "unrecognised": found.unrecognised,
        "offsets_told": len(found.known),
    }


class _Reader:
    """The second pass, and its counts."""

    def __init__(self, account: str, offsets: Offsets, config: Mapping[str, Any]) -> None:
        self.account = account
        self.offsets = offsets
        self.day_starts_at = int(config["day_starts_at"])
        self.short_night_min = config["sleep"]["short_night_min"]
        self.counts = dict.fromkeys(("rows", "routed", "marks", "without_values", "other_account"), 0)
        self.other_keys: Counter[str] = Counter()
        self.files: dict[str, dict[str, Any]] = {}

    def read(self, file: ExportFile, member: Member) -> Chunks:
        text, layout, lines = open_file(file, member)
        context = Context(_day(file.exported_on), self.short_night_min)
        pending: dict[str, list[Row]] = {schema.name: [] for schema in TABLES}
        count = 0
        for line, cells in lines:
            count += 1
            route = self._route(file, layout, cells)
            if route is None:
                continue
            rows = _rows(route, file, layout, line, cells, context)
            self.counts["routed" if rows else "without_values"] += 1
            waiting = pending[route.schema.name]
            waiting += rows
            if len(waiting) >= CHUNK_ROWS:
                yield from self._flush(file, pending, CHUNK_ROWS)
        yield from self._flush(file, pending, 1)
        self.counts["rows"] += count
        self.files[file.name] = {"encoding": text.encoding, "delimiter": text.delimiter, "rows": count}

    def facts(self) -> dict[str, Any]:
        """The counts; each raw row is in exactly one of them.

        Raises:
            StageError: one is not, which is a mistake in pdp.
        """
        counted = sum(self.counts.values()) - self.counts["rows"] + self.other_keys.total()
        if counted != self.counts["rows"]:
            raise StageError(f"{self.counts['rows']} rows were read and {counted} counted", hint="report this")
        return {**self.counts, "other_keys": dict(sorted(self.other_keys.items())), "files": self.files}

    def _route(self, file: ExportFile, layout: Layout, cells: list[str]) -> Route | None:
        """Where a row goes; None for one that no table takes, which is counted."""
        whose = layout.account(cells, file)
        if whose and whose != self.account:
            self.counts["other_account"] += 1
            return None
        tag, key = layout.cell(cells, layout.tag) if file.table == DAILY else "", layout.cell(cells, layout.key)
        route = ROUTES[file.table].get((tag, key))
        if route is not None:
            return route
        if file.table == SPORTS:
            self.other_keys["sport_record"] += 1
        elif not key or (file.table == DAILY and not tag):
            return UNKNOWN
        elif tag == "daily_mark":
            self.counts["marks"] += 1
        else:
            self._count_other(f"{tag}/{key}" if tag else key)
        return None

    def _count_other(self, name: str) -> None:
        known = name in self.other_keys or len(self.other_keys) < _MOST_NAMES
        self.other_keys[name if known and _NAME.fullmatch(name) else "(other)"] += 1

    def _flush(self, file: ExportFile, pending: dict[str, list[Row]], least: int) -> Chunks:
        for schema in TABLES:
            rows = pending[schema.name]
            if len(rows) >= least:
                yield f"{SOURCE}_{schema.name}", chunk(schema, file, rows, self.offsets, self.day_starts_at)
                rows.clear()


def _rows(
    route: Route, file: ExportFile, layout: Layout, line: int, cells: list[str], context: Context
) -> list[Row]:  # fmt: skip
    time, key = layout.cell(cells, layout.time), layout.cell(cells, layout.key)
    record = "daily_report" if file.table == DAILY else key
    raw = Raw(line, record, seconds(time), layout.cell(cells, layout.sid), seconds(layout.cell(cells, layout.revision)))
    if not layout.fits(cells):
        sentence = f"the row has {len(cells)} cells where the header has {layout.width}; export it again"
        return [spoilt(route, raw, ("cells", "", _shown(cells), sentence))]
    if route is UNKNOWN:
        return [spoilt(route, raw, ("no_key", "Key", _shown(cells), "Key or Tag is blank; export it again"))]
    if raw.record_time is None:
        sentence = "Time must be whole seconds since 1970; export it again and do not save it with a spreadsheet"
        return [spoilt(route, raw, ("time", "Time", time[:200], sentence))]
    return rows_of(route, raw, cells[layout.value], context)


def _shown(cells: list[str]) -> str:
    return " | ".join(cells)[:200]


def _day(exported_on: str) -> int | None:
    if not exported_on:
        return None
    return (date.fromisoformat(exported_on) - date(1970, 1, 1)).days
