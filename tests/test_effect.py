"""Before and after: what it finds, what it refuses, how often it is wrong."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from bench.effect import days_of, false_positives
from pdp.charts import effect as chart
from pdp.charts.effect import signed
from pdp.statistics.effect import Effect, TooLittle, before_after, correlation, sides
from pdp.treatments import Treatment
from tests.test_charts import spec_of

START = Treatment(date(2025, 3, 1), "A 5 mg")


def found(days: pd.DataFrame) -> Effect:
    result = before_after(days, "systolic", START)
    assert isinstance(result, Effect)
    return result


def test_step_is_found_within_its_interval() -> None:
    """A step of −12 in correlated days with gaps: the interval holds it and leaves zero out."""
    days = days_of(np.random.default_rng(3), rho=0.4, step=-12.0, missing=0.2)
    step = found(days).step
    assert step.low < -12 < step.high < 0


def test_known_values() -> None:
    """Without correlation and trend the estimate is the plain difference of means; the means are told as they are."""
    days = days_of(np.random.default_rng(5), rho=0.0, step=-8.0)
    result = found(days)
    assert result.step.estimate == pytest.approx(result.mean_after - result.mean_before, abs=0.5)
    assert (result.n_before, result.n_after, result.wash_in_days) == (60, 60, 14)


def test_constant_days_have_no_effect() -> None:
    days = days_of(np.random.default_rng(5), rho=0.0, step=0.0).assign(systolic=130.0)
    assert found(days).step == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_correlation_is_that_of_sarimax(seed: int) -> None:
    """The likelihood has its maximum where statsmodels' SARIMAX(1,0,0) finds it, days missing or not."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    days = days_of(np.random.default_rng(seed), rho=0.5, step=-6.0, missing=0.15)
    whole = days.set_index("date")["systolic"].asfreq("D")
    values = whole.to_numpy() - 135
    design = np.column_stack([np.arange(len(values)) >= 60, np.ones(len(values))]).astype(float)
    measured = np.flatnonzero(np.isfinite(values))
    mine = correlation(values[measured], design[measured], measured)
    theirs = SARIMAX(values, exog=design, order=(1, 0, 0)).fit(disp=0).params[2]
    assert mine == pytest.approx(theirs, abs=0.005)


def test_trend_is_told_apart() -> None:
    """A steady fall looks like an effect of the step alone; with the slope allowed for, zero is inside."""
    days = days_of(np.random.default_rng(8), rho=0.2, step=0.0)
    days["systolic"] -= 0.25 * np.arange(len(days))
    result = found(days)
    assert result.step.high < 0
    assert result.with_slope.low < 0 < result.with_slope.high


def test_wash_in_counts_for_neither_side() -> None:
    """Values of the wash-in, however wild, change nothing."""
    days = days_of(np.random.default_rng(9), rho=0.3, step=-5.0)
    inside = days["date"].between(pd.Timestamp(START.date), pd.Timestamp(START.date + timedelta(days=13)))
    assert found(days) == found(days.assign(systolic=days["systolic"].where(~inside, 300.0)))


def test_too_little_is_refused_with_the_numbers() -> None:
    """Fewer than 14 days with a value on a side: no estimate, the reason says how many there are."""
    days = days_of(np.random.default_rng(2), rho=0.0, step=0.0)
    late = days[days["date"] >= pd.Timestamp(START.date - timedelta(days=13))]
    result = before_after(late, "systolic", START)
    assert result == TooLittle("13 days before and 60 after have a value; each side needs 14")
    assert "13 days before" in str(spec_of(chart.before_after(late, result)))
    assert isinstance(before_after(days.head(0), "systolic", START), TooLittle)


def test_no_side_reaches_into_another_treatment() -> None:
    """An earlier event's wash-in and all that follows a later event stay out."""
    others = [Treatment(date(2025, 2, 1), "B"), Treatment(date(2025, 4, 1), "A 10 mg", "dose"), START]
    before, after = sides(START, others, 14, 90)
    assert before == (date(2025, 2, 15), date(2025, 2, 28))
    assert after == (date(2025, 3, 15), date(2025, 3, 31))


def test_chart_tells_estimate_interval_and_days() -> None:
    """No verdict and no p-value: estimate, interval, both n, and the same with a trend allowed for."""
    days = days_of(np.random.default_rng(3), rho=0.4, step=-12.0)
    result = found(days)
    spec = spec_of(chart.before_after(days, result))
    said = " ".join(spec["title"]["subtitle"])
    assert "95 % interval" in said and "60 days before, 60 after" in said and "trend" in said
    assert "significant" not in str(spec) and "p =" not in str(spec)
    assert len(result.caveats) == 4


def test_wrong_alarms_stay_near_five_percent() -> None:
    """A small slice of `make effect`: of 200 series without an effect, at most 20 get an interval without zero."""
    assert false_positives(runs=200, side=30, rho=0.4, seed=11) <= 20


def test_nought_has_no_sign() -> None:
    """A difference that rounds to nought is neither below nor above it."""
    assert [signed(value) for value in (-0.04, 0.04, -0.06, 5.25, -1234.5)] == [
        "0.0",
        "0.0",
        "-0.1",
        "+5.2",
        "-1,234.5",
    ]
