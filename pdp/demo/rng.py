"""Random numbers that are the same on every machine, Python and build.

Only `random.Random.random()` and exact arithmetic: the library's other methods may change between Python versions, and
`cos` and `log` between C libraries.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Rng:
    """One stream per (seed, name, day): a longer demo repeats the days of a shorter one."""

    def __init__(self, seed: int, name: str, day: int = 0) -> None:
        self.unit = random.Random(f"{seed}/{name}/{day}").random  # a str is seeded by SHA-512, not by hash()

    def gauss(self, mean: float, sd: float) -> float:
        """About normal: the sum of twelve uniform numbers."""
        total = -6.0
        for _ in range(12):  # not sum(): since Python 3.12 it rounds floats in another way
            total += self.unit()
        return mean + sd * total

    def within(self, mean: float, sd: float, low: int, high: int) -> int:
        """A rounded `gauss`, kept in [low, high]."""
        return min(max(rounded(self.gauss(mean, sd)), low), high)

    def between(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return low + int(self.unit() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        return self.unit() < probability

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.unit() * len(choices))]


def rounded(value: float) -> int:
    """To the nearest whole number, halves up, for numbers that are not negative."""
    return int(value + 0.5)
