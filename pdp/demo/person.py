"""An invented person, day by day: what a band, a phone and a scale would have measured.

The numbers hang together: the heart follows sleep, walks and the hour, the cuff (`cuff.py`) the sleep, the week and a
treatment. All of them are made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from pdp.demo import plan
from pdp.demo.cuff import measure
from pdp.demo.day import AWAKE, DEEP, LIGHT, REM, Day, Sleep
from pdp.demo.plan import happens
from pdp.demo.rng import Rng


def live(days: int, seed: int, start: date) -> list[Day]:
    """The person's days; each has its own streams of numbers, so that a longer life repeats the days of a shorter one.

    The last day ends in the morning, when the last export is taken.
    """
    lived: list[Day] = []
    for index in range(days):
        day = Day(index, start + timedelta(days=index), plan.clock(index))
        _sleep(day, Rng(seed, "sleep", index))
        _move(day, Rng(seed, "move", index))
        _beat(day, Rng(seed, "heart", index))
        _breathe(day, Rng(seed, "breath", index))
        _weigh(day, Rng(seed, "weight", index))
        lived.append(day)
    measure(lived, seed)
    return [*lived[:-1], lived[-1].seen_at(lived[-1].at(plan.SYNC))]


def _sleep(day: Day, rng: Rng) -> None:
    """A night that ends on this date, and now and then a nap."""
    short = day.index == plan.SHORT_NIGHT or rng.chance(0.06)
    bed = rng.within(-50 + 35 * day.weekend + 90 * short, 35, -180, 100)
    if day.clock_changes():
        bed = min(bed, 30)  # asleep when the clock jumps
    asleep = rng.between(150, 236) if short else rng.within(425 + 30 * day.weekend, 45, 250, 540 - max(bed, 0))
    stages = tuple(_stages(rng, day.at(bed), asleep))
    if plan.band_at_night(day.index):
        day.sleeps.append(Sleep(day.at(bed), stages[-1][1], day.offset(stages[-1][1]), stages))
    made_up = day.index % plan.YEAR == plan.SPOTS_ONLY.start  # by the band on its shelf
    landed = day.index % plan.YEAR in (plan.TRIP.start, plan.RETURNING.start)
    if made_up or landed or (day.worn() and rng.chance(0.22 if day.weekend else 0.12)):
        start = day.at(13 * 60 + rng.between(0, 40))
        end = start + 60 * rng.between(21, 75)
        day.sleeps.append(Sleep(start, end, day.offset(end)))


def _stages(rng: Rng, start: int, asleep: int) -> Iterator[tuple[int, int, int]]:
    """Cycles of light, deep, light, REM; deep sleep comes early, REM late. `asleep` minutes, and waking ones on top."""
    cycle = 0
    while asleep:
        deep, rem = max(rng.between(22, 40) - 9 * cycle, 0), rng.between(4, 12) + 7 * cycle
        awake = rng.between(2, 9) if rng.chance(0.35) else 0
        light, again = rng.between(14, 32), rng.between(12, 26)
        for state, planned in ((LIGHT, light), (DEEP, deep), (LIGHT, again), (REM, rem), (AWAKE, awake)):
            minutes = planned if state == AWAKE else min(planned, asleep)
            if minutes and (asleep or state != AWAKE):
                yield start, start + 60 * minutes, state
                start += 60 * minutes
                asleep -= minutes if state != AWAKE else 0
        cycle += 1


def _move(day: Day, rng: Rng) -> None:
    """Walks of some minutes, and badminton once a week."""
    minutes: dict[int, int] = {}
    for _ in range(rng.between(3, 5) + day.weekend):
        start = rng.between(8 * 60, 21 * 60)
        for minute in range(start, start + rng.between(5, 13)):
            minutes[minute] = rng.within(92, 16, 12, 131)
    for minute, count in sorted(minutes.items()):
        instant = day.at(minute)
        carried = happens(plan.PHONE_STEPS, day.index) or happens(plan.PHONE_ALONE, day.index)
        if instant in day.worn():
            day.steps.append((instant, count))
        if carried and rng.chance(0.6):
            day.phone.append((instant, max(count - rng.between(0, 9), 5)))
    evening = (day.at(19 * 60 + 30), day.at(20 * 60 + 25))
    if day.index % 7 == 3 and day.zone is plan.HOME and evening[1] in day.worn():
        day.sport = evening


def _beat(day: Day, rng: Rng) -> None:
    """Heart rate: slow in sleep, highest in the afternoon, fast on a walk; resting heart rate on most days."""
    walked = {instant // 600 for instant, _ in day.steps}
    spacing = 600 if happens(plan.TEN_MINUTES, day.index) else 1800
    drift = rng.gauss(0, 3)
    for grid in _every(spacing, day.worn()):
        instant = grid + 60 * rng.between(1, 9) if spacing == 1800 and rng.chance(0.3) else grid
        if instant in day.worn():
            bpm = _bpm(day, instant) + drift + 24 * (instant // 600 in walked)
            day.heart.append((instant, rng.within(bpm, 3.5, 42, 172)))
    on_the_shelf = happens(plan.SPOTS_ONLY, day.index)
    if on_the_shelf or (day.worn() and rng.chance(0.2)):
        first = day.at(12 * 60 + rng.between(0, 300), rng.between(1, 50))
        if on_the_shelf or first in day.worn():
            day.spots += [(first, rng.within(74, 6, 50, 120)), (first + 4, rng.within(74, 6, 50, 120))]
    if day.heart and rng.chance(0.85):
        day.resting = rng.within(61 + drift, 2, 48, 80)


def _bpm(day: Day, instant: int) -> float:
    """The expected heart rate at an instant."""
    if day.sport and day.sport[0] <= instant < day.sport[1]:
        return 128.0
    if any(sleep.bed <= instant < sleep.wake for sleep in day.sleeps):
        return 57.0
    hour = (instant - day.at(0)) / 3600
    return 76.0 - 0.12 * (hour - 15.5) * (hour - 15.5)


def _breathe(day: Day, rng: Rng) -> None:
    """Oxygen every two hours, stress every hour while awake."""
    for instant in _every(7200, day.worn()):
        day.spo2.append((instant + 60, rng.within(96.6, 1.1, 89, 100)))
    tense = rng.gauss(34, 7)
    for instant in _every(3600, day.worn()):
        if not any(sleep.bed <= instant < sleep.wake for sleep in day.sleeps):
            day.stress.append((instant + 120, rng.within(tense, 9, 5, 92)))


def _every(seconds: int, span: range) -> range:
    """The whole multiples of `seconds` within `span`, the last few minutes left out."""
    return range(-(-span.start // seconds) * seconds, span.stop - 600, seconds) if span else span


def _weigh(day: Day, rng: Rng) -> None:
    """On Sundays at home, sometimes twice."""
    if day.date.weekday() == 6 and day.zone is plan.HOME:
        tenths = rng.within(842 - 6 * min(day.index, 150) / 20, 4, 700, 900)
        day.weights.append((day.at(8 * 60 + rng.between(0, 25), rng.between(0, 59)), tenths / 10))
        if rng.chance(0.2):
            day.weights.append((day.weights[0][0] + 95, (tenths + rng.between(1, 3)) / 10))
