"""One cell of a hand-kept sheet -> a date, a time of day, a number or a pair. Each is read for itself, never by guess.

A blank gives None. What cannot be read raises `Unreadable`, whose sentence a person understands.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

FIRST_YEAR, LAST_YEAR = 1970, 2099
SHEETS_EPOCH = dt.date(1899, 12, 30)  # day 0 of the serial numbers of Google Sheets
MAX_NUMBER = 1e6  # beyond anything that is measured; also what turns infinity away
MAX_CELL = 200  # characters of a date, a time or a number
UTC: Literal["utc"] = "utc"
BLANKS = frozenset({"", "-", "--", "—", "–", "/", ".", "n/a", "na", "nan", "null", "none", "#n/a"})
ORDERS = {"dmy": "day first", "mdy": "month first"}

_MONTHS = (
    "jan januar january janner jaenner janvier janv enero ene gennaio gen",
    "feb februar february febr fevrier fevr febrero febbraio",
    "mar march marz maerz mars mrz marzo",
    "apr april avril avr abril abr aprile",
    "may mai mayo maggio mag",
    "jun june juni juin junio giugno giu",
    "jul july juli juillet juil julio luglio lug",
    "aug august aout agosto ago",
    "sep sept september septembre septiembre settembre set",
    "oct october okt oktober octobre octubre ottobre ott",
    "nov november novembre noviembre",
    "dec december dez dezember decembre diciembre dic dicembre",
)
_WEEKDAYS = (
    "mon monday mo montag lun lundi lunes lunedi",
    "tue tues tuesday di die dienstag mardi martes martedi",
    "wed wednesday mi mit mittwoch mer mercredi mie miercoles mercoledi",
    "thu thur thurs thursday do don donnerstag jeu jeudi jue jueves gio giovedi",
    "fri friday fr fre freitag ven vendredi vie viernes venerdi",
    "sat saturday sa sam samstag sonnabend samedi sab sabado sabato",
    "sun sunday so son sonntag dim dimanche dom domingo domenica",
)
_DAY_NAMES = frozenset(" ".join(_WEEKDAYS).split())
_MONTH_OF = {name: month for month, names in enumerate(_MONTHS, start=1) for name in names.split()}

_YEAR_FIRST = re.compile(r"(\d{4}) ?[-/.] ?(\d{1,2}) ?[-/.] ?(\d{1,2})(?!\d)\.?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?!\d)")
_NUMBERS = re.compile(r"(\d{1,2}) ?([-/.]) ?(\d{1,2}) ?\2 ?(\d{4}|\d{2})(?!\d)")
_WEEKDAY = re.compile(r"([a-z]{2,10})\.?,? ?(?=\S)")
_DAY_NAME = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|er)?\.?[ -]?(?:de |of )?([a-z]{3,10})\.?,?[ -]?(?:de )?(\d{4}|\d{2})(?!\d)"
)
_NAME_DAY = re.compile(r"([a-z]{3,10})\.?[ -]?(\d{1,2})(?:st|nd|rd|th)?,?[ -](\d{4}|\d{2})(?!\d)")
_YEAR_NAME = re.compile(r"(\d{4})[ -]([a-z]{3,10})\.?[ -](\d{1,2})(?!\d)")
_SERIAL = re.compile(r"(\d{5})(?:[.,](\d+))?")
_FRACTION = re.compile(r"0?[.,](\d+)|0")
_CLOCK = re.compile(r"(\d{1,2}) ?[:.h] ?(\d{2})(?:[:.m] ?(\d{2})(?:[.,]\d+)?)?s?")
_BARE_CLOCK = re.compile(r"(?!\d{5}$)(\d{1,2})(\d{2})(\d{2})?")
_HOUR = re.compile(r"(\d{1,2}) ?(?:h|uhr|[ap]m)")
_HALF = re.compile(r"(.*\d) ?([ap])\.? ?m\.?")
_OFFSET = re.compile(r"(.*[\dm.]) ?(?:(z|utc|gmt)|(?:utc|gmt)?([+-])(\d{1,2}):?(\d{2})?)")
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)")
_PAIR = re.compile(r"(\d+(?:[.,]\d+)?) ?[/\\|:–-] ?(\d+(?:[.,]\d+)?)(?: ?[/\\|:–-] ?(\d{2,3}))?")
_COMMA_PAIR = re.compile(r"(\d{2,3}) ?, ?(\d{2,3})|(\d{2,3}) (\d{2,3})")
_UNIT = re.compile(r"(?<![a-z])(?:mm ?hg|bpm|beats/min|schlage/min|/min)\.?")


class Unreadable(ValueError):
    """What stands in a cell is not what its column holds; `problem` is the rule's name."""

    def __init__(self, problem: str, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = problem
        self.sentence = sentence


@dataclass(frozen=True)
class Clock:
    """Seconds since midnight, and where one was given the UTC offset in seconds, or `UTC`, which tells no local one."""

    second: int
    offset: int | Literal["utc"] | None = None


@dataclass(frozen=True)
class Moment:
    """A date, and the time as in `Clock` where one was given."""

    date: dt.date
    second: int | None = None
    offset: int | Literal["utc"] | None = None


def is_blank(text: str) -> bool:
    """Whether a cell says nothing: empty, a dash, n/a, null."""
    return _plain(text) in BLANKS


def parse_moment(text: str, order: str) -> Moment | None:
    """A date, perhaps with a time and an offset. Year-first dates, serial numbers and month names need no `order`.

    Raises:
        Unreadable: it is no date, there is no such date, or its order was not declared.
    """
    plain = _plain(text)
    if plain in BLANKS:
        return None
    if serial := _SERIAL.fullmatch(plain):
        return _from_serial(int(serial[1]), serial[2])
    date, rest = _leading_date(plain, order)
    rest = re.sub(r"^(?:t|,| at| um)? ?", "", rest)
    if not rest:
        return Moment(date)
    clock = _clock(rest)
    return Moment(date, clock.second, clock.offset)


def parse_time(text: str) -> Clock | None:
    """The time of a cell such as 7:30 AM, 19:30, 19.30, 0730, 19h30, or a serial number's fraction: 0.3125.

    `0.30` is a fraction of the day (7:12), `00.30` a clock's time.

    Raises:
        Unreadable: it is no time of day.
    """
    plain = _plain(text)
    if plain in BLANKS:
        return None
    if fraction := _FRACTION.fullmatch(plain):
        return Clock(_seconds(fraction[1]))
    if (serial := _SERIAL.fullmatch(plain)) and serial[2]:
        return Clock(_from_serial(int(serial[1]), serial[2]).second or 0)
    return _clock(plain)


def parse_number(text: str) -> float | None:
    """A number with a decimal point or comma, perhaps with its unit (mmHg, bpm).

    Raises:
        Unreadable: it is no number.
    """
    plain = _plain(text)
    if plain in BLANKS:
        return None
    match = _NUMBER.fullmatch(_without_unit(plain))
    if not match or _number(match[1]) > MAX_NUMBER:
        raise Unreadable("unreadable_number", "this is not a number; write digits only, as in 132 or 132,5")
    return _number(match[1])


def parse_pair(text: str) -> tuple[float, float, float | None] | None:
    """(systolic, diastolic, pulse or None) of one cell such as 130/85, 130-85, 130,85 or 130/85/70.

    Raises:
        Unreadable: it is no pair of numbers.
    """
    plain = _plain(text)
    if plain in BLANKS:
        return None
    bare = _without_unit(plain)
    match = _PAIR.fullmatch(bare) or _COMMA_PAIR.fullmatch(bare)
    found = [_number(digits) for digits in match.groups() if digits] if match else []
    if not found or max(found) > MAX_NUMBER:
        raise Unreadable("unreadable_pair", "this is not a pair of pressures; write it as in 130/85")
    return found[0], found[1], found[2] if len(found) > 2 else None


def _plain(text: str) -> str:
    """Lower case, no accents, ordinary digits, single spaces (a no-break space is one), typed minus signs.

    A text that is too long for any of these ends in a sign that none of them has.
    """
    if len(text) > MAX_CELL:
        text = text[:MAX_CELL] + "\N{REPLACEMENT CHARACTER}"
    decomposed = unicodedata.normalize("NFKD", text.replace("\N{MINUS SIGN}", "-"))
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).casefold().split())


def _number(digits: str) -> float:
    return float(digits.replace(",", "."))


def _without_unit(plain: str) -> str:
    return _UNIT.sub("", plain).strip()


def _from_serial(days: int, fraction: str | None) -> Moment:
    date = SHEETS_EPOCH + dt.timedelta(days)
    if not FIRST_YEAR <= date.year <= LAST_YEAR:
        raise Unreadable("unreadable_date", "this is not a date; write it as in 2026-02-28")
    return Moment(date, None if fraction is None else _seconds(fraction))


def _seconds(fraction: str | None) -> int:
    """The second of the day that the digits behind the decimal point of a serial number mean."""
    return min(round(float(f"0.{fraction or 0}") * 86_400), 86_399)


def _leading_date(plain: str, order: str) -> tuple[dt.date, str]:
    """(the date that the text begins with, what follows it)."""
    if (weekday := _WEEKDAY.match(plain)) and weekday[1] in _DAY_NAMES:
        plain = plain[weekday.end() :]
    if match := _YEAR_FIRST.match(plain) or _COMPACT.match(plain):
        return _date(*match.groups()), plain[match.end() :]
    if match := _NUMBERS.match(plain):
        first, _, second, year = match.groups()
        if order == "ymd":
            raise Unreadable("ambiguous_date", 'day or month first? set google_sheets.date_order to "dmy" or "mdy"')
        month, day = (second, first) if order == "dmy" else (first, second)
        return _date(year, month, day, f" with the {ORDERS[order]}"), plain[match.end() :]
    for pattern, parts in ((_DAY_NAME, "dmy"), (_NAME_DAY, "mdy"), (_YEAR_NAME, "ymd")):
        if match := pattern.match(plain):
            part = dict(zip(parts, match.groups(), strict=True))
            if part["m"] in _MONTH_OF:
                return _date(part["y"], _MONTH_OF[part["m"]], part["d"]), plain[match.end() :]
    raise Unreadable("unreadable_date", "this is not a date; write it as in 2026-02-28")


def _date(year: str, month: str | int, day: str, read: str = "") -> dt.date:
    try:
        date = dt.date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        hint = "; is date_order right?" if read else ""
        raise Unreadable("impossible_date", f"there is no such date{read}{hint}") from None
    if not FIRST_YEAR <= date.year <= LAST_YEAR:
        raise Unreadable("impossible_date", f"the year must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return date


def _clock(plain: str) -> Clock:
    """A time of day, on a 12 or a 24 hour clock."""
    plain, offset = _split_offset(plain)
    half = _HALF.fullmatch(plain)
    bare = half[1] if half else plain.removesuffix("uhr").strip()
    if match := _HOUR.fullmatch(f"{bare}{half[2]}m" if half else plain):
        hour, minute, second = match[1], "0", "0"
    elif match := _CLOCK.fullmatch(bare) or _BARE_CLOCK.fullmatch(bare):
        hour, minute, second = match.groups(default="0")
    else:
        raise Unreadable("unreadable_time", "this is not a time of day; write it as in 19:30")
    return Clock(_of_day(int(hour), int(minute), int(second), half[2] if half else ""), offset)


def _split_offset(plain: str) -> tuple[str, int | Literal["utc"] | None]:
    """(the time without its offset, the offset); offsets are whole quarter hours up to 14 hours."""
    zone = _OFFSET.fullmatch(plain)
    if not zone:
        return plain, None
    if zone[2]:
        return zone[1], UTC
    offset = int(zone[4]) * 3600 + int(zone[5] or 0) * 60
    if offset % 900 or offset > 14 * 3600:
        raise Unreadable("unreadable_time", "there is no such offset from UTC; write it as in 19:30 +01:00")
    return zone[1], -offset if zone[3] == "-" else offset


def _of_day(hour: int, minute: int, second: int, half: str) -> int:
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59 or second > 59 or (half == "a" and hour > 12):
        raise Unreadable("unreadable_time", "there is no such time of day; write it as in 19:30")
    return hour * 3600 + minute * 60 + second
