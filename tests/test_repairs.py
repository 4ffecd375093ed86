"""repairs.csv: single rows corrected, accepted or dropped by hand, and what such a file runs again."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pdp.errors import InputError
from pdp.repairs import Repairs
from stages import repairs, validate
from stages.schemas import BLOOD_PRESSURE
from tests.forked import doit_in
from tests.pipeline import Result, configured, drain, rows_of
from tests.project import outcomes
from tests.test_validate import GOOD, NOON, Row, reading
from tests.test_why_changed import READINGS, House

TYPO = "2025-09-02 08:00"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A log with one value out of range, one that is no number, and one impossible date; built, and the template written."""
    made = House(tmp_path_factory.mktemp("first"))
    made.log(READINGS | {TYPO: (1300, 82)})
    append(made, "2025-09-05 08:00,13O,80", "2025-13-45,128,81")
    made.build()
    template(made)
    return made


@pytest.fixture
def house(first: House, tmp_path: Path) -> House:
    """A copy of it."""
    shutil.copytree(first.root, tmp_path, dirs_exist_ok=True)
    copy = object.__new__(House)
    copy.root = tmp_path
    return copy


def append(house: House, *lines: str) -> None:
    path = house.root / "data/raw/google_sheets/log.csv"
    path.write_text(path.read_text() + "\n".join(lines) + "\n")


def template(house: House) -> list[dict[str, str]]:
    """The lines of repairs.csv after `pdp rejected --repairs`."""
    done = house.pdp("rejected", "--repairs")
    assert done.returncode == 0, done.stderr
    return written(house)


def written(house: House) -> list[dict[str, str]]:
    with (house.root / "data/repairs.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def save(house: House, lines: Iterable[Mapping[str, str]], delimiter: str = ",") -> None:
    lines = list(lines)
    with (house.root / "data/repairs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(lines)


def ran(house: House) -> dict[str, str]:
    """The tasks that were not current, with their outcomes."""
    code, printed = doit_in(house.root)
    assert code == 0, printed
    return {task: outcome for task, outcome in outcomes(printed).items() if outcome != "current"}


def rejected(house: House) -> list[tuple[int, str]]:
    return [(row["row"], row["rule"]) for row in json.loads(house.pdp("rejected", "--json").stdout)["rejected"]]


def systolic(house: House, day: str = TYPO[:10]) -> str | None:
    text = (house.root / "data/merged/daily_metrics.csv").read_text()
    return next((row["systolic"] for row in csv.DictReader(text.splitlines()) if row["date"] == day), None)


def test_template_lists_what_is_set_aside_and_decides_nothing(house: House) -> None:
    lines = template(house)
    assert [(line["row"], line["rule"], line["do"]) for line in lines] == [
        ("5", "systolic_range", ""), ("6", "unreadable_number", ""), ("7", "impossible_date", "")
    ]  # fmt: skip
    assert (house.root / "data/repairs.csv").stat().st_mode & 0o077 == 0
    assert ran(house) == {}
    assert template(house) == lines


def test_a_corrected_value_counts_and_says_that_it_is_one(house: House) -> None:
    """In the day, in trace with what was read, in lineage, in why-changed; only what depends on the table runs."""
    lines = written(house)
    save(house, [lines[0] | {"do": "set", "column": "systolic", "value": "130"}, *lines[1:]])
    assert json.loads(house.pdp("why", "--json").stdout)[0]["reasons"] == ["1 repair added"]
    assert ran(house) == {"validate:blood_pressure": "built", "merge": "built"}
    assert systolic(house) == "130" and rejected(house) == [(6, "unreadable_number"), (7, "impossible_date")]
    traced = house.pdp("trace", TYPO[:10], "systolic").stdout
    assert "flags=repaired (read as systolic=1300.0)" in traced
    assert "repairs.csv for blood_pressure  1 row repaired by hand" in house.pdp("lineage", "blood_pressure").stdout
    assert "repairs.csv" in house.pdp("lineage", "daily_metrics", "--mermaid").stdout
    assert [one["cause"] for one in house.causes(TYPO[:10], "systolic")["causes"]] == ["repaired rows"]
    assert "repairs.csv: 1 row repaired" in house.pdp("status").stdout


def test_an_edit_that_gives_the_same_slice_runs_nothing(house: House) -> None:
    """Notes, order, undecided lines, line ends and the delimiter are not part of what is repaired."""
    lines = written(house)
    lines[0] |= {"do": "set", "column": "systolic", "value": "130"}
    save(house, lines)
    ran(house)
    save(house, [lines[2], lines[0] | {"do": "Set", "note": "a typo; the cuff showed 130"}], delimiter=";")
    assert ran(house) == {}


def test_an_undone_repair_is_restored(house: House) -> None:
    before = (house.root / "data/merged/daily_metrics.csv").read_bytes()
    lines = written(house)
    save(house, [lines[0] | {"do": "drop"}, *lines[1:]])
    ran(house)
    (house.root / "data/repairs.csv").unlink()
    assert set(ran(house).values()) == {"restored"}
    assert (house.root / "data/merged/daily_metrics.csv").read_bytes() == before


def test_a_repair_follows_its_row(house: House) -> None:
    """Into a full export of another name with rows before it; and into an old one beside it, as one reading."""
    lines = written(house)
    save(house, [line | {"do": "set", "column": "systolic", "value": "131"} for line in lines[:1]])
    log = house.root / "data/raw/google_sheets/log.csv"
    header, *rows = log.read_text().splitlines()
    log.with_name("log (1).csv").write_text("\n".join([header, "2025-08-30 08:00,121,80", *rows]) + "\n")
    ran(house)
    assert systolic(house) == "131" and (5, "systolic_range") not in rejected(house)
    log.unlink()
    ran(house)
    assert systolic(house) == "131" and [row for row, _ in rejected(house)] == [7, 8]


def test_a_repair_without_a_row_is_told(house: House) -> None:
    """By the run, by status and by rejected, with its line, until it is deleted; all else stays built."""
    lines = written(house)
    save(house, [lines[0] | {"do": "set", "column": "systolic", "value": "131"}])
    log = house.root / "data/raw/google_sheets/log.csv"
    log.write_text(log.read_text().replace("1300", "129"))
    code, printed = doit_in(house.root)
    assert code == 0 and "repairs.csv line 2: no raw row is what it repairs any more" in printed
    assert systolic(house) == "129"
    assert "1 repair without a row" in house.pdp("status").stdout
    assert (
        "repairs.csv line 2: no raw row is what it repairs any more (blood_pressure, log.csv row 5)"
        in house.pdp("rejected").stdout
    )


def test_a_line_by_place_gets_its_id(house: House) -> None:
    """An accepted row is named by its place; the id that makes it last is filled in on request, and wanted."""
    line = dict.fromkeys(written(house)[0], "")
    line |= {"table": "blood_pressure", "source": "google_sheets", "file": "log.csv", "row": "2", "do": "drop"}
    save(house, [line])
    code, printed = doit_in(house.root)
    assert code != 0 and "repairs.csv line 2: the id is missing" in printed
    assert template(house)[0]["id"].startswith("r")
    assert ran(house)["validate:blood_pressure"] == "built"
    assert (2, "dropped") in rejected(house) and systolic(house, "2025-09-01") == "130"
    assert "set aside: dropped for good by repairs.csv" in house.pdp("trace", "2025-09-01", "systolic").stdout
    line |= {"row": "99"}
    save(house, [line])
    assert "blood_pressure has no row 99 of log.csv" in house.pdp("rejected", "--repairs").stderr


def test_a_bad_line_fails_its_table_alone(house: House) -> None:
    """In one sentence with file and line; the last good outputs stay, and other tables are built."""
    before = (house.root / "data/merged/daily_metrics.csv").read_bytes()
    lines = written(house)
    save(house, [lines[0] | {"do": "set", "column": "systolic", "value": "l30"}, *lines[1:]])
    code, printed = doit_in(house.root, "--continue")
    assert code != 0 and "Traceback" not in printed and "l30" not in printed
    assert "repairs.csv line 2: the value of systolic must be a number; write it like 130.5" in printed
    assert (house.root / "data/merged/daily_metrics.csv").read_bytes() == before
    assert outcomes(printed)["validate:sleep"] == "current"


HEADER = "table,rule,do,column,value,id\n"
MARK = "r1756800000-10b5eeffdc2d"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (f"blood_pressure,,sett,,,{MARK}", "line 2: sett is nothing that can be done; did you mean set?"),
        (f"blood_pressure,,set,,1,{MARK}", "line 2: the column to set is missing"),
        (
            f"\nblood_pressure,,set,sistolic,1,{MARK}",
            "line 3: blood_pressure has no column sistolic that can be set; did you",
        ),
        (f"blood_pressure,,set,file,x,{MARK}", "line 2: blood_pressure has no column file that can be set"),
        (f"blood_presure,,drop,,,{MARK}", "line 2: there is no table blood_presure; did you mean blood_pressure?"),
        ("blood_pressure,,drop,,,7", "line 2: the id is not one that pdp gives"),
        ("blood_pressure,,drop,,,", "line 2: the id is missing"),
        (
            f"blood_pressure,bad_date,accept,,,{MARK}",
            "line 2: rule bad_date is none that a row can be accepted in spite of",
        ),
        (f"blood_pressure,,accept,,,{MARK}", "line 2: the rule that the row may break is missing"),
        (
            f"blood_pressure,,set,systolic,131,{MARK}\nblood_pressure,systolic_range,accept,,,{MARK}",
            "line 3: accept contradicts the set of line 2; a value that is set must pass the checks",
        ),
        (
            f"blood_pressure,,set,systolic,131,{MARK}\nblood_pressure,,set,systolic,132,{MARK}",
            "line 3: systolic is set twice, to different values",
        ),
        (b"table,do,column,valu,id\n", "line 1: there is no column valu; did you mean value?"),
        (b"table,do,column,value\n", "line 1: the column id is missing"),
        (b'table,do,column,value,id\n"sleep,set\n', "line 2: unexpected end of data"),
        (b"table,do,column,value,id\na,b,c,d,e,f\n", "line 2: more cells than the header has"),
        ("table,do,column,value,id\ngr\xf6\xdfer".encode("latin-1"), "is not UTF-8; save it as CSV UTF-8"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    path = tmp_path / "repairs.csv"
    path.write_bytes(content if isinstance(content, bytes) else (HEADER + content).encode())
    with pytest.raises(InputError) as raised:
        found = [vars(one) for one in Repairs(path).of("blood_pressure", ["blood_pressure", "sleep"])]
        repairs.Repairs(BLOOD_PRESSURE, configured() | {"repairs": found})
    assert str(raised.value).startswith(f"repairs.csv {sentence}")


# What a repair does with a row, by plain calls


def repaired(rows: list[Row], at: int, repair: dict[str, Any], table: str = "blood_pressure") -> Result:
    """`rows`, the one at `at` repaired, validated. Nothing may be lost."""
    read = rows_of(table, *rows)
    place = ("a.csv", read["row"][at].as_py(), read["item"][at].as_py())
    (name,) = repairs.identify(read, [place]).values()
    config = configured() | {"repairs": [{"id": name, "set": {}, "rules": [], "lines": [2]} | repair]}
    outputs, facts = drain(getattr(validate, table)({f"a_{table}": read}, config))
    assert facts["read"] == facts["accepted"] + facts["superseded"] + facts["quarantined"] == len(rows)
    return Result(outputs, {"": facts})


def test_a_repair_cannot_smuggle_in_what_the_checks_refuse() -> None:
    result = repaired([*GOOD, reading(130, 85, n=9)], 4, {"do": "set", "set": {"systolic": "1300", "diastolic": "85"}})
    (row,) = result.rows("blood_pressure_quarantine")
    assert (row["problem"], row["problem_text"], row["flags"]) == ("systolic_range", "1300", "repaired")


def test_accepting_lifts_the_named_rule_alone() -> None:
    """The value is the raw row's own, and its flag names the rule; another rule still sets it aside."""
    odd = reading(310, 85, 300, n=9)
    once = repaired([*GOOD, odd], 4, {"do": "accept", "rules": ["systolic_range"]})
    assert [row["problem"] for row in once.rows("blood_pressure_quarantine")] == ["pulse_range"]
    both = repaired([*GOOD, odd], 4, {"do": "accept", "rules": ["systolic_range", "pulse_range", "diastolic_range"]})
    flags = next(row["flags"] for row in both.rows("blood_pressure") if row["systolic"] == 310)
    assert [flag for flag in flags.split(";") if flag.startswith("accepted")] == [
        "accepted_pulse_range",
        "accepted_systolic_range",
    ]


def test_a_dropped_row_is_kept_aside_and_is_no_sign_of_a_broken_source() -> None:
    """Even where it was the only row: dropping is a decision, not a fault of the file."""
    result = repaired([reading(130, 85)], 0, {"do": "drop"})
    (row,) = result.rows("blood_pressure_quarantine")
    assert (row["problem"], row["systolic"]) == ("dropped", 130)
    assert result.facts[""]["repairs"] == {"applied": 1, "unmatched": []}


UNREADABLE = reading(
    None, 85, None, n=9, problem="unreadable_number", problem_text="13O", problem_sentence="write digits"
)


def test_a_row_that_could_not_be_read_needs_all_that_it_lacks() -> None:
    """Only its first fault is known: that the pulse is missing must be said, or its text would be lost in silence."""
    part = repaired([*GOOD, UNREADABLE], 4, {"do": "set", "set": {"systolic": "130"}})
    (row,) = part.rows("blood_pressure_quarantine")
    assert row["problem"] == "unreadable_number" and "repaired, but for pulse" in row["problem_sentence"]
    whole = repaired([*GOOD, UNREADABLE], 4, {"do": "set", "set": {"systolic": "130", "pulse": ""}})
    assert {
        row["flags"] for row in whole.rows("blood_pressure") if row["systolic"] == 130 and row["pulse"] is None
    } == {"repaired"}


def test_measured_at_places_a_row_in_time() -> None:
    """By the clock of the zone that is set, by the offset that is told, or as a date alone."""
    lost = reading(130, 85, 61, at=None, time_known=None, problem="impossible_date", problem_text="2025-13-45")
    lost |= {"utc_offset_s": None, "offset_source": None}
    for text, offset, date, known in (
        ("2025-07-01 00:30", 7200, "2025-07-01", True),
        ("2025-07-01 00:30+05:30", 19800, "2025-07-01", True),
        ("2025-07-01", 7200, "2025-07-01", False),
    ):
        result = repaired([*GOOD, lost], 4, {"do": "set", "set": {"measured_at": text}})
        (row,) = [row for row in result.rows("blood_pressure") if "repaired" in row["flags"]]
        assert (row["utc_offset_s"], str(row["local_date"]), row["time_known"]) == (offset, date, known)
        assert row["instant_utc"].timestamp() % 86_400 == ((30 * 60 if known else 0) - offset) % 86_400


def test_the_id_is_of_the_row_and_not_of_its_place_or_of_settings() -> None:
    row = rows_of("blood_pressure", reading(130, 85))
    elsewhere = rows_of(
        "blood_pressure",
        reading(130, 85, file="b (1).csv", row=77, exported_on="20260101", at=NOON - 7200, utc_offset_s=7200),
    )
    other = rows_of("blood_pressure", reading(131, 85))
    ids = [next(iter(repairs.identify(table, [place]).values())) for table, place in
           ((row, ("a.csv", 2, 0)), (elsewhere, ("b (1).csv", 77, 0)), (other, ("a.csv", 2, 0)))]  # fmt: skip
    assert ids[0] == ids[1] != ids[2]


def test_equal_rows_of_one_file_are_told_apart_by_their_order() -> None:
    """Of two readings typed twice one can be dropped; in two files the same row is one."""
    twice = rows_of("blood_pressure", reading(130, 85), reading(130, 85), reading(130, 85, file="b.csv"))
    ids = repairs.identify(twice, [("a.csv", 2, 0), ("a.csv", 3, 0), ("b.csv", 4, 0)])
    assert ids["a.csv", 3, 0] == ids["a.csv", 2, 0] + "-2" and ids["b.csv", 4, 0] == ids["a.csv", 2, 0]
    config = configured() | {
        "repairs": [{"id": ids["a.csv", 3, 0], "do": "drop", "set": {}, "rules": [], "lines": [2]}]
    }
    mended = repairs.Repairs(BLOOD_PRESSURE, config)
    found = [row["problem"] for chunk in (twice.slice(0, 1), twice.slice(1)) for row in mended.apply(chunk).to_pylist()]
    assert found == [None, "dropped", None]


def test_a_night_whose_head_is_repaired_keeps_its_parts() -> None:
    """The parts of a raw row fall with their head, and rise with it."""
    night = {"kind": "night", "record": "daily_report", "row": 2, "at": NOON}
    rows = [night | {"duration_min": 5000.0}, night | {"kind": "segment", "item": 1, "duration_min": 400.0}]
    fine = [
        {"at": NOON + n * 86_400, "kind": "night", "record": "daily_report", "row": 5 + n, "duration_min": 420.0}
        for n in (1, 2, 3)
    ]
    result = repaired([*rows, *fine], 0, {"do": "set", "set": {"duration_min": "400"}}, "sleep")
    assert not result.rows("sleep_quarantine") and len(result.rows("sleep")) == 5


@pytest.mark.parametrize(
    ("table", "column", "text", "sentence"),
    [
        ("steps", "steps", "12.5", "the value of steps must be a whole number"),
        ("steps", "distance_m", "nan", "the value of distance_m must be a number"),
        ("steps", "measured_at", "2025-09-01", "measured_at lacks the time"),
        ("blood_pressure", "systolic", "", "systolic cannot be left empty"),
        ("blood_pressure", "systolic", "inf", "the value of systolic must be a number"),
        ("blood_pressure", "measured_at", "5.9.25", "measured_at is not a date and time"),
        ("blood_pressure", "measured_at", "1907-01-01 08:00", "measured_at is not a date and time"),
    ],
)
def test_a_value_that_cannot_be_is_refused(table: str, column: str, text: str, sentence: str) -> None:
    row = reading(130, 85) if table == "blood_pressure" else {"at": NOON, "steps": 10}
    with pytest.raises(InputError, match=f"repairs.csv line 2: {sentence}"):
        repaired([row], 0, {"do": "set", "set": {column: text}}, table)
