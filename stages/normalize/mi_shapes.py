"""Lines that differ in nothing but digits are read together.

Of each shape one line is read as any other is, which tells where its cells, its keys and its numbers are. A line of the
same length that has the same bytes there, and digits where that one has digits, holds the same keys and other numbers.
What is not as plain as that has no shape: escapes, exponents, repeated values, a number as text, a number that begins
with 0, a single stretch of sleep, a night with its phases. Such lines are read one by one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from stages.columns import Mask
from stages.normalize.days import DAY, PLAUSIBLE, Ints
from stages.normalize.mi_files import DAILY, SPORTS, ExportFile, Layout
from stages.normalize.mi_nights import OFFSET, Nights, nights_of
from stages.normalize.mi_payloads import LATEST, TELLING, is_offset
from stages.normalize.mi_places import WORD, Bytes, Number, Path, Span, is_leaf, members, number_at, numbers_of
from stages.normalize.mi_routes import NIGHTS, SLEEP_KEYS, Route, count_of, route_of

MAX_LENGTH = 2_048  # bytes of a line; longer ones are nights, and no two of them have one shape
_ZERO, _NINE = b"09"
AT_A_TIME = 2**17  # bytes that are compared before the next: they stay in the processor's cache
_QUOTE = 0x22
_WHOLE = re.compile(rb"[0-9]{1,15}")


@dataclass
class Shape:
    """Lines of one shape: where they go, and where their numbers are. `values`: by column, None for one that is null;
    `latest`: local time and instant of the latest measurement, where a day's report tells them."""

    low: Bytes
    span: Bytes
    route: Route | None
    account: str
    count: str = ""
    record: str = ""
    sid: str = ""
    stamps: dict[str, Number] = field(default_factory=dict)
    values: Mapping[str, Number | None] = field(default_factory=dict)
    latest: list[tuple[Number, Number]] = field(default_factory=list)
    tells: bool = False  # other rows too which offset there was
    nights: Nights | None = None

    def match(self, lines: Bytes) -> Mask:
        """Which of `lines`, all of this length, are of this shape."""
        fits = self._within(lines)
        if self.route and self.route.labelled:
            fits &= self.stamps["time"].read(lines) % DAY == 0
        return fits & self.nights.match(lines) if self.nights else fits

    def _within(self, lines: Bytes) -> Mask:
        """Which of them have no byte outside of the shape's."""
        count, length = lines.shape
        rows = AT_A_TIME // length
        fits = np.ones(count, bool)
        for first in range(0, count, rows):
            some = lines[first : first + rows]
            # Many are compared as if they were one line: NumPy is slow to begin a row.
            low, span = (
                (self.low, self.span) if len(some) < rows else _repeated(self.low.tobytes(), self.span.tobytes(), rows)
            )
            outside = some.reshape(-1, len(low)) - low > span
            if outside.any():
                fits[first : first + rows] = ~outside.reshape(-1, length).any(axis=1)
        return fits

    def offsets(self, lines: Bytes) -> tuple[Ints, Ints, Mask]:
        """(instant, offset, whether it tells them) of each day's report, as `mi_payloads.latest_offset` reads it."""
        instant, offset = np.zeros((2, len(lines)), np.int64)
        there = np.zeros(len(lines), bool)
        for local, at in self.latest:
            told = at.read(lines)
            ahead = local.read(lines) - told
            good = ~there & (told < PLAUSIBLE.stop) & is_offset(ahead)
            instant[good], offset[good] = told[good], ahead[good]
            there |= good
        return instant, offset, there


@lru_cache(maxsize=8)
def _repeated(low: bytes, span: bytes, times: int) -> tuple[Bytes, Bytes]:
    return np.frombuffer(low * times, np.uint8), np.frombuffer(span * times, np.uint8)


def shape_of(line: bytes, file: ExportFile, layout: Layout, delimiter: str) -> Shape | None:
    """The shape of a line without its end, None if it has none."""
    spans = _cells(line, delimiter.encode())
    if spans is None or len(spans) != layout.width or not WORD <= len(line) <= MAX_LENGTH:
        return None
    cells = [line[start:end].replace(b'""', b'"').decode(errors="replace") for start, end in spans]
    key, tag = layout.cell(cells, layout.key), layout.cell(cells, layout.tag) if file.table == DAILY else ""
    route = route_of(file.table, tag, key)
    if file.table == SPORTS or (route and route.payload is None and route is not NIGHTS):
        return None
    if key in SLEEP_KEYS and tag != "daily_mark" and route is not NIGHTS:
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
    shape.tells = file.table == DAILY and key in TELLING
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
    if not re.fullmatch(rb"[0-9]{1,9}|[0-3][0-9]{9}", line[start:end]):
        return False
    shape.stamps["time"] = Number(start, end)
    if end - start == 10:  # 4 * 10**9 seconds are near the end of what is plausible
        shape.span[start] = ord("3") - _ZERO
    if layout.revision is not None:
        start, end = spans[layout.revision]
        if not re.fullmatch(rb"[0-9]{0,15}", line[start:end]):
            return False
        if end > start:
            shape.stamps["revision"] = Number(start, end)
    return True


def _payload(shape: Shape, line: bytes, start: int, end: int) -> bool:
    """Finds the numbers of the payload; gives whether it is an object that holds what the route needs."""
    found = members(line, start, end)
    if not found:
        return False
    assert shape.route
    for path, (first, last) in found.items():
        if not is_leaf(line, (first, last)) or (shape.route is NIGHTS and path[-1] == OFFSET):
            continue
        _free_digits(shape, first, last)
        if whole := re.match(rb"-?([1-9][0-9]+)", line[first:last]):
            leading = first + whole.start(1)
            shape.low[leading], shape.span[leading] = _ZERO + 1, _NINE - _ZERO - 1
    if shape.route is NIGHTS:
        shape.nights = nights_of(line, found)
        return shape.nights is not None
    assert shape.route.payload
    values = numbers_of(shape.route.payload.fields, line, found)
    shape.values = values or {}
    return values is not None and (not shape.route.labelled or _latest(shape, line, found))


def _latest(shape: Shape, line: bytes, members: Mapping[Path, Span]) -> bool:
    """Finds what tells the offset of a day's report; gives whether it is plain."""
    for name in LATEST:
        spans = [members.get((name, key)) for key in ("time", "dbTime")]
        if None in spans:
            continue
        local, instant = (number_at(line, span) if span else None for span in spans)
        if local is None or instant is None or local.decimals or instant.decimals:
            return False
        shape.latest.append((local, instant))
    return True
