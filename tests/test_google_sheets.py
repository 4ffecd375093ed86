"""The blood-pressure sheet: headers, rows, days, and the words people see when a file cannot be used."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from pdp.errors import InputError
from tests.pipeline import Result, normalize

TABLE = "google_sheets_blood_pressure"


def read(folder: Path, text: str | bytes, name: str = "bp.csv", **changes: Any) -> Result:
    return normalize("google_sheets", {name: text}, folder, **changes)


def rows(folder: Path, text: str | bytes, **changes: Any) -> list[dict[str, Any]]:
    return read(folder, text, **changes).rows(TABLE)


def row(folder: Path, line: str, header: str = "Date,Time,SYS,DIA,Pulse", **changes: Any) -> dict[str, Any]:
    (only,) = rows(folder, f"{header}\n{line}\n", **changes)
    return only


def values(row: dict[str, Any]) -> tuple[Any, Any, Any]:
    return row["systolic"], row["diastolic"], row["pulse"]


def test_a_row_is_a_reading(tmp_path: Path) -> None:
    """Everything about a reading: where it lies, when it was, for which day, and what was measured."""
    assert row(tmp_path, "2026-02-01,07:30,132,85,64") == {
        "source": "google_sheets", "file": "bp.csv", "row": 2, "item": 0, "record": "sheet", "record_time": None,
        "sid": "", "revision": None, "exported_on": "", "kind": "reading",
        "instant_utc": datetime(2026, 2, 1, 6, 30, tzinfo=UTC), "utc_offset_s": 3600, "offset_source": "zone",
        "local_date": date(2026, 2, 1), "time_known": True, "systolic": 132, "diastolic": 85, "pulse": 64, "flags": "",
        "problem": None, "problem_cell": None, "problem_text": None, "problem_sentence": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "header",
    [
        "Date,Time,SYS,DIA,BPM",
        "date , TIME,sys.,dia.,hr",
        "Date,Time,Systolic (mmHg),Diastolic (mmHg),Pulse (bpm)",
        "Date,Time,Blood pressure (systolic),Blood pressure (diastolic),Heart rate [bpm]",
        "Datum,Uhrzeit,Systolisch,Diastolisch,Puls",
        "Datum,Zeit,Oberer Wert,Unterer Wert,Herzfrequenz",
        "Datum,Zeit,RR sys mmHg,RR dia mmHg,Puls/min",
        "Date,Heure,Systolique,Diastolique,Pouls",
        "Fecha,Hora,Sistólica,Diastólica,Pulso",
        "Día,Hora,Sistólica,Diastólica,Pulso",
        "Data,Ora,Sistolica,Diastolica,Polso",
        "Messdatum,Mess-Zeit,Systole,Diastole,HF",
    ],
)
def test_columns_have_many_names(header: str, tmp_path: Path) -> None:
    """English, German, French, Spanish, Italian; case, spaces, signs and units do not matter."""
    assert values(row(tmp_path, "2026-02-01,07:30,132,85,64", header)) == (132, 85, 64)


@pytest.mark.parametrize("header", ["Timestamp,BP,Pulse", "Zeitstempel,Blutdruck,Puls", "Datum/Uhrzeit,RR,Puls"])
def test_one_column_may_hold_two_things(header: str, tmp_path: Path) -> None:
    """Date and time in one cell, both pressures in one cell."""
    reading = row(tmp_path, "2026-02-01 07:30,130/85,64", header)
    assert values(reading) == (130, 85, 64)
    assert reading["instant_utc"] == datetime(2026, 2, 1, 6, 30, tzinfo=UTC)


def test_columns_may_lie_anywhere_and_others_are_ignored(tmp_path: Path) -> None:
    """Order does not matter; a note, an average or a form's time stamp beside a date is not read."""
    header = "Timestamp,Notes,DIA,Average systolic,SYS,Date,Arm"
    reading = row(tmp_path, '2026-03-09 09:09,"calm, seated",85,131,132,2026-02-01,left', header)
    assert values(reading) == (132, 85, None)
    assert reading["local_date"] == date(2026, 2, 1)
    assert reading["time_known"] is False


def test_separate_pressures_win_over_a_joined_column(tmp_path: Path) -> None:
    """A column that joins the two for the eye is not needed where they stand apart."""
    assert values(row(tmp_path, "2026-02-01,132,85,132 over 85", "Date,SYS,DIA,BP")) == (132, 85, None)


def test_the_header_may_stand_below_a_title(tmp_path: Path) -> None:
    """Titles, blank lines and a title's commas above the header do no harm; rows keep the file's lines."""
    result = read(tmp_path, "Blood pressure, winter, at home\n\n;;\nDatum;SYS;DIA\n2026-02-01;132,5;85\n")
    (reading,) = result.rows(TABLE)
    assert (reading["row"], *values(reading)) == (5, 132.5, 85, None)
    facts = result.facts["normalize:google_sheets"]["files"]["bp.csv"]
    assert (facts["header_row"], facts["delimiter"], facts["encoding"]) == (4, ";", "utf-8")
    assert facts["columns"] == {"date": "Datum", "diastolic": "DIA", "systolic": "SYS"}


def test_own_names_of_columns_win(tmp_path: Path) -> None:
    """`[google_sheets.columns]` names a column of any name, and decides between two that could be meant."""
    columns = {"systolic": "first measured", "date": "When (day)"}
    reading = row(
        tmp_path, "2026-02-01,120,132,85", "When (day),SYS,First  Measured,DIA", google_sheets={"columns": columns}
    )
    assert values(reading) == (132, 85, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Date,SYS,Pulse\n2026-02-01,132,64\n", "the diastolic pressure; line 1 has date (A), systolic (B), pulse (C)"),
        ("SYS,DIA\n132,85\n", "bp.csv lacks a column for the date; line 1 has systolic (A), diastolic (B)"),
        ("Date,Weight\n2026-02-01,80\n", "bp.csv lacks a column for the systolic pressure and the diastolic pressure"),
        ("Name,Value\nx,1\n", "bp.csv has no header with a date and a pressure in its first 20 lines; name the column"),
        ("2026-02-01,132,85\n2026-02-02,130,80\n", "bp.csv has no header with a date and a pressure in its first 20 lines; name"),
        ("", "bp.csv has no header"),
        ("\n" * 20 + "Date,SYS,DIA\n", "bp.csv has no header"),
        ("Date,SYS,DIA,Systolic\n", "bp.csv has two columns for systolic: B and D; rename one"),
        ("Date,SYS,DIA,DIA\n", "bp.csv has two columns for diastolic: C and D; rename one"),
    ],
)  # fmt: skip
def test_a_file_without_its_columns_is_refused(text: str, words: str, tmp_path: Path) -> None:
    """T12: what is missing or twice there is named, with the file, what was found, and what to do."""
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert words in str(refused.value)
    assert "[google_sheets.columns]" in refused.value.hint
    assert "132" not in str(refused.value), "a message repeats no measurement"


def test_an_unknown_column_in_the_config_is_refused(tmp_path: Path) -> None:
    """A misspelt field of `[google_sheets.columns]` is named, with those there are."""
    with pytest.raises(InputError, match=r"names sistolic, .* may name date, time, timestamp, systolic"):
        read(tmp_path, "Date,SYS,DIA\n", google_sheets={"columns": {"sistolic": "SYS"}})


def test_a_workbook_is_refused(tmp_path: Path) -> None:
    """A file that is no CSV says how to get one."""
    with pytest.raises(InputError, match=r"bp.xlsx is no CSV file; in the sheet: File, Download"):
        read(tmp_path, b"PK\x03\x04", name="bp.xlsx")


def test_an_absent_source_gives_an_empty_table(tmp_path: Path) -> None:
    """No files, no rows, no complaint; nor does a header alone complain."""
    assert normalize("google_sheets", {}, tmp_path).rows(TABLE) == []
    assert rows(tmp_path, "Date,SYS,DIA\n") == []


def test_lines_without_values_are_counted_not_read(tmp_path: Path) -> None:
    """Blank lines and a header repeated are blank; a date with a note only, or with dashes, is without values."""
    text = "Date,SYS,DIA,Note\n,,,\n2026-02-01,132,85,\nDate,SYS,DIA,Note\n2026-02-02,,,forgot\n2026-02-03,-,-,\n\n"
    result = read(tmp_path, text)
    assert [each["row"] for each in result.rows(TABLE)] == [3]
    facts = result.facts["normalize:google_sheets"]["files"]["bp.csv"]
    assert (facts["rows"], facts["blank"], facts["without_values"]) == (1, 2, 2)


@pytest.mark.parametrize(
    ("line", "problem", "cell", "text"),
    [
        ("2026-02-01,07:30,13O,85,64", "unreadable_number", "SYS (C2)", "13O"),
        ("2026-02-01,07:30,132,8 5,64", "unreadable_number", "DIA (D2)", "8 5"),
        ("2026-02-01,07:30,132,85,7x", "unreadable_number", "Pulse (E2)", "7x"),
        ("2026-02-01,noon,132,85,64", "unreadable_time", "Time (B2)", "noon"),
        ("Average,,132,85,64", "unreadable_date", "Date (A2)", "Average"),
        ("01/02/2026,07:30,132,85,64", "ambiguous_date", "Date (A2)", "01/02/2026"),
        (",07:30,132,85,64", "missing_value", "Date (A2)", ""),
        ("2026-02-01,07:30,132,,64", "missing_value", "DIA (D2)", ""),
        ("2026-02-01,07:30,,,64", "missing_value", "SYS (C2)", ""),
        ("2026-02-01,07:30,132", "missing_value", "DIA (D2)", ""),
    ],
)
def test_what_cannot_be_read_names_its_cell(line: str, problem: str, cell: str, text: str, tmp_path: Path) -> None:
    """The row stays with its problem: the rule, the cell as the spreadsheet calls it, what stood there, what to do."""
    found = row(tmp_path, line)
    assert (found["problem"], found["problem_cell"], found["problem_text"]) == (problem, cell, text)
    assert found["problem_sentence"]


def test_a_joined_pressure_that_cannot_be_read_names_its_cell(tmp_path: Path) -> None:
    """As for two columns."""
    assert row(tmp_path, "2026-02-01,13O/85", "Date,BP")["problem_cell"] == "BP (B2)"
    assert row(tmp_path, "2026-02-01,-,64", "Date,BP,Pulse")["problem"] == "missing_value"


def test_an_address_counts_rows_of_the_sheet_and_row_lines_of_the_file(tmp_path: Path) -> None:
    """A note with line breaks makes the two differ; columns go on after Z with AA."""
    wide = "," * 24
    text = f'Date,Note,SYS{wide},DIA\n2026-02-01,"one\ntwo\nthree",132{wide},85\n2026-02-02,,132{wide},8o\n'
    good, bad = rows(tmp_path, text)
    assert (good["row"], bad["row"]) == (2, 5)
    assert bad["problem_cell"] == "DIA (AB3)"


@pytest.mark.parametrize("pulse", ["", "-", "n/a", "0"])
def test_a_missing_pulse_keeps_the_reading(pulse: str, tmp_path: Path) -> None:
    """Nothing, a dash, and the 0 of a cuff that found none: the pressures count."""
    reading = row(tmp_path, f"2026-02-01,07:30,132,85,{pulse}")
    assert (reading["problem"], *values(reading)) == (None, 132, 85, None)
    assert reading["flags"] == ("sentinel_pulse" if pulse == "0" else "")


def test_a_pulse_behind_the_pressures_counts_unless_it_has_its_column(tmp_path: Path) -> None:
    """`130/85/70` is all three; a cell of its own wins."""
    assert values(row(tmp_path, "2026-02-01,130/85/70", "Date,BP")) == (130, 85, 70)
    assert values(row(tmp_path, "2026-02-01,130/85/70,66", "Date,BP,Pulse")) == (130, 85, 66)
    assert values(row(tmp_path, "2026-02-01,130/85/70,", "Date,BP,Pulse")) == (130, 85, 70)


def test_a_blank_time_leaves_the_date(tmp_path: Path) -> None:
    """The instant is the start of the day, and time_known says that it is not a time."""
    for line in ("2026-02-01,,132,85,64", "2026-02-01 00:00:00,,132,85,64"):
        reading = row(tmp_path, line, day_starts_at=4)
        assert reading["instant_utc"] == datetime(2026, 1, 31, 23, tzinfo=UTC)
        assert (reading["local_date"], reading["time_known"]) == (date(2026, 2, 1), False)


def test_the_cell_of_the_time_wins_over_the_date_cell(tmp_path: Path) -> None:
    """A date formatted with a time beside a column of times."""
    reading = row(tmp_path, "2026-02-01 09:00,07:30,132,85,64")
    assert reading["instant_utc"] == datetime(2026, 2, 1, 6, 30, tzinfo=UTC)


def test_midnight_is_a_time_where_there_is_no_column_for_times(tmp_path: Path) -> None:
    """`2026-02-01 00:00` in a column of date and time is a reading at midnight."""
    reading = row(tmp_path, "2026-02-01 00:00,132,85", "Timestamp,SYS,DIA", day_starts_at=4)
    assert (reading["local_date"], reading["time_known"]) == (date(2026, 1, 31), True)


def test_serial_numbers_of_sheets_are_dates_and_times(tmp_path: Path) -> None:
    """T16: as UNFORMATTED_VALUE gives them, in one cell or in two."""
    wanted = datetime(2026, 2, 1, 6, 30, tzinfo=UTC)
    assert row(tmp_path, "46054.3125,132,85", "Timestamp,SYS,DIA")["instant_utc"] == wanted
    assert row(tmp_path, "46054,0.3125,132,85,64")["instant_utc"] == wanted
    assert row(tmp_path, "46054,46054.3125,132,85,64")["instant_utc"] == wanted


@pytest.mark.parametrize(
    ("when", "utc", "offset", "source", "day"),
    [
        ("2026-02-01T07:30:00+09:00", datetime(2026, 1, 31, 22, 30, tzinfo=UTC), 32_400, "row", date(2026, 2, 1)),
        ("2026-02-01T23:30:00+00:00", datetime(2026, 2, 1, 23, 30, tzinfo=UTC), 0, "row", date(2026, 2, 1)),
        ("2026-02-01T23:30:00Z", datetime(2026, 2, 1, 23, 30, tzinfo=UTC), 3600, "zone", date(2026, 2, 2)),
        ("2026-07-01 07:30", datetime(2026, 7, 1, 5, 30, tzinfo=UTC), 7200, "zone", date(2026, 7, 1)),
    ],
)
def test_offsets(when: str, utc: datetime, offset: int, source: str, day: date, tmp_path: Path) -> None:
    """An offset in the cell is the local one; Z tells the instant only; without any the configured zone decides."""
    found = row(tmp_path, f"{when},132,85", "Timestamp,SYS,DIA")
    assert (found["instant_utc"], found["utc_offset_s"]) == (utc, offset)
    assert (found["offset_source"], found["local_date"]) == (source, day)


def test_an_offset_beside_the_time(tmp_path: Path) -> None:
    """The offset may stand in the cell of the time as well."""
    found = row(tmp_path, "2026-02-01,07:30 +09:00,132,85,64")
    assert (found["utc_offset_s"], found["offset_source"]) == (32_400, "row")


def test_times_that_the_clock_skipped_or_showed_twice_are_flagged(tmp_path: Path) -> None:
    """In Berlin 02:30 does not exist on 29 March 2026 and comes twice on 25 October; a date alone is neither."""
    skipped = row(tmp_path, "2026-03-29,02:30,132,85,64")
    assert (skipped["flags"], skipped["utc_offset_s"]) == ("nonexistent_local_time", 3600)
    twice = row(tmp_path, "2026-10-25,02:30,132,85,64")
    assert (twice["flags"], twice["utc_offset_s"]) == ("ambiguous_local_time", 7200)
    assert row(tmp_path, "2026-10-25,02:30 +01:00,132,85,64")["flags"] == ""
    assert row(tmp_path, "2026-03-29,,132,85,64")["flags"] == ""


def test_each_encoding_and_dialect_gives_the_same_rows(tmp_path: Path) -> None:
    """UTF-8 with and without its mark, UTF-16, Windows, tabs and semicolons: the same readings."""
    text = (
        'Datum,Uhrzeit,Höher (SYS),DIA,Notiz\n2026-02-01,07:30,"132,5",85,müde\n2026-02-02,19:30,128,80,"süß, warm"\n'
    )
    columns = {"columns": {"systolic": "Höher (SYS)"}}
    plain = rows(tmp_path, text, google_sheets=columns)
    assert [values(each) for each in plain] == [(132.5, 85, None), (128, 80, None)]
    for data in (
        text.encode("utf-8-sig"),
        text.encode("utf-16"),
        text.encode("cp1252"),
        text.replace("\n", "\r\n").encode(),
    ):
        assert rows(tmp_path, data, google_sheets=columns) == plain
    semicolons = text.replace('"132,5"', "132.5").replace('"süß, warm"', "süß").replace(",", ";")
    assert [values(each) for each in rows(tmp_path, semicolons, google_sheets=columns)] == [
        values(each) for each in plain
    ]


def test_an_identical_copy_is_read_once(tmp_path: Path) -> None:
    """The same bytes under a second name, or in a zip as Drive packs them, add no row."""
    text = "Date,SYS,DIA\n2026-02-01,132,85\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("bp.csv", text)
    files: dict[str, str | bytes] = {"bp.csv": text, "bp (1).csv": text, "drive.zip": packed.getvalue()}
    result = normalize("google_sheets", files, tmp_path)
    assert [each["file"] for each in result.rows(TABLE)] == ["bp.csv"]
    assert result.facts["normalize:google_sheets"]["same"] == {"bp (1).csv": "bp.csv", "drive.zip!bp.csv": "bp.csv"}


def test_a_tab_without_a_header_is_told_by_its_number(tmp_path: Path) -> None:
    """Its title may be a name, and the sentence may be printed into a log."""
    tabs = [{"title": "Aunt Canary", "id": 0, "rows": [["x", "y"], [1, 2]]}]
    fetched = {"format": "pdp-sheet-1", "title": "Canary", "timeZone": "Europe/Berlin", "locale": "de_DE", "tabs": tabs}
    with pytest.raises(InputError) as told:
        normalize("google_sheets", {"sheet.json": json.dumps(fetched).encode()}, tmp_path)
    assert "sheet.json, tab 1" in str(told.value) and "Canary" not in str(told.value)
