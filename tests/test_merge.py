"""Readings, reports and samples -> a day: what counts, what is computed, and what stays null."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages import merge, schemas
from tests.pipeline import TABLES, configured, drain, rows_of

DAY = 86_400
LABEL = 20_454 * DAY  # 2026-01-01
JAN_1, JAN_2 = date(2026, 1, 1), date(2026, 1, 2)

Row = dict[str, Any]


def days(settings: Row | None = None, **tables: list[Row]) -> list[Row]:
    """The merged rows of `tables`, taken as validated."""
    inputs = {name: getattr(schemas, name.upper()).empty() for name in TABLES}
    for name, rows in tables.items():
        inputs[name] = getattr(schemas, name.upper()).conform(rows_of(name, *rows).sort_by("instant_utc"))
    outputs, _ = drain(merge.daily(inputs, configured(**settings or {})))
    assert outputs["daily_metrics"].schema == schemas.DAILY_METRICS.arrow()
    return outputs["daily_metrics"].to_pylist()


def day(settings: Row | None = None, **tables: list[Row]) -> Row:
    (only,) = days(settings, **tables)
    return only


def has(found: Row, /, **expected: Any) -> None:
    assert {name: found[name] for name in expected} == expected


def reading(clock: str | None, systolic: float, diastolic: float = 80, pulse: float | None = 60, on: int = 0) -> Row:
    """A reading of 2026-01-01 (`on` days later) at a local clock an hour ahead of UTC; None is a date alone."""
    hour, minute = map(int, (clock or "0:00").split(":"))
    at = LABEL + on * DAY + hour * 3600 + minute * 60 - 3600
    values = {"systolic": systolic, "diastolic": diastolic, "pulse": pulse, "time_known": clock is not None}
    return {
        "at": at,
        "local_date": LABEL // DAY + on,
        "utc_offset_s": 3600,
        "kind": "reading",
        "record": "sheet",
        **values,
    }


def report(**values: Any) -> Row:
    return {"at": LABEL, "kind": "daily", "record": "daily_report"} | values


def beats(*bpm: float, record: str = "heart_rate", start: int = LABEL + 3600, flags: str = "") -> list[Row]:
    return [{"at": start + 60 * n, "bpm": each, "record": record, "flags": flags} for n, each in enumerate(bpm)]


def night(total: float, *segments: float, row: int = 2, at: int = LABEL, flags: str = "", **values: Any) -> list[Row]:
    common = {"at": at, "record": "daily_report", "row": row}
    parts = [
        {**common, "item": item, "kind": "segment", "duration_min": minutes, "flags": f"segment_{item}"}
        for item, minutes in enumerate(segments, start=1)
    ]
    return [{**common, "kind": "night", "duration_min": total, "flags": flags, **values}, *parts]


def stretch(minutes: float, deep: float | None = None, at: int = LABEL, **values: Any) -> Row:
    return {"at": at, "record": "sleep", "kind": "segment", "duration_min": minutes, "deep_min": deep, **values}


# ---- blood pressure


def test_a_day_is_the_mean_of_its_sessions() -> None:
    """T14: 150 and 140 in the morning, 120 in the evening: 132.5, not 136.67."""
    merged = day(blood_pressure=[reading("7:00", 150, 90, 70), reading("7:05", 140, 80), reading("19:00", 120, 70)])
    has(merged, systolic=132.5, diastolic=77.5, pulse=62.5, bp_readings=3, bp_sessions=2, has_bp=True)
    has(merged, systolic_am=145, diastolic_am=85, pulse_am=65, systolic_pm=120, diastolic_pm=70, pulse_pm=60)


@pytest.mark.parametrize(
    ("clocks", "sessions"),
    [
        (["7:00", "7:15"], 1),
        (["7:00", "7:16"], 2),
        (["7:00", "7:15", "7:30", "7:45"], 1),
        (["7:30", "7:00", "7:15"], 1),
        (["7:00", "7:00"], 1),
        ([None, None], 1),
        ([None, "0:05"], 2),
    ],
)
def test_readings_at_most_a_quarter_of_an_hour_apart_are_a_session(clocks: list[str | None], sessions: int) -> None:
    """Counted from the reading before, in order of time; dates without a time are a session of their own."""
    merged = day(blood_pressure=[reading(clock, 130) for clock in clocks])
    has(merged, bp_readings=len(clocks), bp_sessions=sessions)


def test_a_second_more_than_a_quarter_of_an_hour_is_another_session() -> None:
    """Seconds count where the cuff tells them."""
    first = reading("7:00", 130)
    for gap, sessions in ((900, 1), (901, 2)):
        has(day(blood_pressure=[first, first | {"at": first["at"] + gap}]), bp_sessions=sessions)


def test_the_gap_is_set_in_the_config() -> None:
    """`[blood_pressure] session_gap_min`."""
    readings = [reading("7:00", 130), reading("7:10", 120)]
    has(day({"blood_pressure": {"session_gap_min": 5}}, blood_pressure=readings), bp_sessions=2)


def test_a_session_ends_with_its_day() -> None:
    """Readings around midnight count for their dates."""
    merged = days(blood_pressure=[reading("23:55", 150), reading("0:05", 130, on=1)])
    assert [(row["systolic"], row["bp_sessions"]) for row in merged] == [(150, 1), (130, 1)]


def test_a_session_without_a_pulse_takes_no_part_in_the_mean_pulse() -> None:
    """T11: nor does a reading in its session; with none at all the pulse is null."""
    readings = [reading("7:00", 130, pulse=None), reading("7:05", 130, pulse=70), reading("19:00", 130, pulse=None)]
    has(day(blood_pressure=readings), pulse=70, pulse_am=70, pulse_pm=None)
    has(day(blood_pressure=[reading("7:00", 130, pulse=None)]), systolic=130, pulse=None, has_bp=True)


def test_the_start_of_a_session_says_whether_it_is_of_the_morning() -> None:
    """Up to `evening_from_hour` by the local clock; a date without a time is of neither."""
    merged = day(blood_pressure=[reading("11:55", 130), reading("12:05", 150)])
    has(merged, systolic_am=140, systolic_pm=None)
    has(day(blood_pressure=[reading("12:00", 130)]), systolic_am=None, systolic_pm=130)
    evening = {"blood_pressure": {"evening_from_hour": 15}}
    has(day(evening, blood_pressure=[reading("14:59", 130)]), systolic_am=130, systolic_pm=None)
    has(day(blood_pressure=[reading(None, 130)]), systolic=130, systolic_am=None, systolic_pm=None)


def test_after_midnight_is_the_evening_of_the_day_it_counts_for() -> None:
    """T18: with days that begin at four, 00:20 belongs to the evening before; 04:00 is the next morning."""
    late = reading("0:20", 130, on=1) | {"local_date": LABEL // DAY}
    has(day({"day_starts_at": 4}, blood_pressure=[late]), date=JAN_1, systolic_am=None, systolic_pm=130)
    has(day({"day_starts_at": 4}, blood_pressure=[reading("4:00", 130)]), systolic_am=130, systolic_pm=None)


# ---- heart rate


def test_the_devices_report_counts() -> None:
    """Its values are the day's, whatever the samples say; these are counted."""
    merged = day(heart_rate=[report(avg_hr=70, min_hr=52, max_hr=150, resting_hr=58), *beats(90, 100)])
    has(merged, avg_hr=70, min_hr=52, max_hr=150, resting_hr=58, hr_samples=2, has_hr=True)


def test_without_a_report_the_samples_count() -> None:
    """T2: mean, least and greatest of the day's samples, spot measurements among them."""
    rows = [*beats(60, 70, 80), *beats(110, record="single_heart_rate", start=LABEL + 7200)]
    has(day(heart_rate=rows), avg_hr=80, min_hr=60, max_hr=110, resting_hr=None, hr_samples=4, has_hr=True, flags="")


def test_a_report_is_not_completed_from_samples() -> None:
    """T20: a day with an average and no minimum has no minimum."""
    has(day(heart_rate=[report(avg_hr=70), *beats(50, 90)]), avg_hr=70, min_hr=None, max_hr=None, has_hr=True)


def test_a_report_without_a_heart_rate_is_no_report() -> None:
    """T1, T8: where nothing but sentinels stood, or a resting heart rate alone, the samples count."""
    rows = [report(resting_hr=55, flags="sentinel_avg_hr"), *beats(60, 80)]
    has(day(heart_rate=rows), avg_hr=70, resting_hr=55, has_hr=True, flags="sentinel_avg_hr")


def test_spot_measurements_alone_are_no_heart_rate_of_the_day() -> None:
    """They are counted and flagged."""
    merged = day(heart_rate=beats(60, 80, record="single_heart_rate"))
    has(merged, avg_hr=None, min_hr=None, max_hr=None, hr_samples=2, has_hr=False, flags="spot_hr_only")


def test_the_resting_heart_rate_of_the_report_comes_first() -> None:
    """Else the one of a row of its own, which alone makes no heart rate of the day."""
    row = report(record="resting_heart_rate", resting_hr=50)
    has(day(heart_rate=[row, report(avg_hr=70, resting_hr=58)]), resting_hr=58)
    has(day(heart_rate=[row, report(avg_hr=70)]), resting_hr=50, avg_hr=70)
    has(day(heart_rate=[row]), resting_hr=50, has_hr=False)


# ---- sleep


def test_main_sleep_and_naps_are_kept_apart() -> None:
    """Main is the longest segment, naps the rest of what the export says, whichever segment comes first."""
    merged = day(sleep=night(470, 20, 400, 50, deep_min=90, light_min=300, rem_min=10, awake_min=12, score=80))
    has(merged, sleep_total_min=470, sleep_main_min=400, sleep_nap_min=70, sleep_score=80, has_sleep=True)
    has(merged, sleep_deep_min=90, sleep_light_min=300, sleep_rem_min=10, sleep_awake_min=12)
    assert merged["flags"] == "segment_1;segment_2;segment_3"


def test_what_a_report_lacks_is_null() -> None:
    """T3, T20: no REM, no score, no segments: the night counts."""
    merged = day(sleep=night(410))
    has(merged, sleep_total_min=410, sleep_rem_min=None, sleep_score=None, sleep_main_min=None, sleep_nap_min=None)
    has(merged, has_sleep=True)


def test_without_naps_their_minutes_are_zero() -> None:
    """That there was none is known."""
    has(day(sleep=night(400, 400)), sleep_nap_min=0)


def test_parts_that_cannot_be_right_leave_main_and_naps_unknown() -> None:
    """A segment longer than the total leaves no nap; a segment set aside might have been the longest."""
    has(day(sleep=night(300, 400)), sleep_main_min=400, sleep_nap_min=None)
    has(
        day(sleep=night(400, 100, flags="part_quarantined")),
        sleep_total_min=400,
        sleep_main_min=None,
        sleep_nap_min=None,
    )


def test_segments_go_with_their_report() -> None:
    """They count for the report's date, even if their own is another, and not twice beside raw rows of that date."""
    rows = night(400, 400)
    rows[1]["local_date"] = LABEL // DAY + 1
    merged = days(sleep=[*rows, stretch(400, 90, row=9)])
    assert [(row["sleep_main_min"], row["sleep_total_min"]) for row in merged] == [(400, 400), (None, None)]


def test_a_date_without_a_report_takes_stretches_with_stages() -> None:
    """Their sum, the longest as main sleep, stages summed where they are told; no score."""
    rows = [
        *night(400, row=2),
        stretch(300, 80, at=LABEL + DAY, row=3),
        stretch(60, 0, light_min=60, at=LABEL + DAY + 60, row=4),
    ]
    _, merged = days(sleep=rows)
    has(merged, date=JAN_2, sleep_total_min=360, sleep_main_min=300, sleep_nap_min=60, sleep_score=None)
    has(merged, sleep_deep_min=80, sleep_light_min=60, sleep_rem_min=None, has_sleep=True)


def test_stretches_that_no_report_confirms_do_not_count() -> None:
    """Without stages they are flagged where the source writes reports, and count where it writes none."""
    _, merged = days(sleep=[*night(400), stretch(84, at=LABEL + DAY, row=3)])
    has(merged, sleep_total_min=None, has_sleep=False, flags="unconfirmed_sleep")
    has(day(sleep=[stretch(84)]), sleep_total_min=84, sleep_main_min=84, has_sleep=True, flags="")


def test_one_source_does_not_speak_for_another() -> None:
    """Reports of one source say nothing about the stretches of another."""
    _, merged = days(sleep=[*night(400), stretch(84, at=LABEL + DAY, row=3, source="b")])
    has(merged, sleep_total_min=84, flags="")


# ---- the other tables


def test_steps_oxygen_stress_and_weight() -> None:
    """The report, else the sum of the steps and the mean of all else; weight is the mean of the day's weighings."""
    merged = day(
        steps=[report(steps=9000), *({"at": LABEL + 60 * n, "steps": 10} for n in range(3))],
        spo2=[report(avg_spo2=96), {"at": LABEL + 60, "spo2": 90}],
        stress=[report(avg_stress=30), {"at": LABEL + 60, "stress": 90}],
        weight=[{"at": LABEL + 60, "weight_kg": 80}, {"at": LABEL + 120, "weight_kg": 81}],
    )
    has(merged, steps=9000, avg_spo2=96, avg_stress=30, weight_kg=80.5)
    merged = day(
        steps=[{"at": LABEL + 60 * n, "steps": 10} for n in range(3)],
        spo2=[report(min_spo2=90), {"at": LABEL + 60, "spo2": 95}, {"at": LABEL + 120, "spo2": 98}],
        stress=[{"at": LABEL + 60, "stress": 0}],
    )
    has(merged, steps=30, avg_spo2=96.5, avg_stress=0, weight_kg=None)


def test_a_report_of_no_steps_is_zero() -> None:
    """A zero that was told is a value."""
    has(day(steps=[report(steps=0)]), steps=0)


# ---- the table


def test_every_date_with_an_accepted_row_has_a_row() -> None:
    """Dates come sorted, once each; what a table does not tell is null, never 0; has_* are false, never null."""
    merged = days(
        blood_pressure=[reading("7:00", 130, on=2)], heart_rate=beats(60), weight=[{"at": LABEL, "weight_kg": 80}]
    )
    assert [row["date"] for row in merged] == [JAN_1, date(2026, 1, 3)]
    known = {name for name, value in merged[1].items() if value is not None}
    assert known == {
        "date", "systolic", "diastolic", "pulse", "bp_readings", "bp_sessions", "systolic_am", "diastolic_am", "pulse_am",
        "has_bp", "has_hr", "has_sleep", "flags",
    }  # fmt: skip
    has(merged[1], has_bp=True, has_hr=False, has_sleep=False, flags="")


def test_nothing_gives_no_days() -> None:
    """An empty table with all its columns."""
    assert days() == []


def test_flags_of_the_rows_used_are_collected() -> None:
    """Sorted, each once, of all tables; those of rows that a report replaced are not the day's."""
    merged = day(
        heart_rate=[report(avg_hr=70, flags="b;a"), *beats(60, flags="unused")],
        blood_pressure=[reading("7:00", 130) | {"flags": "c"}, reading("8:00", 130) | {"flags": "a"}],
    )
    has(merged, flags="a;b;c")


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 1439), st.integers(100, 180)), min_size=1, max_size=12), st.randoms())
def test_a_day_does_not_depend_on_the_order_of_its_readings(log: list[tuple[int, int]], chance: Any) -> None:
    """The day's mean lies within its readings, all of them are counted, in any order of the rows."""
    readings = [reading(f"{minute // 60}:{minute % 60}", systolic) for minute, systolic in log]
    merged = day(blood_pressure=readings)
    assert min(s for _, s in log) <= merged["systolic"] <= max(s for _, s in log)
    assert merged["bp_readings"] == len(log) >= merged["bp_sessions"] >= 1
    chance.shuffle(readings)
    again = day(blood_pressure=readings)
    assert again["systolic"] == pytest.approx(merged["systolic"], rel=1e-12)
    assert again["bp_sessions"] == merged["bp_sessions"]
