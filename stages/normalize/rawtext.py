"""Bytes of a raw file -> rows of text: encoding and delimiter are sniffed, each row knows the line it starts on.

Nothing here raises on what a file holds. What cannot be decoded becomes U+FFFD, a quote that nobody closes spoils its
own line only, what is beyond a limit is cut and ends in U+FFFD, so that no half of a number passes for one; the reader
of the rows decides what such a row is worth.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

DELIMITERS = ",;\t"
MAX_LINE = 4 * 2**20  # characters of one line
MAX_FIELD = 2**20  # characters of one cell; a long night's items come to 50,000
MAX_CELLS = 20_000  # of one row; Google Sheets has at most 18,278 columns
MAX_LINES = 200  # lines of one row: beyond, its quote was never meant to span them
_CUT = "\N{REPLACEMENT CHARACTER}"
_KEPT = 200  # characters of a line that is too long
_CHUNK = 2**20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UTF7_BOM = re.compile(rb"\+/v[89+/]")
_UTF7_SHIFT = re.compile(rb"\+[A-Za-z0-9+/]{3,64}+-")
_UTF7_ENDLESS = re.compile(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{4096}")  # Python decodes such a run again for each block
_SURROGATES = re.compile("[\ud800-\udfff]")
_HIGH_BYTES = re.compile(rb"[\x80-\xff]+")

csv.field_size_limit(MAX_FIELD)  # the csv module's default, 128 KiB, is less than a long night's items may take


@dataclass(frozen=True)
class Text:
    """A decoded file. `encoding` and `delimiter` are what was found; `lines()` decodes again each time it is asked."""

    data: bytes = field(repr=False)
    encoding: str
    delimiter: str = ","

    @property
    def text(self) -> str:
        """The whole file as one string."""
        return "".join(self.lines())

    def lines(self) -> Iterator[str]:
        """The physical lines, each with its end (\\n, \\r or \\r\\n), a byte order mark removed."""
        stream = io.TextIOWrapper(io.BytesIO(self.data), self.encoding, errors="replace", newline="")
        lines = _bounded(stream)
        if self.encoding == "utf-7":  # the only one in which Python decodes half a sign
            lines = (_SURROGATES.sub(_CUT, line) for line in lines)
        return chain((line.lstrip("\ufeff") for line in islice(lines, 1)), lines)


def decode(data: bytes) -> Text:
    """The file with its encoding (a name that Python knows) and its delimiter (',', ';' or tab)."""
    text = Text(data, sniff_encoding(data))
    return Text(data, text.encoding, sniff_delimiter(text))


def records(text: Text) -> Iterator[tuple[int, list[str]]]:
    """(line on which the row starts, its cells) for each row that is not blank; the first line is 1."""
    feed = _Feed(text.lines())
    while True:
        try:
            for cells in csv.reader(feed, delimiter=text.delimiter, strict=True):
                start = feed.number - len(feed.held) + 1
                feed.release()
                if cells:
                    yield start, cells if len(cells) <= MAX_CELLS else [*cells[:MAX_CELLS], _CUT]
            return
        except (_UnclosedQuote, csv.Error):  # of the lines held only the first is to suffer
            start = feed.number - len(feed.held) + 1
            yield start, _cells_of_one_line(feed.give_back_all_but_first(), text.delimiter)


def sniff_encoding(data: bytes) -> str:
    """The encoding: a byte order mark, else what the bytes look like, UTF-8 first."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return encoding
    if utf16 := _utf16_without_bom(data[:4096]):
        return utf16
    if data.isascii():
        return "utf-7" if _looks_utf7(data[:_CHUNK]) and not _UTF7_ENDLESS.search(data) else "utf-8"
    if _decodes(data, "utf-8") or _mostly_utf8(data[:_CHUNK]):
        return "utf-8"
    return "gb18030" if _looks_double_byte(data[:_CHUNK]) and _decodes(data, "gb18030") else "cp1252"


def sniff_delimiter(text: Text) -> str:
    """The delimiter that the first line which is not blank holds most of, outside quotes; a comma if it holds none."""
    header = next((line for line in islice(text.lines(), 100) if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", header[:10_000])
    return max(DELIMITERS, key=bare.count)


class _UnclosedQuote(Exception):
    """A row ran over more than a row has."""


def _bounded(stream: io.TextIOWrapper) -> Iterator[str]:
    """The lines; of one that is too long its beginning, and the rest is never in memory as a whole."""
    while line := stream.readline(MAX_LINE):
        if len(line) == MAX_LINE and line[-1] not in "\r\n":
            head = line[:_KEPT] + _CUT
            while line and line[-1] not in "\r\n":
                line = stream.readline(MAX_LINE)
            line = f"{head}\n"
        yield line


class _Feed(Iterator[str]):
    """Lines for csv.reader, counted; those of the row being read are held so that they can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.again: deque[str] = deque()
        self.number = 0
        self.held: list[str] = []
        self.size = 0

    def __next__(self) -> str:
        if len(self.held) >= MAX_LINES or self.size > MAX_LINE:
            raise _UnclosedQuote
        line = self.again.popleft() if self.again else next(self.lines)
        self.held.append(line)
        self.number += 1
        self.size += len(line)
        return line

    def release(self) -> None:
        """The row is whole: its lines need not be held any more."""
        self.held.clear()
        self.size = 0

    def give_back_all_but_first(self) -> str:
        first, *rest = self.held
        self.again.extendleft(reversed(rest))
        self.number -= len(rest)
        self.release()
        return first


def _cells_of_one_line(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        cells = line.rstrip("\r\n").split(delimiter, MAX_CELLS)
        return [cell if len(cell) <= MAX_FIELD else cell[:_KEPT] + _CUT for cell in cells]


def _utf16_without_bom(head: bytes) -> str | None:
    """Text that is mostly ASCII has a NUL in every other byte; a stray NUL is none of it."""
    pairs = len(head) // 2
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if pairs and odd > 0.4 * pairs and even < 0.1 * pairs:
        return "utf-16-le"
    if pairs and even > 0.4 * pairs and odd < 0.1 * pairs:
        return "utf-16-be"
    return None


def _looks_utf7(data: bytes) -> bool:
    """ASCII with shifted sequences for what a CSV file cannot do without, or for letters beyond ASCII.

    `+ACE-inhibitor` in a note is a valid sequence too (for `!`), so that one alone proves nothing.
    """
    if _UTF7_BOM.match(data):
        return True
    for match in islice(_UTF7_SHIFT.finditer(data), 1000):
        try:
            shifted = match.group().decode("utf-7")
        except UnicodeDecodeError:
            continue
        if any(char in '"_{}' or (ord(char) >= 0xA0 and char.isprintable()) for char in shifted):
            return True
    return False


def _decodes(data: bytes, encoding: str) -> bool:
    """Whether `data` decodes, leaving out a character that the end of the file cuts; without one big string."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        for start in range(0, len(data), _CHUNK):
            decoder.decode(data[start : start + _CHUNK])
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(head: bytes) -> bool:
    """UTF-8 with some damage: far more whole characters beyond ASCII than broken ones."""
    text = head.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    whole = len(text) - len(text.encode("ascii", "ignore")) - broken
    return whole > 4 * broken


def _looks_double_byte(head: bytes) -> bool:
    """In Chinese text bytes beyond ASCII come in pairs, in Western text mostly alone."""
    lengths = [len(run) for run in _HIGH_BYTES.findall(head)]
    return 2 * sum(length % 2 == 0 for length in lengths) > len(lengths)
