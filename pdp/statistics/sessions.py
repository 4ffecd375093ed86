"""Readings of a cuff -> sessions: readings close together count as one, so that five nervous ones do not outweigh an evening.

The pipeline's own days are made by the same rule in `stages.sessions`; a test holds the two against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

VALUES = ["systolic", "diastolic", "pulse"]


def sessions(readings: pd.DataFrame, gap_min: float = 15) -> pd.DataFrame:
    """One row per session: `date`, `time` (of its first reading), `part`, `readings` and the mean of each value.

    Args:
        readings: rows of `date`, `time` (local wall clock), `time_known`, `part`, `systolic`, `diastolic` (mmHg), `pulse`
            (bpm). Readings of a date without a time are one session.
        gap_min: minutes after which the next reading opens a new session; so does a new date.
    """
    import pandas as pd

    ordered = readings.sort_values(["date", "time_known", "instant"], kind="stable")
    apart = ordered["instant"].diff() > pd.Timedelta(minutes=gap_min)
    new = (
        apart | (ordered["date"] != ordered["date"].shift()) | (ordered["time_known"] != ordered["time_known"].shift())
    )
    grouped = ordered.groupby(new.cumsum())
    first = grouped[["date", "time", "time_known", "part"]].first()
    return first.assign(readings=grouped.size(), **grouped[VALUES].mean()).reset_index(drop=True)
