"""How often the before-and-after method sees an effect where there is none: AR(1) days, simulated (`make effect`)."""

from __future__ import annotations

import sys
from datetime import date, timedelta

import numpy as np
import pandas as pd

from pdp.statistics.effect import Effect, before_after
from pdp.treatments import Treatment

EVENT = Treatment(date(2025, 3, 1), "simulated")
WASH_IN = 14
MEAN, SD = 135.0, 8.0


def days_of(rng: np.random.Generator, rho: float, step: float, side: int = 60, missing: float = 0.0) -> pd.DataFrame:
    """`date`, `systolic`: `side` days before and after EVENT and its wash-in; errors AR(1); some days missing at random."""
    length = 2 * side + WASH_IN
    noise = np.empty(length)
    noise[0] = rng.normal()
    for i in range(1, length):
        noise[i] = rho * noise[i - 1] + np.sqrt(1 - rho**2) * rng.normal()
    value = MEAN + SD * noise + step * (np.arange(length) >= side)
    dates = pd.date_range(EVENT.date - timedelta(days=side), periods=length, unit="s")
    days = pd.DataFrame({"date": dates, "systolic": value})
    return days[rng.random(length) >= missing].reset_index(drop=True)


def false_positives(runs: int, side: int, rho: float, seed: int, step: float = 0.0, missing: float = 0.0) -> int:
    """Of `runs` simulated series, how many intervals leave zero out."""
    rng = np.random.default_rng(seed)
    count = 0
    for _ in range(runs):
        found = before_after(days_of(rng, rho, step, side, missing), "systolic", EVENT, least_days=1)
        assert isinstance(found, Effect)
        count += not found.step.low <= 0 <= found.step.high
    return count


def main(runs: int) -> int:
    """A table of rates (percent); 5 is meant where there is no effect. Fails above 11."""
    print(f"{runs} runs each: days a side, correlation, missing, wrong alarms %, found a step of -8 mmHg %")
    worst = 0.0
    for side in (14, 30, 60):
        for rho in (0.0, 0.3, 0.5):
            wrong = 100 * false_positives(runs, side, rho, seed=1, missing=0.1) / runs
            power = 100 * false_positives(runs // 2, side, rho, seed=2, step=-8.0, missing=0.1) / (runs // 2)
            worst = max(worst, wrong)
            print(f"{side:3d}  {rho:.1f}  10 %  {wrong:5.1f}  {power:5.1f}", flush=True)
    return int(worst > 11)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
