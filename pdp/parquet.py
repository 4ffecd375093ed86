"""Parquet put together from encoded groups of rows, so that one that was encoded before is copied and not encoded again.

pyarrow encodes the columns; the file around them is made here: a group's bytes are the same wherever it stands, but for
the offsets in its part of the footer. A column that holds one value throughout, or none, is encoded here too: it is a run
of a few bytes, for which pyarrow would look at each row. Layout, names and numbers are those of the format's
`parquet.thrift`, in Thrift's compact protocol.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

MAGIC = b"PAR1"
PHYSICAL = {"BOOLEAN": 0, "INT32": 1, "INT64": 2, "DOUBLE": 5, "BYTE_ARRAY": 6}
ENCODINGS = {"PLAIN": 0, "RLE": 3, "DELTA_BINARY_PACKED": 5, "RLE_DICTIONARY": 8}
PLAIN, RLE, RLE_DICTIONARY = 0, 3, 8
CODECS = {"UNCOMPRESSED": 0, "ZSTD": 6}
INTEGERS = {"INT32": "<i", "INT64": "<q"}
_I32, _I64, _BYTES, _LIST, _STRUCT = 5, 6, 8, 9, 12  # Thrift's types
_NO_GROUPS = b"\x16\x00\x19\x0c"  # a footer's fields 3 and 4: no rows, and an empty list of groups
_CREATED_BY = b"\x28"

Footer = tuple[bytes | int, ...]
"""Bytes, and in their places offsets, which count from where the group begins."""


@dataclass(frozen=True)
class Group:
    """Encoded rows: the bytes of their columns, and their entry in the footer."""

    rows: int
    content: bytes
    footer: Footer


@dataclass(frozen=True)
class Place:
    """Where a group stands in a file, and its entry in the footer."""

    rows: int
    at: int
    size: int
    footer: Footer


@dataclass(frozen=True)
class Layout:
    """What all groups of a table share."""

    schema: pa.Schema
    physical: tuple[str, ...]
    head: bytes
    tail: bytes


@dataclass(frozen=True)
class _Chunk:
    """One encoded column of a group: its pages, and what the footer tells of them. Offsets count from its own begin."""

    physical: str
    encodings: tuple[int, ...]
    codec: int
    content: bytes
    plain_size: int
    data_at: int
    dictionary_at: int | None
    nulls: int | None
    least: bytes | None = None
    most: bytes | None = None


def layout_of(schema: pa.Schema) -> Layout:
    """What pyarrow writes for a table of this schema without rows, apart."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = pa.BufferOutputStream()
    with pq.ParquetWriter(buffer, schema, **_options(schema)):
        pass
    written = buffer.getvalue()
    content = written.to_pybytes()
    columns = pq.read_metadata(pa.BufferReader(written)).schema
    (length,) = struct.unpack("<I", content[-8:-4])
    head, _, tail = content[-8 - length : -8].rpartition(_NO_GROUPS + _CREATED_BY)
    return Layout(schema, tuple(columns.column(i).physical_type for i in range(len(schema))), head, _CREATED_BY + tail)


def encode(table: pa.Table, layout: Layout) -> Group:
    """The rows of `table`, on which alone the bytes depend. Each column is in one piece, its dictionary in order of first use."""
    chunks = [_uniform(table.column(i), kind) for i, kind in enumerate(layout.physical)]
    others = iter(_by_arrow(table.select([i for i, chunk in enumerate(chunks) if chunk is None])))
    whole = [next(others) if chunk is None else chunk for chunk in chunks]
    footer: list[bytes | int] = [_list(1, len(whole), _STRUCT)]
    at = 0
    for name, chunk in zip(table.column_names, whole, strict=True):
        footer += _entry(name, chunk, table.num_rows, at)
        at += len(chunk.content)
    size = sum(chunk.plain_size for chunk in whole)
    footer += [
        _field(1, _I64) + _number(size) + _field(1, _I64) + _number(table.num_rows) + _field(2, _I64), 0,
        _field(1, _I64) + _number(at) + b"\0",
    ]  # fmt: skip
    return Group(table.num_rows, b"".join(chunk.content for chunk in whole), tuple(_joined(footer)))


class Assembly:
    """A file that groups are added to."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._file = path.open("wb")
        self._file.write(MAGIC)
        self.layout = layout
        self.groups: list[Place] = []

    def add(self, group: Group) -> None:
        self.groups.append(Place(group.rows, self._file.tell(), len(group.content), group.footer))
        self._file.write(group.content)

    def close(self) -> None:
        rows = sum(group.rows for group in self.groups)
        footer = [self.layout.head, _field(1, _I64), _number(rows), _list(1, len(self.groups), _STRUCT)]
        footer += (_placed(group.footer, group.at) for group in self.groups)
        content = b"".join([*footer, self.layout.tail])
        self._file.write(content + struct.pack("<I", len(content)) + MAGIC)
        self._file.close()


def _placed(footer: Footer, at: int) -> bytes:
    return b"".join(part if isinstance(part, bytes) else _number(part + at) for part in footer)


# Columns


def _options(schema: pa.Schema) -> dict[str, Any]:
    import pyarrow as pa

    whole = {
        f.name: "DELTA_BINARY_PACKED" for f in schema if pa.types.is_integer(f.type) or pa.types.is_temporal(f.type)
    }
    # The types that Arrow would note in the file are those of this process: texts are dictionaries only while they are
    # written, and whoever reads the file is to get texts.
    return {
        "compression": "zstd", "version": "2.6", "store_schema": False, "column_encoding": whole,
        "use_dictionary": [f.name for f in schema if f.name not in whole],
        "write_statistics": [f.name for f in schema if pa.types.is_date(f.type)],
    }  # fmt: skip


def _by_arrow(table: pa.Table) -> Iterator[_Chunk]:
    """The columns as pyarrow encodes them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not table.num_columns:
        return
    told: list[Any] = []
    buffer = pa.BufferOutputStream()
    with pq.ParquetWriter(buffer, table.schema, metadata_collector=told, **_options(table.schema)) as writer:
        writer.write_table(table, row_group_size=table.num_rows)
    content, group = buffer.getvalue(), told[0].row_group(0)
    for i in range(table.num_columns):
        column = group.column(i)
        known = column.statistics
        begin = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
        pages = content.slice(begin, column.total_compressed_size).to_pybytes()
        least, most = (None, None) if known is None or not known.has_min_max else (known.min_raw, known.max_raw)
        yield _Chunk(
            column.physical_type, tuple(ENCODINGS[name] for name in column.encodings), CODECS[column.compression], pages,
            column.total_uncompressed_size, column.data_page_offset - begin, 0 if column.has_dictionary_page else None,
            known.null_count if known else None, *(_plain_integer(column.physical_type, one) for one in (least, most)),
        )  # fmt: skip


def _plain_integer(physical: str, value: int | None) -> bytes | None:
    return None if value is None else struct.pack(INTEGERS[physical], value)


def _uniform(column: pa.ChunkedArray, physical: str) -> _Chunk | None:
    """A column without values, or with one value in all rows; None if it is neither."""
    rows = len(column)
    if column.null_count == rows:
        # Definition levels: a run of zeros. No value follows.
        data = _page(0, _levels(rows, 0), (rows, PLAIN, RLE, RLE))
        return _Chunk(physical, (PLAIN, RLE), 0, data, len(data), 0, None, rows)
    value = None if column.null_count else only_value(column)
    if value is None:
        return None
    if isinstance(value, str):
        least = value.encode()
        word = struct.pack("<I", len(least)) + least
    else:
        least = word = struct.pack(INTEGERS[physical], value)
    # Indices of one bit: a run of zeros.
    first = _page(2, word, (1, PLAIN))
    data = first + _page(0, _levels(rows, 1) + b"\1" + _varint(rows << 1) + b"\0", (rows, RLE_DICTIONARY, RLE, RLE))
    return _Chunk(physical, (PLAIN, RLE, RLE_DICTIONARY), 0, data, len(data), len(first), 0, 0, least, least)


def only_value(column: pa.ChunkedArray) -> str | int | None:
    """The text or whole number that all rows of a column without nulls hold; None if there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        alone = column.num_chunks == 1 and len(column.chunk(0).dictionary) == 1
        return column.chunk(0).dictionary[0].as_py() if alone else None
    if not pa.types.is_integer(column.type) or column[0] != column[-1]:
        return None
    ends = pc.min_max(column)
    return ends["min"].as_py() if ends["min"] == ends["max"] else None


def _levels(rows: int, level: int) -> bytes:
    run = _varint(rows << 1) + bytes([level])
    return struct.pack("<I", len(run)) + run


def _page(kind: int, content: bytes, header: Sequence[int]) -> bytes:
    """A page without compression. `header`: the numbers of its DataPageHeader (field 5) or DictionaryPageHeader (7)."""
    size = _field(1, _I32) + _number(len(content))
    told = b"".join(_field(1, _I32) + _number(number) for number in header)
    return (
        _field(1, _I32) + _number(kind) + size * 2 + _field(4 if kind == 2 else 2, _STRUCT) + told + b"\0\0" + content
    )


def _entry(name: str, chunk: _Chunk, rows: int, at: int) -> Iterator[bytes | int]:
    """A column's entry in the footer: a ColumnChunk, whose field 3 is a ColumnMetaData."""
    numbers = b"".join(map(_number, chunk.encodings))
    yield (
        _field(2, _I64) + _number(0) + _field(1, _STRUCT)
        + _field(1, _I32) + _number(PHYSICAL[chunk.physical])
        + _list(1, len(chunk.encodings), _I32) + numbers
        + _list(1, 1, _BYTES) + _text(name.encode())
        + _field(1, _I32) + _number(chunk.codec)
        + _field(1, _I64) + _number(rows)
        + _field(1, _I64) + _number(chunk.plain_size)
        + _field(1, _I64) + _number(len(chunk.content))
        + _field(2, _I64)
    )  # fmt: skip
    yield at + chunk.data_at
    before = 9
    if chunk.dictionary_at is not None:
        yield _field(2, _I64)
        yield at + chunk.dictionary_at
        before = 11
    if chunk.nulls is not None:
        yield _field(12 - before, _STRUCT) + _field(3, _I64) + _number(chunk.nulls)
        if chunk.least is not None and chunk.most is not None:
            yield _field(2, _BYTES) + _text(chunk.most) + _field(1, _BYTES) + _text(chunk.least)
        yield b"\0"
    yield b"\0\0"


# Thrift's compact protocol, as far as it is written here


def _field(step: int, kind: int) -> bytes:
    """The header of a field whose number is `step` more than that of the field before it."""
    return bytes([step << 4 | kind])


def _list(step: int, size: int, kind: int) -> bytes:
    return _field(step, _LIST) + (bytes([size << 4 | kind]) if size < 15 else bytes([0xF0 | kind]) + _varint(size))


def _text(content: bytes) -> bytes:
    return _varint(len(content)) + content


def _number(value: int) -> bytes:
    """Zigzag: the sign is the lowest bit."""
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    if value < 0x80:
        return bytes([value])
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _joined(parts: Iterable[bytes | int]) -> Iterator[bytes | int]:
    """Neighbouring bytes as one."""
    waiting: list[bytes] = []
    for part in parts:
        if isinstance(part, bytes):
            waiting.append(part)
            continue
        yield b"".join(waiting)
        yield part
        waiting = []
    yield b"".join(waiting)
