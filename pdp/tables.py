"""Tables in and out of files: what a stage is given, and how what it yields becomes bytes.

The same table gives the same bytes: one writer, one compression, no time stamp.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdp.errors import StageError
from pdp.parquet import Assembly, Group, Place, encode, layout_of
from pdp.schema import decoded, encoded, in_one_piece, is_uniform, selected, uniform

if TYPE_CHECKING:
    import pyarrow as pa


class Inputs(Mapping[str, Any]):
    """A stage's inputs by name, opened when asked for: a `Snapshot` for a manifest, a `pa.Table` for Parquet.

    A stage that does not need the whole of a table at once asks for it as `stored`.
    """

    def __init__(
        self, openers: Mapping[str, Callable[[], Any]], keep: Callable[..., Any], piece: Callable[..., Any]
    ) -> None:
        """`keep(key, make)` gives what reading a raw file gave, kept under `key` or made now; `piece(key, make)` yields the
        rows that `make` yields, or their bytes as they were encoded, and returns its facts."""
        self._openers = openers
        self.keep = keep
        self.piece = piece
        self.rows = 0

    def __getitem__(self, name: str) -> Any:
        opened = self._opened(name)
        return decoded(opened.read()) if isinstance(opened, Stored) else opened

    def stored(self, name: str) -> Stored:
        """A table of which nothing is read yet."""
        stored = self._opened(name)
        assert isinstance(stored, Stored)
        return stored

    def _opened(self, name: str) -> Any:
        """The input; all rows of a table count as read."""
        opened = self._openers[name]()
        self.rows += getattr(opened, "num_rows", 0)
        return opened

    def __iter__(self) -> Iterator[str]:
        return iter(self._openers)

    def __len__(self) -> int:
        return len(self._openers)


def read_parquet(path: Path) -> pa.Table:
    """The table of a Parquet file, typed as it was written: Parquet keeps whole seconds as milliseconds."""
    import pyarrow.parquet as pq

    # Without memory mapping: the object's file may be replaced by a repair while the table is in use.
    return _in_seconds(pq.read_table(path, memory_map=False))


def _in_seconds(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        if field.type == pa.timestamp("ms", tz="UTC"):
            table = table.set_column(i, field.name, table.column(i).cast(pa.timestamp("s", tz="UTC")))
    return table


class Stored:
    """A table in the store of which parts are read as they are needed, texts as dictionaries."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pq.read_schema(path)
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        self._path = path
        self._file = pq.ParquetFile(path, read_dictionary=texts)
        self._schema = self._file.schema_arrow
        self.num_rows: int = self._file.metadata.num_rows
        self._recent: dict[tuple[int, Any], pa.Table] = {}
        self._known: dict[str, list[Any]] = {}

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of these columns, or of all."""
        return _in_seconds(self._file.read(columns))

    def column(self, name: str) -> Iterator[pa.ChunkedArray]:
        """One column, a group of rows at a time."""
        for group in range(self._file.num_row_groups):
            yield self._file.read_row_group(group, [name], use_threads=False).column(0)

    def between(self, name: str, low: Any, high: Any, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows whose `name` lies in [low, high]; those where it is null, if both are None."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found: list[pa.Table] = []
        recent: dict[tuple[int, Any], pa.Table] = {}
        for group in self._groups(name, low, high):
            key = (group, tuple(columns or ()))
            table = self._recent[key] if key in self._recent else self._group(group, columns)
            # Neighbouring ranges share a group, the first or the last of each: these are held for the next.
            recent = dict([*[*recent.items()][:1], (key, table)])
            column = table[name]
            inside = (
                column.is_null() if low is None else pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high))
            )
            found.append(selected(table, inside.fill_null(False)))
        self._recent = recent
        return _in_seconds(pa.concat_tables(found) if found else self._file.read_row_groups([], columns))

    def names(self, name: str, low: Any, high: Any) -> list[str]:
        """A digest of each group of rows that `between` would look at."""
        return [self._digests[group] for group in self._groups(name, low, high)]

    @cached_property
    def _digests(self) -> list[str]:
        """Of each group of rows: its columns' bytes, which hold each other's lengths, and what the columns are."""
        found, columns = [], str(self._schema)
        with self._path.open("rb") as file:
            for number in range(self._file.num_row_groups):
                group = self._file.metadata.row_group(number)
                first, last = group.column(0), group.column(group.num_columns - 1)
                file.seek(_begin(first))
                sha256 = hashlib.sha256(f"{group.num_rows} {columns}".encode())
                sha256.update(file.read(_begin(last) + last.total_compressed_size - _begin(first)))
                found.append(sha256.hexdigest())
        return found

    def _group(self, group: int, columns: Sequence[str] | None) -> pa.Table:
        """A group's rows. What the footer tells of a column that is the same throughout is not read again from its rows."""
        import pyarrow as pa

        schema, told = self._schema, self._file.metadata.row_group(group)
        names = schema.names if columns is None else columns
        known = {name: _uniform(schema.field(name).type, told.column(schema.get_field_index(name))) for name in names}
        read = self._file.read_row_group(group, [name for name in names if known[name] is None], use_threads=False)
        return pa.table({name: read[name] if known[name] is None else known[name] for name in names})

    def _groups(self, name: str, low: Any, high: Any) -> Iterator[int]:
        """The groups of rows that may hold some, by the statistics that the file has of each."""
        first, last = (None, None) if low is None else (low.as_py(), high.as_py())
        for group, nulls, least, most in self._statistics(name):
            if nulls is None or (nulls if first is None else least is not None and most >= first and least <= last):
                yield group

    def _statistics(self, name: str) -> list[tuple[int, int | None, Any, Any]]:
        """(group, nulls, least, most) of each group that has rows, None being what its file does not tell."""
        if name not in self._known:
            index, told = self._schema.get_field_index(name), []
            for number in range(self._file.num_row_groups):
                group = self._file.metadata.row_group(number)
                known = group.column(index).statistics if group.num_rows else None
                nulls = known.null_count if known is not None and known.has_null_count else None
                ends = (known.min, known.max) if known is not None and known.has_min_max else (None, None)
                if group.num_rows:
                    told.append((number, nulls, *ends))
            self._known[name] = told
        return self._known[name]


def _begin(column: pa.ColumnChunkMetaData) -> int:
    return column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset


def _uniform(kind: pa.DataType, told: pa.ColumnChunkMetaData) -> pa.Array | None:
    """A column whose statistics tell that it has no value, or one text or whole number in all rows; None for others."""
    import pyarrow as pa

    known, rows = told.statistics, told.num_values
    if known is None or known.null_count is None:
        return None
    if known.null_count == rows:
        return uniform(kind, None, rows)
    if known.null_count or not known.has_min_max or known.min_raw != known.max_raw:
        return None
    return uniform(kind, known.min, rows) if pa.types.is_dictionary(kind) or pa.types.is_integer(kind) else None


class Writers:
    """One writer per output; a stage's chunks are appended in the order in which they come.

    An output named `x.csv` is another form of the table `x`.
    """

    def __init__(self, stage: str, files: Mapping[str, tuple[Path, str]]) -> None:
        """`files`: output name -> (temp file, kind: "parquet" or "csv")."""
        self.stage = stage
        self.rows: dict[str, int] = {}
        self._files = files
        self._open: dict[str, Any] = {}

    def write(self, name: str, rows: pa.Table | Group) -> None:
        """Appends rows to a table, encoded or not."""
        targets = [output for output in self._files if output == name or output == f"{name}.csv"]
        if not targets:
            raise StageError(f"stage {self.stage} gave a table {name} that it does not declare")
        if isinstance(rows, Group):
            (target,) = targets
            if target not in self._open:
                raise StageError(f"stage {self.stage} gave encoded rows of {name} before its columns")
            self._open[target].add(rows)
            self.rows[target] += rows.rows
            return
        table = _canonical(encoded(rows))
        for output in targets:
            writer = self._open.get(output)
            if writer is None:
                writer = self._open[output] = _writer(*self._files[output], table.schema)
            writer.write_table(table)
            self.rows[output] = self.rows.get(output, 0) + table.num_rows

    def groups(self) -> dict[str, list[Place]]:
        """The groups of rows so far of each table of which encoded rows can be taken: one that has no other form."""
        return {
            name: [*writer.groups]
            for name, writer in self._open.items()
            if isinstance(writer, ParquetWriter) and f"{name}.csv" not in self._files
        }

    def close(self) -> None:
        """Finishes all files.

        Raises:
            StageError: a declared output never came.
        """
        missing = [output for output in self._files if output not in self._open]
        self.abandon()
        if missing:
            raise StageError(f"stage {self.stage} did not give its table {missing[0]}")

    def abandon(self) -> None:
        for writer in self._open.values():
            writer.close()
        self._open.clear()


class ParquetWriter:
    """Writes each table as one group of rows; one without rows leaves nothing but its columns."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._assembly = Assembly(path, layout_of(schema))

    @property
    def groups(self) -> list[Place]:
        return self._assembly.groups

    def add(self, group: Group) -> None:
        self._assembly.add(group)

    def write_table(self, table: pa.Table) -> None:
        if table.num_rows:
            self.add(encode(table, self._assembly.layout))

    def close(self) -> None:
        self._assembly.close()


class CsvWriter:
    """Writes CSV that a spreadsheet may open: a text in it is never run as a formula."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow.csv

        options = pyarrow.csv.WriteOptions(quoting_style="needed", quoting_header="none")
        self._writer = pyarrow.csv.CSVWriter(path, decoded(schema.empty_table()).schema, write_options=options)

    def write_table(self, table: pa.Table) -> None:
        self._writer.write_table(spreadsheet_safe(decoded(table)))

    def close(self) -> None:
        self._writer.close()


def spreadsheet_safe(table: pa.Table) -> pa.Table:
    """`table` with its texts as `safe_text` has them; columns of numbers, dates and truths are not touched."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        column = table.column(i)
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            texts = [None if text is None else safe_text(text) for text in column.to_pylist()]
            table = table.set_column(i, field.name, pa.chunked_array([pa.array(texts, column.type)]))
    return table


def safe_text(text: str) -> str:
    """`text` for a cell of CSV: one that a spreadsheet would take for a formula is led by an apostrophe.

    A number stays one, be it negative or signed: `-5.2`, `+1e3`. The signs are those of OWASP's ASVS 1.2.10 and its page
    on CSV injection; their wide forms count in Japanese and Chinese versions.
    """
    if not text.lstrip(" ").startswith(_FORMULA) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}"


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)


def _canonical(table: pa.Table) -> pa.Table:
    """`table` with each dictionary holding what its rows use, in the order of first use: the rows alone decide it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = in_one_piece(table)
    for i, field in enumerate(table.schema):
        if not pa.types.is_dictionary(field.type) or not table.num_rows or is_uniform(table.column(i)):
            continue
        column = table.column(i).chunk(0)
        used = pc.unique(column.indices).drop_null()
        if not used.equals(pa.array(range(len(column.dictionary)), pa.int32())):
            at = pc.index_in(column.indices, used)
            column = pa.DictionaryArray.from_arrays(at, column.dictionary.take(used))
            table = table.set_column(i, field.name, column)
    return table


def _writer(path: Path, kind: str, schema: pa.Schema) -> Any:
    return CsvWriter(path, schema) if kind == "csv" else ParquetWriter(path, schema)
