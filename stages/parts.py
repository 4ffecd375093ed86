"""Tables too big for memory, a range of dates at a time.

Rows of one date belong together in every rule of a daily or sampled table. So a stage may treat dates apart, and needs no
more memory for ten years than for a few months. Tables in the store skip what lies in other dates; the nearer their rows
lie to the order of time the less is read twice.

A part has a name, which tells what its rows are: what a stage makes of it is made once (`piece`). Where parts begin and end
depends on the rows of the dates around alone, so that new rows change the parts that they belong to, and no others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pdp.schema import encoded, in_one_piece

PART_ROWS = 98_304
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

    def names(self, name: str, low: Any, high: Any) -> list[str]:
        """What tells the rows that `between` gives from any others; not that it gives them all."""
        ...

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows."""
        ...


@dataclass(frozen=True)
class Part:
    """Rows of a range of dates. `name` tells them from any others, as far as they come from the store."""

    name: str
    read: Callable[[], pa.Table]


Chunks = Generator[tuple[str, pa.Table], None, Any]


def piece(inputs: Mapping[str, Any], key: str, make: Callable[[], Chunks]) -> Chunks:
    """What `make` gives, rows and facts. If the inputs come from the engine it may know them since `key` was made last: all
    that they depend on, but for code and config, is to be in it. The tables' columns must have come before."""
    kept = getattr(inputs, "piece", None)
    return (yield from make() if kept is None else kept(key, make))


class InMemory:
    """A plain table as one that is read in part. Nothing is kept of what is made of it."""

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

    def names(self, name: str, low: Any, high: Any) -> list[str]:
        return []

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        return self._table.select(columns) if columns is not None else self._table


def opened(inputs: Mapping[str, Any], name: str) -> Big:
    """An input, of which nothing is read yet if it comes from the engine."""
    stored = getattr(inputs, "stored", None)
    big: Big = stored(name) if stored is not None else InMemory(inputs[name])
    return big


def by_dates(tables: Sequence[Big], columns: Sequence[str] | None = None) -> Iterator[Part]:
    """All rows of the tables: first those without a date, then ranges of dates in order, each with at most `PART_ROWS` rows
    or one date. There is at least one part, and of more than one none is empty but perhaps the first."""
    if sum(table.num_rows for table in tables) <= PART_ROWS:
        yield whole(tables, columns)
        return
    for low, high in _ranges(tables):
        yield Part(_name(tables, low, high), partial(_between, tables, low, high, columns))


def whole(tables: Sequence[Big], columns: Sequence[str] | None = None) -> Part:
    """All rows as one part."""
    names = [table.names(DATE, low, high) for table in tables for low, high in ((None, None), EVER)]
    return Part(json.dumps(names), lambda: together([table.read(columns) for table in tables]))


def _between(tables: Sequence[Big], low: Any, high: Any, columns: Sequence[str] | None) -> pa.Table:
    return together([table.between(DATE, low, high, columns) for table in tables])


def _name(tables: Sequence[Big], low: Any, high: Any) -> str:
    ends = [None if end is None else end.cast(pa.int32()).as_py() for end in (low, high)]
    return json.dumps([*ends, *(table.names(DATE, low, high) for table in tables)])


def together(tables: Sequence[pa.Table]) -> pa.Table:
    """The tables as one, each column in one piece: rows are taken faster from it."""
    return in_one_piece(pa.concat_tables(tables))


def _ranges(tables: Sequence[Big]) -> Iterator[tuple[Any, Any]]:
    counts: dict[int, int] = {}
    for table in tables:
        for column in table.column(DATE):
            days = np.asarray(column.drop_null().cast(pa.int32()))
            # Rows lie by date, more or less.
            begins = np.flatnonzero(np.append(True, days[1:] != days[:-1])[: len(days)])
            rows = np.diff(np.append(begins, len(days)))
            for day, count in zip(days[begins].tolist(), rows.tolist(), strict=True):
                counts[day] = counts.get(day, 0) + count
    yield None, None
    for first, last in blocks(counts):
        yield _date(first), _date(last)


def blocks(counts: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """(first day, last day) of each range, in order, given the rows of each day.

    Ranges lie in blocks of 2**n days that begin at a multiple of their length: the longest with at most `PART_ROWS` rows, or
    of one day. So a new row cuts its own block in two at most.
    """
    days = np.array(sorted(counts), np.int64)
    before = np.append(0, np.cumsum([counts[day] for day in days.tolist()], dtype=np.int64))
    waiting = [(0, _LONGEST), (-1, _LONGEST)]  # a stack: what is earlier lies on top
    while waiting:
        number, level = waiting.pop()
        begin, end = np.searchsorted(days, [number << level, number + 1 << level])
        if begin == end:
            continue
        if before[end] - before[begin] <= PART_ROWS or not level:
            yield int(days[begin]), int(days[end - 1])
        else:
            waiting += [(2 * number + 1, level - 1), (2 * number, level - 1)]


_LONGEST = 31  # 2**31 days before 1970, and as many after: all that a date can be


def _date(day: int) -> pa.Scalar:
    return pa.scalar(day, pa.int32()).cast(pa.date32())


EVER = (pa.scalar(date.min), pa.scalar(date.max))
