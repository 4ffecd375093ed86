"""Mi Fitness exports: a row that cannot be read is set aside with its place, the cell and a sentence."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mi_export import (
    DAILY,
    DAY,
    PREFIX,
    SAMPLES,
    SPORTS,
    csv_text,
    daily,
    has,
    hours,
    put,
    report,
    run,
    sample,
    samples,
)

HEART = {"avg_hr": 70, "min_hr": 60, "max_hr": 120}
JAN_1 = date(2026, 1, 1)


@pytest.mark.parametrize(
    ("value", "rule", "cell"),
    [
        ('{"avg_hr":70,"min_hr"', "json", "Value"),
        ("", "json", "Value"),
        ("[70]", "json", "Value"),
        ("null", "json", "Value"),
        ('{"avg_hr":70,"avg_hr":71}', "json", "Value"),
        ('{"avg_hr":NaN}', "json", "Value"),
        ('{"avg_hr":Infinity}', "json", "Value"),
        ('{"avg_hr":' + "9" * 5000 + "}", "json", "Value"),
        ("[" * 100_000, "json", "Value"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "json", "Value"),
        ('{"avg_hr":1e999}', "wrong_type", "avg_hr"),
        ('{"avg_hr":9999999999999}', "wrong_type", "avg_hr"),
        ('{"avg_hr":70,"min_hr":true}', "wrong_type", "min_hr"),
        ('{"avg_hr":70,"avg_rhr":[60]}', "wrong_type", "avg_rhr"),
        ('{"avg_hr":"seventy"}', "wrong_type", "avg_hr"),
    ],
)
def test_a_value_that_cannot_be_read_is_set_aside(tmp_path: Path, value: str, rule: str, cell: str) -> None:
    """T7: the row keeps its place, its day and what stood there; the rows around it are read."""
    good = report("heart_rate", HEART, DAY + 86400)
    result = daily(tmp_path, report("heart_rate", value), good)
    bad, read = result.rows("heart_rate")
    has(bad, row=2, problem=rule, problem_cell=cell, avg_hr=None, kind="daily", local_date=JAN_1)
    assert bad["problem_text"] in (value[:200], json.dumps(bad["problem_text"])[1:-1]) or rule == "wrong_type"
    assert bad["problem_sentence"].endswith("; export it again")
    has(read, row=3, avg_hr=70, problem=None)
    has(result.facts, rows=2, routed=2)


def test_a_number_written_as_text_is_a_number(tmp_path: Path) -> None:
    """Nothing but plain digits is taken for one."""
    result = samples(
        tmp_path, *(sample("heart_rate", DAY, {"bpm": bpm}) for bpm in ("70", "70.5", "7e1", " 70", "0x46"))
    )
    assert [row["bpm"] for row in result.rows("heart_rate", problem=None)] == [70, 70.5]
    assert [row["problem_text"] for row in result.rows("heart_rate", bpm=None)] == ["7e1", " 70", "0x46"]


@pytest.mark.parametrize(
    ("row", "table", "rule", "cell"),
    [
        (sample("heart_rate", DAY, {"beats": 70}), "heart_rate", "missing_value", "bpm"),
        (
            sample("blood_pressure", DAY, {"systolic_pressure": 130}),
            "blood_pressure",
            "missing_value",
            "diastolic_pressure",
        ),
        (sample("steps", DAY, {"steps": 1.5}), "steps", "wrong_type", "steps"),
        (sample("heart_rate", "2026-01-01", {"bpm": 70}), "heart_rate", "time", "Time"),
        (sample("heart_rate", "1.76E+09", {"bpm": 70}), "heart_rate", "time", "Time"),
        (sample("sleep", DAY, {**hours(DAY, 60), "items": "[]"}), "sleep", "wrong_type", "items"),
        (sample("sleep", DAY, {**hours(DAY * 1000, 60)}), "sleep", "wrong_type", "bedtime"),
        (sample("", DAY, {"bpm": 70}), "unreadable", "no_key", "Key"),
    ],
)
def test_each_unreadable_row_stands_in_its_table(
    tmp_path: Path, row: dict[str, Any], table: str, rule: str, cell: str
) -> None:  # fmt: skip
    """With a rule, the cell at fault, what stood there, and a sentence."""
    found = samples(tmp_path, row).row(table)
    has(found, row=2, problem=rule, problem_cell=cell)
    assert found["problem_text"] and found["problem_sentence"]


def test_a_time_out_of_bounds_is_left_to_the_checks(tmp_path: Path) -> None:
    """Milliseconds, say: the row has no instant and no day, and keeps its stamp."""
    row = samples(tmp_path, sample("heart_rate", DAY * 1000, {"bpm": 70})).row("heart_rate")
    has(row, record_time=DAY * 1000, instant_utc=None, local_date=None, utc_offset_s=None, bpm=70, problem=None)


def test_a_bad_segment_does_not_take_its_night_along(tmp_path: Path) -> None:
    """It is a row of its own with a problem; the night says that its sum is not whole."""
    night = {"total_duration": 400, "segment_details": [hours(DAY, 300), {**hours(DAY, 100), "duration": "long"}, 7]}
    rows = daily(tmp_path, report("sleep", night)).rows("sleep")
    assert [(r["item"], r["problem"], r["problem_cell"]) for r in rows] == [
        (0, None, None), (1, None, None), (2, "wrong_type", "duration"), (3, "wrong_type", "segment_details"),
    ]  # fmt: skip
    assert rows[0]["flags"] == "sleep_total_differs"


def test_rows_with_too_many_or_too_few_cells_are_set_aside(tmp_path: Path) -> None:
    """JSON that nobody quoted, or a file cut in a row; commas after the last cell do no harm."""
    text = csv_text(SAMPLES, [sample("heart_rate", DAY, {"bpm": 70})])
    text += f'1,default,heart_rate,{DAY},{{"time":1,"bpm":70}},1\n1,default,heart_rate\n1\n'
    text += csv_text(SAMPLES, [sample("heart_rate", DAY + 1, {"bpm": 71})]).splitlines()[1] + ",,\n"
    (tmp_path / f"{PREFIX}{SAMPLES}.csv").write_text(text)
    result = run(tmp_path)
    assert [(r["row"], r["bpm"], r["problem"]) for r in result.rows("heart_rate")] == [
        (2, 70, None), (3, None, "cells"), (4, None, "cells"), (6, 71, None),
    ]  # fmt: skip
    has(result.row("unreadable"), row=5, problem="cells", problem_text="1")
    assert result.rows("heart_rate")[1]["problem_sentence"].startswith("the row has 7 cells where the header has 6")


def test_unknown_keys_cannot_flood_the_facts(tmp_path: Path) -> None:
    """Two hundred are counted by name, what is no name or comes after them together."""
    rows = [sample(f"key_{n}", DAY, {}) for n in range(300)] + [sample("a person's <name>", DAY, {})]
    other = samples(tmp_path, *rows).facts["other_keys"]
    assert len(other) == 201 and other["(other)"] == 101


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["bpm", "avg_hr", "duration", "total_duration", "segment_details", "items", "bedtime", "wake_up_time", "timezone",
         "start_time", "end_time", "state", "latest_hr", "time", "dbTime", "steps"]), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["heart_rate", "sleep", "watch_night_sleep", "steps"]), JSON | st.text()), max_size=8
    )
)
def test_no_value_makes_the_reader_fail(tmp_path: Path, values: list[tuple[str, Any]]) -> None:
    """Each row ends up in a table or in a count."""
    put(tmp_path, SAMPLES, [sample(key, DAY, value) for key, value in values])
    put(tmp_path, DAILY, [report(key, value) for key, value in values])
    put(tmp_path, SPORTS, [sample(key, DAY, value) for key, value in values])
    facts = run(tmp_path).facts
    assert facts["rows"] == 3 * len(values)
