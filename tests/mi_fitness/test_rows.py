"""Mi Fitness exports: what becomes of each kind of report and sample, and of their offsets."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.mi_export import (
    DAILY,
    DAY,
    PREFIX,
    SAMPLES,
    SPORTS,
    UID,
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

# ---- daily reports


def test_reports_without_marks(tmp_path: Path) -> None:
    """T1: a day is there because values are."""
    result = daily(tmp_path, report("heart_rate", {**HEART, "avg_rhr": 55}))
    row = result.row("heart_rate")
    has(row, kind="daily", avg_hr=70, min_hr=60, max_hr=120, resting_hr=55, bpm=None, flags="", problem=None)
    has(row, source="mi_band", file=f"{PREFIX}{DAILY}.csv", row=2, item=0, record="daily_report", record_time=DAY)
    has(row, sid="default", revision=DAY + 1, exported_on="20260301", local_date=JAN_1)
    has(row, instant_utc=datetime(2025, 12, 31, 23, tzinfo=UTC), utc_offset_s=3600, offset_source="zone")


def test_marks_and_goals_are_no_data(tmp_path: Path) -> None:
    """They are counted, and no table has them."""
    mark = report("sleep", {"has_data": True}, Tag="daily_mark")
    goal = report("goal", {"goal_items": []}, Tag="daily_fitness")
    result = daily(tmp_path, mark, mark, goal, report("calories", {"calories": 3}))
    assert all(table.num_rows == 0 for table in result.tables.values())
    has(result.facts, rows=4, routed=0, marks=2, other_keys={"daily_fitness/goal": 1, "daily_report/calories": 1})


def test_a_report_without_a_value_is_no_data(tmp_path: Path) -> None:
    """Be its fields absent, null or all sentinels: the facts count it, no table has it."""
    nothing = [{}, {"avg_hr": None}, {"avg_hr": 0, "min_hr": 255, "max_hr": -1}]
    result = daily(
        tmp_path, *(report("heart_rate", value) for value in nothing), report("sleep", {"total_duration": 0})
    )
    assert result.rows("heart_rate") == result.rows("sleep") == []
    has(result.facts, routed=0, without_values=4)


def test_sentinels_become_null_and_leave_a_flag(tmp_path: Path) -> None:
    """T8: 0, 255 and -1 are not heart rates; the rest of the report stands."""
    value = {"avg_hr": 70, "min_hr": 0, "max_hr": 255, "avg_rhr": -1}
    row = daily(tmp_path, report("heart_rate", value)).row("heart_rate")
    has(row, avg_hr=70, min_hr=None, max_hr=None, resting_hr=None)
    has(row, flags="sentinel_max_hr;sentinel_min_hr;sentinel_resting_hr", problem=None)


def test_a_report_may_lack_any_value(tmp_path: Path) -> None:
    """T20: a night without a score, a day with a mean only; T3: a band without REM."""
    night = {"total_duration": 410, "sleep_deep_duration": 100, "sleep_light_duration": 310}
    result = daily(tmp_path, report("sleep", night), report("heart_rate", {"avg_hr": 70}))
    has(
        result.row("sleep"),
        duration_min=410,
        deep_min=100,
        light_min=310,
        rem_min=None,
        score=None,
        flags="",
        problem=None,
    )
    has(result.row("heart_rate"), avg_hr=70, min_hr=None, max_hr=None, flags="", problem=None)


def test_two_exports_keep_their_own_values(tmp_path: Path) -> None:
    """T4, T5: nothing is averaged or merged; revision, export and device are kept for the choice."""
    revised = {"avg_hr": 80, "min_hr": 52, "max_hr": 150}
    put(tmp_path, DAILY, [report("heart_rate", HEART, revision=DAY + 1)], f"20260101_{UID}_MiFitness_")
    rows = [report("heart_rate", revised, revision=DAY + 9), report("heart_rate", HEART, Sid="huami.1")]
    put(tmp_path, DAILY, rows, f"20260201_{UID}_MiFitness_")
    found = [(r["exported_on"], r["sid"], r["revision"] - DAY, r["avg_hr"]) for r in run(tmp_path).rows("heart_rate")]
    assert found == [("20260101", "default", 1, 70), ("20260201", "default", 9, 80), ("20260201", "huami.1", 1, 70)]


def test_the_day_of_the_export_is_partial(tmp_path: Path) -> None:
    """The date in the file's name tells; earlier days are whole."""
    rows = [report("steps", {"steps": 10}, DAY + n * 86400) for n in (0, 1, 2)]
    result = daily(tmp_path, *rows, prefix=f"20260102_{UID}_MiFitness_")
    assert [row["flags"] for row in result.rows("steps")] == ["", "partial_day", "partial_day"]


def test_all_reports_fill_their_tables(tmp_path: Path) -> None:
    """Steps with distance and calories, blood oxygen, stress; zero steps are a value."""
    result = daily(
        tmp_path,
        report("steps", {"steps": 0, "distance": 12, "calories": 3}),
        report("spo2", {"avg_spo2": 0, "max_spo2": 98, "min_spo2": 93}),
        report("stress", {"avg_stress": 30, "max_stress": 80, "min_stress": 0}),
    )
    has(result.row("steps"), kind="daily", steps=0, distance_m=12, calories_kcal=3)
    has(result.row("spo2"), avg_spo2=None, max_spo2=98, min_spo2=93, flags="sentinel_avg_spo2")
    has(result.row("stress"), avg_stress=30, max_stress=80, min_stress=0)


def test_a_date_label_is_never_shifted(tmp_path: Path) -> None:
    """West of Greenwich too the aggregated Time is the local date, whatever hour a day begins at."""
    put(tmp_path, DAILY, [report("heart_rate", HEART)])
    row = run(tmp_path, "America/Sao_Paulo", day_starts_at=4).row("heart_rate")
    has(row, local_date=JAN_1, instant_utc=datetime(2026, 1, 1, 3, tzinfo=UTC), utc_offset_s=-10800)
    put(tmp_path, DAILY, [report("heart_rate", HEART, DAY + 60)])
    has(run(tmp_path).row("heart_rate"), local_date=JAN_1, flags="time_not_midnight")


# ---- samples


def test_samples_alone_are_enough(tmp_path: Path) -> None:
    """T2: an export with nothing but the fitness_data file; each key in its table, the rest counted."""
    rows = [
        sample("heart_rate", DAY, {"time": DAY, "bpm": 61, "type": 0}),
        sample("single_heart_rate", DAY + 1, {"time": DAY + 1, "bpm": 62}),
        sample("resting_heart_rate", DAY, {"bpm": 55, "date_time": DAY}),
        sample("spo2", DAY, {"spo2": 97}),
        sample("single_spo2", DAY + 1, {"spo2": 96}),
        sample("stress", DAY, {"stress": 0}),
        sample("single_stress", DAY + 1, {"stress": 40}),
        sample("steps", DAY, {"steps": 12, "distance": 9, "calories": 1}),
        sample("weight", DAY, {"weight": 80.25, "bmi": 0}),
        sample("blood_pressure", DAY, {"systolic_pressure": 130, "diastolic_pressure": 85, "pulse": 0}),
        sample("blood_pressure", DAY + 60, {"high_pressure": 120, "low_pressure": 80}),
        *(sample(key, DAY, {"bpm": 99}) for key in ("abnormal_heart_rate", "low_heart_rate", "vitality")),
    ]
    result = samples(tmp_path, *rows)
    heart = [(r["record"], r["kind"], r["bpm"], r["resting_hr"]) for r in result.rows("heart_rate")]
    assert heart == [
        ("heart_rate", "sample", 61, None), ("single_heart_rate", "sample", 62, None), ("resting_heart_rate", "daily", None, 55),
    ]  # fmt: skip
    assert [r["spo2"] for r in result.rows("spo2")] == [97, 96]
    assert [r["stress"] for r in result.rows("stress")] == [0, 40]
    has(result.row("steps"), kind="sample", steps=12, distance_m=9, calories_kcal=1)
    has(result.row("weight"), weight_kg=80.25, bmi=None, flags="sentinel_bmi")
    pressure = result.rows("blood_pressure")
    has(pressure[0], kind="reading", time_known=True, systolic=130, diastolic=85, pulse=None, flags="sentinel_pulse")
    has(pressure[1], systolic=120, diastolic=80, pulse=None, flags="")
    others = {"abnormal_heart_rate": 1, "low_heart_rate": 1, "vitality": 1}
    has(result.facts, rows=14, routed=11, other_keys=others, without_values=0)


def test_a_sample_that_measured_nothing_is_counted_only(tmp_path: Path) -> None:
    """A heart rate of 0 is no row, and no lost one either."""
    result = samples(tmp_path, sample("heart_rate", DAY, {"bpm": 0}), sample("weight", DAY, {"weight": 0}))
    assert result.rows("heart_rate") == []
    has(result.facts, rows=2, routed=0, without_values=2)


# ---- offsets


def test_samples_west_of_greenwich_count_for_their_local_day(tmp_path: Path) -> None:
    """T19: 02:01 in UTC is the evening before in Brazil; a night's own quarter hours say so, or the zone."""
    instant = 1_716_343_260
    put(tmp_path, SAMPLES, [sample("heart_rate", instant, {"bpm": 75})])
    expected = {"local_date": date(2024, 5, 21), "utc_offset_s": -10800}
    has(run(tmp_path, "America/Sao_Paulo").row("heart_rate"), offset_source="zone", **expected)
    has(run(tmp_path, "Europe/Berlin").row("heart_rate"), local_date=date(2024, 5, 22), utc_offset_s=7200)
    night = {"total_duration": 400, "segment_details": [hours(instant + 3600, 400, timezone=-12)]}
    put(tmp_path, DAILY, [report("sleep", night, instant // 86400 * 86400)])
    has(run(tmp_path, "Europe/Berlin").row("heart_rate"), offset_source="nearest", **expected)


def test_reports_and_workouts_tell_offsets_too(tmp_path: Path) -> None:
    """A report's latest measurement by its two times, a workout by its quarter hours."""
    latest = {"bpm": 70, "time": DAY + 36000 + 28800, "dbTime": DAY + 36000}
    put(tmp_path, DAILY, [report("heart_rate", {**HEART, "latest_hr": latest}), report("steps", {"steps": 5})])
    put(tmp_path, SAMPLES, [sample("spo2", DAY + 90 * 86400, {"spo2": 97})])
    put(tmp_path, SPORTS, [sample("run", DAY + 91 * 86400, {"timezone": 12}, Category="run")])
    result = run(tmp_path)
    has(result.row("heart_rate"), utc_offset_s=28800, offset_source="row", local_date=JAN_1)
    has(result.row("steps"), utc_offset_s=28800, offset_source="nearest")
    has(result.row("spo2"), utc_offset_s=10800, offset_source="nearest")
    has(result.facts, offsets_told=2, other_keys={"sport_record": 1})


def test_a_night_through_the_change_of_the_clock(tmp_path: Path) -> None:
    """The evening before is summer time and the day after winter time, whichever of the two the night tells."""
    evening, morning = (int(datetime(2025, 10, day, hour, tzinfo=UTC).timestamp()) for day, hour in ((25, 21), (26, 6)))
    for quarters in (8, 4):
        night = {"total_duration": 540, "segment_details": [hours(evening, 540, timezone=quarters)]}
        put(tmp_path, DAILY, [report("sleep", night, morning // 86400 * 86400)])
        put(tmp_path, SAMPLES, [sample("spo2", t, {"spo2": 97}) for t in (evening - 3600, morning + 3600)])
        assert [row["utc_offset_s"] for row in run(tmp_path).rows("spo2")] == [7200, 3600]


# ---- the real thing


REAL = Path(__file__).parents[3] / "shared" / "samples" / "mi_fitness_de"


@pytest.mark.skipif(not REAL.is_dir(), reason="the sample exports (../shared/samples) are not here")
def test_a_real_export(tmp_path: Path) -> None:
    """UTF-7 and decoded files give the same tables, with the nights and heart rates that are in them."""
    for kind in ("", ".decoded"):
        (tmp_path / f"as{kind}").mkdir()
        for table in (DAILY, SAMPLES, SPORTS):
            shutil.copy(REAL / f"{table}{kind}.csv", tmp_path / f"as{kind}" / f"{table}.csv")
    mangled, decoded = run(tmp_path / "as"), run(tmp_path / "as.decoded")
    assert mangled.tables == decoded.tables
    assert {file["encoding"] for file in mangled.facts["files"].values()} == {"utf-7"}
    nights = mangled.rows("sleep", kind="night")
    assert len(nights) == 7 and sum(night["duration_min"] for night in nights) == 653
    days = mangled.rows("heart_rate", record="daily_report")
    assert len(days) == 11 and sum(day["resting_hr"] is None for day in days) == 3
    assert min(day["min_hr"] for day in days) == 51 and max(day["max_hr"] for day in days) == 107
    assert all(set(table.column("problem").to_pylist()) <= {None} for table in mangled.tables.values())
    has(mangled.facts, rows=2187, routed=528, marks=68, without_values=0)
