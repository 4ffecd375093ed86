"""The tables of a generation as frames for charts and statistics: times are local wall clock, days are dates.

Wall clock is kept without a zone: a reading at 07:30 on a journey was taken in the morning.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pdp.errors import mask

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Tables(Protocol):
    """What frames are made of: a `pdp.generation.Generation`."""

    @property
    def config(self) -> Mapping[str, Any]: ...

    def table(self, name: str) -> pa.Table: ...


def days(generation: Tables) -> pd.DataFrame:
    """`daily_metrics`, sorted by `date` (midnight, no zone); all numbers as float64, an unknown one is nan."""
    import pandas as pd

    frame = generation.table("daily_metrics").to_pandas(ignore_metadata=True)
    flags = [name for name in frame if name.startswith("has_")]
    numbers = [name for name in frame if pd.api.types.is_numeric_dtype(frame[name]) and name not in flags]
    typed = frame.astype(dict.fromkeys(numbers, "float64") | dict.fromkeys(flags, "bool"))
    return typed.assign(date=_dates(frame["date"])).sort_values("date", ignore_index=True)


def readings(generation: Tables) -> pd.DataFrame:
    """Accepted readings of the cuff, in order of time.

    Columns: `instant` (UTC), `time` (local wall clock; midnight where only the date is known), `date`, `time_known`,
    `part` (morning, evening or ''), `systolic`, `diastolic` (mmHg), `pulse` (bpm), `source`, `place` (file and row),
    `offset_s`.
    """
    table = generation.table("blood_pressure")
    frame = _with_time(table, "instant_utc")
    rules = generation.config
    return frame.assign(
        part=_part(frame, rules["blood_pressure"]["evening_from_hour"], rules["day_starts_at"]),
        place=[f"{mask(file)} row {row}" for file, row in zip(frame["file"], frame["row"], strict=True)],
    ).sort_values(["instant", "place"], kind="stable", ignore_index=True)[
        [
            "instant",
            "time",
            "date",
            "time_known",
            "part",
            "systolic",
            "diastolic",
            "pulse",
            "source",
            "place",
            "offset_s",
        ]
    ]


def sleep_segments(generation: Tables) -> pd.DataFrame:
    """Stretches of sleep with `date`, `bedtime`, `wake` (local wall clock), `duration_min` and `main` (the longest)."""
    import pandas as pd
    import pyarrow.compute as pc

    table = generation.table("sleep")
    segments = table.filter(pc.equal(table["kind"], "segment"))
    frame = _with_time(segments, "bedtime_utc")
    wake = pd.to_datetime(frame["wake_utc"]).dt.tz_localize(None) + pd.to_timedelta(frame["offset_s"], unit="s")
    frame = frame.assign(bedtime=frame["time"], wake=wake).dropna(subset=["bedtime", "wake"])
    longest = frame.groupby("date")["duration_min"].transform("max")
    frame = frame.assign(main=frame["duration_min"] == longest)
    return frame.sort_values(["date", "bedtime"], ignore_index=True)[SEGMENT]


SEGMENT = ["date", "bedtime", "wake", "duration_min", "main", "offset_s"]


def sources(path: Path) -> dict[str, date]:
    """The sources of a validated table, each with the last local date that it has a row of."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import FunctionExpression as Function

    connection = duckdb.connect(config={"threads": 2, "memory_limit": "256MB"})
    last = Function("max", Column("local_date")).alias("last")
    return dict(sorted(connection.read_parquet(str(path)).aggregate([Column("source"), last], "source").fetchall()))


def _with_time(table: pa.Table, instant: str) -> pd.DataFrame:
    import pandas as pd

    frame = table.to_pandas(ignore_metadata=True)
    utc = pd.to_datetime(frame[instant]).dt.tz_localize(None)
    offset = frame["utc_offset_s"].astype("float64").fillna(0)
    return frame.assign(
        instant=utc, offset_s=offset, time=utc + pd.to_timedelta(offset, unit="s"), date=_dates(frame["local_date"])
    )


def _part(frame: pd.DataFrame, evening_from_hour: int, day_starts_at: int) -> pd.Series:
    """Morning or evening, as the pipeline's days tell them apart (`stages.sessions.days`)."""
    hours = (frame["time"].dt.hour + frame["time"].dt.minute / 60 - day_starts_at) % 24
    morning = hours < (evening_from_hour - day_starts_at) % 24
    return morning.map({True: "morning", False: "evening"}).where(frame["time_known"], "")


def _dates(column: pd.Series) -> pd.Series:
    import pandas as pd

    return pd.to_datetime(column).astype("datetime64[s]")
