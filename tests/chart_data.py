"""Frames for charts and reports: of the demo by plain calls of the stages, of one day, of none, of ten years."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pdp import frames, thresholds
from pdp.demo import generate
from pdp.statistics.sessions import sessions
from pdp.treatments import Treatment
from tests.pipeline import configured, run

ROOT = Path(__file__).parent.parent
THRESHOLDS = thresholds.load(ROOT)
HOME = THRESHOLDS[thresholds.DEFAULT]
TREATMENTS = (Treatment(date(2025, 9, 20), "A 5 mg"), Treatment(date(2025, 10, 10), "A 10 mg", "dose"))


@dataclass(frozen=True)
class Made:
    """Tables as the stages gave them: stands for a generation."""

    tables: Mapping[str, pa.Table]
    config: Mapping[str, Any]

    def table(self, name: str) -> pa.Table:
        return self.tables[name]


@dataclass(frozen=True)
class Data:
    """What charts are drawn from."""

    days: pd.DataFrame
    readings: pd.DataFrame
    sessions: pd.DataFrame
    segments: pd.DataFrame

    @classmethod
    def of(cls, made: Made) -> Data:
        readings = frames.readings(made)
        return cls(frames.days(made), readings, sessions(readings), frames.sleep_segments(made))

    def until(self, rows: int) -> Data:
        """The first dates of it; 0 for none at all."""
        last = self.days["date"].sort_values().unique()[:rows]
        return Data(*(frame[frame["date"].isin(last)] for frame in vars(self).values()))


@cache
def demo_tables(days: int = 60) -> Made:
    """A demo run through the stages."""
    raw: dict[str, dict[str, str | bytes]] = {}
    for path, content in generate(days).files.items():
        source, _, name = path.partition("/")
        raw.setdefault(source, {})[name] = content
    with TemporaryDirectory() as folder:
        changes = {"google_sheets": {"date_order": "dmy"}}
        made = run(Path(folder), raw, **changes)
        return Made(made.tables, configured(**changes))


@cache
def demo() -> Data:
    return Data.of(demo_tables())


@cache
def decade() -> Data:
    """3,650 days with two readings each, a night and all metrics."""
    rng = np.random.default_rng(1)
    dates = pd.date_range("2016-01-01", periods=3650, unit="s", name="date")
    columns = [name for name in demo().days if name not in ("date", "flags")]
    days = pd.DataFrame({name: rng.normal(60, 5, len(dates)) for name in columns}, index=dates)
    days["systolic"], days["diastolic"] = rng.normal(140, 9, len(dates)), rng.normal(85, 6, len(dates))
    days = days.reset_index()
    time = (dates.repeat(2) + pd.to_timedelta(np.tile([7, 20], len(dates)), unit="h")).astype("datetime64[s]")
    readings = pd.DataFrame(
        {
            "instant": time, "time": time, "date": dates.repeat(2), "time_known": True,
            "part": np.tile(["morning", "evening"], len(dates)), "systolic": rng.normal(140, 9, len(time)),
            "diastolic": rng.normal(85, 6, len(time)), "pulse": 70.0, "source": "a", "place": "a.csv row 2", "offset_s": 0.0,
        }
    )  # fmt: skip
    bed = dates - pd.Timedelta(hours=1)
    wake = dates + pd.to_timedelta(rng.normal(6.5, 0.5, len(dates)).round(2), unit="h")
    segments = pd.DataFrame({"date": dates, "bedtime": bed, "wake": wake, "duration_min": 430.0, "main": True})
    return Data(days, readings, sessions(readings), segments)
