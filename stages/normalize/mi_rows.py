"""Rows of a raw file as columns of numbers: gathered while the file is read, placed in time when all files are known.

A batch holds what a file alone tells, so that it can be kept and used again beside other files. What many rows share
(device, kind, flags, problem) is one JSON text that they point to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pdp.schema import Schema
from stages.columns import words
from stages.normalize.days import DAY, NEAREST, ZONE, Ints, Offsets, local_days
from stages.normalize.mi_files import ExportFile
from stages.normalize.mi_payloads import value_columns
from stages.schemas import PROBLEM, normalized

SOURCE = "mi_band"
OFFSET_SOURCES = (ZONE, NEAREST, "row")
SHARED = "shared"
NONE = np.iinfo(np.int64).min  # stands for a null in a column of whole numbers
_PLACES = {
    "line": pa.int32(), "item": pa.int16(), "time": pa.int64(), "revision": pa.int64(), "instant": pa.int64(),
    "dated": pa.int64(), "offset": pa.int32(), "label": pa.int32(),
}  # fmt: skip
_TEXTS = ("record", "sid", "kind")

Columns = Mapping[str, npt.NDArray[Any]]


class Raw(NamedTuple):
    """What a row has of its raw row."""

    line: int
    record: str
    record_time: int | None
    sid: str
    revision: int | None


class Row(NamedTuple):
    """One row of a table, before its offset is known.

    `label` is the local date in days since 1970 where the export tells it; `instant` is when it was measured, None for
    a whole day; `dated` the instant whose local date counts where there is no label (the end of a sleep), and near
    which an offset is looked for; `offset` the row's own, in seconds.
    """

    raw: Raw
    item: int
    kind: str
    instant: int | None
    dated: int | None
    offset: int | None
    label: int | None
    values: Sequence[Any] | None
    flags: Sequence[str] = ()
    problem: tuple[str, str, str, str] | None = None


def shared(
    record: str, sid: str, kind: str, account: str, flags: Sequence[str] = (), timed: bool = False, problem: Any = None
) -> str:
    """What rows have in common. `timed`: they were measured, and are dated, at the raw row's own time."""
    return json.dumps([record, sid, kind, account, ";".join(sorted(flags)), timed, problem], ensure_ascii=False)


class Gathered:
    """The rows of one table that wait to become a batch."""

    def __init__(self, schema: Schema) -> None:
        self.values = value_columns(schema)
        self.count = 0
        self._parts: list[tuple[Columns, npt.NDArray[np.int32]]] = []
        self._rows: list[tuple[Row, str]] = []
        self._shared: dict[str, int] = {}

    def add(self, columns: Columns, common: npt.NDArray[np.int32]) -> None:
        """Rows as arrays, `common` as `share` gave it; a column left out is null throughout, a nan is null."""
        self._parts.append((columns, common))
        self.count += len(common)

    def share(self, text: str) -> int:
        """The number by which rows of the next batch name what they have in common."""
        return self._shared.setdefault(text, len(self._shared))

    def add_rows(self, rows: Sequence[Row], account: str) -> None:
        self._rows += [(row, account) for row in rows]
        self.count += len(rows)

    def batch(self) -> pa.RecordBatch:
        """All of them in the order of the file; then none wait."""
        if self._rows:
            self._parts.append(self._plain())
        common = np.concatenate([each for _, each in self._parts])
        columns = {name: self._joined(name) for name in (*_PLACES, *self.values)}
        line, item = columns["line"], columns["item"]
        assert line is not None
        order = np.arange(len(line))
        if (np.diff(line) < 1).any():
            order = np.lexsort((line,) if item is None else (item, line))
        arrays = {
            name: _array(None if column is None else column[order], _PLACES.get(name, pa.float64()), len(line))
            for name, column in columns.items()
        }
        arrays[SHARED] = pa.DictionaryArray.from_arrays(pa.array(common[order], pa.int32()), list(self._shared))
        self.count = 0
        self._parts, self._rows, self._shared = [], [], {}
        return pa.record_batch(arrays)

    def _plain(self) -> tuple[Columns, npt.NDArray[np.int32]]:
        """The single rows as arrays. A column without values is left out."""
        rows = [row for row, _ in self._rows]
        timed = [row.instant == row.dated == row.raw.record_time for row in rows]
        common = [
            self.share(shared(row.raw.record, row.raw.sid, row.kind, account, row.flags, is_timed, row.problem))
            for (row, account), is_timed in zip(self._rows, timed, strict=True)
        ]
        raw = [row.raw for row in rows]
        own = [None if is_timed else row for row, is_timed in zip(rows, timed, strict=True)]
        columns: dict[str, npt.NDArray[Any]] = {
            "line": _ints([each.line for each in raw]), "item": _ints([row.item for row in rows]),
            "time": _ints([each.record_time for each in raw]), "revision": _ints([each.revision for each in raw]),
            "instant": _ints([row and row.instant for row in own]), "dated": _ints([row and row.dated for row in own]),
            "offset": _ints([row.offset for row in rows]), "label": _ints([row.label for row in rows]),
        }  # fmt: skip
        nothing = (None,) * len(self.values)
        values = np.array([nothing if row.values is None else row.values for row in rows], np.float64)
        columns |= {name: values[:, n] for n, name in enumerate(self.values)}
        said = {
            name: column
            for name, column in columns.items()
            if (column.any() if name == "item" else not _missing(column).all())
        }
        return said, np.array(common, np.int32)

    def _joined(self, name: str) -> npt.NDArray[Any] | None:
        if not any(name in columns for columns, _ in self._parts):
            return None
        nothing: Any = np.nan if name in self.values else 0 if name == "item" else NONE
        kind = np.float64 if name in self.values else np.int64
        return np.concatenate([
            columns[name].astype(kind, copy=False) if name in columns else np.full(len(common), nothing, kind)
            for columns, common in self._parts
        ])  # fmt: skip


def _ints(column: Sequence[int | None]) -> Ints:
    return np.array([NONE if value is None else value for value in column], np.int64)


def _array(column: npt.NDArray[Any] | None, kind: pa.DataType, length: int) -> pa.Array:
    if column is None:
        return pa.nulls(length, kind)
    missing = _missing(column)
    if missing.any():
        return pa.array(np.where(missing, 0, column), kind, mask=missing)
    return pa.array(column).cast(kind, safe=False)


def _missing(column: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.isnan(column) if column.dtype.kind == "f" else column == NONE


def span(batch: pa.RecordBatch) -> tuple[int, int]:
    """The first and the last instant whose offset from UTC `placed` may ask for: those that rows tell, and labels' midnights,
    of which the local ones lie within a day."""
    found = []
    for name, unit in (("time", 1), ("dated", 1), ("label", DAY)):
        ends = pc.min_max(batch[name])
        found += [end.as_py() * unit for end in ends.values() if end.is_valid]
    return (min(found) - DAY, max(found) + DAY) if found else (0, 0)


def packed(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch as it is kept: a column without values has no type, and one of whole numbers in all rows tells the steps from
    row to row, the first from 0. They are mostly the same, so that compression leaves next to nothing of them."""
    return pa.record_batch({name: _packed(batch[name]) for name in batch.schema.names})


def unpacked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch that was `packed`."""
    return pa.record_batch({name: _unpacked(batch[name]) for name in batch.schema.names})


def _packed(column: pa.Array) -> pa.Array:
    if column.null_count == len(column):
        return pa.nulls(len(column))
    if not _is_whole(column):
        return column
    steps = np.array(column)
    steps[1:] -= steps[:-1]
    return pa.array(steps)


def _unpacked(column: pa.Array) -> pa.Array:
    if not _is_whole(column):
        return column
    steps = np.asarray(column)
    return pa.array(np.cumsum(steps, dtype=steps.dtype))


def _is_whole(column: pa.Array) -> bool:
    return pa.types.is_integer(column.type) and not column.null_count


def placed(
    schema: Schema, batch: pa.RecordBatch, file: ExportFile, account: str, offsets: Offsets, day_starts_at: int
) -> pa.Table:  # fmt: skip
    """The rows of a packed batch that are `account`'s, as a chunk of `normalized(schema)`, texts as dictionaries."""
    batch = unpacked(batch)
    code = np.asarray(batch[SHARED].indices)
    common = [json.loads(text) for text in batch[SHARED].dictionary.to_pylist()]
    mine = np.array([not (whose := each[3] or file.account) or whose == account for each in common], bool)
    if not mine.all():
        batch = batch.filter(pa.array(mine[code]))
        code = np.asarray(batch[SHARED].indices)
    place = {name: _numbers(batch[name]) for name in _PLACES}
    wanted = normalized(schema)
    types = wanted.arrow()
    columns = {
        "source": words([SOURCE], np.zeros(len(code), np.int32)),
        "file": words([file.name], np.zeros(len(code), np.int32)),
        "row": batch["line"],
        "item": batch["item"] if not batch["item"].null_count else pa.array(np.zeros(len(code), np.int16)),
        **{name: words([each[n] for each in common], code) for n, name in enumerate(_TEXTS)},
        "record_time": batch["time"],
        "revision": batch["revision"],
        "exported_on": words([file.exported_on], np.zeros(len(code), np.int32)),
        **_placed(place, common, code, offsets, day_starts_at),
        **{name: _value(batch[name], types.field(name).type) for name in value_columns(schema)},
        "flags": _flags(place["label"], common, code, file.exported_on),
        **{
            column.name: words([each[6] and each[6][n] for each in common], code) for n, column in enumerate(PROBLEM)
        },
    }  # fmt: skip
    return wanted.conform(pa.table(columns))


def _value(column: pa.Array, kind: pa.DataType) -> pa.Array:
    return column.cast(pa.int64()).cast(kind) if pa.types.is_timestamp(kind) else column


def _numbers(column: pa.Array) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """The values with 0 for a null, and where there is one."""
    if column.null_count == len(column):
        return np.broadcast_to(np.int64(0), len(column)), np.broadcast_to(np.False_, len(column))
    if not column.null_count:
        return np.asarray(column).astype(np.int64, copy=False), np.broadcast_to(np.True_, len(column))
    there = np.asarray(column.is_valid())
    return np.asarray(column.fill_null(0)).astype(np.int64), there


def _placed(
    place: Mapping[str, tuple[Ints, npt.NDArray[np.bool_]]],
    common: list[list[Any]],
    code: npt.NDArray[np.int32],
    offsets: Offsets,
    day_starts_at: int,
) -> dict[str, pa.Array]:
    """Instant, offset, where the offset came from, and local date; all null for a row that has no usable time."""
    timed = _by_code([each[5] for each in common], code)
    instant, has_instant = _or_time(place, "instant", timed)
    dated, has_dated = _or_time(place, "dated", timed)
    label, has_label = place["label"]
    offset, near = offsets.told(dated)
    source = near.astype(np.int32)
    whole_day = has_label & ~has_dated
    if whole_day.any():
        at_midnight, near = offsets.at_local_midnight(label * DAY)
        offset, source = np.where(whole_day, at_midnight, offset), np.where(whole_day, near, source)
    own, has_own = place["offset"]
    if has_own.any():
        offset, source = np.where(has_own, own, offset), np.where(has_own, 2, source)
    cut = _by_code([0 if each[2] == "segment" else day_starts_at for each in common], code)
    days = local_days(dated, offset, cut)
    if has_label.any():
        days = np.where(has_label, label, days)
    if not has_instant.all():
        instant = np.where(has_instant, instant, label * DAY - offset)
    nowhere = ~(has_label | has_dated)
    mask = nowhere if nowhere.any() else None
    return {
        "instant_utc": pa.array(instant, mask=mask),
        "utc_offset_s": pa.array(offset.astype(np.int32), mask=mask),
        "offset_source": words(OFFSET_SOURCES, source, mask),
        "local_date": pa.array(days.astype(np.int32), mask=mask),
    }


def _by_code(told: list[int], code: npt.NDArray[np.int32]) -> Any:
    """For each row what is told of its code; alone where it is the same for all."""
    return told[0] if len(set(told)) == 1 else np.array(told).take(code)


def _or_time(
    place: Mapping[str, tuple[Ints, npt.NDArray[np.bool_]]], name: str, timed: npt.NDArray[np.bool_]
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    if np.all(timed):
        return place["time"]
    return tuple(np.where(timed, time, own) for time, own in zip(place["time"], place[name], strict=True))  # type: ignore[return-value]


def _flags(
    label: tuple[Ints, npt.NDArray[np.bool_]], common: list[list[Any]], code: npt.NDArray[np.int32], exported_on: str
) -> pa.Array:
    """The rows' flags; a day's report that was exported before the day was over is marked."""
    flags = [each[4] for each in common]
    if not exported_on or not label[1].any():
        return words(flags, code)
    of_day = _by_code([each[2] in ("daily", "night") and not each[6] for each in common], code)
    exported = (date.fromisoformat(exported_on) - date(1970, 1, 1)).days
    late = of_day & label[1] & (label[0] >= exported)
    if not late.any():
        return words(flags, code)
    marked = [";".join(sorted({*text.split(";"), "partial_day"} - {""})) for text in flags]
    return words([*flags, *marked], code + np.where(late, len(flags), 0))
