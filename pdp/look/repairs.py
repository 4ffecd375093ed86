"""`pdp rejected --repairs`: writes repairs.csv, one line for each row that is set aside, and fills in missing ids."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdp.errors import InputError, PdpError
from pdp.look import count
from pdp.look.versions import assert_held
from pdp.places import object_name, project_root
from pdp.repairs import ABOUT, COLUMNS, FILE, Line, read
from pdp.resolve import resolve

if TYPE_CHECKING:
    from pdp.registry.history import History

Place = tuple[str, str, str, int, int]  # table, source, file, row, item


def write_lines(history: History, data: str, rejected: Iterable[Mapping[str, Any]]) -> str:
    """Brings repairs.csv up to date: what a person wrote stays; gives what was done as a sentence.

    Undecided lines of rows that are no longer set aside are taken out again.

    Raises:
        InputError: the file cannot be read as it is, or a line without an id names no row.
    """
    path = Path(data, FILE)
    lines = read(path)
    aside = {_place(row): {name: _text(row[name]) for name in ABOUT} for row in rejected}
    without = {_place_of(line): line for line in lines if line["do"] and not line["id"]}
    ids = identify(history, data, {*aside, *without})
    for place, line in without.items():
        if place not in ids:
            raise line.wrong(
                f"{line['table'] or 'no table'} has no row {line['row'] or '?'} of {line['file'] or 'a file'}",
                "pdp show names file, row and item of each row",
            )
    decided = [line for line in lines if line["do"]]
    filled = [line.cells | {"id": line["id"] or ids[_place_of(line)]} for line in decided]
    known = {cells["id"] for cells in filled}
    noted = {line["id"]: line["note"] for line in lines if not line["do"] and line["note"]}
    new: dict[str, dict[str, str]] = {}  # the same raw row in several exports is one
    for place, about in aside.items():
        if (name := ids[place]) not in known:
            new.setdefault(name, about | {"id": name, "note": noted.get(name, "")})
    _write(path, [*filled, *new.values()])
    said = [f"{count(len(new), 'row')} to decide", f"{count(len(filled), 'line')} decided"]
    said += [f"{count(len(without), 'id')} filled in"] if without else []
    return f"{path}: {', '.join(said)}; write set, accept or drop into the column do, then run doit"


def identify(history: History, data: str, places: Iterable[Place]) -> dict[Place, str]:
    """The ids of the rows at these places, by which repairs name them; a place where no row stands has none.

    Raises:
        PdpError: dodo.py names nothing that gives ids.
    """
    pipeline = history.pipeline()
    if not pipeline.get("identify"):
        raise PdpError("dodo.py names nothing that tells rows apart", hint="give its Pipeline an identify")
    wanted: dict[str, dict[str, set[tuple[str, int, int]]]] = {}
    for table, source, file, row, item in places:
        wanted.setdefault(table, {}).setdefault(source, set()).add((file, row, item))
    sys.path.insert(0, project_root(os.getcwd()))
    tell = resolve(pipeline["identify"])
    found: dict[Place, str] = {}
    for stage in pipeline["stages"]:
        table = stage.get("repairs", "")
        for name in stage["inputs"] if table in wanted else ():
            source = name.removesuffix(f"_{table}")
            if source in wanted[table] and (version := _given(history, stage["name"], name)):
                assert_held(data, version)
                ids = tell(_rows(f"{data}/store/{object_name(version['hash'])}"), wanted[table][source])
                found |= {(table, source, *place): id for place, id in ids.items()}
    return found


def _given(history: History, stage: str, name: str) -> dict[str, Any] | None:
    """The version of an input that a stage was last given; that of a source which is new by now otherwise."""
    last = history.stage_runs([stage], 1)
    number = dict(history.made_from(last[0]["id"])).get(name) if last else None
    number = number or history.latest(name)
    return history.version(name, number) if number else None


def _rows(path: str) -> Any:
    from pdp.tables import read_parquet

    return read_parquet(Path(path))


def _place(row: Mapping[str, Any]) -> Place:
    return (row["table"], row["source"], row["file"], row["row"], row["item"])


def _place_of(line: Line) -> Place:
    numbers = [line[name] or default for name, default in (("row", ""), ("item", "0"))]
    if not all(text.isascii() and text.isdigit() for text in numbers):
        raise InputError(f"{FILE} line {line.number}: the row is not told", hint="write source, file and row")
    return (line["table"], line["source"], line["file"], int(numbers[0]), int(numbers[1]))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _write(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """The file, whole or not at all, for its owner only."""
    import csv

    temp = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(temp, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temp, path)
