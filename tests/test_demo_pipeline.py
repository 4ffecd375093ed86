"""The stages against the generator's own truth: every row's fate, every count, every number of every day."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Generator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pdp.demo import Truth, generate, write
from pdp.snapshot import RawFile, Snapshot

CONFIG: dict[str, Any] = {
    "timezone": "Europe/Berlin",
    "day_starts_at": 0,
    "google_sheets": {"enabled": True, "date_order": "dmy", "columns": {}},
    "mi_band": {"enabled": True, "account": ""},
    "checks": {"max_quarantined_share": 0.2, "min_rows_for_share": 20},
    "blood_pressure": {"session_gap_min": 15, "evening_from_hour": 12},
    "sleep": {"short_night_min": 240},
}
READERS = {"google_sheets": "stages.normalize.google_sheets", "mi_band": "stages.normalize.mi_fitness"}
LIVES = {  # name -> days, seed, start
    "as shipped": (180, 1, date(2025, 9, 1)),
    "a month": (30, 2, date(2025, 9, 1)),
    "into summer time": (70, 3, date(2026, 1, 26)),
    "on the trip": (101, 4, date(2025, 3, 1)),
}


@dataclass(frozen=True)
class Result:
    """What the stages made of a demo, and what they should have."""

    truth: Truth
    facts: dict[str, dict[str, int]]
    tables: dict[str, pa.Table]


@pytest.fixture(scope="module", params=list(LIVES.values()), ids=list(LIVES))
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Result:
    demo, raw = generate(*request.param), tmp_path_factory.mktemp("raw")
    write(demo, raw)
    validate, merge = importlib.import_module("stages.validate"), importlib.import_module("stages.merge")
    normalized: dict[str, pa.Table] = {}
    for source, module in READERS.items():
        normalized |= run(importlib.import_module(module).read, {source: snapshot(raw, source)})[0]
    facts: dict[str, dict[str, int]] = {}
    tables: dict[str, pa.Table] = {}
    for table in demo.truth.counts():
        names = [f"{source}_{table}" for source in READERS if f"{source}_{table}" in normalized]
        made, facts[table] = run(getattr(validate, table), {name: normalized[name] for name in names})
        tables |= made
    accepted = {name: table for name, table in tables.items() if not name.endswith("_quarantine")}
    return Result(demo.truth, facts, tables | run(merge.daily, accepted)[0])


def run(stage: Any, inputs: Any) -> tuple[dict[str, pa.Table], Any]:
    """A stage's tables, their chunks put together, and its facts."""
    chunks: dict[str, list[pa.Table]] = {}
    outputs: Generator[tuple[str, pa.Table], None, Any] = stage(inputs, CONFIG)
    while True:
        try:
            name, chunk = next(outputs)
        except StopIteration as end:
            return {name: pa.concat_tables(parts) for name, parts in chunks.items()}, end.value
        chunks.setdefault(name, []).append(chunk)


def snapshot(raw: Path, source: str) -> Snapshot:
    """The files of one source as ingest would list them."""
    folder = raw / source
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [
        RawFile(path.relative_to(folder).as_posix(), hashlib.sha256(data).hexdigest(), len(data), path)
        for path in paths
        for data in [path.read_bytes()]
    ]
    return Snapshot(source, tuple(files))


def test_counts_are_those_of_the_truth(result: Result) -> None:
    names = ("read", "accepted", "superseded", "quarantined")
    assert {
        table: {name: facts[name] for name in names} for table, facts in result.facts.items()
    } == result.truth.counts()


def test_the_accepted_rows_are_those_of_the_truth(result: Result) -> None:
    """Row by row: the file and its line, the local date, and the instant where there is one."""
    for table in result.facts:
        if table != "unreadable":
            wanted = {
                (row.source, row.file, row.row, row.kind, row.date, row.instant)
                for row in result.truth.of(table, fate="accepted")
            }
            rows = result.tables[table].to_pylist()
            got = {
                (
                    row["source"], row["file"], row["row"], row["kind"], row["local_date"],
                    None if row["kind"] in ("daily", "night") else int(row["instant_utc"].timestamp()),
                )
                for row in rows
                if row["item"] == 0
            }  # fmt: skip
            assert got == wanted, table


def test_rows_set_aside_are_those_of_the_truth(result: Result) -> None:
    """With the rule that they break, and a sentence for a person."""
    for table in result.facts:
        rows = result.tables[f"{table}_quarantine"].to_pylist()
        wanted = {(row.file, row.row, row.rule) for row in result.truth.of(table, fate="quarantined")}
        assert {(row["file"], row["row"], row["problem"]) for row in rows} == wanted, table
        assert all(row["problem_sentence"] for row in rows)


def test_every_number_of_every_day_is_that_of_the_truth(result: Result) -> None:
    wanted = result.truth.daily()
    rows = {row["date"]: row for row in result.tables["daily_metrics"].to_pylist()}
    assert list(rows) == list(wanted)
    wrong = [
        (day, column, rows[day][column], value)
        for day, values in wanted.items()
        for column, value in values.items()
        if rows[day][column] != (pytest.approx(value) if isinstance(value, float) else value)
    ]
    assert wrong == [], "date, column, what the stages give, what is true"
