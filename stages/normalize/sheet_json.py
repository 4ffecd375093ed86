"""`sheet.json`, what stages/ingest/sheet.py keeps of a Google Sheet -> tabs of text cells, its zone, its order of dates.

A number becomes the text that a CSV download would have with a decimal point, a date its serial number: both are read by
the same rules as a download, so that the two ways to a sheet give the same readings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pdp.errors import InputError
from pdp.regions import date_order

FILE = "sheet.json"
FORMAT = "pdp-sheet-1"
# Where a locale names no region; English alone tells nothing.
YEAR_FIRST_LANGUAGES = frozenset({"", "en", "fa", "hu", "ja", "ko", "lt", "mn", "sv", "zh"})


@dataclass(frozen=True)
class Tab:
    """One tab: `rows` are all its rows from the first, each a list of texts."""

    title: str
    rows: list[list[str]]

    @property
    def prefix(self) -> str:
        """What an address begins with: `BP!`, or `'Blood pressure'!`."""
        plain = re.fullmatch(r"[^\W\d]\w*", self.title)
        return f"{self.title}!" if plain else "'" + self.title.replace("'", "''") + "'!"


@dataclass(frozen=True)
class Sheet:
    """The tabs; `zone` is an IANA name or '', `date_order` as in the settings."""

    tabs: list[Tab]
    zone: str
    locale: str

    @property
    def date_order(self) -> str:
        """The order of day, month and year that the sheet's locale writes dates in."""
        language, _, region = self.locale.replace("-", "_").partition("_")
        if region:
            return date_order(region.rpartition("_")[2].upper())
        return "ymd" if language.lower() in YEAR_FIRST_LANGUAGES else "dmy"


def parse(name: str, data: bytes) -> Sheet:
    """The sheet in a file's bytes.

    Raises:
        InputError: they are not what ingest writes.
    """
    try:
        content = json.loads(data, parse_constant=_refuse)
        if content["format"] != FORMAT:
            raise ValueError
        tabs = [Tab(_whole(str(tab["title"])), [list(_texts(row)) for row in tab["rows"]]) for tab in content["tabs"]]
        zone, locale = str(content["timeZone"]), str(content["locale"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{name} is not a sheet as pdp fetches it", hint="delete it and run doit again") from error
    return Sheet(tabs, zone if _is_zone(zone) else "", locale)


def _texts(row: list[Any]) -> Iterator[str]:
    for cell in row:
        if cell is None:
            yield ""
        elif isinstance(cell, bool):
            yield str(cell).upper()
        elif isinstance(cell, float):
            # A serial number to a hundred-thousandth of a second; no exponent, which no cell is written with.
            yield f"{cell:.10f}".rstrip("0").rstrip(".")
        elif isinstance(cell, int | str):
            yield _whole(str(cell)).strip()
        else:
            raise TypeError


def _whole(text: str) -> str:
    """Half a sign, which JSON can write and no table can hold, becomes a question mark."""
    return text.encode(errors="replace").decode()


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _refuse(constant: str) -> None:
    raise ValueError(constant)
