"""One test for each input that earlier pipelines got wrong: raw files in, the day out. Each docstring says what is wanted.

The rows are T1 to T20 of the study behind docs/formats.md.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pdp.errors import InputError
from tests.mi_export import COLUMNS, DAILY, DAY, PREFIX, SAMPLES, SPORTS, UID, csv_text, hours, report, sample
from tests.pipeline import Result, run

HEART = {"avg_hr": 70, "min_hr": 60, "max_hr": 120, "avg_rhr": 58}
JAN_1 = date(2026, 1, 1)
A, B = f"20260102_{UID}_MiFitness_", f"20260201_{UID}_MiFitness_"


def band(folder: Path, *, daily: Iterable[Any] = (), samples: Iterable[Any] = (), **changes: Any) -> Result:
    """An export with these rows; a file without rows is not there."""
    files = {DAILY: list(daily), SAMPLES: list(samples)}
    texts = {f"{PREFIX}{table}.csv": csv_text(table, rows) for table, rows in files.items() if rows}
    return run(folder, {"mi_band": texts}, **changes)


def sheet(folder: Path, *lines: str, **changes: Any) -> Result:
    """A tab with these lines; a file that is to be read under the limits has enough good ones beside."""
    return run(folder, {"google_sheets": {"bp.csv": "\n".join(lines) + "\n"}}, **changes)


def good(count: int = 5) -> list[str]:
    """Readings without fault, each on a date of its own, in March."""
    return [f"2026-03-{day:02},07:00,130,85,60" for day in range(1, count + 1)]


def has(found: dict[str, Any], /, **expected: Any) -> None:
    assert {name: found[name] for name in expected} == expected


def test_t01_daily_reports_without_marks(tmp_path: Path) -> None:
    """has_hr comes from the values; a mark without a report is no data."""
    mark = {"Tag": "daily_mark", "Value": '{"has_data":true}'}
    rows = [report("heart_rate", HEART), report("sleep", "", DAY + 86_400) | mark]
    has(band(tmp_path, daily=rows).day, date=JAN_1, avg_hr=70, has_hr=True, has_sleep=False)


def test_t02_samples_without_reports(tmp_path: Path) -> None:
    """The day is computed from its samples."""
    rows = [
        sample("heart_rate", DAY + 3600 * n, {"time": DAY + 3600 * n, "bpm": bpm}) for n, bpm in enumerate((50, 70, 90))
    ]
    has(band(tmp_path, samples=rows).day, avg_hr=70, min_hr=50, max_hr=90, resting_hr=None, hr_samples=3, has_hr=True)


def test_t03_a_band_without_rem(tmp_path: Path) -> None:
    """REM is null, the night counts."""
    stages = {"sleep_deep_duration": 100, "sleep_light_duration": 300}
    night = {"total_duration": 400, **stages, "segment_details": [hours(DAY, 400, **stages)]}
    merged = band(tmp_path, daily=[report("sleep", night)]).day
    has(merged, sleep_total_min=400, sleep_deep_min=100, sleep_light_min=300, sleep_rem_min=None, has_sleep=True)


def test_t04_a_revised_day(tmp_path: Path) -> None:
    """The newest UpdateTime is the day: 80/52/150, not a mean of the two; and importing it all again changes nothing."""
    first = csv_text(DAILY, [report("heart_rate", {"avg_hr": 70, "min_hr": 60, "max_hr": 120}, revision=DAY + 1)])
    second = csv_text(DAILY, [report("heart_rate", {"avg_hr": 80, "min_hr": 52, "max_hr": 150}, revision=DAY + 2)])
    files = {f"{A}{DAILY}.csv": first, f"{B}{DAILY}.csv": second}
    result = run(tmp_path, {"mi_band": files})
    has(result.day, avg_hr=80, min_hr=52, max_hr=150)
    again = run(tmp_path, {"mi_band": files | {f"again/{B}{DAILY}.csv": second, f"copy/{A}{DAILY}.csv": first}})
    assert again.tables["heart_rate"].equals(result.tables["heart_rate"])
    assert again.tables["daily_metrics"].equals(result.tables["daily_metrics"])


def test_t05_a_night_of_two_devices(tmp_path: Path) -> None:
    """The server's own merge is the night: 480 minutes, not the mean of two devices."""
    rows = [
        report("sleep", {"total_duration": 300, "segment_details": [hours(DAY + 60, 300)]}, Sid="huami.32093"),
        report("sleep", {"total_duration": 480, "segment_details": [hours(DAY, 480)]}, Sid="default"),
    ]
    result = band(tmp_path, daily=rows)
    has(result.day, sleep_total_min=480, sleep_main_min=480, sleep_nap_min=0)
    has(result.facts["validate:sleep"], read=4, accepted=2, superseded=2)


def test_t06_a_short_night(tmp_path: Path) -> None:
    """230 minutes are kept and flagged."""
    night = {"total_duration": 230, "segment_details": [hours(DAY, 230)]}
    merged = band(tmp_path, daily=[report("sleep", night)]).day
    has(merged, sleep_total_min=230, has_sleep=True)
    assert "short_night" in merged["flags"].split(";")


def test_t06d_a_file_in_utf_7(tmp_path: Path) -> None:
    """The encoding is found: the same day as in UTF-8."""
    text = csv_text(DAILY, [report("heart_rate", HEART)])
    mangled = text.replace('"', "+ACI-").replace("_", "+AF8-")
    assert mangled.encode().decode("utf-7") == text
    days = [
        run(tmp_path, {"mi_band": {f"{PREFIX}{DAILY}.csv": each}}).tables["daily_metrics"] for each in (text, mangled)
    ]
    assert days[0].num_rows == 1
    assert days[0].equals(days[1])


def test_t07_one_truncated_value(tmp_path: Path) -> None:
    """The row is set aside with its reason, all others are read."""
    rows = [report("heart_rate", HEART), report("heart_rate", '{"avg_hr":70,"min', DAY + 86_400)]
    result = band(tmp_path, daily=rows)
    has(result.day, date=JAN_1, avg_hr=70)
    (aside,) = result.rows("heart_rate_quarantine")
    has(
        aside,
        file=f"{PREFIX}{DAILY}.csv",
        row=3,
        problem="json",
        problem_cell="Value",
        problem_text='{"avg_hr":70,"min',
    )


def test_t08_zeros_and_255_are_not_measured(tmp_path: Path) -> None:
    """They are null and flagged; what was measured counts."""
    merged = band(tmp_path, daily=[report("heart_rate", {"avg_hr": 70, "min_hr": 0, "max_hr": 255})]).day
    has(merged, avg_hr=70, min_hr=None, max_hr=None, has_hr=True, flags="sentinel_max_hr;sentinel_min_hr")


def test_t09_dates_of_numbers(tmp_path: Path) -> None:
    """Read as declared: both in February under dmy; the thirteenth month is set aside under mdy, never dropped."""
    lines = ["Date,Time,SYS,DIA,Pulse", "01/02/2026,07:00,131,85,60", "13/02/2026,07:00,132,85,60", *good()]
    days = {row["date"]: row["systolic"] for row in sheet(tmp_path, *lines, google_sheets={"date_order": "dmy"}).days}
    assert (days[date(2026, 2, 1)], days[date(2026, 2, 13)]) == (131, 132)

    result = sheet(tmp_path, *lines, google_sheets={"date_order": "mdy"})
    assert {row["date"]: row["systolic"] for row in result.days}[date(2026, 1, 2)] == 131
    (aside,) = result.rows("blood_pressure_quarantine")
    has(aside, row=3, problem="impossible_date", problem_cell="Date (A3)", problem_text="13/02/2026")

    undeclared = sheet(tmp_path, *lines).rows("blood_pressure_quarantine")
    assert {row["problem"] for row in undeclared} == {"ambiguous_date"}
    assert all("set google_sheets.date_order" in row["problem_sentence"] for row in undeclared)


def test_t09b_dates_of_two_kinds_in_one_column(tmp_path: Path) -> None:
    """Each cell is read for itself: the first row's format decides nothing."""
    lines = ["Date,SYS,DIA", "2026-02-01,130,85", "02/02/2026,131,85"]
    result = sheet(tmp_path, *lines, google_sheets={"date_order": "dmy"})
    assert [row["date"] for row in result.days] == [date(2026, 2, 1), date(2026, 2, 2)]


def test_t10_times_of_every_kind(tmp_path: Path) -> None:
    """12 and 24 hours in one column, digits alone; a blank leaves the date alone."""
    times = ["7:30 AM", "19:30", "", "0730", "730"]
    lines = ["Date,Time,SYS,DIA", *(f"2026-02-0{day},{time},130,85" for day, time in enumerate(times, start=1))]
    days = sheet(tmp_path, *lines).days
    morning, evening = (130, None), (None, 130)
    assert [(row["systolic_am"], row["systolic_pm"]) for row in days] == [
        morning,
        evening,
        (None, None),
        morning,
        morning,
    ]
    assert [row["systolic"] for row in days] == [130] * 5


def test_t11_impossible_swapped_mistyped_and_without_pulse(tmp_path: Path) -> None:
    """Three are set aside, each with its cell or columns; the reading without a pulse is kept."""
    wrong = ["2026-02-01,07:00,1300,85,60", "2026-02-02,07:00,80,120,60", "2026-02-03,07:00,13O,85,60"]
    lines = ["Date,Time,SYS,DIA,Pulse", *wrong, "2026-02-04,07:00,130,85,", *good(12)]
    result = sheet(tmp_path, *lines)
    aside = {row["row"]: (row["problem"], row["problem_cell"]) for row in result.rows("blood_pressure_quarantine")}
    assert aside == {
        2: ("systolic_range", "systolic"),
        3: ("diastolic_below_systolic", "systolic, diastolic"),
        4: ("unreadable_number", "SYS (C4)"),
    }
    has(result.days[0], date=date(2026, 2, 4), systolic=130, diastolic=85, pulse=None, has_bp=True)


def test_t12_a_missing_column(tmp_path: Path) -> None:
    """Fails loudly, in both sources: the file, the column, what to do."""
    with pytest.raises(
        InputError, match=r"bp.csv lacks a column for the diastolic pressure; line 1 has date \(A\), systolic \(B\)"
    ):
        sheet(tmp_path, "Date,SYS", "2026-02-01,130")
    columns = [name for name in COLUMNS[DAILY] if name != "Value"]
    text = csv_text(DAILY, [report("heart_rate", HEART)], columns)
    with pytest.raises(InputError, match="lacks the column Value"):
        run(tmp_path, {"mi_band": {f"{PREFIX}{DAILY}.csv": text}})


def test_t13_other_headers_and_both_pressures_in_one_cell(tmp_path: Path) -> None:
    """SYS and DIA are known, and 130/85 is split."""
    for lines in (("Date,SYS,DIA", "2026-02-01,130,85"), ("Date,BP", "2026-02-01,130/85")):
        has(sheet(tmp_path, *lines).day, systolic=130, diastolic=85)


def test_t14_two_readings_in_the_morning_and_one_in_the_evening(tmp_path: Path) -> None:
    """Sessions weigh alike: 132.5; and no flag says that something is missing."""
    lines = ["Date,Time,SYS,DIA", "2026-02-01,07:00,150,90", "2026-02-01,07:05,140,90", "2026-02-01,19:00,120,80"]
    merged = sheet(tmp_path, *lines).day
    has(merged, systolic=132.5, systolic_am=145, systolic_pm=120, bp_readings=3, bp_sessions=2, flags="")


def test_t15_four_hash_seeds(tmp_path: Path) -> None:
    """Columns and rows come in one order: the same bytes under every PYTHONHASHSEED, whatever the machine's zone is."""
    root = Path(__file__).parent.parent
    digests = set()
    for seed, zone in (("0", "UTC"), ("1", "America/Sao_Paulo"), ("42", "Asia/Tokyo"), ("4294967295", "Europe/Berlin")):
        env = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": str(root)}
        command = [sys.executable, "-m", "tests.test_t_rows", str(tmp_path / seed)]
        digests.add(subprocess.run(command, cwd=root, env=env, check=True, capture_output=True, text=True).stdout)
    assert len(digests) == 1
    assert "daily_metrics" in digests.pop()


def test_t16_cells_that_spreadsheets_mistake(tmp_path: Path) -> None:
    """132,5 is a decimal, 120,80 a pair, 0730 a time, as text and as serial numbers."""
    merged = sheet(tmp_path, "Date,Time,SYS,DIA", '2026-02-01,0730,"132,5",85').day
    has(merged, systolic=132.5, diastolic=85, systolic_am=132.5)
    has(sheet(tmp_path, "Date,Time,BP", '2026-02-01,0730,"120,80"').day, systolic=120, diastolic=80, systolic_am=120)
    has(sheet(tmp_path, "Date,Time,SYS,DIA", "46054,0.3125,132.5,85").day, date=date(2026, 2, 1), systolic_am=132.5)


def test_t17_two_equal_readings_in_one_minute(tmp_path: Path) -> None:
    """Both are kept, each with its row."""
    result = sheet(tmp_path, "Date,Time,SYS,DIA,Pulse", *["2026-02-01,07:00,130,85,60"] * 2)
    has(result.day, bp_readings=2, bp_sessions=1)
    assert [row["row"] for row in result.rows("blood_pressure")] == [2, 3]


def test_t18_a_reading_after_midnight(tmp_path: Path) -> None:
    """With days that begin at four, 00:20 is the evening before."""
    lines = ["Date,Time,SYS,DIA", "2026-02-01,22:00,130,85", "2026-02-02,00:20,120,85"]
    assert [row["date"] for row in sheet(tmp_path, *lines).days] == [date(2026, 2, 1), date(2026, 2, 2)]
    merged = sheet(tmp_path, *lines, day_starts_at=4).day
    has(merged, date=date(2026, 2, 1), bp_readings=2, bp_sessions=2, systolic_pm=125, systolic_am=None)


def test_t19_samples_west_of_greenwich(tmp_path: Path) -> None:
    """02:01 in UTC is the evening before in Brazil; the report's label is not shifted."""
    time, label = 1_716_343_260, 1_716_249_600  # 2024-05-22T02:01Z, 2024-05-21
    brazil = hours(label + 3 * 3600, 300, timezone=-12)
    result = band(
        tmp_path,
        daily=[
            report("sleep", {"total_duration": 300, "segment_details": [brazil]}, label),
            report("steps", {"steps": 5000}, label),
        ],
        samples=[sample("heart_rate", time, {"time": time, "bpm": 75})],
    )
    has(result.day, date=date(2024, 5, 21), avg_hr=75, sleep_total_min=300, steps=5000)
    has(result.rows("heart_rate")[0], utc_offset_s=-3 * 3600, offset_source="nearest")


def test_t20_a_night_without_a_score_and_a_day_without_a_minimum(tmp_path: Path) -> None:
    """Both are kept; what is not there is null."""
    night = {"total_duration": 410, "segment_details": [hours(DAY, 410)]}
    merged = band(tmp_path, daily=[report("sleep", night), report("heart_rate", {"avg_hr": 70})]).day
    has(merged, sleep_total_min=410, sleep_score=None, avg_hr=70, min_hr=None, has_sleep=True, has_hr=True)


def everything(folder: Path) -> Result:
    """Both sources, with something of most kinds in them."""
    night = {"total_duration": 430, "sleep_score": 70, "segment_details": [hours(DAY, 400), hours(DAY + 40_000, 30)]}
    beats = [
        sample(key, DAY + 600 * n, {"time": DAY + 600 * n, "bpm": 60 + n % 40}, Sid=sid)
        for n in range(200)
        for key in ("heart_rate", "abnormal_heart_rate")
        for sid in ("default", "band")
    ]
    band = {
        DAILY: [report("heart_rate", HEART), report("sleep", night), report("steps", "{")] + [
            report("steps", {"steps": n}, DAY + 86_400 * n) for n in range(9)
        ],
        SAMPLES: [*beats, sample("weight", DAY + 60, {"weight": 80.5}), sample("", DAY, {})],
        SPORTS: [],
    }  # fmt: skip
    sheets = {"bp.csv": "\n".join(["Date,Time,SYS,DIA,Pulse", *good(9), "2026-02-01,,13O,85,"]) + "\n"}
    return run(
        folder, {"google_sheets": sheets, "mi_band": {f"{PREFIX}{t}.csv": csv_text(t, r) for t, r in band.items()}}
    )


if __name__ == "__main__":  # what test_t15 runs
    for name, content in everything(Path(sys.argv[1])).tables.items():
        print(name, hashlib.sha256(repr((content.schema, content.to_pylist())).encode()).hexdigest())
