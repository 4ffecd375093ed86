"""What the cuff shows: sessions of two or three readings in the morning and the evening."""

from __future__ import annotations

from dataclasses import replace

from pdp.demo import plan
from pdp.demo.day import Day, Reading
from pdp.demo.plan import happens
from pdp.demo.rng import Rng, rounded

Level = tuple[float, float, float]  # systolic, diastolic, pulse


def measure(days: list[Day], seed: int) -> None:
    """Give each day its readings. What is left of yesterday's deviation is half of it: an AR(1) series."""
    deviation = 0.0
    for day in days:
        rng = Rng(seed, "cuff", day.index)
        deviation = 0.5 * deviation + rng.gauss(0, 4)
        level = _level(day, deviation)
        readings = _morning(day, rng, level) + _evening(day, rng, level) + _noteworthy(day, rng, level)
        if happens(plan.TRIP, day.index) and not happens(plan.SHEET_AWAY, day.index):
            readings = [replace(reading, sheet=False, app=True) for reading in readings]
        day.readings = sorted(readings, key=lambda reading: 24 * 60 if reading.minute is None else reading.minute)


def _level(day: Day, deviation: float) -> Level:
    treated = max(day.index - plan.TREATMENT, 0)
    effect = treated / (treated + 14)
    short = any(sleep.stages and sleep.asleep < 240 for sleep in day.sleeps)
    systolic = 144 - 13 * effect + deviation - 3 * day.weekend + 4 * short
    diastolic = 90 - 7 * effect + 0.55 * deviation - 1 * day.weekend + 2 * short
    return systolic, diastolic, 70 - 2 * effect + 0.3 * deviation


def _session(rng: Rng, minute: int, level: Level, count: int) -> list[Reading]:
    """Readings two minutes apart; the first is the highest, and now and then the pulse is not written down."""
    readings = []
    for n in range(count):
        first = (3, 1, 0)[n]
        systolic = rounded(rng.gauss(level[0] + first, 3))
        diastolic = min(rounded(rng.gauss(level[1] + first / 2, 2)), systolic - 20)
        pulse = None if rng.chance(0.06) else rounded(rng.gauss(level[2], 2.5))
        readings.append(Reading(minute + 2 * n, systolic, diastolic, pulse))
    return readings


def _morning(day: Day, rng: Rng, level: Level) -> list[Reading]:
    minute = 6 * 60 + 40 + rng.between(0, 50) + 70 * day.weekend
    session = _session(rng, minute, (level[0] + 4, level[1] + 2, level[2] - 3), rng.between(2, 3))
    if day.index == plan.TWICE_IN_A_MINUTE:
        return [session[0], *session]
    if day.index in plan.DECIMAL_COMMA:
        return [replace(session[0], systolic=session[0].systolic + 0.5), *session[1:]]
    left_out = happens(plan.RETURNING, day.index) or (happens(plan.TRIP, day.index) and day.index % 2 == 1)
    return [] if left_out or rng.chance(0.12) else session


def _evening(day: Day, rng: Rng, level: Level) -> list[Reading]:
    minute = 19 * 60 + 45 + rng.between(0, 120)
    session = _session(rng, minute, (level[0] - 3, level[1] - 2, level[2] + 2), rng.between(2, 3))
    if day.index == plan.CRISIS:
        return [
            Reading(minute, 196, 118, 96),
            Reading(minute + 5, 178, 106, 90),
            Reading(minute + 10, 164, 98, 84),
        ]
    left_out = happens(plan.LEAVING, day.index) or happens(plan.TRIP, day.index)
    return [] if left_out or rng.chance(0.2) else session


def _noteworthy(day: Day, rng: Rng, level: Level) -> list[Reading]:
    """Readings at odd hours: after midnight, typed in at noon, at no known time, while the clock is changed."""
    readings = []
    if day.index == plan.AFTER_MIDNIGHT:
        readings += _session(rng, 20, level, 2)
    if day.clock_changes():
        readings += _session(rng, 2 * 60 + 30, level, 1)
    if day.index in plan.TYPED_IN:
        noon = _session(rng, 13 * 60 + 5, level, 1)[0]
        readings.append(replace(noon, app=True, sheet=day.index == plan.TYPED_TWICE))
    if day.index == plan.NO_TIME:
        readings.append(replace(_session(rng, 0, level, 1)[0], minute=None))
    return readings
