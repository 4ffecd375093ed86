"""Lines that differ in nothing but digits are read together.

Of each shape one line is read as any other is, which tells where its cells, its keys and its numbers are. A line of the
same length that has the same bytes there, and digits where that one has digits, holds the same keys and other numbers.
What is not as plain as that has no shape: escapes, exponents, nested or repeated values, a number as text, a number that
begins with 0. Nor has what needs the whole payload (nights, offsets). Such lines are read one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from stages.columns import Mask
from stages.normalize.days import DAY, PLAUSIBLE
from stages.normalize.mi_files import DAILY, SPORTS, ExportFile, Layout
from stages.normalize.mi_routes import SLEEP_KEYS, Route, count_of, route_of

Bytes = npt.NDArray[np.uint8]
MAX_LENGTH = 2_048  # bytes of a line; longer ones are nights, and no two of them have one shape
_ZERO, _NINE = b"09"
_QUOTE = 0x22
_NUMBER = r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?"
_TEXT = r'""[^"\\\x00-\x1f]*""'  # as it stands in a quoted cell
_MEMBER = re.compile(rf"({_TEXT}) *: *({_NUMBER}|{_TEXT}|true|false|null) *".encode())
_DECIMAL = re.compile(rb"([0-9]{1,12})(?:\.([0-9]{1,9}))?")
_MOST_DIGITS = 15  # of a number with decimals: as a whole number it is exact


@dataclass(frozen=True)
class Number:
    """Where a number stands in a line: the columns of its digits, and how many of them are decimals."""

    at: tuple[int, ...]
    decimals: int = 0

    def read(self, lines: Bytes) -> npt.NDArray[np.float64]:
        """The number of each line, as Python reads it: both whole numbers are exact, and one division rounds once."""
        first, last = self.at[0], self.at[-1] + 1
        digits = lines[:, first:last] if last - first == len(self.at) else lines[:, list(self.at)]
        places = np.power(10.0, np.arange(len(self.at))[::-1])
        whole = digits.astype(np.float64) @ places - _ZERO * places.sum()
        return whole / 10.0**self.decimals if self.decimals else whole


@dataclass
class Shape:
    """Lines of one shape: where they go, and where their numbers are. `values`: by column, None for one that is null."""

    low: Bytes
    span: Bytes
    route: Route | None
    account: str
    count: str = ""
    record: str = ""
    sid: str = ""
    leading: list[int] = field(default_factory=list)
    stamps: dict[str, Number] = field(default_factory=dict)
    values: dict[str, Number | None] = field(default_factory=dict)

    def match(self, lines: Bytes) -> Mask:
        """Which of `lines`, all of this length, are of this shape."""
        bad = (lines - self.low) > self.span
        fits = np.asarray(~bad.any(axis=1)) if bad.any() else np.ones(len(lines), bool)
        for column in self.leading:
            fits &= lines[:, column] != _ZERO
        if self.route:
            times = self.stamps["time"].read(lines)
            fits &= times < PLAUSIBLE.stop
            if self.route.labelled:
                fits &= times % DAY == 0
        return fits


def shape_of(line: bytes, file: ExportFile, layout: Layout, delimiter: str) -> Shape | None:
    """The shape of a line without its end, None if it has none."""
    spans = _cells(line, delimiter.encode())
    if spans is None or len(spans) != layout.width or len(line) > MAX_LENGTH:
        return None
    cells = [line[start:end].replace(b'""', b'"').decode(errors="replace") for start, end in spans]
    key, tag = layout.cell(cells, layout.key), layout.cell(cells, layout.tag) if file.table == DAILY else ""
    route = route_of(file.table, tag, key)
    if file.table == SPORTS or (key in SLEEP_KEYS and tag != "daily_mark") or (route and route.payload is None):
        return None
    low = np.frombuffer(line, np.uint8).copy()
    shape = Shape(low, np.zeros(len(line), np.uint8), route, layout.account(cells))
    literal = [layout.key, layout.tag, layout.uid, layout.sid, layout.value]
    for index, (start, end) in enumerate(spans):
        if index not in literal:
            _free_digits(shape, start, end)
    if route is None:
        shape.count = count_of(file.table, tag, key)
        _free_text(shape, *spans[layout.value])
        return shape
    shape.record = "daily_report" if file.table == DAILY else key
    shape.sid = layout.cell(cells, layout.sid)
    return shape if _times(shape, line, spans, layout) and _payload(shape, line, *spans[layout.value]) else None


def _cells(line: bytes, delimiter: bytes) -> list[tuple[int, int]] | None:
    """Where the cells are, without their quotes; None if a quote stands anywhere but around or doubled within a cell."""
    cell = re.compile(rb'(?:"((?:[^"]|"")*+)"|([^"%b]*+))(?=%b|\Z)' % (delimiter, delimiter), re.DOTALL)
    spans, at = [], 0
    while match := cell.match(line, at):
        spans.append(match.span(1) if match[1] is not None else match.span(2))
        if match.end() == len(line):
            return spans
        at = match.end() + 1
    return None


def _free_digits(shape: Shape, start: int, end: int) -> None:
    """Where the line has digits between `start` and `end`, any digits will do."""
    digits = np.flatnonzero((shape.low[start:end] >= _ZERO) & (shape.low[start:end] <= _NINE)) + start
    shape.low[digits], shape.span[digits] = _ZERO, _NINE - _ZERO


def _free_text(shape: Shape, start: int, end: int) -> None:
    """Where a quoted cell has neither quotes nor what sorts below them, anything will do that does not either."""
    if shape.low[start - 1] != _QUOTE:
        return
    signs = np.flatnonzero(shape.low[start:end] > _QUOTE) + start
    shape.low[signs], shape.span[signs] = _QUOTE + 1, 0xFF - _QUOTE - 1


def _times(shape: Shape, line: bytes, spans: list[tuple[int, int]], layout: Layout) -> bool:
    """Finds Time and UpdateTime; gives whether they are plain digits."""
    start, end = spans[layout.time]
    if not re.fullmatch(rb"[0-9]{1,12}", line[start:end]):
        return False
    shape.stamps["time"] = Number(tuple(range(start, end)))
    if layout.revision is not None:
        start, end = spans[layout.revision]
        if not re.fullmatch(rb"[0-9]{0,15}", line[start:end]):
            return False
        if end > start:
            shape.stamps["revision"] = Number(tuple(range(start, end)))
    return True


def _payload(shape: Shape, line: bytes, start: int, end: int) -> bool:
    """Finds the numbers of the payload; gives whether it is a flat object that holds what the route needs."""
    members = _members(line, start, end)
    if members is None:
        return False
    for first, last in members.values():
        _free_digits(shape, first, last)
        if whole := re.match(rb"-?([1-9][0-9]+)", line[first:last]):
            shape.leading.append(first + whole.start(1))
    assert shape.route and shape.route.payload
    for each in shape.route.payload.fields:
        place = next((members[key] for key in each.keys if key in members), None)
        text = b"null" if place is None else line[slice(*place)]
        decimal = _DECIMAL.fullmatch(text)
        if text == b"null" and not each.required:
            shape.values[each.column] = None
        elif decimal and place and not (each.whole and decimal[2]) and len(text) <= _MOST_DIGITS:
            digits = tuple(place[0] + n for n, sign in enumerate(text) if sign != ord("."))
            shape.values[each.column] = Number(digits, len(decimal[2] or b""))
        else:
            return False
    return True


def _members(line: bytes, start: int, end: int) -> dict[str, tuple[int, int]] | None:
    """The members of a flat JSON object in a quoted cell: where each key's value stands."""
    if line[start - 1 : start + 1] != b'"{' or line[end - 1 : end + 1] != b'}"':
        return None
    found: dict[str, tuple[int, int]] = {}
    at = start + 1
    while match := _MEMBER.match(line, at, end - 1):
        key = match[1][2:-2].decode(errors="replace")
        if key in found:
            return None
        found[key] = match.span(2)
        if match.end() == end - 1:
            return found
        if line[match.end() : match.end() + 1] != b",":
            return None
        at = match.end() + 1
    return None
