"""Mi Fitness exports: what becomes of each kind of row, file and mistake. T numbers are those of docs/formats.md, 4."""

from __future__ import annotations

import json
import shutil
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.errors import InputError, sentence
from pdp.snapshot import Snapshot
from stages import schemas
from stages.normalize.mi_files import recognise
from tests.mi_export import (
    COLUMNS,
    DAILY,
    DAY,
    PREFIX,
    SAMPLES,
    SPORTS,
    UID,
    Result,
    csv_text,
    hours,
    put,
    report,
    run,
    sample,
    snapshot,
)

HEART = {"avg_hr": 70, "min_hr": 60, "max_hr": 120}
JAN_1 = date(2026, 1, 1)
TABLES = ["blood_pressure", "heart_rate", "sleep", "steps", "spo2", "stress", "weight", "unreadable"]


@pytest.fixture(autouse=True, params=["line by line", "by shape"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of this holds for both ways to read a line."""
    monkeypatch.setattr("stages.normalize.mi_scan.FEW", 1 if request.param == "by shape" else 2**31)


def daily(folder: Path, *rows: dict[str, Any], **more: Any) -> Result:
    put(folder, DAILY, rows, **more)
    return run(folder)


def samples(folder: Path, *rows: dict[str, Any], **more: Any) -> Result:
    put(folder, SAMPLES, rows, **more)
    return run(folder)


def has(found: dict[str, Any], **expected: Any) -> None:
    assert {name: found[name] for name in expected} == expected


# ---- which files


def test_an_absent_source_gives_empty_tables(tmp_path: Path) -> None:
    """Every table with all its columns, no rows, and no complaint."""
    result = run(tmp_path)
    assert list(result.tables) == [f"mi_band_{name}" for name in TABLES]
    assert {table.num_rows for table in result.tables.values()} == {0}
    assert result.tables["mi_band_sleep"].schema == schemas.normalized(schemas.SLEEP).arrow()


@pytest.mark.parametrize(
    ("name", "table", "exported_on", "account"),
    [
        (f"{SAMPLES}.csv", SAMPLES, "", ""),
        (f"{PREFIX}{SAMPLES}.csv", SAMPLES, "20260301", UID),
        (f"{PREFIX}{SAMPLES} (1).csv", SAMPLES, "20260301", UID),
        (f"{PREFIX}{SAMPLES}.decoded.csv", SAMPLES, "20260301", UID),
        (f"20260301_{UID}_MiFitness_fr1_data_copy/{DAILY}.csv", DAILY, "20260301", UID),
        (f"old/20250101_77_MiFitness_c3_data_copy.zip!{PREFIX}{SPORTS.upper()}.CSV", SPORTS, "20260301", UID),
        (f"20261399_{UID}_MiFitness_{DAILY}.csv", DAILY, "", UID),
        (f"{PREFIX}user_member_profile.csv", "user_member_profile", "20260301", UID),
    ],
)
def test_a_file_is_known_by_the_end_of_its_name(name: str, table: str, exported_on: str, account: str) -> None:
    """Export date and account come from its own name, else from its folder's or zip's."""
    file = recognise(name)
    assert file and (file.table, file.exported_on, file.account) == (table, exported_on, account)


@pytest.mark.parametrize("name", ["readings.csv", f"{SAMPLES}.xlsx", f"my{SAMPLES}.csv", f"{SAMPLES}/notes.txt"])
def test_other_files_are_not_known(name: str) -> None:
    """Neither by their folder nor by half a name."""
    assert recognise(name) is None


def test_what_is_not_read_is_listed(tmp_path: Path) -> None:
    """Tables that pdp does not read are never opened; files that it does not know are named."""
    put(tmp_path, SAMPLES, [])
    profile = put(tmp_path, "user_member_profile", [], columns=["Name"])
    (tmp_path / "notes.txt").write_text("x")
    files = snapshot(tmp_path)
    profile.unlink()
    result = run(files)
    assert result.facts["not_read"] == [profile.name]
    assert result.facts["unrecognised"] == ["notes.txt"]


def test_a_folder_without_any_export_is_refused(tmp_path: Path) -> None:
    """Nothing recognised in a folder that holds files is a mistake, not an absent source."""
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        InputError, match=r"holds no file of a Mi Fitness export, but data\.csv; put the zip as downloaded"
    ):
        run(tmp_path)


@pytest.mark.parametrize("column", ["Key", "Time", "Value", "Tag"])
def test_a_missing_column_is_loud(tmp_path: Path, column: str) -> None:
    """T12: the sentence names the file, without the account's number, the column, and what to do."""
    put(tmp_path, DAILY, [report("heart_rate", HEART)], columns=[c for c in COLUMNS[DAILY] if c != column])
    with pytest.raises(InputError) as error:
        run(tmp_path)
    expected = (
        f"20260301_…_MiFitness_{DAILY}.csv lacks the column {column}; export it again and leave its header as it is"
    )
    assert sentence(error.value) == expected


def test_an_empty_file_is_refused_and_a_header_alone_is_not(tmp_path: Path) -> None:
    """Empty tables of an export are header-only; a file without even that was cut."""
    put(tmp_path, SAMPLES, [])
    assert run(tmp_path).facts["rows"] == 0
    (tmp_path / f"{SPORTS}.csv").write_bytes(b"")
    with pytest.raises(InputError, match="is empty: it lacks even a header"):
        run(tmp_path)


def test_headers_may_be_in_any_case_and_order(tmp_path: Path) -> None:
    """Uid, Sid and UpdateTime may be absent."""
    rows = [{"VALUE": '{"bpm":70}', "key": "heart_rate", "time": DAY}]
    put(tmp_path, SAMPLES, rows, columns=["VALUE", "time", "key"])
    has(run(tmp_path).row("heart_rate"), bpm=70, sid="", revision=None)


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


# ---- sleep


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


# ---- rows that cannot be read


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


# ---- accounts


def test_exports_of_two_accounts_are_refused(tmp_path: Path) -> None:
    """By the Uid or by the file's name; the sentence shows two digits of each."""
    put(
        tmp_path,
        SAMPLES,
        [sample("heart_rate", DAY, {"bpm": 70}), sample("heart_rate", DAY, {"bpm": 80}, Uid="987654321")],
    )
    with pytest.raises(InputError) as error:
        run(tmp_path)
    message = str(error.value)
    assert message.startswith("the exports are of 2 accounts: …21 and …90; name yours in the config")
    put(tmp_path, SAMPLES, [])
    put(tmp_path, DAILY, [], "20260301_987654321_MiFitness_")
    with pytest.raises(InputError, match="are of 2 accounts"):
        run(tmp_path)


def test_the_config_says_whose_rows_count(tmp_path: Path) -> None:
    """The other account's rows are counted, and its offsets rule no one."""
    other = [
        sample("heart_rate", DAY, {"bpm": 80}, Uid="987654321"),
        sample("sleep", DAY, hours(DAY, 60, 40), Uid="987654321"),
    ]
    put(tmp_path, SAMPLES, [sample("heart_rate", DAY, {"bpm": 70}), *other])
    result = run(tmp_path, account=UID)
    has(result.row("heart_rate"), bpm=70, offset_source="zone")
    has(result.facts, rows=3, routed=1, other_account=2)
    with pytest.raises(InputError, match="no export is of the account …11 that the config names, but of …21 and …90"):
        run(tmp_path, account="1111")


def test_a_broken_row_is_no_second_account(tmp_path: Path) -> None:
    """What stands where the Uid should be counts only in a whole row, and only if it is a number."""
    text = csv_text(SAMPLES, [sample("heart_rate", DAY, {"bpm": 70}), sample("spo2", DAY, {"spo2": 97}, Uid="n/a")])
    (tmp_path / f"{PREFIX}{SAMPLES}.csv").write_text(text + "55,heart_rate\n")
    has(run(tmp_path).facts, rows=3, routed=3, other_account=0)


# ---- order, copies, encodings


def two_exports(folder: Path) -> None:
    for day, extra in (("20260102", 0), ("20260201", 30)):
        prefix = f"{day}_{UID}_MiFitness_c3_data_copy/{day}_{UID}_MiFitness_"
        night = {"total_duration": 400, "segment_details": [hours(DAY - 3600, 400, timezone=8)]}
        put(folder, DAILY, [report("heart_rate", HEART), report("sleep", night)], prefix)
        put(folder, SAMPLES, [sample("heart_rate", DAY + 60 * n, {"bpm": 60 + n}) for n in range(10 + extra)], prefix)
        put(folder, SPORTS, [sample("run", DAY + 7200, {"timezone": 12})], prefix)


def test_the_order_of_files_changes_nothing(tmp_path: Path) -> None:
    """The tables are the same, rows in the same order."""
    two_exports(tmp_path)
    files = snapshot(tmp_path)
    shuffled = run(Snapshot("mi_band", files.files[::-1]))
    assert shuffled.tables == run(files).tables


def test_identical_files_are_read_once(tmp_path: Path) -> None:
    """In the name of the earliest export, then the shortest; be they lone, in a folder or in a zip."""
    two_exports(tmp_path)
    before = run(tmp_path)
    folder = tmp_path / f"20260102_{UID}_MiFitness_c3_data_copy"
    shutil.make_archive(str(tmp_path / f"20260301_{UID}_MiFitness_c3_data_copy"), "zip", folder)
    shutil.copytree(folder, tmp_path / "copies" / folder.name)
    after = run(tmp_path)
    assert after.tables == before.tables
    assert len(after.facts["same"]) == len(before.facts["same"]) + 6
    has(after.facts, rows=before.facts["rows"], files=before.facts["files"])


def test_a_zip_gives_what_its_folder_gives(tmp_path: Path) -> None:
    """Only the column `file` differs: it names the zip and the member."""
    two_exports(tmp_path / "folder")
    (tmp_path / "zip").mkdir()
    with zipfile.ZipFile(tmp_path / "zip" / "a.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted((tmp_path / "folder").rglob("*.csv")):
            out.write(path, path.relative_to(tmp_path / "folder").as_posix())
        out.writestr(f"{PREFIX}user_member_profile.csv", "Name\nx\n")
    folder, zipped = run(tmp_path / "folder"), run(tmp_path / "zip")
    for name, table in folder.tables.items():
        assert zipped.tables[name].drop_columns(["file"]) == table.drop_columns(["file"])
    assert all(row["file"].startswith("a.zip!2026") for row in zipped.rows("sleep"))
    assert zipped.facts["not_read"] == [f"a.zip!{PREFIX}user_member_profile.csv"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_the_encoding_changes_no_table(tmp_path: Path, encoding: str) -> None:
    """Nor does the delimiter; both are told in the facts."""
    rows = [sample("heart_rate", DAY, {"bpm": 70}, Sid="手环"), sample("spo2", DAY, {"spo2": 97})]
    expected = samples(tmp_path, *rows).tables
    path = tmp_path / f"{PREFIX}{SAMPLES}.csv"
    path.write_bytes(csv_text(SAMPLES, rows, delimiter=";").encode(encoding))
    result = run(tmp_path)
    assert result.tables == expected
    assert result.facts["files"] == {path.name: {"encoding": encoding, "delimiter": ";", "rows": 2}}


def test_large_files_come_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the chunks are, the rows and their order are the same."""
    two_exports(tmp_path)
    expected = run(tmp_path).tables
    monkeypatch.setattr("stages.normalize.mi_scan.BATCH_ROWS", 7)
    found = run(tmp_path)
    assert found.tables == expected
    assert found.tables["mi_band_heart_rate"].column("row").num_chunks > 2


# ---- the real thing


REAL = Path(__file__).parent.parent.parent / "shared" / "samples" / "mi_fitness_de"


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
