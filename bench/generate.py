"""Invented exports of the sizes that the bench measures, in the layout of Mi Fitness. Written to temporary folders only.

The minutes are those of `MINUTES` days before 2026. One row in ten thousand is odd in one of the ways in `ODD`, so that no
reader can do without a real JSON parser, a quarantine, revisions and sentinels.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TEN_YEARS = 3652  # days: 5,258,880 minutes
END = 1_767_225_600  # 2026-01-01
UID, SID = "7000000001", "demo.band.01"
SAMPLES, REPORTS = "hlth_center_fitness_data", "hlth_center_aggregated_fitness_data"
HEADER = "Uid,Sid,Key,Time,Value,UpdateTime\n"
ODD_EVERY = 10_000
ODD = (
    '{{"time":{t},"bpm":',  # cut off
    '{{"time":{t},"bpm":300,"type":0}}',  # implausible
    '{{"time":{t},"bpm":0,"type":0}}',  # not measured
    '{{"bpm":"{bpm}","time":{t}}}',  # a number as text
    '{{"\\u0062pm":{bpm},"time":{t}}}',  # an escape in a key
    '{{"time":{t},"bpm":{bpm}e0,"items":[{{"a":[1,2]}}]}}',  # an exponent, nested values
    '{{"time":{t},"bpm":{bpm},"bpm":{bpm}}}',  # a key twice
    '{{"time":{t},"bpm":0{bpm}}}',  # a leading zero
)
_BLOCK = 100_000

Report = dict[str, Any]


def heart_rate(folder: Path, days: int = TEN_YEARS, exported_on: str = "20260101", end: int = END) -> Path:
    """An export with a heart rate for each minute of the `days` before `end`, newest first. Gives the CSV file.

    The same arguments give the same bytes; the rate of a minute depends on nothing but the minute.
    """
    path = folder / f"{exported_on}_{UID}_MiFitness_ams1_data_copy" / f"{exported_on}_{UID}_MiFitness_{SAMPLES}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    count = days * 1440
    with path.open("w", encoding="ascii", newline="") as file:
        file.write(HEADER)
        for start in range(0, count, _BLOCK):
            minutes = np.arange(start, min(count, start + _BLOCK))
            times = end - 60 * (minutes + 1)
            file.writelines(map(_line, times.tolist(), rates(times).tolist()))
    return path


def daily_reports(folder: Path, days: int = TEN_YEARS) -> list[float]:
    """An export of nothing but daily reports: heart rate, sleep, steps, blood oxygen, stress. Gives the mean heart rates."""
    path = folder / f"20260101_{UID}_MiFitness_ams1_data_copy" / f"20260101_{UID}_MiFitness_{REPORTS}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = [END - 86_400 * (days - number) for number in range(days)]
    with path.open("w", encoding="ascii", newline="") as file:
        file.write("Uid,Sid,Tag,Key,Time,Value,UpdateTime\n")
        for key, report in DAYS.items():
            for number, label in enumerate(labels):
                value = json.dumps(report(number, label), separators=(",", ":")).replace('"', '""')
                file.write(f'{UID},default,daily_report,{key},{label},"{value}",{label + 90_000}\n')
    return [60.0 + number % 20 for number in range(days)]


def _heart(number: int, label: int) -> Report:
    latest = {"bpm": 70, "time": label + 36_000 + 3600, "dbTime": label + 36_000, "sid": SID}
    return {"avg_hr": 60 + number % 20, "min_hr": 45, "max_hr": 130 + number % 30, "avg_rhr": 52, "latest_hr": latest}


def _sleep(number: int, label: int) -> Report:
    stages = {
        "sleep_deep_duration": 90,
        "sleep_light_duration": 240,
        "sleep_rem_duration": 80,
        "sleep_awake_duration": 10,
    }
    times = {"bedtime": label - 3600, "wake_up_time": label - 3600 + 420 * 60, "duration": 410, "timezone": 4}
    return {"total_duration": 410, "sleep_score": 60 + number % 40, **stages, "segment_details": [{**times, **stages}]}


DAYS: dict[str, Callable[[int, int], Report]] = {
    "heart_rate": _heart,
    "sleep": _sleep,
    "steps": lambda number, _: {"steps": 5000 + number, "distance": 3500, "calories": 200},
    "spo2": lambda number, _: {"avg_spo2": 96, "min_spo2": 90 + number % 5, "max_spo2": 99},
    "stress": lambda number, _: {"avg_stress": 20 + number % 30, "min_stress": 1, "max_stress": 80},
}


def rates(times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Beats per minute at each minute: a calm night, a busier day, and scatter."""
    scatter = (times // 60 * np.int64(2_654_435_761) >> 7) % 23
    return np.int64(52) + scatter + np.round(30 * np.sin((times % 86_400) / 86_400 * np.pi) ** 2).astype(np.int64)


def _line(time: int, bpm: int) -> str:
    minute = time // 60
    if minute % ODD_EVERY:
        value = f'{{""time"":{time},""bpm"":{bpm},""type"":0,""dbKey"":""heart_rate"",""dbTime"":{time}}}'
    else:
        value = ODD[minute // ODD_EVERY % len(ODD)].format(t=time, bpm=bpm).replace('"', '""')
    return f'{UID},{SID},heart_rate,{time},"{value}",{time + 18}\n'
