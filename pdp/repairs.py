"""repairs.csv: what a person decided about single rows, read into one slice per table.

The slice holds what is done with which row and nothing else. So the identity of a stage is the same whatever notes there
are, in whatever order the lines stand, and whatever is decided about the rows of another table.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pdp.errors import InputError
from pdp.filehash import open_regular

FILE = "repairs.csv"
MAX_BYTES = 16 * 2**20  # a person's decisions: some hundred thousand lines
# What pdp fills in about a row, what a person decides about it, and the row's own mark.
ABOUT = ("table", "source", "file", "row", "item", "date", "cell", "text", "rule")
COLUMNS = (*ABOUT, "do", "column", "value", "note", "id")
DOES = ("set", "accept", "drop")
ID = re.compile(r"r-?\d{1,18}-[0-9a-f]{12}(-\d+)?")


@dataclass(frozen=True)
class Line:
    """One line of the file: its number (the header is line 1) and its cells by column."""

    number: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def wrong(self, what: str, hint: str) -> InputError:
        return InputError(f"{FILE} line {self.number}: {what}", hint=hint)


@dataclass
class Repair:
    """What is done with one row of a table: values that are set (as text), rules that it may break, or its end."""

    id: str
    do: str
    set: dict[str, str] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """What counts: not where it stands in the file."""
        return {"id": self.id, "do": self.do, "set": self.set, "rules": sorted(self.rules)}


class Repairs:
    """The file as it was when it was first asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines_of(self, id: str) -> list[int]:
        """Where a row is repaired in the file as it is now."""
        return [line.number for line in self.lines if line["do"] and line["id"] == id]

    @cached_property
    def lines(self) -> list[Line]:
        return read(self.path)

    def of(self, table: str, tables: Collection[str]) -> list[Repair]:
        """The repairs of one table, by id; `tables` are all that can be repaired.

        Raises:
            InputError: the file cannot be read, or one of its lines that may concern the table is wrong.
        """
        found: dict[str, Repair] = {}
        for line in self.lines:
            if line["do"] and line["table"] not in tables:
                raise line.wrong(f"there is no table {_shown(line['table'])}", _guess(line["table"], tables))
            if line["do"] and line["table"] == table:
                _add(found, line)
        return [found[name] for name in sorted(found)]


def read(path: Path) -> list[Line]:
    """The lines of the file that are not blank; none if there is no file.

    Raises:
        InputError: it is no text, or its header is not that of repairs.
    """
    try:
        with open_regular(path) as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{FILE} cannot be read: {error.strerror}", hint="put a file in its place") from error
    if len(content) > MAX_BYTES:
        raise InputError(
            f"{FILE} is larger than {MAX_BYTES // 2**20} MiB", hint="keep only the lines that decide something"
        )
    import csv
    import io

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{FILE} is not UTF-8", hint="save it as CSV UTF-8") from None
    head = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    header: list[str] = []
    lines, start = [], 1
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if any(cells) and not header:
                header = _header(cells)
            elif any(cells):
                if len(cells) > len(header) and any(cells[len(header) :]):
                    raise InputError(
                        f"{FILE} line {start}: more cells than the header has", hint="quote a cell with a comma"
                    )
                lines.append(Line(start, dict(zip(header, cells, strict=False))))
            start = rows.line_num + 1
    except csv.Error as error:
        raise InputError(f"{FILE} line {start}: {error}", hint="close the quote") from None
    return lines


def _header(cells: list[str]) -> list[str]:
    names = [cell.lower() for cell in cells]
    for name in filter(None, names):
        if name not in COLUMNS:
            raise InputError(f"{FILE} line 1: there is no column {_shown(name)}", hint=_guess(name, COLUMNS))
    missing = [name for name in ("table", "do", "column", "value", "id") if name not in names]
    if missing:
        raise InputError(
            f"{FILE} line 1: the column {missing[0]} is missing", hint="pdp rejected --repairs writes the file anew"
        )
    return names


def _add(found: dict[str, Repair], line: Line) -> None:
    """Adds one decided line to the repairs of its table."""
    do = line["do"].lower()
    if do not in DOES:
        raise line.wrong(f"{_shown(line['do'])} is nothing that can be done", _guess(do, DOES))
    if not line["id"]:
        raise line.wrong(
            "the id is missing, without which the repair would hold to a place and not to the row",
            "pdp rejected --repairs fills it in",
        )
    if not ID.fullmatch(line["id"]):
        raise line.wrong("the id is not one that pdp gives", "empty it; pdp rejected --repairs fills it in")
    repair = found.setdefault(line["id"], Repair(line["id"], do))
    if repair.do != do:
        hint = (
            "a value that is set must pass the checks" if {repair.do, do} == {"set", "accept"} else "keep one of them"
        )
        raise line.wrong(f"{do} contradicts the {repair.do} of line {repair.lines[0]}", hint)
    repair.lines.append(line.number)
    if do == "set":
        if not line["column"]:
            raise line.wrong("the column to set is missing", "write its name into the cell below column")
        if repair.set.setdefault(line["column"], line["value"]) != line["value"]:
            raise line.wrong(f"{_shown(line['column'])} is set twice, to different values", "keep one of the lines")
    elif do == "accept" and line["rule"] not in repair.rules:
        if not line["rule"]:
            raise line.wrong("the rule that the row may break is missing", "pdp rejected names it")
        repair.rules.append(line["rule"])


def _guess(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(_shown(name), known, 1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _shown(name: str) -> str:
    from pdp.labels import label

    return label(name)
