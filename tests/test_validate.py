"""Checks, quarantine, limits; and what must hold whatever comes in: nothing lost, and no matter in which order."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.errors import StageError
from pdp.schema import Check, Schema, encoded
from stages import parts, schemas, validate
from stages.duplicates import superseded
from tests.pipeline import TABLES, configured, drain, rows_of, validated

DAY = 86_400
NOON = 20_000 * DAY + 43_200
LABEL = 20_000 * DAY

Row = dict[str, Any]


def reading(systolic: float | None, diastolic: float | None, pulse: float | None = 70, n: int = 0, **cells: Any) -> Row:
    values = {"systolic": systolic, "diastolic": diastolic, "pulse": pulse, "time_known": True}
    return {"at": NOON + n * 3600, "kind": "reading", "record_time": None, "record": "sheet"} | values | cells


GOOD = [reading(130, 85, n=n) for n in range(4)]


def set_aside(row: Row) -> Row:
    """The quarantined row of a table that else holds good ones."""
    result = validated("blood_pressure", rows_of("blood_pressure", *GOOD, row))
    (found,) = result.rows("blood_pressure_quarantine")
    assert result.tables["blood_pressure"].num_rows == len(GOOD)
    return found


@pytest.mark.parametrize(
    ("row", "problem", "cell", "text"),
    [
        (reading(1300, 85), "systolic_range", "systolic", "1300"),
        (reading(30, 25), "systolic_range", "systolic", "30"),
        (reading(130, 12.5), "diastolic_range", "diastolic", "12.5"),
        (reading(130, 85, 300), "pulse_range", "pulse", "300"),
        (reading(80, 120), "diastolic_below_systolic", "systolic, diastolic", "80/120"),
        (reading(90, 90), "diastolic_below_systolic", "systolic, diastolic", "90/90"),
        (reading(1300, 1500, 300), "systolic_range", "systolic", "1300"),
        (reading(130, 85, record_time=-1), "time_range", "record_time", "-1"),
    ],
)
def test_an_impossible_value_is_set_aside(row: Row, problem: str, cell: str, text: str) -> None:
    """T11: with the first rule that it breaks, the columns, what stood there, and what to do; all else is kept."""
    found = set_aside(row)
    assert (found["problem"], found["problem_cell"], found["problem_text"]) == (problem, cell, text)
    assert found["problem_sentence"].endswith("at its source") or "correct them" in found["problem_sentence"]
    assert (found["file"], found["row"], found["systolic"]) == ("a.csv", 6, row["systolic"])


def test_what_the_reader_could_not_read_keeps_the_readers_words() -> None:
    """A row that came with its problem is not checked again."""
    words: Row = {"problem": "json", "problem_cell": "Value", "problem_text": "{", "problem_sentence": "broken"}
    assert {name: set_aside(reading(1300, None, **words))[name] for name in words} == words


def test_a_missing_value_breaks_no_rule() -> None:
    """T11, T20: a reading without a pulse is kept."""
    result = validated("blood_pressure", rows_of("blood_pressure", reading(130, 85, None)))
    assert result.rows("blood_pressure")[0]["flags"] == ""


def test_unusual_values_are_flagged_and_kept() -> None:
    """All flags of a row, those of the reader among them, sorted."""
    row = reading(255, 35, 225, flags="short;nonexistent_local_time")
    (found,) = validated("blood_pressure", rows_of("blood_pressure", row)).rows("blood_pressure")
    assert found["flags"] == "diastolic_unusual;nonexistent_local_time;pulse_unusual;short;systolic_unusual"


def test_flags_of_one_row_are_not_those_of_another() -> None:
    """Each row has its own, also where the reader flagged none of them, or all."""
    rows = [
        reading(255, 85, n=0),
        reading(130, 85, n=1, flags="x"),
        reading(130, 35, n=2, flags="x"),
        reading(130, 85, n=3),
    ]
    found = validated("blood_pressure", rows_of("blood_pressure", *rows)).rows("blood_pressure")
    assert [row["flags"] for row in found] == ["systolic_unusual", "x", "diastolic_unusual;x", ""]


# ---- the parts of a raw row


def night(*minutes: float, row: int = 2, **cells: Any) -> list[Row]:
    """A report: the night, then its segments."""
    common = {"at": LABEL, "record": "daily_report", "row": row} | cells
    parts = [{"item": i, "kind": "segment", "duration_min": m, **common} for i, m in enumerate(minutes[1:], 1)]
    return [{"kind": "night", "duration_min": minutes[0], **common}, *parts]


OTHERS = [row for n in range(1, 6) for row in night(400, 400, row=10 + n, at=LABEL + n * DAY)]


def test_the_parts_of_a_night_fall_with_it() -> None:
    """A report whose total is impossible takes its segments along."""
    result = validated("sleep", rows_of("sleep", *night(2000, 400, 40), *OTHERS))
    assert [row["problem"] for row in result.rows("sleep_quarantine")] == [
        "duration_min_range", "whole_quarantined", "whole_quarantined",
    ]  # fmt: skip


def test_a_night_stands_without_one_of_its_parts_but_says_so() -> None:
    """A segment that is set aside leaves the night and the other segments flagged."""
    result = validated("sleep", rows_of("sleep", *night(440, 400, 2000), *OTHERS))
    assert [row["item"] for row in result.rows("sleep_quarantine")] == [2]
    flags = [row["flags"] for row in result.rows("sleep") if row["row"] == 2]
    assert flags == ["part_quarantined", "part_quarantined"]
    assert {row["flags"] for row in result.rows("sleep") if row["row"] != 2} == {""}


# ---- limits


def limited(bad: int, good: int, **checks: Any) -> None:
    rows = [reading(1300, 85, n=n, file="z.csv") for n in range(bad)] + [reading(130, 85, n=n) for n in range(good)]
    validated("blood_pressure", rows_of("blood_pressure", *rows), checks=checks)


def test_a_source_with_too_many_bad_rows_fails_the_stage() -> None:
    """The sentence tells how many, of which source, the commonest rule, an example and what to do; no measurement."""
    with pytest.raises(StageError) as failed:
        limited(5, 15)
    assert str(failed.value) == (
        "blood_pressure of a: 5 of 20 rows cannot be accepted, more than the 20% allowed; most often systolic_range (5), "
        "first in z.csv, row 2, systolic: systolic must lie between 40 and 300 mmHg; correct the value at its source; "
        "correct the file, or raise [checks] max_quarantined_share: at 1 all go on, and pdp rejected lists them"
    )


def test_a_share_within_the_limit_passes() -> None:
    """Exactly the allowed share; any share of few rows, unless it is all of them."""
    limited(4, 16)
    limited(9, 10)
    limited(5, 15, max_quarantined_share=0.25)


def test_a_source_of_which_nothing_remains_fails_the_stage() -> None:
    """T12: a table must not be emptied quietly, however few its rows were; the config can allow it."""
    with pytest.raises(StageError, match="1 of 1 rows cannot be accepted"):
        limited(1, 0)
    limited(1, 0, max_quarantined_share=1)


def test_limits_are_for_each_source() -> None:
    """A good source does not hide a broken one."""
    good = rows_of("blood_pressure", *(reading(130, 85, n=n) for n in range(100)))
    with pytest.raises(StageError, match="blood_pressure of b: 2 of 2"):
        validated(
            "blood_pressure", good, rows_of("blood_pressure", *(reading(9, 85, n=n, source="b") for n in range(2)))
        )


def test_rows_of_no_table_never_fail_the_stage() -> None:
    """All of `unreadable` is set aside: that is what it is for."""
    rows = rows_of("unreadable", *({"kind": "", "record": "", "problem": "no_key"} for _ in range(50)))
    tables, facts = drain(validate.unreadable({"a_unreadable": rows}, configured()))
    assert tables["unreadable_quarantine"].num_rows == facts["quarantined"] == facts["read"] == 50
    assert tables["unreadable_quarantine"].schema == schemas.quarantine(schemas.UNREADABLE).arrow()


# ---- the shape of the outputs


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_there_without_rows(name: str) -> None:
    """No source, or sources without rows: both outputs with all their columns."""
    schema: Schema = getattr(schemas, name.upper())
    for inputs in ((), (schemas.normalized(schema).empty(),)):
        result = validated(name, *inputs)
        assert result.tables[name].schema == schema.arrow()
        assert result.tables[f"{name}_quarantine"].schema == schemas.quarantine(schema).arrow()


def test_rows_are_sorted_by_day_and_instant() -> None:
    """Days, then instants, whatever the order in the file."""
    rows: list[Row] = [{"at": NOON + DAY, "bpm": 1e2}, {"at": NOON + 60, "bpm": 60}, {"at": NOON, "bpm": 70}]
    found = validated("heart_rate", rows_of("heart_rate", *rows)).rows("heart_rate")
    assert [row["bpm"] for row in found] == [70, 60, 100]
    assert found[0]["local_date"] == date(2024, 10, 4)


def test_long_tables_come_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of bounded size make up the same table."""
    rows = rows_of("heart_rate", *({"at": NOON + 86_400 * n, "bpm": 60 + n} for n in range(7)))
    whole = validated("heart_rate", rows).tables["heart_rate"]
    monkeypatch.setattr(parts, "PART_ROWS", 3)
    chunked = validated("heart_rate", rows).tables["heart_rate"]
    assert chunked.equals(whole)
    sizes = [len(chunk) for chunk in chunked["bpm"].chunks if len(chunk)]
    assert max(sizes) <= 3 and len(sizes) >= 3


# ---- what must hold whatever comes in

SIDS = st.sampled_from(["default", "band", "phone"])
HEART = st.fixed_dictionaries(
    {
        "at": st.integers(0, 40).map(lambda n: LABEL + n * 7200),
        "bpm": st.sampled_from([60.0, 70.0, 5.0, None]),
        "record": st.sampled_from(["heart_rate", "single_heart_rate"]),
        "sid": SIDS,
        "revision": st.integers(0, 2),
        "exported_on": st.sampled_from(["", "20260101", "20260201"]),
        "flags": st.sampled_from(["", "x", "x;y"]),
        "problem": st.sampled_from([None, None, None, "json"]),
    }
)
NIGHTS = st.builds(
    lambda minutes, n, sid, revision: night(*minutes, at=LABEL + n * DAY, sid=sid, revision=revision),
    st.lists(st.sampled_from([30.0, 400.0, 2000.0]), min_size=1, max_size=3),
    st.integers(0, 3), SIDS, st.integers(0, 2),
)  # fmt: skip
LENIENT = {"checks": {"max_quarantined_share": 1}}


def numbered(rows: list[Row]) -> list[Row]:
    return [row | {"row": number} for number, row in enumerate(rows, start=2)]


def shuffled(table: pa.Table, seed: int) -> pa.Table:
    return table.take(np.random.default_rng(seed).permutation(table.num_rows))


@given(st.lists(HEART, max_size=25), st.integers(0, 99))
def test_samples_in_any_order_give_the_same_bytes(rows: list[Row], seed: int) -> None:
    """Rows shuffled, or cut into two tables: the same accepted and quarantined tables; and none is lost."""
    table = rows_of("heart_rate", *numbered(rows))
    first = validated("heart_rate", table, **LENIENT)
    for other in (shuffled(table, seed), pa.concat_tables([table.slice(7), table.slice(0, 7)])):
        again = validated("heart_rate", other, **LENIENT)
        assert all(again.tables[name].equals(first.tables[name]) for name in first.tables)


@given(st.lists(HEART, max_size=25, unique_by=lambda row: row["at"]), st.booleans())
def test_rows_in_order_give_the_same_bytes(rows: list[Row], newest_first: bool) -> None:
    """As an export has them, newest first or last, where nothing needs sorting: the tables that they give shuffled."""
    rows = sorted(numbered(rows), key=lambda row: row["at"], reverse=newest_first)
    table = rows_of("heart_rate", *rows)
    found, other = (validated("heart_rate", each, **LENIENT).tables for each in (table, shuffled(table, 1)))
    assert all(found[name].equals(other[name]) for name in found)


@given(st.lists(HEART | NIGHTS, max_size=12), st.randoms(use_true_random=False))
def test_a_row_that_is_set_aside_has_no_say(drawn: list[Any], chance: Any) -> None:
    """Of rows that passed and rows that did not, those are superseded that are where the others are not there at all."""
    rows = numbered([row for one in drawn for row in (one if isinstance(one, list) else [one])])
    for schema in (schemas.HEART_RATE, schemas.SLEEP):
        table = encoded(rows_of(schema.name, *(row for row in rows if ("bpm" in row) == (schema.name == "heart_rate"))))
        passed = np.array([chance.random() < 0.7 for _ in range(table.num_rows)], bool)
        found = superseded(schema, table, ["mi_band"], passed)
        alone = table.filter(pa.array(passed, pa.bool_()))
        assert found[passed].tolist() == superseded(schema, alone, ["mi_band"], np.ones(len(alone), bool)).tolist()
        assert not found[~passed].any()


@given(st.lists(HEART, max_size=25))
def test_an_export_imported_twice_changes_nothing(rows: list[Row]) -> None:
    """The same rows once more under a later file: the accepted table is the same, provenance and all."""
    rows = numbered(rows)
    once = validated("heart_rate", rows_of("heart_rate", *rows), **LENIENT).tables["heart_rate"]
    copies = [row | {"file": "b.csv"} for row in rows]
    assert validated("heart_rate", rows_of("heart_rate", *rows, *copies), **LENIENT).tables["heart_rate"].equals(once)


@given(st.lists(HEART, max_size=25), st.integers(0, 25))
def test_an_export_in_two_files_gives_the_same_values(rows: list[Row], cut: int) -> None:
    """Rows in one file or in two, a.csv then b.csv: the same values; only where they came from may differ."""
    rows = numbered(rows)
    split = [row | ({"file": "b.csv"} if n >= cut else {}) for n, row in enumerate(rows)]
    results = [validated("heart_rate", rows_of("heart_rate", *each), **LENIENT) for each in (rows, split)]
    one, two = (result.tables["heart_rate"].drop_columns(["file"]) for result in results)
    assert one.equals(two)


@given(st.lists(st.tuples(st.sampled_from([130, 131]), st.integers(0, 1)), max_size=8), st.integers(0, 8))
def test_a_sheet_downloaded_again_adds_only_what_is_new(log: list[tuple[int, int]], cut: int) -> None:
    """An older and a newer copy of one log give the newer one's readings, equal ones of a minute among them."""
    rows = numbered([reading(systolic, 85, n=n) for systolic, n in log])
    older = [row | {"file": "0.csv"} for row in rows[:cut]]
    results = [validated("blood_pressure", rows_of("blood_pressure", *each)) for each in (rows, older + rows)]
    one, two = (result.tables["blood_pressure"].drop_columns(["file"]) for result in results)
    assert one.equals(two)


@given(st.lists(NIGHTS, max_size=8), st.integers(0, 99))
def test_a_night_is_whole_or_gone(nights: list[list[Row]], seed: int) -> None:
    """Each accepted segment has its accepted night, each date one night, in any order of the rows; none is lost."""
    rows = [row | {"row": number} for number, night in enumerate(nights, start=2) for row in night]
    table = rows_of("sleep", *rows)
    result = validated("sleep", table, **LENIENT)
    found = result.rows("sleep")
    heads = [row for row in found if row["kind"] == "night"]
    assert {row["row"] for row in found} == {row["row"] for row in heads}
    assert len({row["local_date"] for row in heads}) == len(heads)
    assert validated("sleep", shuffled(table, seed), **LENIENT).tables["sleep"].equals(result.tables["sleep"])


@given(st.lists(HEART, max_size=25))
def test_accepted_rows_pass_the_checks(rows: list[Row]) -> None:
    """No accepted row breaks a rule, every one set aside has its problem, and an instant is there once."""
    result = validated("heart_rate", rows_of("heart_rate", *numbered(rows)), **LENIENT)
    accepted = result.tables["heart_rate"]
    assert all(passes(check, accepted) for check in schemas.HEART_RATE.checks if check.severity == "quarantine")
    assert all(row["problem"] for row in result.rows("heart_rate_quarantine"))
    instants = accepted["instant_utc"].to_pylist()
    assert len(instants) == len(set(instants))


def passes(check: Check, table: pa.Table) -> bool:
    return all(check.passes(table).to_pylist())
