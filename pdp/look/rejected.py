"""`pdp rejected`: the rows that were set aside, each with its place, the rule, and what to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pdp.look import count, open_history, parse, print_json, table, unknown
from pdp.look.rows import read
from pdp.look.versions import pick

if TYPE_CHECKING:
    import pyarrow as pa

    from pdp.registry.history import History

ASIDE = "_quarantine"
DROPPED = "dropped"
DECIDED = (DROPPED, "whole_quarantined")
PROBLEM = ("problem", "problem_cell", "problem_text", "problem_sentence")
USAGE = """pdp rejected [TABLE] [--csv | --json | --repairs]
  The rows that are set aside now, of one table or of all: file, row, cell, what stands there, the rule that it breaks
  and what to do. --repairs writes a line for each into repairs.csv in the data folder, where you correct a value (do: set,
  column, value), accept the row as it is (accept) or drop it for good (drop); see docs/repairs.md."""


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--csv", "--json", "--repairs"))
    named = arguments.words(0, 1)
    history, data = open_history()
    tables = quarantined(history)
    failing = [one for one in history.failing() if not named or one["stage"].endswith(f":{named[0]}")]
    if named and named[0] not in tables and not failing:
        raise unknown("table", named[0], tables)
    found = [row for name in tables if not named or name in named for row in rejected(history, data, name)]
    if "--repairs" in arguments.flags:
        from pdp.look.repairs import write_lines

        # What is dropped for good was decided; a part falls with its head, and is repaired with it.
        open_ = [row for row in found if row["rule"] not in DECIDED]
        print(write_lines(history, data, open_))
        return 0
    repaired = [one for one in history.repaired() if not named or one["stage"].endswith(f":{named[0]}")]
    if "--json" in arguments.flags:
        print_json({"rejected": found, "repairs": repaired})
    elif "--csv" in arguments.flags:
        write_csv(found)
    else:
        print("\n".join([text(found), *said(repaired, data), *_refused(failing)]))
    return 0


def _refused(failing: list[dict[str, str]]) -> list[str]:
    """Where so many rows were to be set aside that the stage failed, the list is that of the run before."""
    return [f"{one['stage']} failed, so that this list is not its last word: {one['reason']}" for one in failing]


def quarantined(history: History) -> list[str]:
    """The tables of which rows can be set aside."""
    return [name.removesuffix(ASIDE) for name in history.artifacts() if name.endswith(ASIDE)]


def rejected(history: History, data: str, name: str) -> list[dict[str, Any]]:
    """The rows of one table that are set aside, in the order of their files.

    Raises:
        PdpError: the bytes were collected or are damaged.
    """
    rows = read(data, pick(history, name + ASIDE))
    found = [_row(name, row) for row in _with_problem(rows).to_pylist()]
    return sorted(found, key=lambda row: (row["source"], row["file"], row["row"], row["item"]))


def _with_problem(rows: pa.Table) -> pa.Table:
    """Where the row stands and what is wrong with it."""
    wanted = ("source", "file", "row", "item", "local_date", "flags", *PROBLEM)
    return rows.select([name for name in wanted if name in rows.column_names])


def _row(name: str, row: dict[str, Any]) -> dict[str, Any]:
    rule, cell, stands, sentence = (row.get(column) or "" for column in PROBLEM)
    day = row.get("local_date")
    if "repaired" in (row.get("flags") or "").split(";"):
        sentence += "; this is what repairs.csv says"
    return {
        "table": name, "source": row.get("source") or "", "file": row.get("file") or "", "row": row.get("row") or 0,
        "item": row.get("item") or 0, "date": day.isoformat() if day else None,
        "cell": cell, "text": stands, "rule": rule, "sentence": sentence,
    }  # fmt: skip


def said(repaired: list[dict[str, Any]], data: str) -> list[str]:
    """What became of repairs.csv: how many rows it repaired, and which lines match none."""
    applied = sum(one["applied"] for one in repaired)
    gone = {id for one in repaired for id in one["unmatched"]}
    lines = [f"repairs.csv: {count(applied, 'row')} repaired"] if repaired else []
    if gone:
        from pathlib import Path

        from pdp.repairs import FILE, read

        found = [line for line in read(Path(data, FILE)) if line["do"] and line["id"] in gone]
        lines += [
            f"{FILE} line {line.number}: no raw row is what it repairs any more ({line['table']}, {line['file']} row "
            f"{line['row']}); it was corrected, or is gone: delete the line"
            for line in found
        ]
    return lines


def write_csv(found: list[dict[str, Any]]) -> None:
    import csv

    from pdp.tables import safe_text

    names = ("table", "source", "file", "row", "item", "date", "cell", "text", "rule", "sentence")
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: safe_text(value) if isinstance(value, str) else value for key, value in row.items()} for row in found
    )


def text(found: list[dict[str, Any]]) -> str:
    """The rows file by file: each file's name once, below it a line per row, and what to do."""
    if not found:
        return "no row is set aside"
    lines = []
    places = list(dict.fromkeys((row["table"], row["source"], row["file"]) for row in found))
    for place in places:
        rows = [row for row in found if (row["table"], row["source"], row["file"]) == place]
        lines.append(f"{place[0]}, {place[1]}: {place[2]}")
        shown = [
            [
                f"  row {row['row']}",
                row["date"] or "",
                row["cell"],
                row["text"] or "(empty)",
                row["rule"],
                row["sentence"],
            ]
            for row in rows
        ]
        lines.append(table(shown))
    dropped = sum(row["rule"] == DROPPED for row in found)
    ending = f", {dropped} of them dropped for good" if dropped else ""
    return "\n".join([*lines, f"{count(len(found), 'row')} set aside{ending}"])
