"""Invented exports of the sizes that the bench measures, in the layout of Mi Fitness. Written to temporary folders only.

The minutes are those of `MINUTES` days before 2026. One row in ten thousand is odd in one of the ways in `ODD`, so that no
reader can do without a real JSON parser, a quarantine, revisions and sentinels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

TEN_YEARS = 3652  # days: 5,258,880 minutes
END = 1_767_225_600  # 2026-01-01
UID, SID = "7000000001", "demo.band.01"
SAMPLES = "hlth_center_fitness_data"
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


def rates(times: np.ndarray) -> np.ndarray:
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
