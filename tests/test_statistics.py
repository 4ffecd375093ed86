"""Numbers a doctor reads, by known values, and sessions held against the pipeline's own days."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pdp.errors import SettingsError, UsageError
from pdp.statistics.blood_pressure import pressure, protocol, share_high
from pdp.statistics.rolling import rolling_mean
from pdp.statistics.summary import spearman, summary
from pdp.thresholds import load
from tests.chart_data import HOME, ROOT, THRESHOLDS, demo


def readings(days: int, each: int = 2, start: str = "2025-09-01", first_day: float = 170.0) -> pd.DataFrame:
    """`each` readings every morning and evening: 130/80, on the first day higher."""
    rows = [
        {"date": day, "part": part, "systolic": first_day if i == 0 else 130.0, "diastolic": 80.0}
        for i, day in enumerate(pd.date_range(start, periods=days))
        for part in ("morning", "evening")
        for _ in range(each)
    ]
    return pd.DataFrame(rows)


def test_summary_by_hand() -> None:
    """Mean, sample SD, CV and ARV of 120, 130, 125 (a nan between them is no value)."""
    found = summary(pd.Series([120.0, math.nan, 130.0, 125.0]))
    assert (found.n, found.mean, found.sd, found.least, found.largest) == (3, 125.0, 5.0, 120.0, 130.0)
    assert found.cv == pytest.approx(4.0) and found.arv == pytest.approx(7.5)


def test_summary_of_little_is_unknown() -> None:
    """One value has a mean and no spread; none has nothing."""
    assert math.isnan(summary(pd.Series([120.0])).sd)
    assert summary(pd.Series([], dtype=float)).n == 0


def test_sessions_agree_with_the_pipeline() -> None:
    """Means of sessions by day, morning and evening are what daily_metrics holds."""
    data = demo()
    for suffix, rows in (("", data.sessions), ("_am", data.sessions[data.sessions["part"] == "morning"]),
                         ("_pm", data.sessions[data.sessions["part"] == "evening"])):  # fmt: skip
        for measure in ("systolic", "diastolic", "pulse"):
            made = rows.groupby("date")[measure].mean().dropna()
            days = data.days.set_index("date")[f"{measure}{suffix}"].dropna()
            pd.testing.assert_series_equal(made, days, check_names=False, check_index_type=False)
    assert data.sessions["readings"].sum() == len(data.readings) == data.days["bp_readings"].sum()


def test_protocol_leaves_the_first_day_out() -> None:
    """Seven full days: 24 readings count, and the high ones of the first day do not."""
    found = protocol(readings(7))
    assert (found.met, found.readings, found.systolic, found.diastolic) == (True, 24, 130.0, 80.0)
    assert (found.first, found.last) == (date(2025, 9, 1), date(2025, 9, 7))


@pytest.mark.parametrize("days", [6, 3])
def test_short_protocol_is_not_met_but_usable(days: int) -> None:
    """Fewer days do not meet it; three days with twelve readings are the least that is usable."""
    found = protocol(readings(days))
    assert not found.met and found.usable and f"{days} with 2 readings" in found.said


def test_a_missing_evening_breaks_the_protocol() -> None:
    """Seven days of which one lacks an evening do not meet it; the last full week of several is told."""
    week = readings(7)
    broken = week[~((week["date"] == "2025-09-04") & (week["part"] == "evening"))]
    assert not protocol(broken).met
    later = pd.concat([broken, readings(8, start="2025-09-20")])
    assert protocol(later).first == date(2025, 9, 21)


def test_single_readings_do_not_meet_it() -> None:
    found = protocol(readings(2, each=1))
    assert not found.met and not found.usable
    assert not protocol(readings(2).assign(part="")).met  # no times at all


def test_share_counts_either_value() -> None:
    """At the threshold counts as above it, for systolic or diastolic."""
    rows = pd.DataFrame({"systolic": [134.0, 135.0, 120.0, 120.0], "diastolic": [84.0, 70.0, 85.0, 84.9]})
    assert share_high(rows, HOME) == 0.5


def test_pressure_of_nothing_is_unknown() -> None:
    """An empty period gives no category and no number."""
    data = demo().until(0)
    found = pressure(data.readings, data.days, HOME)
    assert found.category is None and found.readings == 0 and math.isnan(found.systolic.mean)


@pytest.mark.parametrize(
    ("name", "pair", "category"),
    [
        ("esc-2024-home", (119, 69), "non-elevated"),
        ("esc-2024-home", (119, 70), "elevated"),
        ("esc-2024-home", (135, 60), "hypertension"),
        ("esc-2024-office", (135, 85), "elevated"),
        ("acc-aha-2025-home", (125, 79), "elevated"),
        ("acc-aha-2025-home", (118, 80), "stage 1"),
        ("acc-aha-2025-home", (134, 85), "stage 2"),
        ("acc-aha-2017-office", (139, 89), "stage 1"),
        ("esh-2023-office", (160, 80), "grade 2"),
        ("esh-2023-home", (134, 84), "below the threshold"),
    ],
)
def test_higher_category_wins(name: str, pair: tuple[float, float], category: str) -> None:
    assert THRESHOLDS[name].classify(*pair).name == category


def test_default_is_a_home_set() -> None:
    """Readings of a home cuff are held against home thresholds: every set says where it belongs, and who says so."""
    assert HOME.setting == "home"
    for guideline in THRESHOLDS.guidelines.values():
        assert guideline.setting in ("home", "office") and str(guideline.year) in guideline.id
        assert guideline.source.startswith("https://")
        if guideline.setting == "home":
            assert (guideline.hypertension.systolic, guideline.hypertension.diastolic) in ((135, 85), (130, 80))


def test_unknown_guideline_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="there is no guideline esc-2024-hom; did you mean esc-2024-home"):
        THRESHOLDS["esc-2024-hom"]


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        ("systolic = 120, diastolic = 70", "systolic = 140, diastolic = 70", "hypertension begins below elevated"),
        ('hypertension = "hypertension"', 'hypertension = "high"', "there is no category high"),
        ('year = 2024\n', "", "a guideline lacks 'year'"),
        ("[severe]", "[severe", "is not valid TOML"),
    ],
)  # fmt: skip
def test_wrong_thresholds_are_one_sentence(tmp_path: Path, right: str, wrong: str, sentence: str) -> None:

    folder = tmp_path
    (folder / "configs").mkdir()
    text = (ROOT / "configs/thresholds.toml").read_text(encoding="utf-8")
    (folder / "configs/thresholds.toml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(SettingsError, match=sentence):
        load(folder)


def test_rolling_mean_wants_enough_days() -> None:
    """Four of seven days are needed, gaps are not filled, and the first date with enough has the plain mean."""
    days = pd.DataFrame(
        {"date": pd.to_datetime(["2025-09-01", "2025-09-02", "2025-09-05", "2025-09-07", "2025-09-20"])}
    )
    days["systolic"] = [120.0, 130.0, 140.0, 150.0, 160.0]
    rolled = rolling_mean(days, ["systolic"]).set_index("date")["systolic"]
    assert rolled.index.tolist() == [pd.Timestamp("2025-09-07")]
    assert rolled.iloc[0] == np.mean([120, 130, 140, 150])
    assert rolling_mean(days.head(0), ["systolic"]).empty


def test_spearman_by_hand() -> None:
    """Ranks alone count: a monotone curve is 1, its reverse −1, what does not vary has none."""
    x = pd.Series([1.0, 2.0, 3.0, 4.0])
    assert spearman(x, x**3) == pytest.approx(1.0) and spearman(x, -x) == pytest.approx(-1.0)
    assert math.isnan(spearman(x, x * 0))
