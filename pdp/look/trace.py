"""`pdp trace`: one number down to its readings, out of the very versions that it was made from."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from pdp.errors import PdpError, StageError, UsageError
from pdp.look import open_history, parse, print_json, table, unknown
from pdp.look.versions import label, pick
from pdp.places import object_name, project_root
from pdp.resolve import resolve

if TYPE_CHECKING:
    import pyarrow as pa

    from pdp.registry.history import History

RESULT = "daily_metrics"
USAGE = """pdp trace DATE COLUMN [--json]
  One number of daily_metrics down to its readings: formula, stage and version, raw file and row, and what lies beside
  them, superseded or set aside. For example: pdp trace 2025-09-01 systolic"""


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--json",))
    day, column = arguments.words(2, 2)
    history, data = open_history()
    found = trace(history, data, pick(history, RESULT), day_of(day), column)
    print_json(found) if "--json" in arguments.flags else print(text(found))
    return 0


def day_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text} is no date", hint="write it like 2025-09-01") from None


def trace(history: History, data: str, version: dict[str, Any], day: date, column: str) -> dict[str, Any]:
    """The explanation of one cell of a version.

    Raises:
        PdpError: the version has no such day or column, or its bytes were collected.
        StageError: the readings do not add up to the number.
    """
    maker = history.maker(version["artifact"], version["version"])
    tables = Behind(history, data, version, maker["id"])
    value = _value(tables[version["artifact"]], day, column)
    explain = history.explainer()
    if not explain:
        raise PdpError("dodo.py names nothing that explains a number", hint="give its Pipeline an explain")
    sys.path.insert(0, project_root(os.getcwd()))
    found: dict[str, Any] = resolve(explain)(day, column, tables, maker["identity"]["config"])
    if found["readings"] and not _equal(value, found["value"]):
        raise StageError(
            f"{column} of {day} in {label(version)} is not what its readings give",
            hint="this is a fault of pdp; please report it with pdp trace --json",
        )
    return {
        "artifact": label(version), "date": day.isoformat(), "column": column, "value": value,
        "stage": maker["stage"], "run": maker["run"], "made_at": maker["at"],
        "from": {name: number for name, number in tables.versions.items() if name != version["artifact"]},
        **{name: found[name] for name in ("formula", "rules", "readings", "beside")},
    }  # fmt: skip


class Behind(Mapping[str, Any]):
    """The tables behind a version, by name, read from the store when asked for: its inputs, what was set aside when
    those were made, and what they were made from."""

    def __init__(self, history: History, data: str, version: dict[str, Any], stage_run: int) -> None:
        self.versions = {version["artifact"]: version["version"]}
        for name, number in history.made_from(stage_run):
            self.versions[name] = number
            maker = history.maker(name, number)["id"]
            self.versions |= dict(history.made(maker)) | dict(history.made_from(maker))
        self._history, self._data = history, data
        self._read: dict[str, pa.Table] = {}

    def __getitem__(self, name: str) -> pa.Table:
        if name not in self._read:
            found = self._history.version(name, self.versions[name])
            assert found
            path = f"{self._data}/store/{object_name(found['hash'])}"
            if not os.path.isfile(path):
                raise PdpError(f"the bytes of {label(found)} were collected", hint="trace a newer version")
            from pathlib import Path

            from pdp.tables import read_parquet

            self._read[name] = read_parquet(Path(path))
        return self._read[name]

    @property
    def opened(self) -> Collection[str]:
        """The tables that were asked for."""
        return self._read.keys()

    def __iter__(self) -> Any:
        return iter(self.versions)

    def __len__(self) -> int:
        return len(self.versions)


def _value(daily: pa.Table, day: date, column: str) -> Any:
    """The cell itself."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column not in daily.column_names or column == "date":
        raise unknown("column", column, [name for name in daily.column_names if name != "date"])
    row = daily.filter(pc.equal(daily["date"], pa.scalar(day, pa.date32())))
    if not row.num_rows:
        first, last = pc.min_max(daily["date"]).as_py().values()
        known = f"the days go from {first} to {last}, with gaps" if first else "no day has data yet"
        raise PdpError(f"there is no row for {day}", hint=known)
    return row[column][0].as_py()


def _equal(value: Any, other: Any) -> bool:
    if isinstance(value, float) and isinstance(other, int | float):
        return math.isclose(value, other, rel_tol=1e-9)
    return bool(value == other)


def text(found: dict[str, Any]) -> str:
    """The explanation as a person reads it."""
    lines = [
        f"{found['column']} of {found['date']}: {'no value' if found['value'] in (None, '') else found['value']}",
        f"  {found['formula']}",
        f"  {found['artifact']}, made by {found['stage']} in run {found['run']} at {found['made_at']}",
        "  " + ", ".join(f"{name} {value}" for name, value in found["rules"].items()),
    ]
    if found["readings"]:
        rows = [["  source", "file", "row", "local time", "values"], *map(_line, found["readings"])]
        lines += ["made of", table(rows, frozenset({2}))]
    if found["beside"]:
        rows = [[f"  {one['source']}", one["file"], str(one["row"]), one["why"]] for one in found["beside"]]
        lines += ["beside it, not counted", table(rows, frozenset({2}))]
    return "\n".join(line for line in lines if line.strip())


def _line(row: dict[str, Any]) -> list[str]:
    own = {"source", "file", "row", "item", "record", "sid", "instant_utc", "utc_offset_s", "offset_source", "as_read"}
    values = " ".join(f"{name}={value}" for name, value in row.items() if name not in own and not name.endswith("_utc"))
    at = datetime.fromtimestamp(row["instant_utc"] + row["utc_offset_s"], UTC) if "instant_utc" in row else None
    if was := row.get("as_read"):
        values += " (read as " + " ".join(f"{name}={'empty' if v is None else v}" for name, v in was.items()) + ")"
    return [f"  {row['source']}", row["file"], str(row["row"]), f"{at:%Y-%m-%d %H:%M}" if at else "", values]
