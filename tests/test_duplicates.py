"""Which row stays where several tell the same: revisions, devices, days and instants, readings."""

from __future__ import annotations

from itertools import chain, permutations
from typing import Any

import pytest

from tests.pipeline import rows_of, validated

DAY = 86_400
NOON = 20_000 * DAY + 43_200  # an instant, at noon of a date
LABEL = 20_000 * DAY  # the midnight that labels this date
A, B = {"file": "a.csv", "exported_on": "20260101"}, {"file": "b.csv", "exported_on": "20260201"}

Row = dict[str, Any]


def kept(table: str, *rows: Row) -> list[Row]:
    """The accepted rows, having been the same in every order of the rows."""
    forward = validated(table, rows_of(table, *rows)).tables[table]
    numbered = [{"row": number, **row} for number, row in enumerate(rows, start=2)]
    assert validated(table, rows_of(table, *reversed(numbered))).tables[table].equals(forward)
    return forward.to_pylist()


def bpm(*rows: Row) -> list[float]:
    return [row["bpm"] for row in kept("heart_rate", *rows)]


def report(**cells: Any) -> Row:
    return {"at": LABEL, "kind": "daily", "record": "daily_report"} | cells


def night(minutes: float, **cells: Any) -> Row:
    return {"at": LABEL, "kind": "night", "record": "daily_report", "duration_min": minutes} | cells


def segment(minutes: float, bed: int, **cells: Any) -> Row:
    """A part of a report, or (record `sleep`) a raw row, whose time is its end."""
    time = bed + int(minutes * 60) if cells.get("record") == "sleep" else LABEL
    times = {"at": LABEL, "record_time": time, "instant_utc": bed, "bedtime_utc": bed}
    return {**times, "kind": "segment", "duration_min": minutes} | cells


def reading(systolic: float = 130, diastolic: float = 85, pulse: float | None = 70, **cells: Any) -> Row:
    values = {"systolic": systolic, "diastolic": diastolic, "pulse": pulse, "time_known": True}
    sheet = {"record": "sheet", "sid": "", "revision": None, "record_time": None}
    return {"at": NOON, "kind": "reading"} | sheet | values | cells


# ---- revisions of one raw row


def test_the_newest_revision_wins() -> None:
    """Whatever export it is in, and though its values are lower."""
    assert bpm({"at": NOON, "bpm": 70, "revision": 2, **A}, {"at": NOON, "bpm": 90, "revision": 1, **B}) == [70]


def test_a_revision_without_a_change_is_the_newest() -> None:
    """Its stamp is kept with it."""
    (row,) = kept(
        "heart_rate", {"at": NOON, "bpm": 70, "revision": 1, **A}, {"at": NOON, "bpm": 70, "revision": 2, **B}
    )
    assert row["revision"] == 2


def test_of_equal_revisions_the_newest_export_wins() -> None:
    """Values that differ under one revision: the later export knows better, else the later file, else the later row."""
    assert bpm({"at": NOON, "bpm": 70, **A}, {"at": NOON, "bpm": 90, **B}) == [90]
    assert bpm({"at": NOON, "bpm": 70, "file": "a.csv"}, {"at": NOON, "bpm": 90, "file": "b.csv"}) == [90]
    assert bpm({"at": NOON, "bpm": 70}, {"at": NOON, "bpm": 90}) == [90]


def test_of_equal_rows_the_earliest_export_stays() -> None:
    """A later export of the same days changes nothing: not even where a number came from."""
    (row,) = kept("heart_rate", {"at": NOON, "bpm": 70, **B}, {"at": NOON, "bpm": 70, **A})
    assert row["file"] == "a.csv"


def test_the_earliest_row_with_the_winning_values_stays() -> None:
    """Values that came back in a third export are those of the first."""
    first, second, third = ({"at": NOON, "bpm": value, "exported_on": str(n)} for n, value in enumerate((70, 90, 70)))
    (row,) = kept("heart_rate", first, second, third)
    assert (row["bpm"], row["exported_on"]) == (70, "0")


def test_a_flag_that_a_later_export_lacks_is_gone() -> None:
    """The last day of an export is flagged as partial until a later export tells it without."""
    partial = report(steps=5000, flags="partial_day", **A)
    (row,) = kept("steps", partial, report(steps=5000, **B))
    assert row["flags"] == ""


def test_a_null_is_a_value_like_any_other() -> None:
    """A revision that no longer tells a resting heart rate replaces one that did."""
    rows = [report(avg_hr=70, resting_hr=60, revision=1), report(avg_hr=70, revision=2)]
    assert [row["resting_hr"] for row in kept("heart_rate", *rows)] == [None]


def test_rows_without_a_time_stamp_are_no_revisions() -> None:
    """A sheet's rows have none: two of them are two readings."""
    assert len(kept("blood_pressure", reading(pulse=60), reading(pulse=61))) == 2


def test_a_night_and_its_segments_are_one_raw_row() -> None:
    """The newer revision has one segment less: nothing of the old row stays."""
    old = [night(480, revision=1, row=2), segment(300, LABEL, item=1, record="daily_report", revision=1, row=2)]
    old.append(segment(180, LABEL + 20_000, item=2, record="daily_report", revision=1, row=2))
    new = [night(300, revision=2, row=3), segment(300, LABEL, item=1, record="daily_report", revision=2, row=3)]
    assert [row["duration_min"] for row in kept("sleep", *old, *new)] == [300, 300]


def test_equal_nights_with_other_segments_differ() -> None:
    """Of equal revisions the newest export decides if any part differs, be it the number of parts."""
    first = [night(480, row=2, **A), segment(480, LABEL, item=1, record="daily_report", row=2, **A)]
    second = [night(480, row=2, **B), segment(300, LABEL, item=1, record="daily_report", row=2, **B)]
    second.append(segment(180, LABEL + 20_000, item=2, record="daily_report", row=2, **B))
    assert {row["file"] for row in kept("sleep", *first, *second)} == {"b.csv"}


def test_a_night_with_one_segment_more_differs() -> None:
    """Though all the others are the same: the newest export's is the night."""
    first = [night(480, row=2, **A), segment(300, LABEL, item=1, record="daily_report", row=2, **A)]
    second = [row | B for row in first]
    second.append(segment(180, LABEL + 20_000, item=2, record="daily_report", row=2, **B))
    assert [row["file"] for row in kept("sleep", *first, *second)] == ["b.csv"] * 3


# ---- one device a day


def test_one_device_counts_on_a_date() -> None:
    """Steps of a band and of a phone are the same steps: the server's own merge counts, whoever has more rows."""
    phone = [{"at": NOON + 60 * n, "steps": 9, "record": "steps", "sid": "phone"} for n in range(9)]
    merged = {"at": NOON + 30, "steps": 50, "record": "steps", "sid": "default"}
    assert [row["steps"] for row in kept("steps", *phone, merged)] == [50]


def test_without_the_servers_merge_the_device_with_most_rows_counts() -> None:
    """On each date for itself; of equals the first by name."""
    rows = [{"at": NOON, "bpm": 60, "sid": "b"}, {"at": NOON + 60, "bpm": 61, "sid": "b"}]
    rows += [{"at": NOON, "bpm": 80, "sid": "a"}]
    rows += [{"at": NOON + DAY, "bpm": 90, "sid": "b"}, {"at": NOON + DAY + 5, "bpm": 91, "sid": "a"}]
    assert bpm(*rows) == [60, 61, 91]


def test_revisions_do_not_make_a_device_count_more() -> None:
    """Rows of three exports are the rows of one: devices are counted after their revisions."""
    thrice = [{"at": NOON, "bpm": 60, "sid": "b", "exported_on": str(n)} for n in range(3)]
    twice = [{"at": NOON + n, "bpm": 80, "sid": "a"} for n in range(2)]
    assert bpm(*thrice, *twice) == [80, 80]


def test_stretches_of_sleep_of_two_devices_do_not_add_up() -> None:
    """Two devices see one sleep begin at different minutes: without a report one of them counts."""
    rows = [segment(400, LABEL, record="sleep", sid="band"), segment(380, LABEL + 600, record="sleep", sid="phone")]
    assert [row["duration_min"] for row in kept("sleep", *rows)] == [400]


def test_weighings_of_two_devices_both_count() -> None:
    """A weighing is no sample of a stream."""
    rows = [{"at": NOON, "weight_kg": 80, "sid": "a"}, {"at": NOON + 60, "weight_kg": 81, "sid": "b"}]
    assert len(kept("weight", *rows)) == 2


# ---- one fact once


def test_a_day_is_told_once() -> None:
    """T5: the server's merge before a device, though the device's revision is newer; never their mean."""
    merged = [night(480, row=2), segment(480, LABEL, item=1, record="daily_report", row=2)]
    device = [night(300, sid="huami", revision=9, row=3)]
    device.append(segment(300, LABEL + 60, item=1, sid="huami", revision=9, record="daily_report", row=3))
    assert [row["duration_min"] for row in kept("sleep", *merged, *device)] == [480, 480]


def test_the_order_of_the_sources_decides() -> None:
    """Of two sources the one declared first, whatever their names; the server's merge before that order."""
    first, second = rows_of("heart_rate", report(avg_hr=70)), rows_of("heart_rate", report(avg_hr=80, source="b"))
    assert [row["avg_hr"] for row in validated("heart_rate", first, second).rows("heart_rate")] == [70]
    one = rows_of("heart_rate", report(avg_hr=70, sid="x"))
    two = rows_of("heart_rate", report(avg_hr=80, source="b", sid="default"))
    assert [row["avg_hr"] for row in validated("heart_rate", one, two).rows("heart_rate")] == [80]


def test_an_instant_is_told_once() -> None:
    """Of a measurement that the device took by itself and one on demand, at one instant, the first stays."""
    rows = [{"at": NOON, "bpm": 71, "record": "single_heart_rate"}, {"at": NOON, "bpm": 70, "record": "heart_rate"}]
    assert bpm(*rows) == [70]


def test_a_resting_heart_rate_is_a_fact_of_its_own() -> None:
    """A report without it and a row with it both stay."""
    rows = [report(avg_hr=70), report(record="resting_heart_rate", resting_hr=55, sid="x")]
    assert len(kept("heart_rate", *rows)) == 2


def test_a_stretch_that_a_report_tells_is_told_once() -> None:
    """A raw row that mirrors a segment of the report goes, though it is newer and the server's own."""
    told = [night(300, sid="x", row=2), segment(300, LABEL, item=1, record="daily_report", sid="x", row=2)]
    mirror = segment(290, LABEL, record="sleep", revision=9, sid="default", row=3)
    other = segment(40, LABEL + 40_000, record="sleep", row=4)
    assert [row["row"] for row in kept("sleep", *told, mirror, other)] == [2, 2, 4]


def test_a_stretch_is_not_replaced_by_a_report_that_lost() -> None:
    """A night of another device that does not count takes no raw row with it."""
    merged = [night(300, row=2), segment(300, LABEL, item=1, record="daily_report", row=2)]
    lost = [night(200, sid="x", row=3), segment(200, LABEL + 60, item=1, record="daily_report", sid="x", row=3)]
    raw = segment(290, LABEL + 60, record="sleep", row=4)
    assert [row["row"] for row in kept("sleep", *merged, *lost, raw)] == [2, 2, 4]


def test_a_stretch_that_grew_is_told_once() -> None:
    """A raw stretch's time is its end: one that was told before it ended has another key but the same start."""
    rows = [segment(minutes, LABEL, record="sleep", revision=minutes) for minutes in (200, 300)]
    assert [row["duration_min"] for row in kept("sleep", *rows)] == [300]


# ---- readings


def test_two_equal_readings_in_one_minute_are_two() -> None:
    """T17: within one sheet every row is a reading."""
    assert len(kept("blood_pressure", reading(), reading())) == 2


def test_a_reading_in_two_sheets_is_one() -> None:
    """As many as the sheet that has most of them says; the earlier file's rows stay."""
    rows = [reading(file="a.csv"), reading(file="b.csv"), reading(file="b.csv"), reading(file="c.csv", pulse=71)]
    assert [row["file"] for row in kept("blood_pressure", *rows)] == ["a.csv", "b.csv", "c.csv"]


def test_of_a_sheet_and_its_copy_the_sheet_stays() -> None:
    """The shorter name is the first: a browser's second download, `bp (1).csv`, changes nothing, though it sorts before."""
    (row,) = kept("blood_pressure", reading(file="bp (1).csv"), reading(file="bp.csv"))
    assert row["file"] == "bp.csv"


def test_readings_that_differ_in_anything_are_two() -> None:
    """Another minute, pressure or pulse, or a date without a time."""
    rows = [reading(), reading(systolic=131), reading(diastolic=84), reading(pulse=None), reading(time_known=False)]
    rows.append(reading(at=NOON + 60))
    assert len(kept("blood_pressure", *(row | {"file": f"{n}.csv"} for n, row in enumerate(rows)))) == 6


def sheet(name: str, *systolic: float) -> list[Row]:
    """A sheet that tells of one reading a day, from one date on."""
    return [reading(value, file=name, at=NOON + day * DAY) for day, value in enumerate(systolic)]


def systolics(*rows: Row) -> list[float]:
    return [row["systolic"] for row in kept("blood_pressure", *rows)]


def test_a_reading_that_was_corrected_in_a_later_download_of_its_sheet_is_one() -> None:
    """The download that reaches further is the later one, whatever the files are called; what only the earlier has stays."""
    old, new = sheet("b.csv", 130, 142, 135, 134), sheet("a.csv", 130, 124, 135, 134, 136)
    assert systolics(*old, *new) == [130, 124, 135, 134, 136]
    assert systolics(*old, *(row for row in new if row["at"] > NOON)) == [130, 124, 135, 134, 136]


def test_of_two_downloads_that_reach_as_far_the_browsers_second_one_is_the_later() -> None:
    assert systolics(*sheet("bp.csv", 130, 142), *sheet("bp (1).csv", 130, 124)) == [130, 124]


def test_the_last_of_many_downloads_decides() -> None:
    downloads = sheet("1.csv", 130, 142), sheet("2.csv", 130, 124, 135), sheet("3.csv", 130, 142, 135, 136)
    assert systolics(*(row for one in downloads for row in one)) == [130, 142, 135, 136]


def notes(*sheets: list[Row]) -> list[str]:
    """What the stage says of these sheets, whatever their order; only the files and how many readings."""
    found = [
        validated("blood_pressure", rows_of("blood_pressure", *chain(*order)))
        .facts["validate:blood_pressure"]
        .get("notes", [])
        for order in permutations(sheets)
    ]
    assert all(each == found[0] for each in found)
    for note in found[0]:
        assert note.endswith(
            " in one of them only: what was corrected or deleted in the sheet counts as long as an old download lies there; "
            "keep the newest one alone"
        )
    return [note.partition(" in one of them")[0] for note in found[0]]


OLD = sheet("bp.csv", 130, 142, 135, 134)
LATER = "look like downloads of one sheet, and"


def test_a_reading_that_a_later_download_lacks_is_told() -> None:
    """Its time was corrected, it was deleted, or it stood there twice: both count, and which files those are is told."""
    new = sheet("bp (1).csv", 130, 142, 135, 134, 136)
    moved = [row | {"at": row["at"] + 3600} if row["systolic"] == 142 else row for row in new]
    gone = [row for row in new if row["systolic"] != 142]
    assert notes(OLD, moved) == notes(OLD, gone) == [f"bp.csv and bp (1).csv {LATER} 1 reading stands"]
    assert systolics(*OLD, *moved) == [130, 142, 142, 135, 134, 136]
    assert notes([*OLD, OLD[1] | {"row": 9}], new) == [f"bp.csv and bp (1).csv {LATER} 1 reading stands"]
    assert notes(OLD, [row for row in moved if row["systolic"] != 135]) == [
        f"bp.csv and bp (1).csv {LATER} 2 readings stand"
    ]


def test_a_second_download_without_one_of_the_readings_is_told_though_no_later_reading_says_that_it_is_the_later() -> (
    None
):
    """Its name says so; where the longer list has the later name too, a reading was added between."""
    assert notes(OLD, sheet("bp (1).csv", 130, 142)) == []
    less = [row | {"file": "bp (1).csv"} for row in OLD if row["systolic"] != 142]
    assert notes(OLD, less) == [f"bp (1).csv and bp.csv {LATER} 1 reading stands"]
    assert notes([row | {"file": "bp.csv"} for row in less], [row | {"file": "bp (1).csv"} for row in OLD]) == []


def test_downloads_that_agree_are_no_matter() -> None:
    """Readings came after, a value was corrected (one counts), older years are not in it, or it is another log."""
    assert notes(OLD, sheet("bp (1).csv", 130, 142, 135, 134, 136)) == []
    assert notes(OLD, sheet("bp (1).csv", 130, 124, 135, 134)) == []
    assert (
        notes(OLD, [row | {"file": "bp (1).csv"} for row in OLD[1:]] + sheet("bp (1).csv", 1, 1, 1, 1, 136)[4:]) == []
    )
    assert notes(OLD, sheet("other.csv", 150, 151, 152, 153, 154)) == []
    assert notes(OLD) == []


def test_many_downloads_of_a_sheet_are_told_in_one_sentence() -> None:
    """A reading that all but the last have is one."""
    older = [[row | {"file": f"bp ({n}).csv"} for row in OLD] for n in (1, 2)]
    last = [row for row in sheet("bp (3).csv", 130, 142, 135, 134, 136) if row["systolic"] != 142]
    assert notes(OLD, *older, last) == [f"bp.csv and 2 more and bp (3).csv {LATER} 1 reading stands"]


def test_two_logs_that_share_little_are_two() -> None:
    """A minute in which two sheets tell of different readings has both, if they are not downloads of one sheet."""
    assert systolics(*sheet("left.csv", 130, 142, 135), *sheet("right.csv", 130, 124, 136)) == [130, 142, 124, 135, 136]


def test_a_dated_reading_that_was_corrected_is_one() -> None:
    """Without a time the date is what both downloads tell of."""
    rows = [row | {"time_known": False} for row in (*sheet("bp.csv", 130, 142), *sheet("bp (1).csv", 130, 124, 135))]
    assert systolics(*rows) == [130, 124, 135]


def test_a_reading_in_two_sources_is_one() -> None:
    """The source declared first keeps it, seconds and device notwithstanding."""
    typed = reading(source="b", at=NOON + 20, record="blood_pressure", record_time=NOON + 20, sid="default")
    result = validated("blood_pressure", rows_of("blood_pressure", reading()), rows_of("blood_pressure", typed))
    assert [row["source"] for row in result.rows("blood_pressure")] == ["a"]


def test_a_reading_of_two_exports_is_one() -> None:
    """As any raw row with a time stamp, by its revisions."""
    device: Row = {"record": "blood_pressure", "record_time": NOON, "sid": "cuff"}
    rows = [reading(**device, revision=1) | B, reading(**device, revision=1) | A]
    assert [row["file"] for row in kept("blood_pressure", *rows)] == ["a.csv"]


# ---- what must hold for all of them


@pytest.mark.parametrize("bad", [report(avg_hr=10, revision=9), report(avg_hr=None, problem="json", revision=9)])
def test_a_row_set_aside_replaces_none(bad: Row) -> None:
    """Checks come first: a newer revision that is impossible or unreadable leaves the old one in place."""
    assert [row["avg_hr"] for row in kept("heart_rate", report(avg_hr=70), bad)] == [70]


def test_time_stamps_far_apart_are_kept_apart() -> None:
    """Keys made of wide numbers are ranked, not overrun."""
    rows = [{"at": at, "bpm": 60, "row": 2} for at in (1, 4_102_444_000)]
    assert [row["instant_utc"].year for row in kept("heart_rate", *rows)] == [1970, 2099]
