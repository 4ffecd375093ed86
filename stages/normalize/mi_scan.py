"""One Mi Fitness file, read once and in blocks -> batches of its rows, and what it tells.

Lines of a known shape are read together (`mi_shapes`), all others one by one. Both know the line they stand on, so that
a row whose quotes take in the lines after it takes them from whoever had them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.normalize.archive import Part
from stages.normalize.days import Ints
from stages.normalize.mi_files import ExportFile, Layout, layout_of
from stages.normalize.mi_gather import Gatherer
from stages.normalize.mi_places import Bytes
from stages.normalize.mi_rows import packed, span
from stages.normalize.mi_shapes import MAX_LENGTH, Shape, shape_of
from stages.normalize.rawtext import MAX_LINES, Text, records, sniff_delimiter, sniff_encoding

BATCH_ROWS = 65_536
FEW = 16  # lines of one length in a block: for fewer no shape is looked for
MOST_SHAPES = 64  # of one length
MOST_TRIES = 4  # lines of one length in a block that turn out to have no shape
BY_LINE = ("utf-8", "utf-8-sig")  # in these a line's end is one byte, and can be nothing else

Batches = Generator[tuple[str, pa.RecordBatch], None, dict[str, Any]]


class NotByLine(Exception):
    """The file's encoding can be told only from the whole of it."""


def scan(part: Part, file: ExportFile, short_night_min: float, whole: bool = False) -> Batches:
    """(table, batch) for the rows of the file, in its order, each batch `packed`.

    Gives back {sha256, encoding, delimiter, rows, accounts {account, '' for rows that do not say: counts, told}, spans
    {table: the `span` of each of its batches}}.
    `whole`: with all of it in memory.

    Raises:
        NotByLine: it has to be read `whole`; what was given so far does not count.
        InputError: the file is damaged, has no header, or lacks a column that it must have.
    """
    sha256 = hashlib.sha256()
    blocks = part.blocks() if part.sha256 else _hashed(part.blocks(), sha256)
    scanner = _Scanner(file, short_night_min)
    spans: dict[str, list[tuple[int, int]]] = {}
    for name, batch in scanner.whole(b"".join(blocks)) if whole else scanner.by_line(blocks):
        spans.setdefault(name, []).append(span(batch))
        yield name, packed(batch)
    return {
        "sha256": part.sha256 or sha256.hexdigest(),
        "encoding": scanner.encoding,
        "delimiter": scanner.delimiter,
        "rows": scanner.rows.rows,
        "accounts": {name: account.as_data() for name, account in sorted(scanner.rows.accounts.items())},
        "spans": spans,
    }


def _hashed(blocks: Iterator[bytes], sha256: Any) -> Iterator[bytes]:
    for block in blocks:
        sha256.update(block)
        yield block


class _Scanner:
    """Where in the file we are, and the shapes seen so far by their length."""

    def __init__(self, file: ExportFile, short_night_min: float) -> None:
        self.file = file
        self.rows = Gatherer(file.table, short_night_min)
        self.encoding = self.delimiter = ""
        self.layout: Layout | None = None
        self.shapes: dict[int, list[Shape]] = {}
        self.line = 1

    def whole(self, data: bytes) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Row by row, whatever the encoding is."""
        self.encoding = sniff_encoding(data)
        self.delimiter = sniff_delimiter(Text(data, self.encoding))
        lines = records(Text(data, self.encoding, self.delimiter))
        layout = layout_of(self.file, next(lines, (0, []))[1])
        for line, cells in lines:
            self.rows.add(layout, line, cells)
            yield from self.rows.batches(BATCH_ROWS)
        yield from self.rows.batches(1)

    def by_line(self, blocks: Iterator[bytes]) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Block by block; what is left of a block goes before the next."""
        rest = b""
        for block, last in _and_last(blocks):
            end = len(block) if last else block.rfind(b"\n") + 1
            if not end and not last:
                rest += block
                continue
            data = b"".join((rest, memoryview(block)[:end]))
            rest = data[self._piece(data, last) :] + block[end:]
            yield from self.rows.batches(BATCH_ROWS)
        yield from self.rows.batches(1)

    def _piece(self, data: bytes, last: bool) -> int:
        """Reads whole lines; gives how many bytes are done with."""
        self._assert_by_line(data)
        starts, lengths = _lines(data)
        state = np.where(lengths > 0, OPEN, DONE)
        layout = self.layout
        if layout is None:
            layout, body = self._header(data)
            state[:body] = DONE
        known = list(self._known(layout, data, starts, np.where(state == OPEN, lengths, 0)))
        for _, at, _ in known:
            state[at] = KNOWN
        cut = self._others(layout, data, starts, state, len(starts) if last else len(starts) - MAX_LINES - 1)
        for shape, at, lines in known:
            mine = (state[at] == KNOWN) & (at < cut)
            if mine.all():
                self.rows.add_lines(shape, lines, at + self.line)
            elif mine.any():
                self.rows.add_lines(shape, lines[mine], at[mine] + self.line)
        self.line += cut
        return int(starts[cut]) if cut < len(starts) else len(data)

    def _assert_by_line(self, data: bytes) -> None:
        if not self.encoding:
            self.encoding = sniff_encoding(data)
        if self.encoding not in BY_LINE:
            raise NotByLine
        if self.encoding == "utf-8" and not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                raise NotByLine from None

    def _header(self, data: bytes) -> tuple[Layout, int]:
        """The columns, and how many lines the header takes, blank ones before it included."""
        self.delimiter = sniff_delimiter(Text(data, self.encoding))
        rows = records(Text(data, self.encoding, self.delimiter))
        self.layout = layout_of(self.file, next(rows, (0, []))[1])
        return self.layout, next(rows, (len(data), []))[0] - 1

    def _known(
        self, layout: Layout, data: bytes, starts: Ints, lengths: Ints
    ) -> Iterator[tuple[Shape, Ints, Bytes]]:  # fmt: skip
        """(shape, which lines, the lines) for the lines that have a known shape, or one that is found here."""
        for length in np.flatnonzero(np.bincount(np.minimum(lengths, MAX_LENGTH + 1))[1 : MAX_LENGTH + 1] >= FEW) + 1:
            at = np.flatnonzero(lengths == length)
            lines = np.ndarray((len(data) - length + 1,), f"V{length}", data, strides=(1,))[starts[at]]
            lines = lines.view(np.uint8).reshape(-1, length)
            shapes = self.shapes.setdefault(int(length), [])
            tries, tried = MOST_TRIES, 0
            while len(at) >= FEW or tried < len(shapes):
                if tried == len(shapes):
                    shape = None
                    if tries and len(shapes) < MOST_SHAPES:
                        shape = shape_of(lines[0].tobytes(), self.file, layout, self.delimiter)
                    if (
                        shape is None or not shape.match(lines[:1]).all()
                    ):  # it may be a shape that is not the line's own
                        tries -= 1
                        if tries < 0:
                            break
                        at, lines = at[1:], lines[1:]
                        continue
                    shapes.append(shape)
                shape = shapes[tried]
                tried += 1
                fits = shape.match(lines)
                if fits.all():
                    yield shape, at, lines
                    break
                if fits.any():
                    yield shape, at[fits], lines[fits]
                    at, lines = at[~fits], lines[~fits]

    def _others(self, layout: Layout, data: bytes, starts: Ints, state: npt.NDArray[Any], horizon: int) -> int:
        """Reads the open lines one by one, and whatever lines after them their quotes take in.

        Gives the line at which to cut: beyond `horizon` too few lines follow to know where a row ends.
        """
        at = 0
        while len(more := np.flatnonzero(state[at:] == OPEN)):
            first = at + int(more[0])
            if first >= horizon:
                return first
            last = first + int(np.argmax(np.append(state[first:] != OPEN, True)))
            stop = min(len(starts), last + MAX_LINES + 1)
            end = int(starts[stop]) if stop < len(starts) else len(data)
            # The blank line keeps a byte order mark that is none where it is.
            text = Text(b"\n" + data[int(starts[first]) : end], self.encoding, self.delimiter)
            at = stop
            for number, cells in records(text):
                row = first + number - 2
                if row >= horizon:
                    return row
                if row >= last:
                    at = row
                    break
                self.rows.add(layout, self.line + row, cells)
            state[first:at] = DONE
        return len(starts)


OPEN, KNOWN, DONE = range(3)


def _and_last(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each block, and whether it is the last; an empty one where there is none."""
    block = next(blocks, b"")
    for after in blocks:
        yield block, False
        block = after
    yield block, True


def _lines(data: bytes) -> tuple[Ints, Ints]:
    """Where the lines start, and how long they are without their ends (\n, \r or \r\n)."""
    signs = np.frombuffer(data, np.uint8)
    ends = signs == ord("\n")
    returns = data.find(b"\r") >= 0
    if returns:
        ends |= (signs == ord("\r")) & (np.append(signs[1:], 0) != ord("\n"))
    stops = np.flatnonzero(ends)
    starts = np.append(0, stops + 1)
    if starts[-1] < len(data):
        stops = np.append(stops, len(data))
    else:
        starts = starts[:-1]
    lengths = stops - starts
    if returns:
        lengths -= (
            (lengths > 0) & (signs[stops - 1] == ord("\r")) & (signs[np.minimum(stops, len(data) - 1)] == ord("\n"))
        )
    return starts, lengths
