"""Accepted rows of all tables -> one row per local date.

A day's values are the device's own report where there is one, else they are computed from the samples. What is not
known is null, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from stages import schemas, sessions
from stages.columns import Ints, Mask, codes, equal, integers, numbers, pack, texts_of
from stages.duplicates import ON_DEMAND
from stages.parts import by_dates, opened

HEART_RATES = ["avg_hr", "min_hr", "max_hr"]
STAGES = ["deep_min", "light_min", "rem_min"]
MINUTES = ["duration_min", *STAGES, "awake_min"]
SLEEP_NAMES = {
    "main": "sleep_main_min", "duration_min": "sleep_total_min", "score": "sleep_score",
    **{name: f"sleep_{name}" for name in (*STAGES, "awake_min")},
}  # fmt: skip


class Part(NamedTuple):
    """What rows of one table tell: values by date (the index, days since 1970), and flags as rows of `date`, `flags`;
    with the dates on which there is a row at all."""

    values: pd.DataFrame
    flags: pd.DataFrame
    dates: Ints


def daily(inputs: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[tuple[str, pa.Table]]:
    """`daily_metrics`: one row for each date on which any table has an accepted row.

    A validated table has one row for a day's report and one for an instant, from one device on a date: nothing here
    is averaged or summed over devices, files or exports.
    """
    parts = [
        _blood_pressure(opened(inputs, "blood_pressure").read(), config),
        _by_dates(inputs, "heart_rate", _heart_rate, "record", *HEART_RATES, "resting_hr", "bpm"),
        _sleep(opened(inputs, "sleep").read()),
        _metric(inputs, "steps", "steps", "steps", "sum"),
        _metric(inputs, "spo2", "avg_spo2", "spo2", "mean"),
        _metric(inputs, "stress", "avg_stress", "stress", "mean"),
        _metric(inputs, "weight", "weight_kg", "weight_kg", "mean"),
    ]
    dates = np.unique(np.concatenate([part.dates for part in parts]))
    days = (
        pd.concat([pd.DataFrame(index=dates), *(part.values for part in parts)], axis=1)
        .rename_axis("date")
        .sort_index()
    )
    days = days.assign(
        has_bp=days["systolic"].notna(),
        has_hr=days[HEART_RATES].notna().any(axis=1),
        has_sleep=days["sleep_total_min"].notna(),
        flags=_joined([part.flags for part in parts]).reindex(days.index).fillna(""),
    )
    yield "daily_metrics", _table(days.reset_index())


def _by_dates(inputs: Mapping[str, Any], name: str, fold: Callable[[pa.Table], Part], *columns: str) -> Part:
    """What `fold` makes of these columns of a table, some dates at a time."""
    wanted = ["local_date", "kind", "flags", *dict.fromkeys(columns)]
    parts = [fold(table) for table in by_dates([opened(inputs, name)], wanted)]
    return Part(
        pd.concat([part.values for part in parts]),
        pd.concat([part.flags for part in parts]),
        np.concatenate([part.dates for part in parts]),
    )


def _blood_pressure(table: pa.Table, config: Mapping[str, Any]) -> Part:
    readings = _rows(table, np.ones(table.num_rows, bool), *sessions.VALUES)
    instant, offset = integers(table["instant_utc"]), integers(table["utc_offset_s"])
    timed = table["time_known"].fill_null(True).to_numpy()
    readings = readings.assign(instant=instant, clock=np.where(timed, (instant + offset) % 86_400, np.nan))
    rules = config["blood_pressure"]
    found = sessions.sessions(readings, rules["session_gap_min"])
    values = sessions.days(found, rules["evening_from_hour"], config["day_starts_at"])
    return Part(values, _flags(table, readings), _dates(table))


def _heart_rate(table: pa.Table) -> Part:
    told = _rows(table, equal(table["kind"], "daily"), *HEART_RATES, "resting_hr")
    reports = told[told[HEART_RATES].notna().any(axis=1)]
    samples = _rows(table, equal(table["kind"], "sample"), "bpm")
    by_date = samples.groupby("date")["bpm"]
    computed = by_date.agg(["mean", "min", "max"]).set_axis(HEART_RATES, axis=1)
    alone = ~computed.index.isin(reports["date"])
    continuous = computed.index.isin(samples["date"][~_on_demand(table)[samples.index]])
    resting = _reports_first(table, told.dropna(subset="resting_hr"))
    values = [
        pd.concat([reports.set_index("date")[HEART_RATES], computed[alone & continuous]]),
        resting.set_index("date")["resting_hr"],
        by_date.size().rename("hr_samples"),
    ]
    used = samples[samples["date"].isin(computed.index[alone])]
    flags = [_flags(table, told), _flags(table, used), _marked(computed.index[alone & ~continuous], "spot_hr_only")]
    return Part(pd.concat(values, axis=1), pd.concat(flags), _dates(table))


def _reports_first(table: pa.Table, rows: pd.DataFrame) -> pd.DataFrame:
    """One row per date: the daily report's, else the other."""
    other = equal(table["record"], "resting_heart_rate")[rows.index]
    return rows.assign(other=other).sort_values(["date", "other"], kind="stable").drop_duplicates("date")


def _on_demand(table: pa.Table) -> Mask:
    return codes(table["record"], ON_DEMAND) < len(ON_DEMAND)


def _sleep(table: pa.Table) -> Part:
    rows = _rows(table, np.ones(table.num_rows, bool), *MINUTES, "score").assign(
        raw=pack(codes(table["source"]), codes(table["file"]), integers(table["row"])),
        source=codes(table["source"]),
        of_report=equal(table["record"], "daily_report"),
        mutilated=_has_flag(table, schemas.PART_QUARANTINED),
    )
    is_night = equal(table["kind"], "night")
    nights = rows[is_night].set_index("raw", drop=False)
    parts = rows[~is_night & rows["of_report"] & rows["raw"].isin(nights.index)]
    parts = parts.assign(date=parts["raw"].map(nights["date"]))
    alone = rows[~is_night & ~rows["of_report"] & ~rows["date"].isin(nights["date"])]
    believed = alone[STAGES].notna().any(axis=1) | ~alone["source"].isin(nights["source"])
    longest = parts.groupby("raw")["duration_min"].max().reindex(nights.index).mask(nights["mutilated"])
    by_date = alone[believed].groupby("date")
    told = nights.assign(main=longest).set_index("date")
    computed = by_date[MINUTES].sum(min_count=1).assign(main=by_date["duration_min"].max())
    values = pd.concat([told, computed])[["main", "score", *MINUTES]].rename(columns=SLEEP_NAMES)
    naps = values["sleep_total_min"] - values["sleep_main_min"]
    used = pd.concat([rows[is_night], parts, alone[believed]])
    return Part(
        values.assign(sleep_nap_min=naps.mask(naps < 0)),
        pd.concat([_flags(table, used), _marked(alone["date"][~believed], "unconfirmed_sleep")]),
        _dates(table),
    )


def _metric(inputs: Mapping[str, Any], name: str, told: str, sampled: str, how: str) -> Part:
    """One column: what the day's report tells (`told`), else the samples (`sampled`) put together as `how` says."""

    def fold(table: pa.Table) -> Part:
        reports = _rows(table, equal(table["kind"], "daily"), told).dropna(subset=told)
        samples = _rows(table, equal(table["kind"], "sample"), sampled).dropna(subset=sampled)
        samples = samples[~samples["date"].isin(reports["date"])]
        computed = samples.groupby("date")[sampled].agg(how)
        values = pd.concat([reports.set_index("date")[told], computed])
        return Part(values.to_frame(told), _flags(table, pd.concat([reports, samples])), _dates(table))

    return _by_dates(inputs, name, fold, told, sampled)


def _dates(table: pa.Table) -> Ints:
    return np.unique(integers(table["local_date"]))


def _rows(table: pa.Table, where: Mask, *names: str) -> pd.DataFrame:
    """The rows `where`, indexed by their position: `date` (days since 1970) and the named columns."""
    at = np.flatnonzero(where)
    columns = {"date": integers(table["local_date"]), **{name: numbers(table[name]) for name in names}}
    return pd.DataFrame({name: column[at] for name, column in columns.items()}, index=at)


def _flags(table: pa.Table, rows: pd.DataFrame) -> pd.DataFrame:
    """The distinct flags of `rows`, which `_rows` gave, by their dates."""
    index, texts = texts_of(table["flags"])
    found = pd.DataFrame({"date": rows["date"].to_numpy(), "flags": index[rows.index]}).drop_duplicates()
    return found.assign(flags=np.array([*texts, ""], object)[found["flags"]])


def _marked(dates: Any, flag: str) -> pd.DataFrame:
    return pd.DataFrame({"date": np.asarray(dates, np.int64), "flags": flag})


def _has_flag(table: pa.Table, flag: str) -> Mask:
    index, texts = texts_of(table["flags"])
    return np.array([*(flag in text.split(";") for text in texts), False])[index]


def _joined(flags: list[pd.DataFrame]) -> pd.Series:
    """For each date its flags, sorted, without repetition."""
    found: dict[int, set[str]] = {}
    for date, text in pd.concat(flags).itertuples(index=False):
        found.setdefault(date, set()).update(text.split(";"))
    return pd.Series({date: ";".join(sorted(each - {""})) for date, each in found.items()}, dtype=object)


def _table(days: pd.DataFrame) -> pa.Table:
    schema = schemas.DAILY_METRICS
    days["date"] = pd.to_datetime(days["date"], unit="D")
    return schema.conform(pa.table({name: pa.array(days[name], from_pandas=True) for name in schema.names}))
