"""The demo's exports as Google would hold them: the sheets as tabs of one spreadsheet, the exports in a Drive folder."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from pdp.demo import google_sheets, mi_fitness
from pdp.demo.plan import HOME
from pdp.double import Double
from pdp.double.sheets import Cell

TABS = {google_sheets.SHEET: "Blutdruck", google_sheets.OLD_SHEET: "Blutdruck alt"}
# What browsers say of such files: pdp is not to believe it.
MIMES = ("text/csv", "text/plain", "application/vnd.ms-excel", "application/octet-stream")


@dataclass(frozen=True)
class Seeded:
    """Ids of what was put there, and the tabs' titles."""

    sheet: str
    folder: str
    tabs: tuple[str, ...]


def seed(double: Double, files: Mapping[str, bytes], reader: str) -> Seeded:
    """Puts the demo's `files` (path below raw/ -> bytes) into the double, shared with `reader` to read."""
    tabs = {
        TABS[PurePosixPath(path).name]: [[entered(cell) for cell in row] for row in _rows(data)]
        for path, data in files.items() if path.startswith(f"{google_sheets.SOURCE}/")
    }  # fmt: skip
    sheet = double.sheets.add("Blutdruck", tabs, zone=HOME.key, locale="de_DE", readers=[reader])
    top = double.drive.folder("Mi Fitness", readers=[reader])
    folders = {"": top.id}
    exports = [path for path in files if path.startswith(f"{mi_fitness.SOURCE}/")]
    for number, path in enumerate(exports):
        *above, name = PurePosixPath(path).parts[1:]
        parent = "/".join(above)
        if parent not in folders:
            folders[parent] = double.drive.folder(parent, parent=top.id).id
        double.drive.file(name, files[path], MIMES[number % len(MIMES)], parent=folders[parent])
    return Seeded(sheet.file.id, top.id, tuple(tabs))


def entered(text: str) -> Cell:
    """What a sheet in German makes of what is typed: dates, times and numbers become such, the rest stays text."""
    if match := re.fullmatch(r"(\d\d)\.(\d\d)\.(\d{4})|(\d{4})-(\d\d)-(\d\d)", text):
        day, month, year, iso_year, iso_month, iso_day = (int(part) if part else 0 for part in match.groups())
        try:
            return dt.date(year or iso_year, month or iso_month, day or iso_day)
        except ValueError:
            return text
    if match := re.fullmatch(r"(\d\d):(\d\d)", text):
        return dt.time(int(match[1]), int(match[2]))
    if re.fullmatch(r"\d+", text):
        return int(text)
    return float(text.replace(",", ".")) if re.fullmatch(r"\d+,\d+", text) else text


def _rows(data: bytes) -> list[list[str]]:
    text = data.decode("utf-16" if data.startswith(b"\xff\xfe") else "utf-8")
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
