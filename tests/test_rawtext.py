"""Encodings, delimiters and broken rows of raw files."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.normalize.rawtext import MAX_CELLS, MAX_FIELD, MAX_LINE, MAX_LINES, decode, records

TEXT = 'Datum,SYS,Notiz\n2026-01-01,130,"größer, später"\n'
CHINESE = "日期,收缩压,备注\n2026-01-01,130,早上测量\n"


def rows(data: bytes) -> list[tuple[int, list[str]]]:
    return list(records(decode(data)))


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"a,b\n1,2\n", "utf-8"),
        (TEXT.encode(), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8-sig"),
        (TEXT.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-7"), "utf-7"),
        (b"+/v8-" + TEXT.encode("utf-7"), "utf-7"),
        (TEXT.encode("cp1252"), "cp1252"),
        (CHINESE.encode(), "utf-8"),
        (CHINESE.encode("gb18030"), "gb18030"),
        (CHINESE.encode("utf-16"), "utf-16"),
    ],
)
def test_every_encoding_gives_the_same_text(data: bytes, encoding: str) -> None:
    """The encoding is found and recorded, and a byte order mark is no part of the first header."""
    text = decode(data)
    assert text.encoding == encoding
    assert text.text in (TEXT, CHINESE, "a,b\n1,2\n")


def test_utf7_as_mi_fitness_mangles_it() -> None:
    """T6d: quotes, braces and underscores are shifted, the header is not."""
    data = b"Tag,Key,Value\ndaily+AF8-report,steps,+ACI-+AHsAIgAi-count+ACIAIg-:3+AH0-+ACI-\n"
    assert rows(data)[1] == (2, ["daily_report", "steps", '{"count":3}'])


@pytest.mark.parametrize("note", ["+ACE-inhibitor", "+Alcohol-free", "1+1-x", "+A-", "a+b"])
def test_a_plus_in_a_note_is_no_utf7(note: str) -> None:
    """`+ACE-` would be an exclamation mark in UTF-7; in a log of blood pressure it is a medicine."""
    assert rows(f"date,note\n1,{note}\n".encode()) == [(1, ["date", "note"]), (2, ["1", note])]


def test_a_cut_character_does_not_change_the_encoding() -> None:
    """A UTF-8 file that ends within a character, or has one broken byte, stays UTF-8."""
    assert decode("a,b\nä,ö\n1,ü".encode()[:-1]).encoding == "utf-8"
    damaged = "a,b\n" + "äöü,1\n" * 5
    assert decode(damaged.encode() + b"\xff,1\n").encoding == "utf-8"


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("a,b,c", ","), ("a;b;c", ";"), ("a\tb\tc", "\t"), ('"x, y";b;c', ";"), ("a;b (1,5);c", ";"), ("alone", ",")],
)
def test_the_delimiter_is_what_the_header_holds_most_of(header: str, delimiter: str) -> None:
    """Delimiters within quotes do not count."""
    assert decode(f"\n{header}\n1,2,3,4,5\n".encode()).delimiter == delimiter


def test_rows_know_the_line_they_start_on() -> None:
    """Blank lines and cells of several lines count as lines; all kinds of line ends are ends, mixed or not."""
    data = b'a,b\r\n\r\n1,"x\ny"\r2,z\n\n3,"w"'
    assert rows(data) == [(1, ["a", "b"]), (3, ["1", "x\ny"]), (5, ["2", "z"]), (7, ["3", "w"])]


def test_an_unclosed_quote_spoils_its_own_row_only() -> None:
    """Be it at the end of the file, before rows without quotes, or before rows with them."""
    assert rows(b'a,b\n1,"x') == [(1, ["a", "b"]), (2, ["1", "x"])]
    assert [cells[0] for _, cells in rows(b'a,b\n1,"x\n2,y\n3,z\n')] == ["a", "1", "2", "3"]
    assert rows(b'k,v\n1,"{""a"":1\n2,"{""a"":2}"\n')[1:] == [(2, ["1", '{"a":1\n']), (3, ["2", '{"a":2}'])]
    assert len(rows(b'k,v\n1,"x\n' + b"2,3\n" * 3 * MAX_LINES)) == 3 * MAX_LINES + 2


def test_a_file_full_of_unclosed_quotes_is_read_in_time() -> None:
    """Each row gives back the lines it took, and none is lost."""
    assert len(rows(b"k,v\n" + b'1,"x\n' * 20_000)) == 20_001


def test_nul_bytes_and_quotes_in_odd_places_stay_as_they_are() -> None:
    """Nothing is dropped; whoever reads the cell decides."""
    assert rows(b"a,b\n1\x00,2\n") == [(1, ["a", "b"]), (2, ["1\x00", "2"])]
    assert rows(b"a,b\n5'10\",2\n") == [(1, ["a", "b"]), (2, ["5'10\"", "2"])]


def test_an_enormous_cell_is_cut() -> None:
    """Of one that is too long 200 characters stay, with a sign that marks the cut; the next row is read."""
    found = rows(b"a,b\n1," + b"7" * (MAX_FIELD + 10) + b"\n2,y\n")
    assert found == [(1, ["a", "b"]), (2, ["1", "7" * 200 + "\ufffd"]), (3, ["2", "y"])]


def test_an_enormous_line_is_cut() -> None:
    """The same for a line, be it many cells or one in quotes; what a row spans is bounded too."""
    for long in (b"1," * MAX_LINE, b'1,"' + b"x" * 2 * MAX_LINE + b'"'):
        found = rows(b"a,b\n" + long + b"\n2,y\n")
        assert found[0] == (1, ["a", "b"]) and found[-1] == (3, ["2", "y"]) and len(found) == 3
        assert ",".join(found[1][1]) == long[:200].decode().replace('"', "") + "\ufffd" + "\n" * (b'"' in long)
    spanning = b'1,"' + (b"x" * 2**20 + b"\n") * 6 + b'"\n2,y\n'
    assert [line for line, _ in rows(spanning)] == list(range(1, 9))


def test_a_row_of_too_many_cells_is_cut() -> None:
    """Ten million columns are twenty thousand and a mark."""
    found = rows(b"a,b\n" + b"," * 3_000_000 + b"\n2,y\n")
    assert [len(cells) for _, cells in found] == [2, MAX_CELLS + 1, 2]
    assert found[1][1][-1] == "\ufffd"


def test_utf7_is_read_in_time_and_gives_whole_signs() -> None:
    """A shifted run without end is no UTF-7: Python would decode it again with each block. Half a sign becomes U+FFFD."""
    assert decode(b"a,+AF8-\n+" + b"A" * 5_000_000 + b"\n").encoding == "utf-8"
    assert decode(b"a,b\n" + b"+" * 5_000_000).encoding == "utf-8"
    assert rows(b"+2AA-,+AF8-b,+AF8-c\n")[0][1] == ["\ufffd", "_b", "_c"]


def test_an_empty_file_has_no_rows() -> None:
    """No error, no rows."""
    assert rows(b"") == rows(b"\n\r\n") == []


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    """Lines only go up, whatever the file holds."""
    lines = [line for line, _ in rows(data)]
    assert lines == sorted(set(lines))


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_what_csv_writes_is_read_back(cells: list[tuple[str, str]]) -> None:
    """Quotes, delimiters and line ends within cells survive."""
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in cells]
    data = "\n".join(["head,er", *quoted, ""]).encode("utf-8-sig")
    assert [tuple(row) for _, row in rows(data)][1:] == cells
