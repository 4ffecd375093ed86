"""Parquet put together from encoded groups: every reader finds the rows, and the rows alone decide the bytes."""

from __future__ import annotations

import io
import struct
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.parquet import Assembly, Group, encode, layout_of
from pdp.schema import Column, Schema, Type, decoded, encoded, in_one_piece, selected
from pdp.tables import Stored, Writers

VALUES: dict[Type, st.SearchStrategy[Any]] = {
    "string": st.sampled_from(["", "a", "ä\0\n", "heart_rate", "x" * 300]),
    "int16": st.sampled_from([0, -1, 32767, -32768]),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.sampled_from([0.0, -0.0, 61.5, 1e300, float("inf")]),
    "bool": st.booleans(),
    "date": st.dates(date(1969, 1, 1), date(2100, 1, 1)).map(lambda day: (day - date(1970, 1, 1)).days),
    "instant": st.integers(-(10**10), 10**10),
}
SCHEMA = Schema("t", "", tuple(Column(f"of_{kind}", kind) for kind in VALUES))


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Rows of all types; a column has one value, none, or several, with nulls or without."""
    rows = draw(st.sampled_from([1, 2, 7, 64, 129]))
    columns = {}
    for column in SCHEMA.columns:
        value, how = VALUES[column.type], draw(st.sampled_from(["null", "one", "some", "sparse"]))
        if how == "null":
            found = [None] * rows
        elif how == "one":
            found = [draw(value)] * rows
        else:
            each = value if how == "some" else st.none() | value
            found = draw(st.lists(each, min_size=rows, max_size=rows))
        kind = {"date": pa.int32(), "instant": pa.int64()}.get(column.type)
        array = pa.array(found, kind or SCHEMA.arrow().field(column.name).type)
        columns[column.name] = array.cast(SCHEMA.arrow().field(column.name).type)
    return pa.table(columns, schema=SCHEMA.arrow())


def write(path: Path, *chunks: pa.Table) -> bytes:
    writers = Writers("stage", {"t": (path, "parquet")})
    for chunk in chunks:
        writers.write("t", chunk)
    writers.close()
    return path.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parquet")


@settings(max_examples=60, deadline=None)
@given(st.lists(tables(), max_size=4))
def test_all_readers_find_the_rows(folder: Path, chunks: list[pa.Table]) -> None:
    """pyarrow, DuckDB and pandas read what was written, chunk after chunk; and so do stages, texts being dictionaries."""
    path = folder / "t.parquet"
    write(path, SCHEMA.empty(), *chunks)
    rows = pa.concat_tables([SCHEMA.empty(), *chunks])
    found = pq.read_table(path)
    found.validate(full=True)
    milliseconds = rows.schema.set(7, pa.field("of_instant", pa.timestamp("ms", tz="UTC")))
    assert found.equals(rows.cast(milliseconds))
    stored = Stored(path)
    assert stored.num_rows == rows.num_rows
    assert decoded(stored.read()).equals(rows)
    for reader in (_duckdb, _pandas):
        assert reader(path).cast(found.schema).equals(found)


def _duckdb(path: Path) -> pa.Table:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.read_parquet(str(path)).to_arrow_table()


def _pandas(path: Path) -> pa.Table:
    return pa.Table.from_pandas(pd.read_parquet(path, dtype_backend="pyarrow"), preserve_index=False)


@settings(max_examples=40, deadline=None)
@given(st.lists(tables(), min_size=1, max_size=4), st.data())
def test_ranges_of_what_is_uniform_are_found(folder: Path, chunks: list[pa.Table], data: st.DataObject) -> None:
    """A range of dates holds the rows that it would hold if the whole were filtered, in any choice of columns."""
    path = folder / "r.parquet"
    write(path, *chunks)
    rows = encoded(pa.concat_tables(chunks))
    low = data.draw(VALUES["date"])
    high = data.draw(st.integers(low, 2**16))
    others = data.draw(st.lists(st.sampled_from([name for name in SCHEMA.names if name != "of_date"]), unique=True))
    names = data.draw(st.permutations(["of_date", *others]))
    days = np.array([np.nan if d is None else d for d in rows["of_date"].cast(pa.int32()).to_pylist()])
    bounds = [pa.scalar(day, pa.int32()).cast(pa.date32()) for day in (low, high)]
    for (first, last), inside in ((bounds, (days >= low) & (days <= high)), ([None, None], np.isnan(days))):
        found = Stored(path).between("of_date", first, last, names)
        wanted = rows.filter(pa.array(inside)).select(names)
        assert found.to_pylist() == wanted.to_pylist()
        assert found.column_names == names


@settings(max_examples=60, deadline=None)
@given(st.lists(tables(), min_size=1, max_size=4), st.data())
def test_rows_are_those_that_pyarrow_takes(folder: Path, chunks: list[pa.Table], data: st.DataObject) -> None:
    """Put together from groups or from memory, and then selected by a mask or by positions, that follow one another or not."""
    path = folder / "s.parquet"
    write(path, *chunks)
    rows = pa.concat_tables(chunks)
    for table in (in_one_piece(Stored(path).read()), in_one_piece(pa.concat_tables(map(encoded, chunks)))):
        table.validate(full=True)
        assert all(column.num_chunks == 1 for column in table.columns)
        assert decoded(table).equals(rows)
        mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
        at = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9, unique=True)), np.int64)
        first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(rows))] * 2)))
        assert decoded(selected(table, mask)).equals(rows.filter(pa.array(mask)))
        for positions in (at, np.arange(first, last), np.arange(first, last)[::-1], np.flatnonzero(mask)):
            found = decoded(selected(table, positions))
            found.validate(full=True)
            assert found.equals(rows.take(pa.array(positions)))


def test_rows_without_a_date_lie_in_no_range(folder: Path) -> None:
    """Even where all that have one lie in it: such a row would be read twice."""
    days = pa.array([None, 5, 6], pa.int32()).cast(pa.date32())
    write(folder / "none.parquet", pa.table({"of_date": days}))
    low, high = (pa.scalar(day, pa.int32()).cast(pa.date32()) for day in (0, 9))
    assert Stored(folder / "none.parquet").between("of_date", low, high).num_rows == 2
    assert Stored(folder / "none.parquet").between("of_date", None, None).num_rows == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(tables(), min_size=2, max_size=4), st.randoms())
def test_a_group_is_the_same_wherever_it_stands(folder: Path, chunks: list[pa.Table], random: Any) -> None:
    """Groups that were encoded alone, and kept, make the file that is written in one go."""
    layout = layout_of(encoded(SCHEMA.empty()).schema)
    order = [*range(len(chunks))]
    random.shuffle(order)
    kept = {n: encode(_ready(chunks[n]), layout) for n in order}
    assembly = Assembly(folder / "kept.parquet", layout)
    for n in range(len(chunks)):
        assembly.add(Group(kept[n].rows, bytes(kept[n].content), kept[n].footer))
    assembly.close()
    assert (folder / "kept.parquet").read_bytes() == write(folder / "now.parquet", *chunks)


def _ready(table: pa.Table) -> pa.Table:
    from pdp.tables import _canonical

    return _canonical(encoded(table))


@settings(max_examples=40, deadline=None)
@given(tables(), st.data())
def test_the_rows_alone_decide_the_bytes(folder: Path, table: pa.Table, data: st.DataObject) -> None:
    """However a table lies in memory: in pieces, with a dictionary of more words or in another order."""
    cut = data.draw(st.integers(0, table.num_rows))
    pieces = pa.concat_tables([encoded(table.slice(0, cut)), encoded(table.slice(cut))])
    words = pa.array(["zz", "heart_rate", "x" * 300, "", "ä\0\n", "a"])
    at = SCHEMA.names.index("of_string")
    index = pa.array(
        [None if text is None else words.to_pylist().index(text) for text in table[at].to_pylist()], pa.int32()
    )
    other = table.set_column(at, "of_string", pa.DictionaryArray.from_arrays(index, words))
    first = write(folder / "a.parquet", table)
    assert write(folder / "b.parquet", pieces) == first
    assert write(folder / "c.parquet", other) == first


def test_many_rows_of_one_value(folder: Path) -> None:
    """A run as long as its count needs several bytes, and more rows than pyarrow puts into one group by itself."""
    rows = 1_500_000
    text = pa.array(["a"] * rows).dictionary_encode()
    table = pa.table({"text": text, "number": np.arange(rows), "none": pa.nulls(rows, pa.int64())})
    write(folder / "many.parquet", table)
    assert pq.read_metadata(folder / "many.parquet").num_row_groups == 1
    with duckdb.connect() as connection:
        found = connection.read_parquet(str(folder / "many.parquet"))
        assert found.aggregate("count(text), min(text), max(text), sum(number), count(none)").fetchall() == [
            (rows, "a", "a", rows * (rows - 1) // 2, 0)
        ]
    assert pq.read_table(folder / "many.parquet").equals(table.cast(pq.read_schema(folder / "many.parquet")))


def test_the_footer_is_what_pyarrow_would_write_but_for_what_is_left_out(folder: Path) -> None:
    """Schema, rows, sizes and places agree with pyarrow's own, for columns of several values."""
    table = pa.table({
        "day": pa.array([1, 2, None], pa.int32()).cast(pa.date32()), "n": [1, 5, 7], "x": [1.5, None, 2.5],
        "text": pa.array(["a", "b", "a"]).dictionary_encode(), "yes": [True, False, None],
    })  # fmt: skip
    write(folder / "ours.parquet", table)
    buffer = io.BytesIO()
    whole = {"day": "DELTA_BINARY_PACKED", "n": "DELTA_BINARY_PACKED"}
    pq.write_table(
        table, buffer, compression="zstd", version="2.6", store_schema=False, use_dictionary=["x", "text", "yes"],
        column_encoding=whole, write_statistics=["day"],
    )  # fmt: skip
    ours, theirs = pq.read_metadata(folder / "ours.parquet").to_dict(), pq.read_metadata(buffer).to_dict()
    for one in (ours, theirs):
        del one["serialized_size"]
        for column in one["row_groups"][0]["columns"]:
            del column["file_offset"]  # deprecated: 0 is what the format asks for
    assert ours == theirs


def test_a_damaged_end_is_not_taken_for_a_table(folder: Path) -> None:
    """The length of the footer stands before the last four bytes, and holds."""
    content = write(folder / "end.parquet", SCHEMA.empty())
    (length,) = struct.unpack("<I", content[-8:-4])
    assert content[-4:] == content[:4] == b"PAR1"
    assert length == len(content) - 12
