"""One number of one day, down to its readings: which rows it is made of, by which formula, and what lies beside them.

This is computed again from the accepted rows, row by row, and not taken from `stages.merge`: that the two agree is what
makes the explanation one. No stage uses this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.repairs import REPAIRED

Row = dict[str, Any]

PRESSURE = ("systolic", "diastolic", "pulse")
HEART = {"avg_hr": "mean", "min_hr": "lowest", "max_hr": "highest"}
SLEEP = {
    "sleep_total_min": "duration_min", "sleep_deep_min": "deep_min", "sleep_light_min": "light_min",
    "sleep_rem_min": "rem_min", "sleep_awake_min": "awake_min",
}  # fmt: skip
STAGES = ("deep_min", "light_min", "rem_min")
FOLDS: dict[str, Callable[[list[float]], float]] = {
    "mean": lambda values: sum(values) / len(values), "sum": sum, "lowest": min, "highest": max,
}  # fmt: skip
METRICS = {
    "steps": ("steps", "steps", "sum"), "avg_spo2": ("spo2", "spo2", "mean"),
    "avg_stress": ("stress", "stress", "mean"), "weight_kg": ("weight", "weight_kg", "mean"),
}  # fmt: skip


@dataclass(frozen=True)
class Explained:
    """A number (None for an empty cell), the formula in words, and the rows behind it."""

    value: Any
    formula: str
    rows: Sequence[Row] = ()


def table_of(column: str) -> str:
    """The table that a column of daily_metrics comes from; '' for those that come from all."""
    if column.removesuffix("_am").removesuffix("_pm") in PRESSURE or column.startswith("bp_") or column == "has_bp":
        return "blood_pressure"
    if column in HEART or column in ("resting_hr", "hr_samples", "has_hr"):
        return "heart_rate"
    if column.startswith("sleep_") or column == "has_sleep":
        return "sleep"
    return METRICS[column][0] if column in METRICS else ""


def cell(day: date, column: str, tables: Mapping[str, pa.Table], config: Mapping[str, Any]) -> dict[str, Any]:
    """The explanation of daily_metrics[day, column] as plain data.

    Args:
        tables: accepted tables by name (`sleep`), set aside (`sleep_quarantine`) and as read (`mi_band_sleep`).
        config: timezone, day_starts_at, blood_pressure.

    Returns:
        value, formula, rules, readings (the rows behind the value) and beside (rows of the same day and table that do
        not count, each with why).
    """
    table = table_of(column)
    if not table:
        text = "the flags of all rows that the day's numbers are made of, and merge's own"
        return {"value": None, "formula": text, "rules": {}, "readings": [], "beside": []}
    rows = _of(tables[table], day)
    explained = _explain(column, rows, tables[table], config)
    return {
        "value": explained.value,
        "formula": explained.formula,
        "rules": _rules(table, config),
        "readings": [_shown(row) | _as_read(row, table, tables) for row in sorted(explained.rows, key=_place)],
        "beside": _beside(table, day, rows, tables),
    }


def _explain(column: str, rows: list[Row], table: pa.Table, config: Mapping[str, Any]) -> Explained:
    if column in ("has_bp", "has_hr", "has_sleep"):
        of = {"has_bp": ("systolic",), "has_hr": tuple(HEART), "has_sleep": ("sleep_total_min",)}[column]
        parts = [_explain(name, rows, table, config) for name in of]
        known = [part for part in parts if part.value is not None]
        return Explained(bool(known), f"whether the day has {' or '.join(of)}", known[0].rows if known else ())
    if column.startswith("bp_") or column.removesuffix("_am").removesuffix("_pm") in PRESSURE:
        return _pressure(column, rows, config)
    if column in HEART or column in ("resting_hr", "hr_samples"):
        return _heart(column, rows)
    if column in METRICS:
        return _reported(column, METRICS[column][1], METRICS[column][2], rows)
    nightly = pc.unique(table.filter(pc.equal(table["kind"], "night"))["source"]).to_pylist()
    return _sleep(column, rows, nightly)


# Blood pressure


def sessions(rows: list[Row], gap_min: float) -> list[list[Row]]:
    """Readings at most `gap_min` minutes after the one before; those without a time are one session, last."""
    timed = sorted(
        (row for row in rows if row["time_known"] is not False), key=lambda row: (row["instant_utc"], _place(row))
    )
    found: list[list[Row]] = []
    for row in timed:
        if found and row["instant_utc"] - found[-1][-1]["instant_utc"] <= gap_min * 60:
            found[-1].append(row)
        else:
            found.append([row])
    dated = [row for row in rows if row["time_known"] is False]
    return [*found, dated] if dated else found


def _pressure(column: str, rows: list[Row], config: Mapping[str, Any]) -> Explained:
    name, _, part = column.partition("_")
    found = sessions(rows, config["blood_pressure"]["session_gap_min"])
    if column == "bp_readings":
        return Explained(len(rows) or None, f"{len(rows)} accepted readings", rows)
    if column == "bp_sessions":
        return Explained(len(found) or None, f"{len(found)} sessions of {len(rows)} readings", rows)
    if part:
        found = [session for session in found if _day_part(session[0], config) == part]
    having = [[row for row in session if row[name] is not None] for session in found]
    having = [session for session in having if session]
    if not having:
        return Explained(
            None, f"no reading with a {name}{ {'am': ' in the morning', 'pm': ' in the evening'}.get(part, '') }"
        )
    means = [FOLDS["mean"]([row[name] for row in session]) for session in having]
    formula = f"mean of {_count(means, 'session mean')}: ({' + '.join(map(_text, means))}) / {len(means)}"
    return Explained(FOLDS["mean"](means), formula, [row for session in having for row in session])


def _day_part(first: Row, config: Mapping[str, Any]) -> str:
    """am or pm, by the local clock of a session's first reading, counted from the hour at which the day begins."""
    if first["time_known"] is False:
        return ""
    begins = config["day_starts_at"]
    hour = ((first["instant_utc"] + first["utc_offset_s"]) % 86_400 / 3600 - begins) % 24
    return "am" if hour < (config["blood_pressure"]["evening_from_hour"] - begins) % 24 else "pm"


# Heart rate, sleep and the rest


def _heart(column: str, rows: list[Row]) -> Explained:
    samples = [row for row in rows if row["kind"] == "sample"]
    daily = [row for row in rows if row["kind"] == "daily"]
    if column == "hr_samples":
        return Explained(len({row["instant_utc"] for row in samples}) or None, "distinct instants measured", samples)
    if column == "resting_hr":
        told = sorted(
            (r for r in daily if r["resting_hr"] is not None), key=lambda r: r["record"] == "resting_heart_rate"
        )
        return _told(told[:1], "resting_hr")
    report = [row for row in daily if any(row[name] is not None for name in HEART)]
    if report:
        return _told(report, column)
    if not any(row["record"] == "heart_rate" for row in samples):
        return Explained(
            None, "spot checks alone make no day" if samples else "no heart rate was accepted for this day"
        )
    return _folded("bpm", HEART[column], samples)


def _sleep(column: str, rows: list[Row], nightly: list[str]) -> Explained:
    night = [row for row in rows if row["kind"] == "night"]
    if night:
        parts = [r for r in rows if r["kind"] == "segment" and _raw(r) == _raw(night[0])]
        whole = "part_quarantined" not in night[0]["flags"].split(";")
        if column not in ("sleep_main_min", "sleep_nap_min"):
            return _told(night, SLEEP.get(column, "score"))
        return _main(column, parts if whole else [], night[0]["duration_min"], [*night, *parts])
    alone = [row for row in rows if row["kind"] == "segment"]
    counted = [r for r in alone if any(r[name] is not None for name in STAGES) or r["source"] not in nightly]
    if not counted:
        return Explained(
            None, "a stretch without stages makes no night" if alone else "no sleep was accepted for this day"
        )
    if column in ("sleep_main_min", "sleep_nap_min"):
        return _main(column, counted, sum(r["duration_min"] or 0 for r in counted), counted)
    if column == "sleep_score":
        return Explained(None, "only a nightly report has a score")
    return _folded(SLEEP[column], "sum", counted)


def _main(column: str, parts: list[Row], total: float | None, behind: list[Row]) -> Explained:
    lengths = [row["duration_min"] for row in parts if row["duration_min"] is not None]
    if not lengths or (column == "sleep_nap_min" and (total is None or total < max(lengths))):
        return Explained(None, "the night's segments are not known")
    if column == "sleep_main_min":
        return Explained(max(lengths), f"the longest of {_count(lengths, 'segment')}", behind)
    return Explained(
        (total or 0) - max(lengths), f"total less longest segment: {_text(total)} - {_text(max(lengths))}", behind
    )


def _reported(column: str, sampled: str, how: str, rows: list[Row]) -> Explained:
    """What the day's report tells, else the samples put together."""
    report = [row for row in rows if row["kind"] == "daily" and row.get(column) is not None]
    return _told(report, column) if report else _folded(sampled, how, [r for r in rows if r["kind"] == "sample"])


def _told(rows: list[Row], name: str) -> Explained:
    """One row's own number."""
    if not rows or rows[0][name] is None:
        return Explained(None, f"no {name} was accepted for this day")
    return Explained(rows[0][name], "as the device reports the day", rows[:1])


def _folded(name: str, how: str, rows: Iterable[Row]) -> Explained:
    having = [row for row in rows if row[name] is not None]
    if not having:
        return Explained(None, f"no {name} was accepted for this day")
    return Explained(FOLDS[how]([row[name] for row in having]), f"{how} of {len(having)} rows", having)


# What lies beside


def _beside(table: str, day: date, accepted: list[Row], tables: Mapping[str, pa.Table]) -> list[dict[str, Any]]:
    """The day's rows of this table that do not count: set aside by a rule, or superseded by another row."""
    aside = _of(tables[f"{table}_quarantine"], day) if f"{table}_quarantine" in tables else []
    known = {_place(row) for row in (*accepted, *aside)}
    read = [row for name in tables if name.endswith(f"_{table}") for row in _of(tables[name], day)]
    found = [{**_where(row), "why": f"set aside: {row['problem_sentence'] or row['problem']}"} for row in aside]
    for row in read:
        if _place(row) not in known:
            winner = next((one for one in accepted if _same_fact(one, row)), None)
            by = (
                f"{winner['file']}:{winner['row']}"
                if winner
                else "the rows of another device, which count for this day"
            )
            found.append({**_where(row), "why": f"superseded by {by}"})
    return sorted(found, key=lambda one: (one["file"], one["row"], one["item"]))


def _same_fact(one: Row, other: Row) -> bool:
    by = ("kind",) if one["kind"] in ("daily", "night") else ("kind", "instant_utc")
    return all(one[name] == other[name] for name in by)


def _rules(table: str, config: Mapping[str, Any]) -> dict[str, Any]:
    rules = {"timezone": config["timezone"], "day_starts_at": config["day_starts_at"]}
    return rules | config["blood_pressure"] if table == "blood_pressure" else rules


def _of(table: pa.Table, day: date) -> list[Row]:
    """The table's rows of one local date; instants as seconds in UTC."""
    return _plain(table.filter(pc.equal(table["local_date"], pa.scalar(day, pa.date32()))))


def _plain(rows: pa.Table) -> list[Row]:
    """Rows as dicts; instants as seconds in UTC."""
    for i, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            rows = rows.set_column(i, field.name, rows.column(i).cast(pa.timestamp("s", tz="UTC")).cast(pa.int64()))
    found: list[Row] = rows.to_pylist()
    return found


def _raw(row: Row) -> tuple[str, str, int]:
    return (row["source"], row["file"], row["row"])


def _place(row: Row) -> tuple[str, str, int, int]:
    return (row["source"], row["file"], row["row"], row["item"])


def _where(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("source", "file", "row", "item", "record", "sid")}


def _shown(row: Row) -> dict[str, Any]:
    """A row as the explanation shows it: where it stands, when it was, its values, its flags."""
    hidden = {"record_time", "revision", "exported_on", "kind", "local_date", *_where(row)}
    return _where(row) | {name: value for name, value in row.items() if name not in hidden and value not in (None, "")}


def _as_read(row: Row, table: str, tables: Mapping[str, pa.Table]) -> Row:
    """What a repaired row was before: `as_read`, the values that differ."""
    read = tables.get(f"{row['source']}_{table}")
    if REPAIRED not in row["flags"].split(";") or read is None:
        return {}
    place = [pc.equal(read[name], row[name]) for name in ("file", "row", "item")]
    (before,) = _plain(read.filter(pc.and_(pc.and_(place[0], place[1]), place[2])))
    hidden = {"flags", "offset_source", *_where(row)}
    return {"as_read": {name: before[name] for name in row if name not in hidden and before[name] != row[name]}}


def _count(things: Sequence[Any], noun: str) -> str:
    return f"{len(things)} {noun}{'s' if len(things) > 1 else ''}"


def _text(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")
