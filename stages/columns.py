"""Columns of a table as numpy arrays of integers: what sorting and grouping millions of rows is done on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def codes(column: pa.ChunkedArray, preferred: Sequence[str] = ()) -> Ints:
    """Texts as ranks: those of `preferred` first, in that order, then the others as they sort; a null before all."""
    index, texts = texts_of(column)
    rank = {text: i for i, text in enumerate(dict.fromkeys([*preferred, *sorted(texts)]))}
    ranks = np.array([*(rank[text] for text in texts), -1], np.int64)
    return np.broadcast_to(ranks[0], len(index)) if len(texts) == 1 and not column.null_count else ranks.take(index)


def words(texts: Sequence[str | None], index: npt.NDArray[Any], mask: Mask | None = None) -> pa.DictionaryArray:
    """For each row the text at its index, as a dictionary of distinct texts; None, or a true `mask`, is a null."""
    distinct = list(dict.fromkeys(text for text in texts if text is not None))
    at = {text: i for i, text in enumerate(distinct)}
    if not distinct:
        return pa.nulls(len(index), pa.dictionary(pa.int32(), pa.string()))
    if len(distinct) == 1 and None not in texts:
        index = np.zeros(len(index), np.int32)
    elif len(distinct) == len(texts):
        index = index.astype(np.int32, copy=False)
    else:
        index = np.array([-1 if text is None else at[text] for text in texts], np.int32).take(index)
    if None in texts:
        mask = index < 0 if mask is None else mask | (index < 0)
    return pa.DictionaryArray.from_arrays(pa.array(index, mask=mask), pa.array(distinct, pa.string()), safe=False)


def texts_of(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int32], list[str]]:
    """(for each row the position of its text, -1 for a null; the texts)."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    chunks = encoded.unify_dictionaries().chunks
    if not chunks:
        return np.zeros(0, np.int32), []
    index = [(c.indices.fill_null(-1) if c.null_count else c.indices).to_numpy() for c in chunks]
    return index[0] if len(index) == 1 else np.concatenate(index), chunks[0].dictionary.to_pylist()


def integers(column: pa.ChunkedArray) -> Ints:
    """Integers, dates (days) and instants (seconds) as int64; a null is one less than the least value."""
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    column = column.cast(pa.int64())
    if column.null_count:
        least = pc.min(column).as_py()
        column = column.fill_null(0 if least is None else least - 1)
    return np.asarray(column, np.int64)


def numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Any measured column as float64, null as nan; exact for whole numbers below 2**53."""
    if column.null_count == len(column):
        return np.full(len(column), np.nan)
    if not pa.types.is_floating(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column.cast(pa.float64()).fill_null(np.nan), np.float64)


def equal(column: pa.ChunkedArray, value: str | bool) -> Mask:
    """Where a column holds `value`."""
    if pa.types.is_dictionary(column.type):
        index, texts = texts_of(column)
        at = [number for number, text in enumerate(texts) if text == value]
        return np.isin(index, at) if len(at) > 1 else index == (at[0] if at else -2)
    return np.asarray(pc.equal(column, value).fill_null(False), bool)


def valid(column: pa.ChunkedArray) -> Mask:
    """Where a column is not null."""
    return np.asarray(column.is_valid(), bool) if column.null_count else np.ones(len(column), bool)


def repeated(key: Ints) -> Ints:
    """Positions of the values that occur more than once."""
    if is_strict(key):
        return np.zeros(0, np.int64)
    order = np.argsort(key, kind="stable")
    same = key[order][1:] == key[order][:-1]
    return order[np.append(False, same) | np.append(same, False)]


def is_strict(values: Ints) -> bool:
    """Whether values rise throughout, or fall, as the times of one export do: then none occurs twice."""
    return bool((values[1:] > values[:-1]).all() or (values[1:] < values[:-1]).all())


def distinct(values: Ints) -> tuple[Ints, Ints]:
    """(the distinct values in order, for each row the place of its own among them); no value is negative."""
    if values.max(initial=0) > len(values):
        return np.unique(values, return_inverse=True)
    there = np.bincount(values) > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[values]


def runs(values: Ints) -> tuple[Ints, Ints]:
    """(start of each run of equal neighbours, number of the run that each value is in)."""
    change = np.append(True, values[1:] != values[:-1])[: len(values)]
    return np.flatnonzero(change), np.cumsum(change) - 1


def pack(*columns: npt.NDArray[Any]) -> Ints:
    """One integer per row; they order as the columns do, the first one most significant."""
    key, size = np.zeros(len(columns[0]), np.int64), 1
    for column in columns if len(key) else ():
        low, width = int(column.min()), int(column.max()) - int(column.min()) + 1
        digit = column
        if size * width >= 2**63:  # ranks take no more room than there are rows
            key, digit = (np.unique(values, return_inverse=True)[1] for values in (key, column))
            low, size, width = 0, int(key.max()) + 1, int(digit.max()) + 1
        if width > 1:  # else all rows are alike
            key *= width
            key += digit
            key -= low
            size *= width
    return key
