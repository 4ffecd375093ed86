"""A tab of a Google Sheet, as fetched or downloaded as CSV -> readings of blood pressure.

The sheet is kept by hand: the header may stand below a title, its names may be in several languages, a cell may hold
anything. What cannot be read is a row with its problem; no row ends the reading.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from pdp.errors import InputError
from pdp.labels import label
from pdp.snapshot import Snapshot
from stages import schemas
from stages.normalize import archive, days, sheet_columns, sheet_json
from stages.normalize.cells import (
    UTC,
    Clock,
    Moment,
    Unreadable,
    is_blank,
    parse_moment,
    parse_number,
    parse_pair,
    parse_time,
)
from stages.normalize.rawtext import DELIMITERS, Text, decode, records
from stages.normalize.sheet_columns import HEADER_WITHIN, Columns, letter

SOURCE = "google_sheets"
SUFFIXES = (".csv", ".tsv", ".txt")
PROBLEM_NAMES = [column.name for column in schemas.PROBLEM]
CHUNK_ROWS = 5_000
MAX_SHEET = 128 * 2**20  # bytes of one tab; Google Sheets has at most ten million cells
T = TypeVar("T")
Chunks = Generator[tuple[str, pa.Table], None, dict[str, Any]]


def read(inputs: Mapping[str, Snapshot], config: Mapping[str, Any]) -> Chunks:
    """`google_sheets_blood_pressure`: one row per row of a sheet that holds a pressure or a pulse; then the facts.

    Facts: {files {name: {encoding, delimiter, header_row, columns {field: header}, rows, blank, without_values}}, same
    {name: the identical file read}}. A tab of a fetched sheet is a file `sheet.json!<tab>` with zone and locale instead
    of encoding and delimiter.

    Raises:
        InputError: a file is no CSV, or its header is missing, incomplete or ambiguous.
    """
    facts: dict[str, Any] = {}
    members, same = _distinct(inputs[SOURCE])
    yield _chunk([])
    for grid in (grid for member in members for grid in _grids(member, config)):
        facts[grid.name] = yield from _read_grid(grid)
    return {"files": facts, "same": same}


def _distinct(snapshot: Snapshot) -> tuple[list[archive.Member], dict[str, str]]:
    """(the files of the snapshot and of the zips in it, by name; {name: the identical one with a shorter name})."""
    members = [member for raw in snapshot for member in archive.read(raw, archive.contents(raw))]
    first: dict[str, archive.Member] = {}
    same = {}
    for member in sorted(members, key=lambda each: (len(each.name), each.name)):
        if first.setdefault(member.sha256, member) is not member:
            same[member.name] = first[member.sha256].name
    return sorted(first.values(), key=lambda each: each.name), dict(sorted(same.items()))


@dataclass(frozen=True)
class _Grid:
    """Cells in rows, whatever they came in: (line, cells) each, the header's place, and how to read what is in them."""

    name: str
    rows: Iterable[tuple[int, list[str]]]
    columns: Columns
    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    prefix: str = ""
    """The tab in an address: `BP!`."""


def _grids(member: archive.Member, config: Mapping[str, Any]) -> Iterator[_Grid]:
    """The one of a CSV file, or those of a fetched sheet's tabs."""
    own = config["google_sheets"]["columns"]
    if len(member.data) > MAX_SHEET:
        raise InputError(f"{member.name} has more than {MAX_SHEET // 2**20} MiB", hint="is it a sheet? take it away")
    if member.name.rpartition("/")[2] == sheet_json.FILE:
        sheet = sheet_json.parse(member.name, member.data)
        config = _as_in(sheet, config)
        for number, tab in enumerate(sheet.tabs, start=1):
            name = f"{member.name}!{label(tab.title)}"
            rows = [(line, cells) for line, cells in enumerate(tab.rows, start=1) if cells]
            shown = f"{member.name}, tab {number}"  # its title is a person's words, and what is wrong may be printed into a log
            columns = sheet_columns.find(shown, [row for row in rows if row[0] <= HEADER_WITHIN], own)
            facts = {"zone": config["timezone"], "locale": sheet.locale, "header_row": columns.line}
            yield _Grid(name, rows, columns, config, facts, tab.prefix)
    elif member.name.lower().endswith(SUFFIXES):
        text, columns = _header(member, own)
        facts = {"encoding": text.encoding, "delimiter": text.delimiter, "header_row": columns.line}
        yield _Grid(member.name, records(text), columns, config, facts)
    else:
        raise InputError(f"{member.name} is no CSV file", hint="in the sheet: File, Download, Comma-separated values")


def _as_in(sheet: sheet_json.Sheet, config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the sheet's own zone, and its own order of dates unless the settings declare one."""
    own = config["google_sheets"]
    order = sheet.date_order if own["date_order"] == "ymd" else own["date_order"]
    return {
        **config, "timezone": sheet.zone or config["timezone"], "google_sheets": {**own, "date_order": order},
    }  # fmt: skip


def _read_grid(grid: _Grid) -> Chunks:
    """The rows of the table; then the facts about the grid."""
    rows: list[dict[str, Any]] = []
    header = None
    columns = grid.columns
    counts = {"rows": 0, "blank": 0, "without_values": 0}
    wrapped = 0  # lines that a cell with line breaks takes beyond its first: the sheet's own row numbers lag by them
    for line, cells in grid.rows:
        sheet_row = line - wrapped
        if not grid.prefix:
            wrapped += sum(cell.count("\n") for cell in cells)
        texts = [cell.strip() for cell in cells]
        if line == columns.line:
            header = texts
        if line <= columns.line:
            continue
        row = _Row(columns, texts, grid.prefix, sheet_row)
        kind = "blank" if not any(texts) or texts == header else "rows" if row.has_values else "without_values"
        counts[kind] += 1
        if kind == "rows":
            rows.append({"file": grid.name, "row": line, **_reading(row, grid.config)})
        if len(rows) == CHUNK_ROWS:
            yield _chunk(rows)
            rows.clear()
    if rows:
        yield _chunk(rows)
    return {**grid.facts, "columns": dict(columns.names), **counts}


def _chunk(rows: Sequence[Mapping[str, Any]]) -> tuple[str, pa.Table]:
    schema = schemas.normalized(schemas.BLOOD_PRESSURE)
    columns: dict[str, Sequence[Any]] = {name: [row.get(name) for row in rows] for name in schema.names}
    return f"{SOURCE}_blood_pressure", schema.from_columns(columns)


def _header(member: archive.Member, own: Mapping[str, str]) -> tuple[Text, Columns]:
    """The text and its columns. A title above the header may mislead about the delimiter, so the header decides."""
    sniffed = decode(member.data)
    heads = {}
    for delimiter in sorted(DELIMITERS, key=lambda each: each != sniffed.delimiter):
        text = replace(sniffed, delimiter=delimiter)
        heads[text] = list(takewhile(lambda record: record[0] <= HEADER_WITHIN, records(text)))
    text = max(heads, key=lambda each: sheet_columns.recognised(heads[each], own))
    return text, sheet_columns.find(member.name, heads[text], own)


class _Row:
    """One row of a sheet; the first problem with it is kept."""

    def __init__(self, columns: Columns, texts: list[str], tab: str, sheet_row: int) -> None:
        self.columns, self.texts, self.tab, self.sheet_row = columns, texts, tab, sheet_row
        self.problem: tuple[str, str, str, str] | None = None

    def text(self, field: str) -> str:
        index = self.columns.at.get(field)
        return "" if index is None or index >= len(self.texts) else self.texts[index]

    @property
    def has_values(self) -> bool:
        return any(not is_blank(self.text(field)) for field in ("systolic", "diastolic", "blood_pressure", "pulse"))

    def read(self, field: str, parse: Callable[[str], T | None]) -> T | None:
        """The cell as `parse` reads it; None for a blank, and for a cell that it cannot read."""
        try:
            return parse(self.text(field))
        except Unreadable as error:
            self.refuse(field, error.problem, error.sentence)
            return None

    def refuse(self, field: str, problem: str, sentence: str) -> None:
        """Name the cell as a spreadsheet does: `SYS (C17)`, and in a fetched sheet `SYS (BP!C17)`."""
        if self.problem is None:
            cell = f"{self.columns.names[field]} ({self.tab}{letter(self.columns.at[field])}{self.sheet_row})"
            self.problem = (problem, cell, self.text(field)[:200], sentence)


def _reading(row: _Row, config: Mapping[str, Any]) -> dict[str, Any]:
    """The row of the table but for where it lies."""
    moment = row.read("date", lambda text: parse_moment(text, config["google_sheets"]["date_order"]))
    if moment is None:
        row.refuse("date", "missing_value", "the date is missing; fill it in")
    clock = row.read("time", parse_time)
    values = _values(row)
    pulse = values["pulse"]
    flags = ["sentinel_pulse"] if pulse == 0 else []  # a cuff shows 0 for a pulse that it did not find
    placed, more = _placed(_timed(row, moment, clock), config) if moment else ({}, ())
    return {
        "source": SOURCE, "item": 0, "record": "sheet", "sid": "", "exported_on": "", "kind": "reading",
        **placed, **values, "pulse": pulse or None, "flags": ";".join(sorted([*flags, *more])),
        **dict(zip(PROBLEM_NAMES, row.problem or (None,) * len(PROBLEM_NAMES), strict=True)),
    }  # fmt: skip


def _values(row: _Row) -> dict[str, float | None]:
    pulse = None
    if "blood_pressure" in row.columns.at:
        systolic, diastolic, pulse = row.read("blood_pressure", parse_pair) or (None, None, None)
    else:
        systolic, diastolic = row.read("systolic", parse_number), row.read("diastolic", parse_number)
    for field in ("blood_pressure", "systolic", "diastolic"):
        if field in row.columns.at and is_blank(row.text(field)):
            row.refuse(field, "missing_value", "the pressure is missing; fill it in")
    own_pulse = row.read("pulse", parse_number)
    return {"systolic": systolic, "diastolic": diastolic, "pulse": pulse if own_pulse is None else own_pulse}


def _timed(row: _Row, moment: Moment, clock: Clock | None) -> Moment:
    """The moment with the time of its own cell, if there is one.

    Where a sheet has a column for the time, a midnight in the date's cell is how the date is shown, not a time.
    """
    if clock is not None:
        return Moment(moment.date, clock.second, moment.offset if clock.offset is None else clock.offset)
    if "time" in row.columns.at and moment.second == 0 and moment.offset is None:
        return Moment(moment.date)
    return moment


def _placed(moment: Moment, config: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(instant, offset, local date and whether the time is known; flags). Z and UTC tell the instant, no offset."""
    zone = config["timezone"]
    naive = dt.datetime.combine(moment.date, dt.time()) + dt.timedelta(seconds=moment.second or 0)
    flags: tuple[str, ...] = ()
    source = "zone"
    if moment.second is None or moment.offset is None:
        instant, offset, flags = days.local_to_utc(naive, zone)
    else:
        utc = int(naive.replace(tzinfo=dt.UTC).timestamp())
        if moment.offset == UTC:
            instant, offset = utc, int(days.Offsets(zone).of_zone(np.array([utc]))[0])
        else:
            instant, offset, source = utc - moment.offset, moment.offset, "row"
    known = moment.second is not None
    date = days.local_date(instant, offset, config["day_starts_at"]) if known else moment.date
    placed = {
        "instant_utc": dt.datetime.fromtimestamp(instant, dt.UTC), "utc_offset_s": offset, "offset_source": source,
        "local_date": date, "time_known": known,
    }  # fmt: skip
    return placed, flags if known else ()
