"""Mi Fitness exports: what becomes of a night, its segments and their items."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.mi_export import (
    DAY,
    SAMPLES,
    daily,
    has,
    hours,
    put,
    report,
    run,
    sample,
    samples,
)

JAN_1 = date(2026, 1, 1)


def test_a_night_and_its_parts(tmp_path: Path) -> None:
    """The report is item 0, its segments follow with their own times, all on the labelled date."""
    bed = DAY - 7200
    long = hours(
        bed, 400, sleep_deep_duration=90, sleep_light_duration=250, sleep_rem_duration=60, sleep_awake_duration=0
    )
    nap = hours(DAY + 43200, 30, sleep_deep_duration=0, sleep_light_duration=0, sleep_awake_duration=0)
    total = {"total_duration": 430, "sleep_deep_duration": 90, "sleep_light_duration": 250, "sleep_rem_duration": 60}
    rows = daily(tmp_path, report("sleep", {**total, "sleep_score": 81, "segment_details": [nap, long]})).rows("sleep")
    assert [(r["item"], r["kind"], r["duration_min"], r["local_date"]) for r in rows] == [
        (0, "night", 430, JAN_1), (1, "segment", 30, JAN_1), (2, "segment", 400, JAN_1),
    ]  # fmt: skip
    has(rows[0], deep_min=90, light_min=250, rem_min=60, score=81, bedtime_utc=None, flags="", offset_source="row")
    has(rows[1], deep_min=None, light_min=None, rem_min=None, awake_min=None)
    has(rows[2], deep_min=90, awake_min=0, instant_utc=rows[2]["bedtime_utc"], utc_offset_s=3600, offset_source="row")
    assert rows[2]["wake_utc"].timestamp() - rows[2]["bedtime_utc"].timestamp() == 400 * 60


@pytest.mark.parametrize(
    ("night", "flags"),
    [
        ({"total_duration": 230}, "short_night"),
        ({"total_duration": 400, "segment_details": [hours(DAY, 300)]}, "sleep_total_differs"),
        ({"total_duration": 0, "segment_details": [hours(DAY, 300)]}, "sleep_total_missing"),
        ({"total_duration": 300, "avg_hr": 0, "avg_spo2": 0}, "sentinel_avg_hr;sentinel_avg_spo2"),
    ],
)
def test_what_is_odd_about_a_night_is_a_flag(tmp_path: Path, night: dict[str, Any], flags: str) -> None:
    """T6: a short night is kept, and so is one whose sums do not agree."""
    has(daily(tmp_path, report("sleep", night)).row("sleep", kind="night"), flags=flags, problem=None)


def test_a_segment_whose_span_differs_is_a_flag(tmp_path: Path) -> None:
    """Time in bed should be sleep and wakefulness together."""
    rows = [
        sample("sleep", DAY + 3600 * n, hours(DAY, 60, sleep_awake_duration=awake, sleep_light_duration=60))
        for n, awake in enumerate((0, 9))
    ]
    assert [row["flags"] for row in samples(tmp_path, *rows).rows("sleep")] == ["", "sleep_span_differs"]


def items(*states: int, start: int = DAY) -> list[dict[str, int]]:
    """Ten minutes of each state."""
    return [
        {"start_time": start + 600 * n, "end_time": start + 600 * (n + 1), "state": s} for n, s in enumerate(states)
    ]


def test_stage_codes_count_only_where_their_sums_agree(tmp_path: Path) -> None:
    """2 deep, 3 light, 4 REM, 5 awake; declared durations win, and a difference is a flag."""
    declared = {
        "sleep_deep_duration": 10,
        "sleep_light_duration": 20,
        "sleep_rem_duration": 10,
        "sleep_awake_duration": 10,
    }
    segment = {**hours(DAY, 40, **declared), "wake_up_time": DAY + 3000}
    result = samples(
        tmp_path,
        sample("sleep", DAY + 3000, {**segment, "items": items(3, 2, 3, 4, 5)}),
        sample("sleep", DAY + 3001, {**segment, "items": items(2, 3, 2, 4, 5)}),
    )
    agree, differ = result.rows("sleep")
    for row, flags in ((agree, ""), (differ, "stages_disagree")):
        has(row, deep_min=10, light_min=20, rem_min=10, awake_min=10, duration_min=40, flags=flags)


def test_sleep_of_a_watch_is_made_of_its_items(tmp_path: Path) -> None:
    """Bedtime, duration and end are 0 there, and Time labels the date."""
    start = DAY - 3600
    value = {"bedtime": 0, "wake_up_time": 0, "duration": 0, "items": items(3, 2, 5, 3, start=start), "timezone": 4}
    row = samples(tmp_path, sample("watch_night_sleep", DAY, value)).row("sleep")
    has(row, kind="segment", duration_min=30, deep_min=10, light_min=20, rem_min=None, awake_min=10, local_date=JAN_1)
    has(row, bedtime_utc=datetime(2025, 12, 31, 23, tzinfo=UTC), flags="stages_from_items")
    has(row, wake_utc=datetime(2025, 12, 31, 23, 40, tzinfo=UTC), record="watch_night_sleep")


def test_a_single_segment_counts_for_the_day_it_ends_on(tmp_path: Path) -> None:
    """Local time, and also where a day is said to begin at four: so do the device's own reports."""
    put(tmp_path, SAMPLES, [sample("sleep", DAY + 3600, hours(DAY - 7200, 180))])
    has(run(tmp_path, day_starts_at=4).row("sleep"), local_date=JAN_1, offset_source="row")
