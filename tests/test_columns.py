"""Columns as integers: keys must sort and group as the columns themselves do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from stages.columns import codes, distinct, equal, integers, is_strict, numbers, pack, repeated, runs

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(INT64, st.integers(-5, 5), INT64), min_size=1, max_size=40))
def test_packed_keys_order_as_their_columns(rows: list[tuple[int, int, int]]) -> None:
    """Whatever the width of the columns, keys compare as the rows do."""
    key = pack(*(np.array(column, np.int64) for column in zip(*rows, strict=True)))
    order = sorted(range(len(rows)), key=lambda i: rows[i])
    for one, other in pairwise(order):
        assert (key[one] < key[other]) == (rows[one] < rows[other])
        assert (key[one] == key[other]) == (rows[one] == rows[other])


@given(st.lists(st.integers(0, 6), max_size=20))
def test_repeated_finds_all_that_occur_twice(values: list[int]) -> None:
    """Every position of a value that is there again, and no other."""
    assert set(repeated(np.array(values, np.int64))) == {i for i, v in enumerate(values) if values.count(v) > 1}


@given(st.sets(INT64, max_size=20), st.booleans(), st.none() | st.integers(0, 20))
def test_values_that_rise_or_fall_are_seen_not_to_repeat(values: set[int], falling: bool, again: int | None) -> None:
    """None does in values that are in order, either way; one that stands there once more is found."""
    key = sorted(values, reverse=falling)
    if again is not None and key:
        key.insert(again % len(key), key[again % len(key)])
    assert is_strict(np.array(key, np.int64)) == (len(key) == len(values))
    assert set(repeated(np.array(key, np.int64))) == {i for i, v in enumerate(key) if key.count(v) > 1}


@given(st.lists(st.integers(0, 30) | st.integers(0, 2**62), max_size=40))
def test_distinct_values_are_in_order(values: list[int]) -> None:
    """Each row points at its own value, be they few and small or not."""
    each, which = distinct(np.array(values, np.int64))
    assert each.tolist() == sorted(set(values))
    assert [each[at] for at in which] == values


def test_runs_of_equal_neighbours() -> None:
    """Where each begins, and which one a value is in; of nothing there are none."""
    start, run = runs(np.array([7, 7, 3, 7]))
    assert (start.tolist(), run.tolist()) == ([0, 2, 3], [0, 0, 1, 2])
    assert runs(np.zeros(0, np.int64))[0].tolist() == []


def test_texts_are_ranked() -> None:
    """Preferred ones first, the others as they sort, a null before all; over chunks with other dictionaries, too."""
    column = pa.chunked_array([pa.array(["b", None]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()])
    assert codes(column, ["c", "x"]).tolist() == [3, -1, 0, 2]
    assert codes(column).tolist() == [1, -1, 2, 0]
    assert codes(pa.chunked_array([], pa.string())).tolist() == []
    assert codes(pa.chunked_array([["c", "c"]]), ["x", "c"]).tolist() == [1, 1]
    assert codes(pa.chunked_array([["c", None]]), ["x", "c"]).tolist() == [1, -1]


def test_nulls_sort_first() -> None:
    """A null is one less than the least value, and in measured columns nan."""
    assert integers(pa.chunked_array([[5, None, -2]])).tolist() == [5, -3, -2]
    assert integers(pa.chunked_array([pa.array([None], pa.date32())])).tolist() == [0]
    assert np.isnan(numbers(pa.chunked_array([[None, 2]]))).tolist() == [True, False]
    assert np.isnan(numbers(pa.chunked_array([pa.nulls(2, pa.int64())]))).all()
    assert equal(pa.chunked_array([["x", None]]), "x").tolist() == [True, False]
