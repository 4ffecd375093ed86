"""The whole pipeline, file to day: the same facts give the same bytes, however exports repeat, shuffle or cut them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.mi_export import DAILY, DAY, PREFIX, SAMPLES, csv_text, hours, report, sample
from tests.pipeline import TABLES, Result, run

Row = dict[str, Any]
Files = dict[str, str | bytes]

LATER = PREFIX.replace("20260301", "20260302")  # of an export of the day after
LENIENT = {"checks": {"max_quarantined_share": 1}}
WHERE = ["file", "row", "exported_on"]
SIDS = st.sampled_from(["default", "band", "phone"])
MINUTES = st.integers(0, 3 * 48).map(lambda n: DAY + 1800 * n)
DATES = st.integers(0, 2).map(lambda n: DAY + 86_400 * n)
REVISIONS = st.integers(1, 2).map(lambda n: DAY + n)


def told(kind: str, time: int, revision: int, sid: str, value: int) -> Row:
    """A row of an export: a report (of `time`'s date) or a sample, whole, impossible or broken as `value` says."""
    label = time // 86_400 * 86_400
    cells = {"Sid": sid}
    if kind == "sleep":
        parts = [hours(label - 7200, value), hours(label + 50_000, 30)]
        return report(kind, {"total_duration": value + 30, "segment_details": parts}, label, revision, **cells)
    if kind == "daily":
        return report("heart_rate", {"avg_hr": value, "min_hr": value - 9, "max_hr": 255}, label, revision, **cells)
    if kind == "broken":
        return sample("heart_rate", time, '{"bpm": 6', revision, **cells)
    field = {"steps": "steps", "spo2": "spo2", "single_stress": "stress", "weight": "weight"}.get(kind, "bpm")
    return sample(kind, time, {field: value}, revision, **cells)


KINDS = ["sleep", "daily", "broken", "heart_rate", "single_heart_rate", "resting_heart_rate", "steps", "spo2", "weight"]
ROWS = st.lists(
    st.builds(told, st.sampled_from(KINDS), MINUTES | DATES, REVISIONS, SIDS, st.sampled_from([15, 60, 96, 99])),
    max_size=30,
    unique_by=lambda row: (row.get("Tag"), row["Key"], row["Time"], row["Sid"], row["UpdateTime"]),
)
LOG = st.lists(
    st.tuples(DATES, st.integers(0, 95), st.sampled_from([35, 120, 131]), st.sampled_from(["60", "", "7x"])),
    max_size=8,
    unique_by=lambda line: line[:2],
)


def mi_files(rows: list[Row], prefix: str = PREFIX) -> Files:
    """`rows` as the two files of an export."""
    tagged = {DAILY: [row for row in rows if "Tag" in row], SAMPLES: [row for row in rows if "Tag" not in row]}
    return {f"{prefix}{table}.csv": csv_text(table, each) for table, each in tagged.items()}


def sheet(log: list[tuple[int, int, int, str]]) -> str:
    lines = (
        f"{date // 86_400 + 25_569},{quarter // 4}:{15 * (quarter % 4):02},{systolic},80,{pulse}"
        for date, quarter, systolic, pulse in log
    )
    return "\n".join(["Date,Time,SYS,DIA,Pulse", *lines, ""])


def piped(mi_band: Files, google_sheets: Files) -> Result:
    """The tables; `run` asserts of every one that read = accepted + superseded + quarantined."""
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), {"google_sheets": google_sheets, "mi_band": mi_band}, **LENIENT)


def stored(table: pa.Table) -> bytes:
    """What the table is as bytes, nulls and all."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def same(one: Result, two: Result, *without: str) -> None:
    """The accepted tables but for the columns `without`, and the days, byte for byte."""
    assert stored(one.tables["daily_metrics"]) == stored(two.tables["daily_metrics"])
    for name in TABLES:
        first, second = (result.tables[name].drop_columns(list(without)) for result in (one, two))
        if without:  # rows of one instant lie in the order of their places
            first, second = (
                each.sort_by([(key, "ascending") for key in each.column_names]) for each in (first, second)
            )
        assert stored(first) == stored(second), name


@settings(max_examples=8, phases=[Phase.generate])
@given(ROWS, LOG, st.randoms(use_true_random=False))
def test_repeats_shuffles_and_cuts_change_nothing(rows: list[Row], log: list[Any], chance: Any) -> None:
    """Doubled inputs leave accepted tables and days as they are; shuffled or cut ones leave all but a row's place."""
    once = piped(mi_files(rows), {"bp.csv": sheet(log)})
    twice = piped(
        mi_files(rows) | mi_files([*rows, *rows], LATER),
        {"bp.csv": sheet(log), "bp 2.csv": sheet(log) + "\n"},
    )
    same(once, twice)
    mixed, lines = rows[:], log[:]
    chance.shuffle(mixed)
    chance.shuffle(lines)
    same(once, piped(mi_files(mixed), {"bp.csv": sheet(lines)}), *WHERE)
    half, part = len(rows) // 2, len(log) // 3
    cut = piped(
        mi_files(mixed[:half]) | mi_files(mixed[half:], f"part 2/{PREFIX}"),
        {"bp.csv": sheet(lines[part:]), "old.csv": sheet(lines[:part])},
    )
    same(once, cut, *WHERE)
