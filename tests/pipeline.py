"""Raw files -> tables by plain calls of the stage functions, in order and without the engine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from pdp.schema import decoded
from pdp.snapshot import RawFile, Snapshot
from stages import merge, schemas, validate
from stages.normalize import google_sheets, mi_fitness

CONFIG: dict[str, Any] = {
    "timezone": "Europe/Berlin",
    "day_starts_at": 0,
    "google_sheets": {"enabled": True, "date_order": "ymd", "columns": {}},
    "mi_band": {"enabled": True, "account": ""},
    "checks": {"max_quarantined_share": 0.2, "min_rows_for_share": 20},
    "blood_pressure": {"session_gap_min": 15, "evening_from_hour": 12},
    "sleep": {"short_night_min": 240},
}
TABLES = ("blood_pressure", "heart_rate", "sleep", "steps", "spo2", "stress", "weight")
READERS = {"google_sheets": google_sheets.read, "mi_band": mi_fitness.read}

Tables = dict[str, pa.Table]


@dataclass
class Result:
    """Every table by its name, and the facts of every stage by its name."""

    tables: Tables = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def rows(self, name: str) -> list[dict[str, Any]]:
        return self.tables[name].to_pylist()

    @property
    def days(self) -> list[dict[str, Any]]:
        return self.rows("daily_metrics")

    @property
    def day(self) -> dict[str, Any]:
        """The only day."""
        (only,) = self.days
        return only


def configured(**changes: Any) -> dict[str, Any]:
    """The defaults, a section's keys or a plain value changed: `google_sheets={"date_order": "dmy"}`."""
    return CONFIG | {
        name: CONFIG[name] | value if isinstance(value, Mapping) else value for name, value in changes.items()
    }


def snapshot(source: str, files: Mapping[str, str | bytes], folder: Path) -> Snapshot:
    """`files` by name, written below `folder` as they would lie in raw/<source>/."""
    raw = []
    for name, content in sorted(files.items()):
        data = content.encode() if isinstance(content, str) else content
        path = folder / source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        raw.append(RawFile(name, hashlib.sha256(data).hexdigest(), len(data), path))
    return Snapshot(source, tuple(raw))


def drain(stage: Iterator[tuple[str, pa.Table]]) -> tuple[Tables, Any]:
    """(the outputs of a stage function, its facts)."""
    chunks: dict[str, list[pa.Table]] = {}
    while True:
        try:
            name, chunk = next(stage)
        except StopIteration as end:
            return {name: pa.concat_tables(each) for name, each in chunks.items()}, end.value
        chunks.setdefault(name, []).append(decoded(chunk))


def normalize(source: str, files: Mapping[str, str | bytes], folder: Path, **changes: Any) -> Result:
    """One source, read."""
    tables, facts = drain(READERS[source]({source: snapshot(source, files, folder)}, configured(**changes)))
    return Result(tables, {f"normalize:{source}": facts})


def validated(name: str, *tables: pa.Table, **changes: Any) -> Result:
    """Normalized tables of `name`, the first of the source `a`, the second of `b`, ...; validated."""
    inputs = {f"{source}_{name}": table for source, table in zip("abcdef", tables, strict=False)}
    outputs, facts = drain(getattr(validate, name)(inputs, configured(**changes)))
    assert facts["read"] == facts["accepted"] + facts["superseded"] + facts["quarantined"]
    assert facts["accepted"] == outputs[name].num_rows
    assert facts["quarantined"] == outputs[f"{name}_quarantine"].num_rows
    return Result(outputs, {f"validate:{name}": facts})


def run(folder: Path, raw: Mapping[str, Mapping[str, str | bytes]], **changes: Any) -> Result:
    """The whole pipeline over `raw`: {source: {file name: content}}."""
    config = configured(**changes)
    result = Result()
    for source, files in raw.items():
        read = normalize(source, files, folder, **changes)
        result.tables |= read.tables
        result.facts |= read.facts
    for name in (*TABLES, "unreadable"):
        inputs = {
            f"{source}_{name}": result.tables[f"{source}_{name}"]
            for source in raw
            if f"{source}_{name}" in result.tables
        }
        outputs, facts = drain(getattr(validate, name)(inputs, config))
        assert facts["read"] == sum(table.num_rows for table in inputs.values())
        assert facts["read"] == facts["accepted"] + facts["superseded"] + facts["quarantined"]
        result.tables |= outputs
        result.facts[f"validate:{name}"] = facts
    outputs, _ = drain(merge.daily({name: result.tables[name] for name in TABLES}, config))
    result.tables |= outputs
    return result


def rows_of(name: str, *rows: Mapping[str, Any]) -> pa.Table:
    """A normalized table of plain rows. What a row leaves out is as a reader of a small export would give it.

    `at` gives the instant in seconds, from which follow the local date (in UTC) and, unless it is told, `record_time`.
    """
    schema = schemas.normalized(getattr(schemas, name.upper()))
    filled: list[dict[str, Any]] = []
    for number, row in enumerate(rows, start=2):
        at = row.get("at")
        times = {} if at is None else {"instant_utc": at, "local_date": at // 86_400, "record_time": at}
        filled.append(DEFAULTS | {"row": number, **times, **row})
    arrays = [pa.array([row.get(field.name) for row in filled], _plain(field.type)) for field in schema.arrow()]
    return schema.conform(pa.table(arrays, names=schema.names))


DEFAULTS = {
    "source": "a", "file": "a.csv", "item": 0, "record": "heart_rate", "sid": "default", "revision": 0, "exported_on": "",
    "kind": "sample", "utc_offset_s": 0, "offset_source": "zone", "flags": "",
}  # fmt: skip


def _plain(kind: pa.DataType) -> pa.DataType:
    """Instants and dates as the whole numbers that tests write."""
    return pa.int64() if pa.types.is_timestamp(kind) else pa.int32() if pa.types.is_date(kind) else kind
