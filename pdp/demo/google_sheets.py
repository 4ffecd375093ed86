"""The person's blood-pressure sheets, downloaded as CSV: the one in use, and an older one with other habits."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from pdp.demo import plan
from pdp.demo.day import Day, Reading
from pdp.demo.plan import happens
from pdp.demo.rng import Rng
from pdp.demo.truth import Row

SOURCE = "google_sheets"
SHEET, OLD_SHEET = "blood_pressure.csv", "blood_pressure_old.csv"
NOTES = (
    "Kaffee", "nach der Treppe", "schlecht geschlafen", "linker Arm; im Sitzen", 'zeigte erst "E1" an',
    "müde\nab Mittag besser",
)  # fmt: skip


class Line(NamedTuple):
    """A row of the sheet: its cells, and the reading in them or the rule that they break."""

    cells: list[str]
    day: Day
    reading: Reading | None = None
    rule: str = ""
    superseded: bool = False


def write(days: list[Day], seed: int) -> tuple[dict[str, bytes], list[Row]]:
    """Path below raw/google_sheets/ -> bytes, and what is to become of every row with something in it."""
    sheet, rows = _csv(SHEET, ";", ["Datum", "Uhrzeit", "SYS", "DIA", "Puls", "Notiz"], list(_lines(days, seed)))
    old, old_rows = _csv(OLD_SHEET, ",", ["Date", "Time", "BP", "Pulse", "Comment"], list(_old_lines(days)))
    utf16 = codecs.BOM_UTF16_LE + old.encode("utf-16-le")
    return {SHEET: sheet.encode(), OLD_SHEET: utf16}, [*rows, *old_rows]


def _csv(file: str, delimiter: str, header: list[str], lines: list[Line]) -> tuple[str, list[Row]]:
    """The text, and the truth of each row by the line of the file on which it starts."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    rows, number = [], 2
    for line in lines:
        writer.writerow(line.cells)
        if line.reading or line.rule:
            rows.append(_row(line, file, number))
        number += 1 + sum(cell.count("\n") for cell in line.cells)
    return buffer.getvalue(), rows


def _row(line: Line, file: str, number: int) -> Row:
    blank = Row("blood_pressure", "reading", SOURCE, file, number, "sheet")
    reading = line.reading
    if reading is None:
        return blank._replace(fate="quarantined", rule=line.rule)
    return blank._replace(
        date=line.day.date,
        instant=line.day.at(reading.minute or 0),
        clock=reading.minute,
        values={"systolic": reading.systolic, "diastolic": reading.diastolic, "pulse": reading.pulse},
        fate="superseded" if line.superseded else "accepted",
        rule="other_file" if line.superseded else "",
    )


def _lines(days: list[Day], seed: int) -> Iterator[Line]:
    """The sheet in use: German, day first, 24 hours, now and then a decimal comma, a note or a slip."""
    for day in days[plan.NEW_SHEET_FROM :]:
        rng = Rng(seed, "notes", day.index)
        for reading in day.readings:
            if reading.sheet:
                note = rng.pick(NOTES) if rng.chance(0.06) else ""
                numbers = [_number(reading.systolic, ","), _number(reading.diastolic, ","), _number(reading.pulse, ",")]
                offset = " -03:00" if happens(plan.TRIP, day.index) else ""
                yield Line([_german(day.date), _clock(reading.minute) + offset, *numbers, note], day, reading)
        yield from _slips(day)
        if day.date.day == 1:
            yield Line([], day) if day.date.month % 2 else Line([""] * 6, day)  # blank lines, as people leave them


def _slips(day: Day) -> Iterator[Line]:
    """What pdp must set aside."""
    today = _german(day.date)
    if day.index == plan.MISREAD:
        yield Line([today, "18:02", "13O", "85", "70", ""], day, rule="unreadable_number")
    if day.index == plan.SWAPPED:
        yield Line([today, "18:04", "80", "120", "66", ""], day, rule="diastolic_below_systolic")
    if day.index == plan.EXTRA_ZERO:
        yield Line([today, "18:03", "1300", "85", "72", ""], day, rule="systolic_range")
    if day.index == plan.NO_SUCH_DATE:
        yield Line([f"31.02.{day.date.year}", "18:06", "134", "85", "69", ""], day, rule="impossible_date")
    if day.index == plan.NO_DIASTOLIC:
        yield Line([today, "18:05", "134", "", "71", ""], day, rule="missing_value")


def _old_lines(days: list[Day]) -> Iterator[Line]:
    """The older sheet: ISO dates, 12 hours, both pressures in one cell. Its last days were copied into the new one."""
    for day in days[plan.OLD_SHEET.start : plan.OLD_SHEET.stop]:
        for reading in day.readings:
            if reading.sheet:
                pressure = f"{_number(reading.systolic, '.')}/{_number(reading.diastolic, '.')}"
                cells = [day.date.isoformat(), _twelve_hours(reading.minute), pressure, _number(reading.pulse, "."), ""]
                yield Line(cells, day, reading, superseded=day.index >= plan.NEW_SHEET_FROM)


def _german(day: date) -> str:
    return f"{day.day:02}.{day.month:02}.{day.year}"


def _clock(minute: int | None) -> str:
    return "" if minute is None else f"{minute // 60:02}:{minute % 60:02}"


def _twelve_hours(minute: int | None) -> str:
    if minute is None:
        return ""
    return f"{(minute // 60 + 11) % 12 + 1}:{minute % 60:02} {'AM' if minute < 720 else 'PM'}"


def _number(value: float | None, point: str) -> str:
    return "" if value is None else f"{value:g}".replace(".", point)
