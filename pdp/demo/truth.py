"""What pdp should find in the demo: the fate of every row written, and each day's numbers from plain sums.

This is written from docs/formats.md and the domain's rules alone; it shares no code with the pipeline it is to check.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

Fate = Literal["accepted", "superseded", "quarantined"]
TABLES = ("blood_pressure", "heart_rate", "sleep", "steps", "spo2", "stress", "weight", "unreadable")


class Row(NamedTuple):
    """One raw row that belongs to a table, and what is to become of it.

    `file` is below raw/<source>/ (a member of a zip is <zip>!<member>), `row` its line. `kind` is reading, daily,
    sample, night or segment. `date` is None where it cannot be told, `instant` (epoch seconds) for days and nights.
    `clock` is the minute of the local day of a reading, None if only its date is known. `values` holds the numbers; a
    night's `segments` are the minutes of its parts, which count as rows of their own. `rule` says why a row is not
    accepted.
    """

    table: str
    kind: str
    source: str
    file: str
    row: int
    record: str
    sid: str = ""
    date: dt.date | None = None
    instant: int | None = None
    clock: int | None = None
    values: Mapping[str, Any] = MappingProxyType({})
    fate: Fate = "accepted"
    rule: str = ""

    @property
    def parts(self) -> int:
        """Rows of the table that come of this raw row."""
        return 1 + len(self.values.get("segments", ()))


class Cell(NamedTuple):
    """One number of a day and the rows behind it; a null has none."""

    value: Any
    rows: tuple[Row, ...]


Cells = dict[str, Cell]
NULL = Cell(None, ())


@dataclass(frozen=True)
class Truth:
    """All rows written. Computing is done when it is asked for, once."""

    rows: tuple[Row, ...] = field(repr=False)

    def of(self, table: str, *kinds: str, fate: Fate | None = None) -> list[Row]:
        """The rows of a table, of these kinds if any are given, with this fate if one is given."""
        return [
            row for row in self.rows
            if row.table == table and (not kinds or row.kind in kinds) and (fate is None or row.fate == fate)
        ]  # fmt: skip

    @property
    def readings(self) -> list[Row]:
        """Blood pressure, whatever became of it: `values` has systolic, diastolic and pulse."""
        return self.of("blood_pressure")

    @property
    def samples(self) -> list[Row]:
        """Single measurements of the band, the phone and the scale: `values` has one number, named as in the table."""
        return [row for row in self.rows if row.kind == "sample"]

    @property
    def nights(self) -> list[Row]:
        """Reports of a day's sleep."""
        return self.of("sleep", "night")

    def counts(self) -> dict[str, dict[str, int]]:
        """For every table: rows read, accepted, superseded, quarantined."""
        counts = {table: {"read": 0, "accepted": 0, "superseded": 0, "quarantined": 0} for table in TABLES}
        for row in self.rows:
            counts[row.table]["read"] += row.parts
            counts[row.table][row.fate] += row.parts
        return counts

    def daily(self) -> dict[dt.date, dict[str, Any]]:
        """For every date with an accepted row all columns of daily_metrics but `flags`; None is no value."""
        return {
            day: {"date": day} | {name: cell.value for name, cell in cells.items()} for day, cells in self._days.items()
        }

    def cell(self, day: dt.date, column: str) -> list[tuple[str, int]]:
        """(file, row) of the raw rows behind one number, sorted; none for a null."""
        return sorted({(row.file, row.row) for row in self._days[day][column].rows})

    @cached_property
    def _days(self) -> dict[dt.date, Cells]:
        tables: dict[dt.date, dict[str, list[Row]]] = {}
        for row in self.rows:
            if row.fate == "accepted" and row.date is not None:
                tables.setdefault(row.date, {table: [] for table in TABLES})[row.table].append(row)
        return {day: _day(tables[day]) for day in sorted(tables)}


def _day(tables: dict[str, list[Row]]) -> Cells:
    """All cells of one day, in the order of daily_metrics."""
    pressure = _pressure(tables["blood_pressure"])
    heart = _heart(tables["heart_rate"])
    sleep = _sleep(tables["sleep"])
    cells = {
        **{name: pressure[name] for name in ("systolic", "diastolic", "pulse", "bp_readings", "bp_sessions")},
        **heart,
        **sleep,
        "steps": _reported(tables["steps"], "steps", "steps", _total),
        "avg_spo2": _reported(tables["spo2"], "avg_spo2", "spo2", _mean),
        "avg_stress": _reported(tables["stress"], "avg_stress", "stress", _mean),
        "weight_kg": _over(tables["weight"], "weight_kg", _mean),
        "has_bp": _has(pressure["systolic"]),
        "has_hr": _has(heart["avg_hr"]),
        "has_sleep": _has(sleep["sleep_total_min"]),
    }
    return {**cells, **{name: cell for name, cell in pressure.items() if name not in cells}}


def _pressure(readings: list[Row]) -> Cells:
    """Means of the sessions' means; readings of which only the date is known are one session of no time of day."""
    timed = sorted((row for row in readings if row.clock is not None), key=lambda row: row.instant or 0)
    sessions: list[list[Row]] = []
    for row in timed:
        if sessions and (row.instant or 0) - (sessions[-1][-1].instant or 0) <= 15 * 60:
            sessions[-1].append(row)
        else:
            sessions.append([row])
    morning = [session for session in sessions if (session[0].clock or 0) < 12 * 60]
    evening = [session for session in sessions if (session[0].clock or 0) >= 12 * 60]
    undated = [row for row in readings if row.clock is None]
    every = [*sessions, undated] if undated else sessions
    cells = {
        "bp_readings": Cell(len(readings) or None, tuple(readings)),
        "bp_sessions": Cell(len(every) or None, tuple(readings)),
    }
    for suffix, some in (("", every), ("_am", morning), ("_pm", evening)):
        for name in ("systolic", "diastolic", "pulse"):
            means = [_over(session, name, _mean) for session in some]
            means = [mean for mean in means if mean.rows]
            rows = tuple(row for mean in means for row in mean.rows)
            cells[name + suffix] = Cell(_mean([mean.value for mean in means]), rows) if means else NULL
    return cells


def _heart(rows: list[Row]) -> Cells:
    """The day's report, else its samples; spot measurements alone make no day."""
    report = next((row for row in rows if row.record == "daily_report"), None)
    resting = [row for row in rows if row.record == "resting_heart_rate"]
    samples = [row for row in rows if row.kind == "sample"]
    continuous = any(row.record == "heart_rate" for row in samples)
    cells = {}
    for name, fold in (("avg_hr", _mean), ("min_hr", min), ("max_hr", max)):
        computed = _over(samples, "bpm", fold) if continuous else NULL
        cells[name] = _value(report, name) if report else computed
    cells["resting_hr"] = _value(report, "resting_hr")
    if cells["resting_hr"] is NULL and resting:
        cells["resting_hr"] = _value(resting[0], "resting_hr")
    cells["hr_samples"] = Cell(len({row.instant for row in samples}) or None, tuple(samples))
    return cells


SLEEP = {"total": "duration_min", "deep": "deep_min", "light": "light_min", "rem": "rem_min", "awake": "awake_min"}


def _sleep(rows: list[Row]) -> Cells:
    """The day's report, else the raw segments that carry stages. The longest segment is the night, others are naps."""
    report = next((row for row in rows if row.kind == "night"), None)
    if report:
        found = {name: _value(report, column) for name, column in SLEEP.items()}
        score = _value(report, "score")
        behind: tuple[Row, ...] = (report,)
        parts: Sequence[float] = report.values["segments"]
    else:
        staged = [row for row in rows if row.kind == "segment" and row.values["deep_min"] is not None]
        found = {name: _over(staged, column, _total) for name, column in SLEEP.items()}
        score, behind, parts = NULL, tuple(staged), [row.values["duration_min"] for row in staged]
    main = Cell(max(parts), behind) if parts else NULL
    nap = Cell(found["total"].value - main.value, behind) if parts else NULL
    return {
        "sleep_total_min": found["total"],
        "sleep_main_min": main,
        "sleep_nap_min": nap,
        **{f"sleep_{name}_min": found[name] for name in ("deep", "light", "rem", "awake")},
        "sleep_score": score,
    }


def _reported(rows: list[Row], in_report: str, in_sample: str, fold: Callable[[list[Any]], Any]) -> Cell:
    report = next((row for row in rows if row.kind == "daily"), None)
    return _value(report, in_report) if report else _over(rows, in_sample, fold)


def _value(row: Row | None, name: str) -> Cell:
    """One number of one row."""
    return Cell(row.values[name], (row,)) if row and row.values.get(name) is not None else NULL


def _over(rows: Iterable[Row], name: str, fold: Callable[[list[Any]], Any]) -> Cell:
    """One number over the rows that have it."""
    having = tuple(row for row in rows if row.values.get(name) is not None)
    return Cell(fold([row.values[name] for row in having]), having) if having else NULL


def _has(cell: Cell) -> Cell:
    return Cell(cell.value is not None, cell.rows)


def _total(values: list[Any]) -> Any:
    return sum(values)


def _mean(values: list[Any]) -> float:
    total: float = sum(values)
    return total / len(values)
