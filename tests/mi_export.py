"""Small Mi Fitness exports for tests, and the reader run on a folder of them. All of it is invented."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from pdp.schema import decoded
from pdp.snapshot import RawFile, Snapshot
from stages.normalize.mi_fitness import read

UID = "1234567890"
PREFIX = f"20260301_{UID}_MiFitness_"
DAILY, SAMPLES, SPORTS = "hlth_center_aggregated_fitness_data", "hlth_center_fitness_data", "hlth_center_sport_record"
COLUMNS = {
    DAILY: ["Uid", "Sid", "Tag", "Key", "Time", "Value", "UpdateTime"],
    SAMPLES: ["Uid", "Sid", "Key", "Time", "Value", "UpdateTime"],
    SPORTS: ["Uid", "Sid", "Key", "Time", "Category", "Value", "UpdateTime"],
}
DAY = 1_767_225_600  # 2026-01-01, midnight in UTC: the label of that date

Row = Mapping[str, Any]


def report(key: str, value: object, time: int = DAY, revision: int = DAY + 1, **cells: Any) -> dict[str, Any]:
    """A row of the aggregated file. `value` is dumped as JSON unless it is text already."""
    return sample(key, time, value, revision, **{"Tag": "daily_report", **cells})


def sample(key: str, time: object, value: object, revision: int = DAY + 1, **cells: Any) -> dict[str, Any]:
    """A row of the fitness_data file."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return {"Uid": UID, "Sid": "default", "Key": key, "Time": time, "Value": text, "UpdateTime": revision, **cells}


def hours(bedtime: int, minutes: int, timezone: int = 4, **more: Any) -> dict[str, Any]:
    """A segment of sleep."""
    times = {"bedtime": bedtime, "wake_up_time": bedtime + 60 * minutes, "duration": minutes}
    return {**times, "timezone": timezone, **more}


def csv_text(table: str, rows: Iterable[Row], columns: list[str] | None = None, delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns or COLUMNS[table], extrasaction="ignore", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def put(folder: Path, table: str, rows: Iterable[Row], prefix: str = PREFIX, columns: list[str] | None = None) -> Path:
    """Write one CSV file of an export."""
    path = folder / f"{prefix}{table}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(csv_text(table, rows, columns), encoding="utf-8", newline="")
    return path


def snapshot(folder: Path, source: str = "mi_band") -> Snapshot:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return Snapshot(source, tuple(raw_file(path, folder) for path in paths))


def raw_file(path: Path, folder: Path) -> RawFile:
    data = path.read_bytes()
    return RawFile(path.relative_to(folder).as_posix(), hashlib.sha256(data).hexdigest(), len(data), path)


class Result:
    """The tables by short name, as one table each, and the facts."""

    def __init__(self, chunks: dict[str, list[pa.Table]], facts: dict[str, Any]) -> None:
        self.tables = {name: pa.concat_tables(parts) for name, parts in chunks.items()}
        self.facts = facts

    def rows(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """The rows of a table that have these values."""
        rows: list[dict[str, Any]] = self.tables[f"mi_band_{table}"].to_pylist()
        return [row for row in rows if all(row[name] == value for name, value in where.items())]

    def row(self, table: str, **where: Any) -> dict[str, Any]:
        (row,) = self.rows(table, **where)
        return row


def run(source: Path | Snapshot, zone: str = "Europe/Berlin", day_starts_at: int = 0, account: str = "") -> Result:
    """The reader on a folder or a snapshot."""
    inputs = {"mi_band": snapshot(source) if isinstance(source, Path) else source}
    config = {
        "timezone": zone,
        "day_starts_at": day_starts_at,
        "mi_band": {"enabled": True, "account": account},
        "sleep": {"short_night_min": 240},
    }
    chunks: dict[str, list[pa.Table]] = {}
    facts: dict[str, Any] = {}

    def reading() -> Iterator[tuple[str, pa.Table]]:
        facts.update((yield from read(inputs, config)))

    for name, table in reading():
        chunks.setdefault(name, []).append(decoded(table))
    return Result(chunks, facts)


def daily(folder: Path, *rows: Row, **more: Any) -> Result:
    """The reader on a folder with these rows of the aggregated file."""
    put(folder, DAILY, rows, **more)
    return run(folder)


def samples(folder: Path, *rows: Row, **more: Any) -> Result:
    """The reader on a folder with these rows of the fitness_data file."""
    put(folder, SAMPLES, rows, **more)
    return run(folder)


def has(found: Row, **expected: Any) -> None:
    assert {name: found[name] for name in expected} == expected
