"""Schema, Column, Check: what a table is, as values.

A schema is declared once (`stages/schemas.py`) and used to build empty tables, to conform tables to their types, and to
check rows. Importing this module costs nothing: pyarrow comes in only when a table is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from pdp.errors import StageError

if TYPE_CHECKING:
    import pyarrow as pa

Type = Literal["string", "int16", "int32", "int64", "float64", "bool", "date", "instant"]
Severity = Literal["quarantine", "flag"]


@dataclass(frozen=True)
class Column:
    """One column: its name (with the unit where there is one), its type, and a sentence."""

    name: str
    type: Type
    doc: str = ""


@dataclass(frozen=True)
class Check:
    """A rule on rows. `passes(table)` gives one boolean per row; a null passes: what is absent breaks no rule.

    A row that fails is set aside (`quarantine`) or kept and marked with the check's name (`flag`).
    """

    name: str
    severity: Severity
    columns: tuple[str, ...]
    passes: Callable[[pa.Table], pa.ChunkedArray]
    sentence: str
    hint: str = ""


@dataclass(frozen=True)
class Schema:
    """A named table. `doc` says what one row is."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    checks: tuple[Check, ...] = ()

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def arrow(self) -> pa.Schema:
        """The Arrow schema, columns in declared order."""
        import pyarrow as pa

        return pa.schema([pa.field(column.name, arrow_type(column.type)) for column in self.columns])

    def empty(self) -> pa.Table:
        """No rows, all columns."""
        return self.arrow().empty_table()

    def conform(self, table: pa.Table) -> pa.Table:
        """`table` with exactly the declared columns, in order and typed; a dictionary of texts stays one.

        Raises:
            StageError: a declared column is missing, or a value does not fit its type.
        """
        import pyarrow as pa

        given = set(table.column_names)
        missing = [name for name in self.names if name not in given]
        if missing:
            raise StageError(f"table {self.name} lacks the column {', '.join(missing)}")
        try:
            chosen = table.select(self.names)
            wanted = pa.schema(
                field.with_type(kind.type) if _is_encoded(kind) and field.type == "string" else field
                for kind, field in zip(chosen.schema, self.arrow(), strict=True)
            )
            return chosen if chosen.schema.equals(wanted) else chosen.cast(wanted)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise StageError(f"table {self.name} has a value that does not fit its column's type") from error

    def from_columns(self, columns: dict[str, Sequence[Any]]) -> pa.Table:
        """A table of plain Python columns; a column left out is null throughout."""
        import pyarrow as pa

        length = len(next(iter(columns.values()), ()))
        unknown = set(columns) - set(self.names)
        if unknown:
            raise StageError(f"table {self.name} has no column {', '.join(sorted(unknown))}")
        return pa.table(
            [pa.array(columns.get(c.name, [None] * length), arrow_type(c.type)) for c in self.columns],
            schema=self.arrow(),
        )


def arrow_type(name: Type) -> pa.DataType:
    """The Arrow type of a column type; an `instant` is a second in UTC."""
    import pyarrow as pa

    if name == "instant":
        return pa.timestamp("s", tz="UTC")
    if name == "date":
        return pa.date32()
    if name == "bool":
        return pa.bool_()
    return getattr(pa, name)()


def encoded(table: pa.Table) -> pa.Table:
    """`table` with its texts as dictionaries: they repeat, and a file's name is longer than all the rest of a row."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(i, field.name, table.column(i).dictionary_encode())
    return table


def decoded(table: pa.Table) -> pa.Table:
    """`table` with its texts as they are."""
    for i, field in enumerate(table.schema):
        if _is_encoded(field):
            table = table.set_column(i, field.name, table.column(i).cast(field.type.value_type))
    return table


def selected(table: pa.Table, rows: Any) -> pa.Table:
    """These rows of `table`, by their positions, none twice, or by a mask.

    Columns that are the same throughout cost nothing, and rows that follow one another are not copied.
    """
    import numpy as np
    import pyarrow as pa

    rows = np.asarray(rows)
    at = np.flatnonzero(rows) if rows.dtype == bool else rows
    if (at[1:] == at[:-1] + 1).all():
        return table.slice(at[0] if len(at) else 0, len(at))
    varying = [i for i in range(table.num_columns) if not is_uniform(table.column(i))]
    some = iter(table.select(varying).take(pa.array(at)).columns)
    columns = [next(some) if i in varying else table.column(i).slice(0, len(at)) for i in range(table.num_columns)]
    return pa.table(columns, schema=table.schema)


def is_uniform(column: pa.ChunkedArray) -> bool:
    """Whether a column is seen to have no value, or the same text in all rows, without looking at these."""
    import pyarrow as pa

    if column.null_count == len(column):
        return True
    one_word = column.num_chunks == 1 and pa.types.is_dictionary(column.type) and len(column.chunk(0).dictionary) == 1
    return one_word and not column.null_count


def uniform(kind: pa.DataType, value: str | int | None, rows: int) -> pa.Array:
    """A column of one value throughout: a null of any type, a text as a dictionary, or a whole number. Those of a run share
    their memory, since they are most of the columns of a table."""
    return _repeated(kind, value, 1 << rows.bit_length()).slice(0, rows)


@lru_cache(maxsize=64)
def _repeated(kind: pa.DataType, value: str | int | None, rows: int) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    if value is None:
        return pa.nulls(rows, kind)
    if isinstance(value, str):
        zeros = _repeated(kind.index_type, 0, rows)
        return pa.DictionaryArray.from_arrays(zeros, pa.array([value], kind.value_type), safe=False)
    return pa.array(np.full(rows, value), kind)


def in_one_piece(table: pa.Table) -> pa.Table:
    """`table` with one chunk for each column, its dictionaries unified."""
    import pyarrow as pa

    return pa.table([_one_chunk(column) for column in table.columns], schema=table.schema)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The same values. A text that all rows share is not looked for in each of them."""
    import pyarrow as pa

    if column.num_chunks == 1:
        return column.chunk(0)
    if column.null_count == len(column):
        return uniform(column.type, None, len(column))
    if pa.types.is_dictionary(column.type) and not column.null_count:
        words = pa.chunked_array([chunk.dictionary for chunk in column.chunks if len(chunk)]).unique()
        if len(words) == 1:
            return uniform(column.type, words[0].as_py(), len(column))
    return column.unify_dictionaries().combine_chunks()


def _is_encoded(field: pa.Field) -> bool:
    import pyarrow as pa

    return pa.types.is_dictionary(field.type) and field.type.value_type == pa.string()


def between(column: str, low: float, high: float) -> Callable[[pa.Table], pa.ChunkedArray]:
    """Rows whose `column` lies in [low, high]."""

    def passes(table: pa.Table) -> pa.ChunkedArray:
        import pyarrow.compute as pc

        values = table.column(column)
        return pc.fill_null(pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high)), True)

    return passes


def below(column: str, other: str) -> Callable[[pa.Table], pa.ChunkedArray]:
    """Rows whose `column` is less than their `other`."""

    def passes(table: pa.Table) -> pa.ChunkedArray:
        import pyarrow.compute as pc

        return pc.fill_null(pc.less(table.column(column), table.column(other)), True)

    return passes
