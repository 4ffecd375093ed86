"""Every number of the demo, down to the readings that its generator wrote."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pdp.demo import generate, write
from pdp.errors import PdpError
from pdp.look import trace
from stages import explain, schemas
from tests import warm
from tests.checkout import CONFIGS, copy_pipeline
from tests.project import PATIENCE_S
from tests.test_demo_pipeline import CONFIG, READERS, run, snapshot

ROOT = Path(__file__).parent.parent
COLUMNS = [name for name in schemas.DAILY_METRICS.names if name not in ("date", "flags")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, pa.Table]]:
    """The demo's truth, and every table that the stages make of its files."""
    import importlib

    made, raw = generate(), tmp_path_factory.mktemp("raw")
    write(made, raw)
    validate, merge = importlib.import_module("stages.validate"), importlib.import_module("stages.merge")
    tables: dict[str, pa.Table] = {}
    for source, module in READERS.items():
        tables |= run(importlib.import_module(module).read, {source: snapshot(raw, source)})[0]
    read = dict(tables)
    for table in made.truth.counts():
        names = [f"{source}_{table}" for source in READERS if f"{source}_{table}" in read]
        tables |= run(getattr(validate, table), {name: read[name] for name in names})[0]
    accepted = ("blood_pressure", "heart_rate", "sleep", "steps", "spo2", "stress", "weight")
    tables |= run(merge.daily, {name: tables[name] for name in accepted})[0]
    return made.truth, tables


def test_every_cell_adds_up_to_the_readings_that_were_written(demo: tuple[Any, dict[str, pa.Table]]) -> None:
    """Value, file and row: the explanation of each cell is the generator's own."""
    truth, tables = demo
    daily, expected = tables["daily_metrics"].to_pylist(), truth.daily()
    assert len(daily) == len(expected) == 180
    cells = 0
    for row in daily:
        day: date = row["date"]
        for column in COLUMNS:
            found = explain.cell(day, column, tables, CONFIG)
            want = expected[day][column]
            places = sorted({(one["file"], one["row"]) for one in found["readings"]})
            if want is None:
                assert found["value"] is None and row[column] is None, (day, column)
            else:
                assert math.isclose(found["value"], want, rel_tol=1e-12), (day, column)
                assert math.isclose(row[column], want, rel_tol=1e-12), (day, column)
            assert places == truth.cell(day, column), (day, column)
            cells += 1
    assert cells == 180 * len(COLUMNS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of the demo, built by doit."""
    folder = tmp_path_factory.mktemp("built")
    copy_pipeline(folder, *CONFIGS)
    write(generate(days=30), folder / "data-demo" / "raw")
    assert command(folder, "-m", "doit").returncode == 0
    return folder


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("PDP_")}
    return warm.run([sys.executable, *words], folder, env, PATIENCE_S)


def test_trace_names_formula_version_file_and_row(built: Path) -> None:
    done = command(built, "-m", "pdp", "trace", "2025-09-02", "systolic", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["artifact"] == "daily_metrics@v1"
    assert found["stage"] == "merge"
    assert found["formula"].startswith("mean of 2 session means")
    for reading in found["readings"]:
        raw = (built / "data-demo/raw" / reading["source"] / reading["file"]).read_bytes()
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        assert str(int(reading["systolic"])) in text.splitlines()[reading["row"] - 1]


def test_what_was_set_aside_lies_beside_its_day(built: Path) -> None:
    """A quarantined reading is shown on its day with the sentence that set it aside, wherever the day is known."""
    import pyarrow.parquet as pq

    aside = pq.ParquetFile(built / "data-demo/quarantine/blood_pressure.parquet").read().to_pylist()
    dated = [row for row in aside if row["local_date"] is not None]
    assert dated
    for row in dated:
        done = command(built, "-m", "pdp", "trace", row["local_date"].isoformat(), "systolic")
        assert f"set aside: {row['problem_sentence']}" in done.stdout


def test_a_wrong_question_gets_one_sentence(built: Path) -> None:
    """A guess for a column, the range for a date; no traceback."""
    for words, sentence in {
        ("2025-09-02", "systolik"): "did you mean systolic?",
        ("2020-01-01", "systolic"): "the days go from 2025-09-01",
        ("yesterday", "systolic"): "write it like 2025-09-01",
    }.items():
        done = command(built, "-m", "pdp", "trace", *words)
        assert done.returncode != 0
        assert sentence in done.stderr and "Traceback" not in done.stderr


def test_a_day_is_asked_for_where_there_is_none() -> None:
    """Exports without a single row are no error, and give a table of no days."""
    days = pa.table({"date": pa.array([], pa.date32()), "steps": pa.array([], pa.int64())})
    with pytest.raises(PdpError, match="there is no row for 2025-09-01; no day has data yet"):
        trace._value(days, date(2025, 9, 1), "steps")


def test_every_column_of_a_day_can_be_traced(built: Path) -> None:
    """Nulls and flags too: an empty cell says why it is empty."""
    for column in [name for name in schemas.DAILY_METRICS.names if name != "date"]:
        done = command(built, "-m", "pdp", "trace", "2025-09-03", column)
        assert done.returncode == 0, (column, done.stderr)
        assert done.stdout.startswith(f"{column} of 2025-09-03: ")
