"""Where the values of a JSON payload stand in a line of bytes; and the numbers that stand there, read from many lines.

Only what is plain is found: no escapes, no exponents, no number that begins with 0, no key twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stages.columns import Mask
from stages.normalize.mi_payloads import Field

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Span = tuple[int, int]
Path = tuple[str | int, ...]  # the keys, and the positions in lists, that lead to a value
_ZERO = ord("0")
_TEXT = r'""[^"\\\x00-\x1f]*""'  # as it stands in a quoted cell
_KEY = re.compile(rf"({_TEXT}) *: *".encode())
_LEAF = re.compile(rf"-?(?:0|[1-9][0-9]{{0,14}})(?:\.[0-9]{{1,15}})?|{_TEXT}|true|false|null".encode())
_SPACES = re.compile(b" *")
_DECIMAL = re.compile(rb"([0-9]{1,12})(?:\.([0-9]{1,9}))?")
_MOST_DIGITS = 15  # of a number with decimals: as a whole number it is exact
_DEEPEST = 8  # objects and lists within each other
_CLOSING = {ord("{"): ord("}"), ord("["): ord("]")}


@dataclass(frozen=True)
class Number:
    """Where a number stands in a line: the columns of its digits, and how many of them are decimals."""

    at: tuple[int, ...]
    decimals: int = 0

    def read(self, lines: Bytes) -> Floats:
        """The number of each line, as Python reads it: both whole numbers are exact, and one division rounds once."""
        first, last = self.at[0], self.at[-1] + 1
        digits = lines[:, first:last] if last - first == len(self.at) else lines[:, list(self.at)]
        places = np.power(10.0, np.arange(len(self.at))[::-1])
        whole = digits.astype(np.float64) @ places - _ZERO * places.sum()
        return whole / 10.0**self.decimals if self.decimals else whole


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
    at = tuple(span[0] + n for n, sign in enumerate(text) if sign != ord("."))
    return Number(at, len(decimal[2] or b""))


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
) -> tuple[dict[str, Floats], dict[str, Mask]]:  # fmt: skip
    """(the values of each field that is not null, nan where one is a sentinel; where one is, by the flag that says so)."""
    columns: dict[str, Floats] = {}
    flags: dict[str, Mask] = {}
    for field in fields:
        number = numbers[field.column]
        if number is None:
            continue
        values = number.read(lines)
        if field.sentinels:
            lost = np.logical_or.reduce([values == sentinel for sentinel in sorted(field.sentinels)])
            if lost.any():
                values = np.where(lost, np.nan, values)
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
