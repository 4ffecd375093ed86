"""Accepted rows of all tables -> one row per local date.

A day's values are the device's own report where there is one, else they are computed from the samples. What is not
known is null, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from stages import schemas, sessions
from stages.by_date import Floats, Groups, Told
from stages.columns import Ints, Mask, codes, equal, integers, numbers, pack, texts_of, valid
from stages.duplicates import ON_DEMAND
from stages.parts import Part, by_dates, opened, piece

HEART_RATES = ("avg_hr", "min_hr", "max_hr")
STAGES = ("deep_min", "light_min", "rem_min")
MINUTES = ("duration_min", *STAGES, "awake_min")
SLEEP_NAMES = {
    "duration_min": "sleep_total_min", "score": "sleep_score", **{name: f"sleep_{name}" for name in (*STAGES, "awake_min")},
}  # fmt: skip


Output = Generator[tuple[str, pa.Table], None, Told]


def daily(
    inputs: Mapping[str, Any], config: Mapping[str, Any]
) -> Generator[tuple[str, pa.Table], None, dict[str, str]]:
    """`daily_metrics`: one row for each date on which any table has an accepted row. Facts: {first_date, last_date}.

    A validated table has one row for a day's report and one for an instant, from one device on a date: nothing here
    is averaged or summed over devices, files or exports.
    """
    told = Told()
    told.add(_blood_pressure(opened(inputs, "blood_pressure").read(), config))
    told.add((yield from _by_dates(inputs, "heart_rate", _heart_rate, "record", *HEART_RATES, "resting_hr", "bpm")))
    told.add(_sleep(opened(inputs, "sleep").read()))
    told.add((yield from _metric(inputs, "steps", "steps", "steps", Groups.sum)))
    told.add((yield from _metric(inputs, "spo2", "avg_spo2", "spo2", Groups.mean)))
    told.add((yield from _metric(inputs, "stress", "avg_stress", "stress", Groups.mean)))
    told.add((yield from _metric(inputs, "weight", "weight_kg", "weight_kg", Groups.mean)))
    table = _table(told)
    yield "daily_metrics", table
    return {"first_date": f"{table['date'][0]}", "last_date": f"{table['date'][-1]}"} if table.num_rows else {}


def _by_dates(inputs: Mapping[str, Any], name: str, fold: Callable[[pa.Table], Told], *columns: str) -> Output:
    """What `fold` makes of these columns of a table, some dates at a time."""
    wanted = ["local_date", "kind", "flags", *dict.fromkeys(columns)]
    told = Told()
    for part in by_dates([opened(inputs, name)], wanted):
        data = yield from piece(inputs, f"{name} {part.name}", partial(_folded, part, fold))
        told.add(Told.from_data(data))
    return told


def _folded(part: Part, fold: Callable[[pa.Table], Told]) -> Generator[tuple[str, pa.Table], None, dict[str, Any]]:
    """What `fold` makes of a part, as plain data; no rows."""
    yield from ()
    return fold(part.read()).as_data()


def _blood_pressure(table: pa.Table, config: Mapping[str, Any]) -> Told:
    told, date = _told(table)
    instant, offset = integers(table["instant_utc"]), integers(table["utc_offset_s"])
    timed = np.asarray(table["time_known"].fill_null(True), bool)
    clock = np.where(timed, (instant + offset) % 86_400, np.nan)
    readings = sessions.Readings(date, instant, clock, {name: numbers(table[name]) for name in sessions.VALUES})
    rules = config["blood_pressure"]
    found = sessions.sessions(readings, rules["session_gap_min"])
    for dates, values in sessions.days(found, rules["evening_from_hour"], config["day_starts_at"]):
        told.tell(dates, values)
    _mark(told, table, date, np.ones(len(date), bool))
    return told


def _heart_rate(table: pa.Table) -> Told:
    told, date = _told(table)
    daily, sample = equal(table["kind"], "daily"), equal(table["kind"], "sample")
    reports = daily & _any(table, HEART_RATES)
    told.tell(date[reports], {name: numbers(table[name])[reports] for name in HEART_RATES})
    dates, resting = _reports_first(table, date, daily)
    told.tell(dates, {"resting_hr": resting})

    by_date, bpm = Groups(date[sample]), numbers(table["bpm"])[sample]
    told.tell(by_date.keys, {"hr_samples": by_date.size().astype(np.float64)})
    alone = ~np.isin(by_date.keys, date[reports])
    continuous = by_date.any(~_on_demand(table)[sample])
    computed = {"avg_hr": by_date.mean(bpm), "min_hr": by_date.lowest(bpm), "max_hr": by_date.highest(bpm)}
    believed = alone & continuous
    told.tell(by_date.keys[believed], {name: values[believed] for name, values in computed.items()})
    told.mark(by_date.keys[alone & ~continuous], "spot_hr_only")
    believed_rows = daily.copy()
    believed_rows[sample] = alone[by_date.of]
    _mark(told, table, date, believed_rows)
    return told


def _reports_first(table: pa.Table, date: Ints, daily: Mask) -> tuple[Ints, Floats]:
    """(dates, resting heart rate): the daily report's, else the other row's."""
    resting = numbers(table["resting_hr"])
    at = np.flatnonzero(daily & ~np.isnan(resting))
    other = equal(table["record"], "resting_heart_rate")[at]
    dates, first = np.unique(date[at[np.argsort(other, kind="stable")]], return_index=True)
    return dates, resting[at[np.argsort(other, kind="stable")][first]]


def _on_demand(table: pa.Table) -> Mask:
    return codes(table["record"], ON_DEMAND) < len(ON_DEMAND)


def _sleep(table: pa.Table) -> Told:
    told, date = _told(table)
    raw = pack(codes(table["source"]), codes(table["file"]), integers(table["row"]))
    source, of_report = codes(table["source"]), equal(table["record"], "daily_report")
    night = equal(table["kind"], "night")
    parts = ~night & of_report & np.isin(raw, raw[night])
    alone = ~night & ~of_report & ~np.isin(date, date[night])
    believed = alone & (_any(table, STAGES) | ~np.isin(source, source[night]))

    values = {name: numbers(table[name]) for name in (*MINUTES, "score")}
    longest = _longest(raw[night], raw[parts], values["duration_min"][parts])
    longest[_has_flag(table, schemas.PART_QUARANTINED)[night]] = np.nan
    _tell_sleep(told, date[night], {name: column[night] for name, column in values.items()}, longest)
    by_date = Groups(date[believed])
    sums = {name: by_date.sum(values[name][believed]) for name in MINUTES}
    _tell_sleep(told, by_date.keys, sums, by_date.highest(values["duration_min"][believed]))

    told.mark(date[alone & ~believed], "unconfirmed_sleep")
    _mark(told, table, date, night | believed)
    _mark(told, table, _dates_of_nights(raw, date, night), parts)
    return told


def _longest(nights: Ints, parts: Ints, minutes: Floats) -> Floats:
    """For each night the longest of its parts, nan where it has none."""
    by_night = Groups(np.append(nights, parts))
    longest = by_night.highest(np.append(np.full(len(nights), np.nan), minutes))
    found: Floats = longest[np.searchsorted(by_night.keys, nights)]
    return found


def _dates_of_nights(raw: Ints, date: Ints, night: Mask) -> Ints:
    """For each row the date of the night that stands in the same raw row; its own where there is none."""
    order = np.argsort(raw[night], kind="stable")
    nights, dates = raw[night][order], date[night][order]
    if not len(nights):
        return date
    at = np.searchsorted(nights, raw).clip(max=len(nights) - 1)
    return np.where(nights[at] == raw, dates[at], date)


def _tell_sleep(told: Told, dates: Ints, values: Mapping[str, Floats], longest: Floats) -> None:
    naps = values["duration_min"] - longest
    told.tell(dates, {SLEEP_NAMES[name]: column for name, column in values.items()})
    told.tell(dates, {"sleep_main_min": longest, "sleep_nap_min": np.where(naps < 0, np.nan, naps)})


def _metric(
    inputs: Mapping[str, Any], name: str, reported: str, sampled: str, fold: Callable[[Groups, Floats], Floats]
) -> Output:
    """One column: what the day's report tells (`reported`), else the samples (`sampled`) put together by `fold`."""

    def of(table: pa.Table) -> Told:
        told, date = _told(table)
        reports = equal(table["kind"], "daily") & _any(table, (reported,))
        samples = equal(table["kind"], "sample") & _any(table, (sampled,)) & ~np.isin(date, date[reports])
        by_date = Groups(date[samples])
        told.tell(date[reports], {reported: numbers(table[reported])[reports]})
        told.tell(by_date.keys, {reported: fold(by_date, numbers(table[sampled])[samples])})
        _mark(told, table, date, reports | samples)
        return told

    return (yield from _by_dates(inputs, name, of, reported, sampled))


def _told(table: pa.Table) -> tuple[Told, Ints]:
    """Nothing yet but that there are rows; and the date of each."""
    date = integers(table["local_date"])
    return Told(Groups(date).keys), date


def _any(table: pa.Table, names: Sequence[str]) -> Mask:
    """Where one of these columns has a value."""
    there = [valid(table[name]) for name in names if table[name].null_count < table.num_rows]
    return np.logical_or.reduce(there) if there else np.zeros(table.num_rows, bool)


def _mark(told: Told, table: pa.Table, date: Ints, where: Mask) -> None:
    """The flags of the rows `where` become those of their dates."""
    index, texts = texts_of(table["flags"])
    for number, text in enumerate(texts):
        if text:
            told.mark(np.unique(date[where & (index == number)]), text)


def _has_flag(table: pa.Table, flag: str) -> Mask:
    index, texts = texts_of(table["flags"])
    return np.array([*(flag in text.split(";") for text in texts), False])[index]


def _table(told: Told) -> pa.Table:
    schema = schemas.DAILY_METRICS
    columns: dict[str, Any] = {name: told.column(name) for name in schema.names}
    there = {name: ~np.isnan(column) for name, column in columns.items()}
    columns |= {
        "date": pa.array(told.dates.astype(np.int32)).cast(pa.date32()),
        "has_bp": there["systolic"],
        "has_hr": np.logical_or.reduce([there[name] for name in HEART_RATES]),
        "has_sleep": there["sleep_total_min"],
        "flags": list(told.texts()),
    }
    arrays = [pa.array(column, from_pandas=True) for column in columns.values()]
    return schema.conform(pa.table(arrays, names=list(columns)))
