"""`pdp why-changed`: what moved one number between the two latest versions in which it differs.

Two things are compared: the rows behind the number, and what was recorded of the stages between them and it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from pdp.errors import PdpError
from pdp.look import count, open_history, parse, print_json, table, unknown
from pdp.look.rows import cell, plain, read
from pdp.look.trace import RESULT, Behind, day_of
from pdp.look.versions import is_held, label
from pdp.places import project_root
from pdp.resolve import resolve

if TYPE_CHECKING:
    from pdp.registry.history import History

USAGE = """pdp why-changed DATE COLUMN [--json]
  What moved one number of daily_metrics between the two latest versions in which it differs: new, late, edited, removed
  or superseded rows, rows set aside, code, config. For example: pdp why-changed 2025-09-01 systolic"""
PLACE = ("source", "file", "row", "item")
SAID = {
    "new rows": "rows of a day that was not over, or not known",
    "late rows": "rows of a day before others that were known already",
    "removed rows": "rows that their raw files no longer hold",
    "edited rows": "rows that read otherwise in an edited raw file",
    "reread rows": "rows that are read otherwise from the same raw file",
    "superseded rows": "rows that gave way to a revision or to another device",
    "uncovered rows": "rows that others had superseded before",
    "repaired rows": "rows that repairs.csv corrects or accepts, or did before",
    "quarantine": "rows that are set aside now",
    "released": "rows that were set aside before",
}
Row = dict[str, Any]


class Side:
    """One version of the number: its value, the rows behind and beside it, and the stages that made it."""

    def __init__(
        self, history: History, data: str, version: dict[str, Any], until: int, day: date, column: str
    ) -> None:
        maker = history.giver(version["artifact"], version["version"], until)
        assert maker, "a version was given by a run"
        self.label = label(version)
        behind = Behind(history, data, version, maker["id"])
        found = resolve(history.explainer())(day, column, behind, maker["identity"]["config"])
        self.rows: list[Row] = found["readings"]
        self.beside = {_place(row): row["why"] for row in found["beside"]}
        self.stages: dict[str, dict[str, Any]] = {maker["stage"]: maker["identity"]}
        self.files: dict[tuple[str, str], str] = {}
        inputs = history.made_from(maker["id"])
        todo = [one for one in inputs if one[0] in behind.opened] or inputs
        while todo:
            given = todo.pop()
            one = history.giver(*given, until)
            if one and "snapshot" in one["identity"]:
                self.files |= {(given[0], file["name"]): file["sha256"] for file in one["identity"]["snapshot"]}
            elif one and one["stage"] not in self.stages:
                self.stages[one["stage"]] = one["identity"]
                todo += history.made_from(one["id"])

    def sha256(self, row: Row) -> str | None:
        """The raw file that a row comes from; a member of a zip counts as the zip."""
        return self.files.get((row["source"], row["file"].partition("!")[0]))


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--json",))
    words = arguments.words(2, 2)
    history, data = open_history()
    found = why_changed(history, data, day_of(words[0]), words[1])
    print_json(found) if "--json" in arguments.flags else print(text(found))
    return 0


def why_changed(history: History, data: str, day: date, column: str) -> dict[str, Any]:
    """The two versions, both values and the causes; no versions where the number never changed.

    Raises:
        PdpError: no version that is left has the day, or the column.
    """
    versions = sorted(history.versions(RESULT), key=lambda one: one["made_by"], reverse=True)
    looks = ((one, *_look(data, one, day, column)) for one in versions if is_held(data, one))
    new, after, _ = next(looks, (None, None, None))
    if new is None:
        raise PdpError(f"no version of {RESULT} is left", hint="run doit")
    for old, before, last in looks:
        if before != after:
            late = last is not None and last > day
            break
        new = old
    else:
        if after is None:
            raise PdpError(f"no version of {RESULT} that is left has a row for {day}")
        value = plain(after[0])
        return {
            "date": day.isoformat(),
            "column": column,
            "from": None,
            "to": None,
            "values": [value] * 2,
            "causes": [],
        }
    sys.path.insert(0, project_root(os.getcwd()))
    now = Side(history, data, new, new["made_by"], day, column)
    past = Side(history, data, old, new["made_by"] - 1, day, column)
    causes = [*_row_causes(past, now, late)]
    causes += _stage_causes(history, past, now, everywhere=bool(causes) or not (past.rows or now.rows))
    return {
        "date": day.isoformat(), "column": column, "from": past.label, "to": now.label,
        "values": [plain(one[0]) if one else None for one in (before, after)], "causes": causes,
    }  # fmt: skip


def _look(data: str, version: dict[str, Any], day: date, column: str) -> tuple[tuple[Any] | None, date | None]:
    """(the cell, none where the version has no such day; the last day that the version knows)."""
    days = read(data, version)
    if column not in days.column_names or column == "date":
        raise unknown("column", column, [name for name in days.column_names if name != "date"])
    found = dict(zip(days["date"].to_pylist(), days[column].to_pylist(), strict=True))
    return ((found[day],) if day in found else None), max(found, default=None)


def _row_causes(past: Side, now: Side, late: bool) -> Iterator[dict[str, Any]]:
    """What became of the rows behind the number. A row that only moved within its file, or to a newer file, is the same."""
    facts = {_fact(row) for row in past.rows} & {_fact(row) for row in now.rows}
    gone = {_place(row): row for row in past.rows if _fact(row) not in facts}
    come = {_place(row): row for row in now.rows if _fact(row) not in facts}
    found: dict[str, list[Row]] = {cause: [] for cause in SAID}
    for place, row in come.items():
        if _by_hand(row) or _by_hand(gone.get(place, {})):
            found["repaired rows"].append(row)
        elif place in gone:
            found["edited rows" if past.sha256(row) != now.sha256(row) else "reread rows"].append(row)
        elif place in past.beside:
            found["released" if past.beside[place].startswith("set aside") else "uncovered rows"].append(row)
        else:
            found["late rows" if late else "new rows"].append(row)
    for place, row in gone.items():
        if place in now.beside:
            why = now.beside[place]
            found["quarantine" if why.startswith("set aside") else "superseded rows"].append(row | {"why": why})
        elif place not in come:
            found["removed rows"].append(row)
    return ({"cause": cause, "what": SAID[cause], "rows": rows} for cause, rows in found.items() if rows)


def _by_hand(row: Row) -> bool:
    """Whether a repair left its mark on a row."""
    return any(flag == "repaired" or flag.startswith("accepted_") for flag in row.get("flags", "").split(";"))


def _stage_causes(history: History, past: Side, now: Side, everywhere: bool) -> Iterator[dict[str, Any]]:
    """Code and config that differ: of the last stage, and of those before it if the rows that they gave differ."""
    stages = [name for name in now.stages if name in past.stages]
    for stage in stages if everywhere else stages[:1]:
        before, after = past.stages[stage], now.stages[stage]
        schemes = [(one["scheme"], one.get("fingerprint", 1)) for one in (before, after)]
        if schemes[0] == schemes[1] and before["code"] != after["code"]:  # of two schemes it cannot be told
            yield {"cause": "code", "stage": stage, "what": "; ".join(_code(history, before["code"], after["code"]))}
        for key, old, new in _differing("", before["config"], after["config"]):
            yield {"cause": "config", "stage": stage, "what": f"{key}: {old} became {new}"}
        if before["libraries"] != after["libraries"]:
            yield {"cause": "libraries", "stage": stage, "what": f"{before['libraries']} became {after['libraries']}"}


def _code(history: History, before: str, after: str) -> list[str]:
    from pdp.fingerprint import explain_difference

    old, new = history.statements(before), history.statements(after)
    found = explain_difference(old, new) if old and new else []
    return [sentence.removeprefix("code: ") for sentence in found] or ["it changed"]


def _differing(key: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from _differing(f"{key}.{name}".lstrip("."), before.get(name), after.get(name))
    elif before != after:
        yield key, before, after


def _place(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in PLACE)


def _fact(row: Row) -> tuple[Any, ...]:
    """All that a row tells, but not where it stands."""
    return tuple(sorted((name, str(value)) for name, value in row.items() if name not in ("file", "row")))


def text(found: dict[str, Any]) -> str:
    """The causes as a person reads them."""
    old, new = (cell(value) or "no value" for value in found["values"])
    if found["from"] is None:
        return f"{found['column']} of {found['date']} never changed in the versions that are left: {new}"
    lines = [f"{found['column']} of {found['date']}: {old} in {found['from']}, {new} in {found['to']}"]
    for cause in found["causes"]:
        if "rows" not in cause:
            lines.append(f"  {cause['cause']} of {cause['stage']}: {cause['what']}")
            continue
        lines.append(f"  {cause['cause']}: {count(len(cause['rows']), 'row')}, {cause['what']}")
        lines.append(
            table([[f"    {row['source']}", row["file"], str(row["row"]), row.get("why", "")] for row in cause["rows"]])
        )
    return "\n".join(lines if found["causes"] else [*lines, "  nothing that was recorded tells why"])
