from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pdp.demo import Demo, generate, write
from pdp.errors import PdpError
from stages.schemas import DAILY_METRICS

REPO = Path(__file__).parent.parent
SAMPLE = REPO.parent / "shared" / "samples" / "mi_fitness_de"
BERLIN = ZoneInfo("Europe/Berlin")
FITNESS, AGGREGATED = "hlth_center_fitness_data", "hlth_center_aggregated_fitness_data"
NOT_IN_SAMPLE = {"sleep_rem_duration"}  # its band knows no REM
OPTIONAL = {"avg_rhr", "avg_hr", "min_hr", "max_hr"}
DIGEST_OF_40_DAYS = "d68cd313dde4671ca3a8d434bd945b0db487626125935260c353221209d3c7a2"


@pytest.fixture(scope="module")
def demo() -> Demo:
    return generate()


def digest(demo: Demo) -> str:
    """Of all names and bytes."""
    found = hashlib.sha256()
    for path, data in demo.files.items():
        found.update(f"{path}\n{len(data)}\n".encode() + data)
    return found.hexdigest()


def raw_tables(demo: Demo) -> dict[tuple[str, str], list[list[str]]]:
    """(source, file as pdp names it) -> its lines as cells; index 0 is the header, a cell may span lines."""
    texts: dict[tuple[str, str], str] = {}
    for path, data in demo.files.items():
        source, _, name = path.partition("/")
        if name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                texts |= {(source, f"{name}!{member}"): archive.read(member).decode() for member in archive.namelist()}
        else:
            texts[source, name] = data.decode("utf-16" if data[:2] == b"\xff\xfe" else "utf-8")
    return {
        key: list(csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in text[:20] else ","))
        for key, text in texts.items()
    }


def values_in(demo: Demo) -> dict[tuple[str, str], list[dict]]:
    """(Tag or '', Key) -> the JSON values of the newest export, but for those that are cut off."""
    found = defaultdict(list)
    for (_, file), lines in raw_tables(demo).items():
        if ".zip!" in file and lines[0].count("Value"):
            for line in lines[1:]:
                row = dict(zip(lines[0], line, strict=True))
                if row["Value"].endswith("}"):
                    found[row.get("Tag", ""), row["Key"]].append(json.loads(row["Value"]))
    return found


def test_same_seed_gives_the_same_bytes_whatever_the_environment() -> None:
    """Neither hash seed, time zone, locale nor Python's version change a byte."""
    code = "from tests.test_demo import digest, generate; print(digest(generate(40)))"
    environments = (
        {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "4711", "TZ": "America/Sao_Paulo", "LC_ALL": "de_DE.UTF-8"},
        {"PYTHONHASHSEED": "99", "TZ": "Asia/Kolkata", "PYTHONUTF8": "1"},
    )
    for extra in environments:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=REPO, env=os.environ | extra, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == DIGEST_OF_40_DAYS, "if the demo was changed on purpose, note its new digest"


def test_another_seed_gives_another_person() -> None:
    assert digest(generate(10, seed=1)) != digest(generate(10, seed=2))


def test_a_longer_demo_repeats_the_days_of_a_shorter_one() -> None:
    """All but the last day, which ends in the morning."""
    short, long = generate(45).truth.daily(), generate(60).truth.daily()
    assert [short[day] for day in list(short)[:-1]] == [long[day] for day in list(short)[:-1]]


@pytest.mark.parametrize("days", [1, 2, 13, 30, 100, 400])
def test_any_length_can_be_made(days: int) -> None:
    demo = generate(days, seed=3, start=date(2024, 2, 20))
    found = demo.truth.daily()
    assert date(2024, 2, 20) in found
    assert (max(found) - min(found)).days == days - 1


@pytest.mark.parametrize("days", [0, 20_001])
def test_no_days_and_too_many_are_refused_in_a_sentence(days: int) -> None:
    with pytest.raises(PdpError, match=f"a demo of {days} days cannot be made; ask for 1 to 20000"):
        generate(days)


def test_the_demo_needs_no_heavy_library() -> None:
    code = "import sys, pdp.demo; print(*{'pandas', 'pyarrow', 'pydantic', 'numpy', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_demo_is_small(demo: Demo) -> None:
    assert sum(map(len, demo.files.values())) < 6_500_000


def test_there_is_no_name_and_no_real_account(demo: Demo) -> None:
    """The table of a person's data is empty, and the one account id is an obvious invention."""
    accounts = set()
    for (source, file), lines in raw_tables(demo).items():
        if source == "mi_band":
            accounts |= {line[0] for line in lines[1:]}
            assert "user_member_profile" not in file or len(lines) == 1
    assert accounts == {"7000000001"}


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the real sample is not on this machine")
def test_values_are_shaped_like_real_ones(demo: Demo) -> None:
    """Every key that the real sample has is there, with the same fields in the same order."""
    ours = {
        what: {tuple(name for name in value if name not in NOT_IN_SAMPLE) for value in values}
        for what, values in values_in(demo).items()
    }
    for table in (FITNESS, AGGREGATED):
        with (SAMPLE / f"{table}.decoded.csv").open(encoding="utf-8") as file:
            real: dict[tuple[str, str], set[tuple[str, ...]]] = defaultdict(set)
            for row in csv.DictReader(file):
                real[row.get("Tag", ""), row["Key"]].add(tuple(json.loads(row["Value"])))
        for what, shapes in real.items():
            assert ours[what], f"the demo has no {what}"
            required = {tuple(name for name in shape if name not in OPTIONAL) for shape in shapes}
            assert {tuple(name for name in shape if name not in OPTIONAL) for shape in ours[what]} <= required, what


def test_sleep_adds_up(demo: Demo) -> None:
    """What was found in real exports: the total is the sum of the segments, and their stages the sum of the items."""
    values = values_in(demo)
    for report in values["daily_report", "sleep"]:
        segments = report["segment_details"]
        assert report["total_duration"] == sum(segment["duration"] for segment in segments)
        assert segments == sorted(segments, key=lambda segment: -segment["bedtime"])
        for part in segments:
            awake = part["sleep_awake_duration"]
            assert (part["wake_up_time"] - part["bedtime"]) // 60 == part["duration"] + awake
    codes = {2: "deep", 3: "light", 4: "rem", 5: "awake"}
    for row in values["", "sleep"]:
        minutes: Counter[str] = Counter()
        for item in row.get("items", ()):
            minutes[codes[item["state"]]] += (item["end_time"] - item["start_time"]) // 60
        assert all(row[f"sleep_{name}_duration"] == count for name, count in minutes.items())


def test_the_second_export_has_all_of_the_first_and_revises_its_last_day(demo: Demo) -> None:
    keys: dict[bool, dict[tuple[str, ...], tuple[str, str]]] = {False: {}, True: {}}
    for (source, file), lines in raw_tables(demo).items():
        if source == "mi_band" and lines[0][:2] == ["Uid", "Sid"] and "Value" in lines[0]:
            columns = [name for name in lines[0] if name not in ("Value", "UpdateTime")]
            for line in lines[1:]:
                row = dict(zip(lines[0], line, strict=True))
                keys[".zip!" in file][tuple(row[name] for name in columns)] = (row["Value"], row["UpdateTime"])
    first, second = keys[False], keys[True]
    assert first.keys() < second.keys()
    revised = {key for key in first if first[key] != second[key] and first[key][0].endswith("}")}
    assert {key[2:4] for key in revised} >= {("daily_report", "heart_rate"), ("daily_report", "steps")}
    assert all(int(first[key][1]) < int(second[key][1]) for key in revised)


def test_the_facts_of_life_are_there(demo: Demo) -> None:
    """What pdp is to get right occurs at least once in the demo."""
    truth, days = demo.truth, demo.truth.daily()
    readings = truth.of("blood_pressure", fate="accepted")
    assert {row.rule for row in truth.readings} >= {
        "unreadable_number", "impossible_date", "missing_value", "diastolic_below_systolic", "systolic_range",
        "other_file", "other_source", "revision",
    }  # fmt: skip
    assert any(row.values["systolic"] == 196 and row.values["diastolic"] == 118 for row in readings)
    assert any(row.values["pulse"] is None for row in readings)
    assert any(row.values["systolic"] % 1 for row in readings), "a decimal comma"
    assert any(row.clock is None for row in readings), "a date only"
    assert any(row.clock is not None and row.clock < 60 for row in readings), "after midnight"
    assert any(row.date == date(2025, 10, 26) and row.clock == 150 for row in readings), "an hour that came twice"
    twice = Counter((row.file, row.instant, *row.values.values()) for row in readings if row.clock)
    assert 2 in twice.values(), "two equal readings in one minute"

    away = [row for row in truth.of("heart_rate", "sample") if row.instant and utc_date(row.instant) != row.date]
    assert {berlin_date(row.instant or 0) == row.date for row in away} == {True, False}, "both near and far from home"
    assert any(
        20 < values["sleep_nap_min"] < values["sleep_main_min"] for values in days.values() if values["has_sleep"]
    )
    assert any(values["sleep_total_min"] < 240 for values in days.values() if values["has_sleep"]), "a short night"
    assert any(values["has_bp"] and not values["has_hr"] and values["steps"] is None for values in days.values())
    assert any(values["has_hr"] and values["min_hr"] is None for values in days.values()), "sentinels"
    assert any(values["avg_hr"] and values["avg_hr"] % 1 for values in days.values()), "computed from samples"
    assert any(values["hr_samples"] and not values["has_hr"] for values in days.values()), "spot measurements alone"
    assert any(values["has_hr"] and values["resting_hr"] is None for values in days.values())
    assert {row.rule for row in truth.of("steps")} == {"", "revision", "other_device", "json"}
    assert {row.sid for row in truth.of("steps", "sample", fate="accepted")} == {
        "2000000017",
        "hlth.gen_30000000000003",
    }
    across = [row for row in values_in(demo)["", "sleep"] if row["bedtime"] < 1761440400 < row["wake_up_time"]]
    assert [row["timezone"] for row in across] == [4], "asleep while summer time ended"


def utc_date(instant: int) -> date:
    return datetime.fromtimestamp(instant, UTC).date()


def berlin_date(instant: int) -> date:
    return datetime.fromtimestamp(instant, BERLIN).date()


def test_truth_points_at_the_lines_that_were_written(demo: Demo) -> None:
    """(file, row) of every reading is the line on which its own numbers stand."""
    starts: dict[tuple[str, str], dict[int, list[str]]] = {}
    for key, lines in raw_tables(demo).items():
        number, starts[key] = 1, {}
        for cells in lines:
            starts[key][number] = cells
            number += 1 + sum(cell.count("\n") for cell in cells)
    for row in demo.truth.rows:
        cells = starts[row.source, row.file][row.row]
        if row.source == "google_sheets":
            numbers = [cell.replace(",", ".") for cell in "/".join(cells[2:-1]).split("/")]
            written = [float(cell) if cell else None for cell in numbers] if row.fate != "quarantined" else []
            assert row.fate == "quarantined" or written == list(row.values.values())
        elif row.fate != "quarantined":
            assert row.sid == cells[1]
            payload = json.loads(next(cell for cell in cells if cell.startswith("{")))
            known = {value for value in payload.values() if not isinstance(value, list | dict)}
            assert {value for name, value in row.values.items() if name != "segments"} - {None} <= known


def test_truth_counts_every_device_once(demo: Demo) -> None:
    """Of the accepted rows there is one device a day, one row an instant, one report a day; few rows are set aside."""
    truth = demo.truth
    for table in ("heart_rate", "steps", "spo2", "stress"):
        samples = truth.of(table, "sample", fate="accepted")
        assert max(Counter(row.instant for row in samples).values()) == 1
        sids = defaultdict(set)
        for row in samples:
            sids[row.date].add(row.sid)
        assert max(map(len, sids.values())) == 1
        reports = Counter((row.date, row.record) for row in truth.of(table, "daily", fate="accepted"))
        assert max(reports.values(), default=1) == 1
    for table, count in truth.counts().items():
        assert count["read"] == count["accepted"] + count["superseded"] + count["quarantined"], table
        assert count["quarantined"] <= 0.2 * count["read"], table


def test_truth_knows_the_readings_behind_every_number(demo: Demo) -> None:
    """A number has rows behind it, a null has none; columns are those of daily_metrics."""
    places = {(row.file, row.row) for row in demo.truth.rows if row.fate == "accepted"}
    for day, values in demo.truth.daily().items():
        assert list(values) == [name for name in DAILY_METRICS.names if name != "flags"]
        for column, value in values.items():
            if column != "date":
                behind = demo.truth.cell(day, column)
                assert bool(behind) == (value is not None and value is not False), (day, column)
                assert places.issuperset(behind)
        assert values["bp_readings"] in (None, len(demo.truth.cell(day, "systolic")))
        assert values["hr_samples"] in (None, len(demo.truth.cell(day, "hr_samples")))


def test_a_day_worked_out_by_hand() -> None:
    """2025-09-24: 149 twice in a minute and 147, a session; in the evening 146, 142, 141."""
    values = generate(30).truth.daily()[date(2025, 9, 24)]
    morning, evening = (149 + 149 + 147) / 3, (146 + 142 + 141) / 3
    assert values["systolic_am"] == pytest.approx(morning)
    assert values["systolic_pm"] == pytest.approx(evening)
    assert values["systolic"] == pytest.approx((morning + evening) / 2)
    assert (values["bp_readings"], values["bp_sessions"]) == (6, 2)


def test_write_writes_once(tmp_path: Path) -> None:
    """What is there already is left alone, and nothing is left over."""
    demo = generate(7)
    written = write(demo, tmp_path / "raw")
    assert sorted(path.relative_to(tmp_path / "raw").as_posix() for path in written) == sorted(demo.files)
    assert {p.relative_to(tmp_path / "raw").as_posix() for p in tmp_path.rglob("*") if p.is_file()} == set(demo.files)
    assert write(demo, tmp_path / "raw") == []
    (tmp_path / "raw" / "google_sheets" / "blood_pressure.csv").unlink()
    assert [path.name for path in write(demo, tmp_path / "raw")] == ["blood_pressure.csv"]


def test_write_refuses_to_touch_another_persons_file(tmp_path: Path) -> None:
    """One file of that name with other bytes: a sentence, and nothing is written at all."""
    theirs = tmp_path / "google_sheets" / "blood_pressure.csv"
    theirs.parent.mkdir()
    theirs.write_text("Date,SYS,DIA\n2026-01-01,120,80\n")
    with pytest.raises(PdpError, match=r"blood_pressure\.csv is there already and is not of this demo; move it away"):
        write(generate(7), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [theirs]
    assert theirs.read_text().endswith("120,80\n")
