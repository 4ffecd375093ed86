"""Rows of one raw file as plain tuples -> a chunk of a table, with offsets and local dates filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pdp.schema import Schema
from stages.normalize.days import DAY, Ints, Offsets, local_days
from stages.normalize.mi_files import ExportFile
from stages.normalize.mi_payloads import value_columns
from stages.schemas import normalized

SOURCE = "mi_band"


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


def chunk(schema: Schema, file: ExportFile, rows: list[Row], offsets: Offsets, day_starts_at: int) -> pa.Table:
    """The rows as a chunk of `normalized(schema)`."""
    fields: Any = Row._make(zip(*rows, strict=True))
    raw: Any = Raw._make(zip(*fields.raw, strict=True))
    names = value_columns(schema)
    values = _transposed(fields.values, len(names))
    problems = _transposed(fields.problem, 4)
    columns = {
        "source": [SOURCE] * len(rows), "file": [file.name] * len(rows), "row": raw.line, "item": fields.item,
        "record": raw.record, "record_time": raw.record_time, "sid": raw.sid, "revision": raw.revision,
        "exported_on": [file.exported_on] * len(rows), "kind": fields.kind,
        **_placed(fields, offsets, day_starts_at),
        **dict(zip(names, values, strict=True)),
        "flags": [";".join(sorted(flags)) for flags in fields.flags],
        **dict(zip(("problem", "problem_cell", "problem_text", "problem_sentence"), problems, strict=True)),
    }  # fmt: skip
    wanted = normalized(schema).arrow()
    return pa.table([_array(columns[field.name], field.type) for field in wanted], schema=wanted)


def _placed(rows: Any, offsets: Offsets, day_starts_at: int) -> dict[str, pa.Array]:
    """Instant, offset, where the offset came from, and local date; all null for a row that has no usable time."""
    instant, has_instant = _numbers(rows.instant)
    dated, has_dated = _numbers(rows.dated)
    label, has_label = _numbers(rows.label)
    own, has_own = _numbers(rows.offset)
    whole_day = has_label & ~has_dated
    found, source = offsets.at(dated)
    at_midnight, source_at_midnight = offsets.at_local_midnight(label * DAY)
    offset = np.where(has_own, own, np.where(whole_day, at_midnight, found))
    source = np.where(has_own, "row", np.where(whole_day, source_at_midnight, source))
    cut = np.where(np.array(rows.kind) == "segment", 0, day_starts_at)
    days = np.where(has_label, label, local_days(dated, offset, cut))
    nowhere = ~(has_label | has_dated)
    return {
        "instant_utc": pa.array(np.where(has_instant, instant, label * DAY - offset), mask=nowhere),
        "utc_offset_s": pa.array(offset, mask=nowhere),
        "offset_source": pa.array(source.astype(object), pa.string(), mask=nowhere),
        "local_date": pa.array(days.astype(np.int32), mask=nowhere),
    }


def _transposed(rows: Sequence[Sequence[Any] | None], width: int) -> list[tuple[Any, ...]]:
    """Columns of `rows`, with nulls for a row that is None."""
    nothing = (None,) * width
    return list(zip(*(nothing if row is None else row for row in rows), strict=True)) or [()] * width


def _numbers(column: Sequence[int | None]) -> tuple[Ints, Any]:
    """The values with 0 for None, and where there is one."""
    there = np.array([value is not None for value in column], dtype=bool)
    return np.array([value or 0 for value in column], dtype=np.int64), there


def _array(column: Any, kind: pa.DataType) -> pa.Array:
    return column.cast(kind) if isinstance(column, pa.Array) else pa.array(column, kind)
