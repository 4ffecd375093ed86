"""Files that nobody should send: each is one sentence or rows set aside, within bounds. Through the readers' front door."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp import errors
from pdp.errors import InputError
from pdp.repairs import FILE, Repairs
from stages.normalize.google_sheets import CHUNK_ROWS
from tests import pipeline
from tests.mi_export import DAY, PREFIX, SAMPLES, csv_text, sample

MANY = 3_000_000
GOOD = sample("heart_rate", DAY + 60, {"bpm": 70, "time": DAY + 60})
VALUES = {
    "NaN": ('{"bpm":NaN}', "json", "NaN is no number"),
    "infinity": ('{"bpm":-Infinity}', "json", "-Infinity is no number"),
    "too large": ('{"bpm":1e999}', "wrong_type", "bpm must be a number"),
    "endless": ('{"bpm":70,"x":%s}' % ("9" * 19), "json", "an endless number"),
    "endless by far": ('{"bpm":%s}' % ("9" * 100_000), "json", "an endless number"),
    "a key twice": ('{"bpm":70,"bpm":71}', "json", "a key stands there twice"),
    "a key twice, hidden": ('{"bpm":70,"\\u0062pm":71}', "json", "a key stands there twice"),
    "deep": ('{"bpm":' + "[" * 33 + "70" + "]" * 33 + "}", "json", "too deeply nested"),
    "very deep": ('{"x":' * 100_000, "json", "too deeply nested"),
    "long": ('{"bpm":70,"x":"%s"}' % ("x" * 2**20), None, ""),
    "cut": ('{"bpm":7', "json", "it breaks at character"),
    "half a sign": ('{"bpm":"\\ud800"}', "wrong_type", "bpm must be a number"),
    "no object": ("[1]", "json", "JSON but no object"),
    "NUL": ('{"bpm":\x0070}', "json", "it breaks at character"),
    "boolean": ('{"bpm":true}', "wrong_type", "bpm must be a number"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """Two gigabytes beyond what the tests' process has mapped already: more is a MemoryError, and so a failure."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 2**21
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2 * 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def band(data: str | bytes, folder: Path, table: str = SAMPLES) -> pipeline.Result:
    return pipeline.normalize("mi_band", {f"{PREFIX}{table}.csv": data}, folder)


@pytest.mark.parametrize("name", VALUES)
def test_a_hostile_value_is_set_aside_alone(name: str, tmp_path: Path) -> None:
    """The row has its reason, the row beside it is read, and nothing of the value is beyond 200 characters."""
    value, problem, sentence = VALUES[name]
    found = band(csv_text(SAMPLES, [sample("heart_rate", DAY, value), GOOD]), tmp_path)
    spoilt, good = sorted(found.rows("mi_band_heart_rate"), key=lambda row: row["row"])
    assert good["bpm"] == 70 and good["problem"] is None
    assert spoilt["problem"] == problem or (problem is None and spoilt["problem"])
    assert spoilt["bpm"] is None and sentence in spoilt["problem_sentence"]
    assert len(spoilt["problem_text"]) <= 201 and spoilt["problem_text"].encode()


def test_a_night_of_endless_segments_is_set_aside(tmp_path: Path) -> None:
    """More parts than a row can have numbers for."""
    night = {"total_duration": 400, "segment_details": [{"duration": 1}] * 40_000}
    rows = [sample("sleep", DAY, night, Tag="daily_report")]
    found = band(csv_text("hlth_center_aggregated_fitness_data", rows), tmp_path, "hlth_center_aggregated_fitness_data")
    (row,) = found.rows("mi_band_sleep")
    assert row["problem"] == "wrong_type" and "segment_details must be a list of at most" in row["problem_sentence"]


HEADER = "Key,Time,Value\n"
FILES: dict[str, tuple[bytes, int]] = {  # content, rows that are set aside; the last row is always good
    "one enormous cell": (HEADER.encode() + b'heart_rate,1,"' + b"x" * 30_000_000 + b'"\n', 1),
    "an enormous line": (HEADER.encode() + b"heart_rate,1," * MANY + b"\n", 1),
    "ten million columns": (HEADER.encode() + b"heart_rate,1,{}" + b"," * 10_000_000 + b"x\n", 1),
    "a quote that is never closed": (HEADER.encode() + b'heart_rate,1,"{}\n', 1),
    "NUL bytes": (HEADER.encode() + b"heart_rate,1,\0\0\0\n", 1),
    "bytes that are no text": (HEADER.encode() + b"heart_rate,1,\xff\xfe\x80\n", 1),
    "mixed line ends": (HEADER.encode() + b"heart_rate,1,x\r\nheart_rate,1,y\rheart_rate,1,z\n\r\n", 3),
    "a time of many digits": (HEADER.encode() + b"heart_rate," + b"9" * 100_000 + b",{}\n", 1),
    "blank lines": (HEADER.encode() + b"\n" * (MANY // 10), 0),
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_spoils_only_its_own_rows(name: str, tmp_path: Path) -> None:
    """Within two gigabytes, and the good row at its end is read."""
    content, aside = FILES[name]
    good = b'heart_rate,%d,"{""bpm"":70}"\n' % (DAY + 60)
    rows = band(content + good, tmp_path).rows("mi_band_heart_rate")
    assert [row["bpm"] for row in rows if row["problem"] is None] == [70]
    assert sum(row["problem"] is not None for row in rows) == aside


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty: it lacks even a header"),
        (b"\0" * 1_000_000, "lacks the columns Key, Time, Value"),
        (b"," * 10_000_000, "lacks the columns Key, Time, Value"),
        (b"x" * 30_000_000, "lacks the columns Key, Time, Value"),
        (bytes(range(256)) * 1000, "lacks the columns Key, Time, Value"),
    ],
    ids=["empty", "zeros", "commas", "one line", "bytes"],
)
def test_a_file_without_a_header_is_refused(content: bytes, sentence: str, tmp_path: Path) -> None:
    """In one sentence of a sensible length, without the account's number or a piece of the file."""
    with pytest.raises(InputError) as caught:
        band(content, tmp_path)
    told = errors.sentence(caught.value)
    assert sentence in told and len(told) < 300 and "1234567890" not in told


def sheet(data: bytes, folder: Path) -> pipeline.Result:
    return pipeline.normalize("google_sheets", {"bp.csv": data}, folder)


SHEET = b"Date,SYS,DIA\n"
CELLS = {
    "long": b"2026-01-01," + b"1" * 1_000_000 + b",80\n",
    "padded": b"2026-01-01,130" + b" " * 300 + b"junk,80\n",
    "expanding": b"2026-01-01," + "\ufdfa".encode() * 300_000 + b",80\n",
    "infinite": b"2026-01-01,1" + b"0" * 150 + b",80\n",
    "wide": b"2026-01-01,1,1," + b"1," * 500_000 + b"\n2026-01-02,,x\n",
    "formula": b'2026-01-01,"=HYPERLINK(""http://x"",""y"")",80\n',
    "control": b"2026-01-01,\x1b[2J130,80\n",
}


@pytest.mark.parametrize("name", CELLS)
def test_a_hostile_cell_is_set_aside(name: str, tmp_path: Path) -> None:
    """One row with its cell and its sentence; the rows around it are read, and no number is finite by luck."""
    rows = sheet(SHEET + b"2026-01-01,131,81\n" + CELLS[name] + b"2026-01-02,132,82\n", tmp_path).rows(
        "google_sheets_blood_pressure"
    )
    good = [row["systolic"] for row in rows if row["problem"] is None and row["systolic"] != 1]
    assert good == [131, 132]
    (bad,) = [row for row in rows if row["problem"] is not None]
    assert len(bad["problem_text"]) <= 201


def test_a_sheet_of_many_rows_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """More rows than a chunk has come in chunks, in their order."""
    found = sheet(SHEET + b"2026-01-01,131,81\n" * (CHUNK_ROWS + 10), tmp_path)
    table = found.tables["google_sheets_blood_pressure"]
    assert table["row"].to_pylist() == list(range(2, CHUNK_ROWS + 12))
    assert max(len(chunk) for chunk in table["row"].chunks) == CHUNK_ROWS


HEAD = b"table,do,column,value,id\n"
REPAIRS = {
    "bytes that are no text": (HEAD + b"\xff\xfe\x80\n", "is not UTF-8"),
    "UTF-16": (HEAD.decode().encode("utf-16"), "is not UTF-8"),
    "an open quote": (HEAD + b'blood_pressure,set,"systolic,1,r1-0123456789ab\n' * 9, "line 2: "),
    "an enormous cell": (HEAD + b"blood_pressure," + b"x" * 5_000_000 + b",,,\n", "line 2: "),
    "an enormous table": (HEAD + b"x" * 100_000 + b",drop,,,r1-0123456789ab\n", "line 2: there is no table x"),
    "an enormous header": (b"x" * 100_000 + b"\n", "line 1: there is no column x"),
    "a control sequence": (
        HEAD + b"blood_pressure,\x1b[2Jset,systolic,1,r1-0123456789ab\n",
        "nothing that can be done",
    ),
    "more cells than columns": (HEAD + b"," * 1_000_000 + b"x\n", "line 2: more cells"),
    "more than anybody decides": (HEAD + b"blood_pressure,drop,,,\n" * 800_000, "is larger than 16 MiB"),
    "an id that leads out": (HEAD + b"blood_pressure,drop,,,../../r1\n", "not one that pdp gives"),
    "zeros": (b"\0" * 1_000_000, "repairs.csv line 1: "),
}


@pytest.mark.parametrize("name", REPAIRS)
def test_a_hostile_file_of_repairs_is_one_sentence(name: str, tmp_path: Path) -> None:
    """Of a sensible length, on one line."""
    content, sentence = REPAIRS[name]
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(InputError) as caught:
        Repairs(tmp_path / FILE).of("blood_pressure", {"blood_pressure"})
    told = errors.sentence(caught.value)
    assert sentence in told and len(told) < 500 and told.isprintable()


def test_no_repairs_are_read_out_of_a_folder_or_a_pipe(tmp_path: Path) -> None:
    """A pipe is not waited for."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(InputError, match=r"repairs\.csv cannot be read"):
            Repairs(tmp_path / name).of("blood_pressure", {"blood_pressure"})


def test_deep_json_is_told_by_its_brackets_and_not_by_its_texts(tmp_path: Path) -> None:
    """Brackets within a text are text; thirty-two levels are read."""
    for value in ({"bpm": 70, "note": "[{" * 100}, {"bpm": 70, "x": json.loads("[" * 31 + "]" * 31)}):
        (row,) = band(csv_text(SAMPLES, [sample("heart_rate", DAY, value)]), tmp_path).rows("mi_band_heart_rate")
        assert row["bpm"] == 70 and row["problem"] is None
