"""Tables too big for memory, a range of dates at a time.

Rows of one date belong together in every rule of a daily or sampled table. So a stage may treat dates apart, and needs no
more memory for ten years than for a few months. Tables in the store skip what lies in other dates; the nearer their rows
lie to the order of time the less is read twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pdp.schema import encoded

PART_ROWS = 65_536
DATE = "local_date"


class Big(Protocol):
    """A table that is read in part. Texts come as dictionaries, `columns` in the order asked for."""

    num_rows: int

    def column(self, name: str) -> Iterator[pa.ChunkedArray]:
        """One column, piece by piece."""
        ...

    def between(self, name: str, low: Any, high: Any, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows whose `name` lies in [low, high]; those where it is null, if both are None."""
        ...

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows."""
        ...


class InMemory:
    """A plain table as one that is read in part."""

    def __init__(self, table: pa.Table) -> None:
        self._table = encoded(table)
        self.num_rows = table.num_rows

    def column(self, name: str) -> Iterator[pa.ChunkedArray]:
        yield self._table[name]

    def between(self, name: str, low: Any, high: Any, columns: Sequence[str] | None = None) -> pa.Table:
        column = self._table[name]
        inside = (
            column.is_null() if low is None else pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high))
        )
        return self.read(columns).filter(inside)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        return self._table.select(columns) if columns is not None else self._table


def opened(inputs: Mapping[str, Any], name: str) -> Big:
    """An input, of which nothing is read yet if it comes from the engine."""
    stored = getattr(inputs, "stored", None)
    big: Big = stored(name) if stored is not None else InMemory(inputs[name])
    return big


def by_dates(tables: Sequence[Big], columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """All rows of the tables: first those without a date, then ranges of dates in order, each with about `PART_ROWS` rows
    or one date. There is at least one part."""
    if sum(table.num_rows for table in tables) <= PART_ROWS:
        yield together([table.read(columns) for table in tables])
        return
    for low, high in _ranges(tables):
        part = together([table.between(DATE, low, high, columns) for table in tables])
        if part.num_rows:
            yield part


def together(tables: Sequence[pa.Table]) -> pa.Table:
    """The tables as one, each column in one piece: rows are taken faster from it."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _ranges(tables: Sequence[Big]) -> Iterator[tuple[Any, Any]]:
    counts: dict[int, int] = {}
    for table in tables:
        for column in table.column(DATE):
            days, rows = np.unique(np.asarray(column.drop_null().cast(pa.int32())), return_counts=True)
            for day, count in zip(days.tolist(), rows.tolist(), strict=True):
                counts[day] = counts.get(day, 0) + count
    yield None, None
    first, waiting = None, 0
    days_in_order = sorted(counts)
    for day, after in zip(days_in_order, [*days_in_order[1:], None], strict=True):
        first = day if first is None else first
        waiting += counts[day]
        if after is None or waiting + counts[after] > PART_ROWS:
            yield pa.scalar(first, pa.int32()).cast(pa.date32()), pa.scalar(day, pa.int32()).cast(pa.date32())
            first, waiting = None, 0
