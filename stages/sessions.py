"""Readings of a cuff -> sessions -> days: readings close together are a session, a day is the mean of its sessions."""

from __future__ import annotations

import pandas as pd

VALUES = ["systolic", "diastolic", "pulse"]


def sessions(readings: pd.DataFrame, gap_min: float) -> pd.DataFrame:
    """One row per session: `date`, `clock`, `readings` and the mean of each value over the readings that have it.

    Args:
        readings: `date` (days since 1970), `instant` (seconds, UTC), `clock` (seconds since local midnight, nan where
            the log gives a date only), `systolic`, `diastolic` (mmHg), `pulse` (bpm).
        gap_min: minutes; a reading later than this after the one before it begins a new session. So does a new date.
            The readings of a date without a time are one session; its `clock` is nan, else it is that of its start.
    """
    ordered = readings.assign(timed=readings["clock"].notna()).sort_values(["date", "timed", "instant"], kind="stable")
    apart = ordered["instant"].diff() > gap_min * 60
    new = apart | (ordered["date"].diff() != 0) | (ordered["timed"] != ordered["timed"].shift())
    grouped = ordered.groupby(new.cumsum())
    found = grouped[["date", "clock"]].first()
    return found.assign(readings=grouped.size(), **grouped[VALUES].mean()).reset_index(drop=True)


def days(found: pd.DataFrame, evening_from_hour: int, day_starts_at: int) -> pd.DataFrame:
    """One row per date (the index): means of session means, of the mornings' (`_am`) and the evenings' (`_pm`) alone.

    A session is of the morning if it starts between the hour at which a day begins and `evening_from_hour`, else of
    the evening: so one after midnight that counts for the day before is that day's evening. Without a time it is
    neither.
    """
    hours = (found["clock"] / 3600 - day_starts_at) % 24
    morning = hours < (evening_from_hour - day_starts_at) % 24
    by_date = found.groupby("date")
    parts = [
        by_date[VALUES].mean(),
        by_date["readings"].sum().rename("bp_readings"),
        by_date.size().rename("bp_sessions"),
        found[morning].groupby("date")[VALUES].mean().add_suffix("_am"),
        found[hours.notna() & ~morning].groupby("date")[VALUES].mean().add_suffix("_pm"),
    ]
    return pd.concat(parts, axis=1)
