"""Where the values of a JSON payload stand in a line of bytes; and the numbers that stand there, read from many lines.

Only what is plain is found: no escapes, no exponents, no number that begins with 0, no key twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stages.columns import Ints, Mask
from stages.normalize.mi_payloads import Field

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Column = Ints | Floats
Span = tuple[int, int]
Path = tuple[str | int, ...]  # the keys, and the positions in lists, that lead to a value
_TEXT = r'""[^"\\\x00-\x1f]*""'  # as it stands in a quoted cell
_KEY = re.compile(rf"({_TEXT}) *: *".encode())
_LEAF = re.compile(rf"-?(?:0|[1-9][0-9]{{0,14}})(?:\.[0-9]{{1,15}})?|{_TEXT}|true|false|null".encode())
_SPACES = re.compile(b" *")
_DECIMAL = re.compile(rb"([0-9]{1,12})(?:\.([0-9]{1,9}))?")
_MOST_DIGITS = 15  # of a number: as a whole number it is exact in a float, too
_DEEPEST = 8  # objects and lists within each other
_CLOSING = {ord("{"): ord("}"), ord("["): ord("]")}


@dataclass(frozen=True)
class Number:
    """Where a number of up to 15 digits begins and ends in a line, and how many digits follow a point."""

    start: int
    end: int
    decimals: int = 0

    def read(self, lines: Bytes) -> Column:
        """As `read`, alone."""
        return read([self], lines)[0]


def read(numbers: Sequence[Number], lines: Bytes) -> list[Column]:
    """Each of these numbers in all lines, which have at least `WORD` bytes, as Python reads it: its digits make a whole
    number, exact, and one division rounds once."""
    parts = [list(_parts(number)) for number in numbers]
    words = iter(_words([part for each in parts for part in each], lines))
    found: list[Column] = []
    for number, each in zip(numbers, parts, strict=True):
        whole = next(words)
        for start, end in each[1:]:
            whole = whole * 10 ** (end - start) + next(words)
        found.append(whole / 10.0**number.decimals if number.decimals else whole)
    return found


def _parts(number: Number) -> Iterator[Span]:
    """Where its digits stand, at most `WORD` together."""
    point = number.end - number.decimals - 1
    for start, end in (
        [(number.start, point), (point + 1, number.end)] if number.decimals else [(number.start, number.end)]
    ):
        middle = max(start, end - WORD)
        if start < middle:
            yield start, middle
        yield middle, end


def _words(parts: Sequence[Span], lines: Bytes) -> Ints:
    """The whole numbers of up to eight digits that stand in these columns.

    Eight digits are one word of 64 bits, in which all neighbours are joined at once: to pairs, to fours, to eight.
    """
    count, length = lines.shape
    found = np.empty((len(parts), count), np.uint64)
    for row, (start, end) in zip(found, parts, strict=True):
        first = max(0, end - WORD)
        words = np.ndarray((count,), "<u8", lines, first, (length,))
        if first + WORD > end:
            words = words << np.uint64(8 * (first + WORD - end))
        np.bitwise_and(words, _DIGITS[end - start], out=row)
    for pair, shift, mask in _JOIN:
        found *= pair
        found >>= shift
        found &= mask
    return found.view(np.int64)


WORD = 8  # bytes
# By how many digits: the last bytes of a word, less what makes a digit of a number.
_DIGITS = [np.uint64((0x0F0F_0F0F_0F0F_0F0F << 8 * (WORD - digits)) % 2**64) for digits in range(WORD + 1)]
# The first digit lies in the lowest byte: ten times it and its neighbour come to stand in the neighbour's place.
_JOIN = [
    (np.uint64(1 + (10 << 8)), np.uint64(8), np.uint64(0x00FF_00FF_00FF_00FF)),
    (np.uint64(1 + (100 << 16)), np.uint64(16), np.uint64(0x0000_FFFF_0000_FFFF)),
    (np.uint64(1 + (10_000 << 32)), np.uint64(32), np.uint64(0x0000_0000_FFFF_FFFF)),
]
Numbers = Mapping[str, Number | None]  # by column; None for one that is null


def members(line: bytes, start: int, end: int) -> dict[Path, Span] | None:
    """Where each value stands of a JSON object in a quoted cell, objects and lists included; None if it is not plain."""
    if line[start - 1 : start + 1] != b'"{' or line[end : end + 1] != b'"':
        return None
    found: dict[Path, Span] = {}
    return found if _walk(line, start, end, (), found) == end else None


def is_leaf(line: bytes, span: Span) -> bool:
    """Whether a text, a number, true, false or null stands there."""
    return line[span[0]] not in _CLOSING


def number_at(line: bytes, span: Span) -> Number | None:
    """The number there, None if it has a sign, too many digits, or is none."""
    text = line[slice(*span)]
    decimal = _DECIMAL.fullmatch(text)
    if not decimal or len(text) > _MOST_DIGITS:
        return None
    return Number(*span, len(decimal[2] or b""))


def numbers_of(
    fields: Iterable[Field], line: bytes, members: Mapping[Path, Span], within: Path = ()
) -> Numbers | None:  # fmt: skip
    """The fields of the object at `within`; None if one is not plain, or null where there must be one."""
    found: dict[str, Number | None] = {}
    for field in fields:
        span = next((members[path] for key in field.keys if (path := (*within, key)) in members), None)
        if span is None or line[slice(*span)] == b"null":
            number = None
            if field.required:
                return None
        else:
            number = number_at(line, span)
            if number is None or (field.whole and number.decimals):
                return None
        found[field.column] = number
    return found


def columns_of(
    fields: Iterable[Field], numbers: Numbers, lines: Bytes
) -> tuple[dict[str, Column], dict[str, Mask]]:  # fmt: skip
    """(the values of each field that is not null, nan where one is a sentinel; where one is, by the flag that says so)."""
    columns: dict[str, Column] = {}
    flags: dict[str, Mask] = {}
    told = {field: number for field in fields if (number := numbers[field.column])}
    for field, found in zip(told, read([*told.values()], lines), strict=True):
        values = found
        if field.sentinels:
            lost = np.logical_or.reduce([found == sentinel for sentinel in sorted(field.sentinels)])
            if lost.any():
                values = np.where(lost, np.nan, found)
                flags[f"sentinel_{field.column}"] = lost
        columns[field.column] = values
    return columns, flags


def _walk(line: bytes, at: int, end: int, path: Path, found: dict[Path, Span]) -> int:
    """Finds the value that begins at `at` and all in it; gives where it ends, -1 if it is not plain."""
    closing = _CLOSING.get(line[at])
    if closing is None:
        leaf = _LEAF.match(line, at, end)
        if not leaf:
            return -1
        found[path] = leaf.span()
        return leaf.end()
    begin, item = at, 0
    at = _after_spaces(line, at + 1, end)
    while line[at] != closing or item:
        key: str | int = item
        if closing == ord("}"):
            match = _KEY.match(line, at, end)
            if not match:
                return -1
            key, at = match[1][2:-2].decode(errors="replace"), match.end()
        if (*path, key) in found or len(path) == _DEEPEST:
            return -1
        at = _walk(line, at, end, (*path, key), found)
        if at < 0:
            return -1
        at = _after_spaces(line, at, end)
        if line[at] == closing:
            break
        if line[at] != ord(","):
            return -1
        at, item = _after_spaces(line, at + 1, end), item + 1
    found[path] = begin, at + 1
    return at + 1


def _after_spaces(line: bytes, at: int, end: int) -> int:
    match = _SPACES.match(line, at, end)
    return match.end() if match else at
