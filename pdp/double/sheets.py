"""Sheets: spreadsheets with tabs of typed cells, read as `values` in each of the ways that Sheets renders them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pdp.double import fields
from pdp.double.api import ApiError, Call, document
from pdp.double.drive import SHEET, Drive, File

EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - a serial number has no zone
Cell = str | int | float | bool | dt.date | dt.datetime | dt.time | None
READ = frozenset({"sheets.spreadsheets.get", "sheets.spreadsheets.values.get", "sheets.spreadsheets.values.batchGet"})


@dataclass
class Tab:
    """One tab: its title, its id (the number after #gid=), its cells from A1 on."""

    title: str
    id: int
    rows: list[list[Cell]]

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) of its grid: a new one has 1000 and 26."""
        return max(1000, len(self.rows)), max([26, *(len(row) for row in self.rows)])


@dataclass
class Spreadsheet:
    """Its file on Drive, its zone and locale, its tabs in order."""

    file: File
    zone: str
    locale: str
    tabs: list[Tab] = field(default_factory=list)

    def tab(self, title: str) -> Tab:
        return next(tab for tab in self.tabs if tab.title == title)


class Sheets:
    """All spreadsheets."""

    def __init__(self, drive: Drive) -> None:
        self.drive = drive
        self.sheets: dict[str, Spreadsheet] = {}

    def add(
        self, title: str, tabs: Mapping[str, Sequence[Sequence[Cell]]], *,
        zone: str = "Europe/Berlin", locale: str = "de_DE", **more: Any,
    ) -> Spreadsheet:  # fmt: skip
        """A spreadsheet; dates and times are given as such, and become serial numbers as in Sheets."""
        file = self.drive._add(title, SHEET, **more)
        made = [
            Tab(name, 0 if number == 0 else 1000 + number, [list(row) for row in rows])
            for number, (name, rows) in enumerate(tabs.items())
        ]
        sheet = self.sheets[file.id] = Spreadsheet(file, zone, locale, made)
        return sheet

    def answer(self, call: Call) -> dict[str, Any]:
        """The answer, cut to the fields that were asked for.

        Raises:
            ApiError: the request is refused.
        """
        if call.method.id not in READ:
            raise ApiError(501, "UNIMPLEMENTED", f"the double does not know {call.method.id}")
        mask = fields.parse(call.query.get("fields", ""))
        fields.check(mask, document(*call.method.api), call.method.schema)
        with self.drive.lock:
            sheet = self._readable(call)
            if call.method.id == "sheets.spreadsheets.get":
                found = _metadata(sheet)
            elif call.method.id == "sheets.spreadsheets.values.get":
                found = _values(sheet, call.path["range"], call.query)
            else:
                ranges = [_values(sheet, text, call.query) for text in call.query.get("ranges", ())]
                found = {"spreadsheetId": sheet.file.id, "valueRanges": ranges}
        return fields.apply(mask, found)

    def _readable(self, call: Call) -> Spreadsheet:
        sheet = self.sheets.get(call.path["spreadsheetId"])
        if sheet is None or sheet.file.id not in self.drive.files:
            raise ApiError(404, "NOT_FOUND", "Requested entity was not found.")
        if not self.drive.role(sheet.file, call.email):
            raise ApiError(403, "PERMISSION_DENIED", "The caller does not have permission")
        return sheet


def _metadata(sheet: Spreadsheet) -> dict[str, Any]:
    tabs = [
        {"properties": {
            "sheetId": tab.id, "title": tab.title, "index": index, "sheetType": "GRID",
            "gridProperties": {"rowCount": tab.size[0], "columnCount": tab.size[1]},
        }}
        for index, tab in enumerate(sheet.tabs)
    ]  # fmt: skip
    return {
        "spreadsheetId": sheet.file.id,
        "properties": {
            "title": sheet.file.name, "locale": sheet.locale, "autoRecalc": "ON_CHANGE", "timeZone": sheet.zone,
        },
        "sheets": tabs,
        "spreadsheetUrl": f"https://docs.google.com/spreadsheets/d/{sheet.file.id}/edit",
    }  # fmt: skip


_RANGE = re.compile(r"(?:('(?:[^']|'')+'|[^'!]+)!)?([A-Z]+)(\d+)(?::([A-Z]+)(\d+))?")


def _values(sheet: Spreadsheet, text: str, query: Mapping[str, Any]) -> dict[str, Any]:
    """One range; rows and columns that are empty at the end are left out, and `values` too where all are."""
    tab, (top, left, bottom, right) = _area(sheet, text)
    render = query.get("valueRenderOption", "FORMATTED_VALUE")
    serial = query.get("dateTimeRenderOption", "SERIAL_NUMBER") == "SERIAL_NUMBER"
    rows = [[_rendered(cell, render, serial) for cell in row[left:right]] for row in tab.rows[top:bottom]]
    for row in rows:
        while row and row[-1] == "":
            row.pop()
    while rows and not rows[-1]:
        rows.pop()
    name = tab.title if re.fullmatch(r"[A-Za-z]\w*", tab.title) else "'" + tab.title.replace("'", "''") + "'"
    found = {"range": f"{name}!{_letter(left)}{top + 1}:{_letter(right - 1)}{bottom}", "majorDimension": "ROWS"}
    return {**found, "values": rows} if rows else found


def _area(sheet: Spreadsheet, text: str) -> tuple[Tab, tuple[int, int, int, int]]:
    """(the tab, its first row and column from 0, the ones behind its last)."""
    bare = text[1:-1].replace("''", "'") if len(text) > 1 and text[0] == text[-1] == "'" else text
    tab = next((tab for tab in sheet.tabs if tab.title == bare), None)
    if tab:
        return tab, (0, 0, *tab.size)
    match = _RANGE.fullmatch(text)
    title = (match[1] or sheet.tabs[0].title) if match else ""
    title = title[1:-1].replace("''", "'") if title.startswith("'") else title
    tab = next((tab for tab in sheet.tabs if tab.title == title), None)
    if not match or tab is None:
        raise ApiError(400, "INVALID_ARGUMENT", f"Unable to parse range: {text}")
    top, left = int(match[3]) - 1, _number(match[2])
    bottom, right = (int(match[5]), _number(match[4]) + 1) if match[4] else (top + 1, left + 1)
    return tab, (top, left, bottom, right)


def _rendered(cell: Cell, render: str, serial: bool) -> Any:
    if cell is None:
        return ""
    if render == "FORMATTED_VALUE":
        return _formatted(cell)
    if isinstance(cell, dt.date | dt.time):
        return _serial(cell) if serial else _formatted(cell)
    return cell


def _serial(cell: dt.date | dt.time) -> int | float:
    """Days since 1899-12-30; a whole number where there is no time."""
    if isinstance(cell, dt.time):
        return (cell.hour * 3600 + cell.minute * 60 + cell.second) / 86_400
    when = cell if isinstance(cell, dt.datetime) else dt.datetime.combine(cell, dt.time())
    days = (when - EPOCH).total_seconds() / 86_400
    return int(days) if days == int(days) else days


def _formatted(cell: Any) -> str:
    """As a sheet in German shows it by default."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, dt.datetime):
        return f"{cell:%d.%m.%Y %H:%M:%S}"
    if isinstance(cell, dt.date):
        return f"{cell:%d.%m.%Y}"
    if isinstance(cell, dt.time):
        return f"{cell:%H:%M:%S}"
    return f"{cell:.10g}".replace(".", ",") if isinstance(cell, int | float) else cell


def _letter(index: int) -> str:
    index += 1
    letters = ""
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _number(letters: str) -> int:
    number = 0
    for one in letters:
        number = number * 26 + ord(one) - 64
    return number - 1
