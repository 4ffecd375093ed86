"""Rows of a Mi Fitness export: what a band measured, in the words and the order of a real one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from pdp.demo import mi_payloads as payloads
from pdp.demo import plan
from pdp.demo.day import Day, Reading
from pdp.demo.mi_payloads import BAND, SECOND
from pdp.demo.plan import happens

PHONE, MERGED, BY_HAND = "hlth.gen_30000000000003", "default", "xiaomiwear_app_manually"
FITNESS, AGGREGATED = "hlth_center_fitness_data", "hlth_center_aggregated_fitness_data"
SPORT = "hlth_center_sport_record"
HEIGHT = 1.79


class Meaning(NamedTuple):
    """What pdp should take from a raw row. `lost` says why it is not to count whatever the exports, '' if it may."""

    table: str
    kind: str
    date: date
    instant: int | None
    values: Mapping[str, Any]
    lost: str = ""
    clock: int | None = None


class Raw(NamedTuple):
    """A raw row. `meaning` is None for what pdp does not read; a `torn` one has a Value that was cut off."""

    file: str
    sid: str
    tag: str
    key: str
    time: int
    value: str
    update: int
    meaning: Meaning | None = None
    torn: bool = False

    @property
    def identity(self) -> tuple[str, str, str, str, int]:
        """What a later revision of the row has in common with it."""
        return self.file, self.sid, self.tag, self.key, self.time

    def tear(self) -> Raw:
        """The row with its Value cut off."""
        return self._replace(value=self.value[: len(self.value) * 2 // 3], torn=True)


def measured(day: Day) -> Iterator[Raw]:
    """The day's samples and whatever else of fitness_data never changes once it is there."""
    yield from _heart(day)
    for time, percent in day.spo2:
        yield _sample(day, BAND, "spo2", time, f'{{"time":{time},"spo2":{percent}}}', "spo2", spo2=percent)
    for time, _ in day.spots[:1] if reported(day) else ():
        yield _sample(day, BAND, "single_spo2", time + 60, f'{{"spo2":97,"time":{time + 60}}}', "spo2", spo2=97)
    for time, level in day.stress:
        yield _sample(day, BAND, "stress", time, f'{{"time":{time},"stress":{level}}}', "stress", stress=level)
    yield from _steps(day)
    for time, kg in day.weights:
        value = f'{{"bmi":{round(kg / HEIGHT / HEIGHT, 1)},"time":{time},"weight":{kg}}}'
        yield _sample(day, BY_HAND, "weight", time, value, "weight", weight_kg=kg)
    for reading in day.readings:
        if reading.app:
            yield _typed_in(day, reading)


def _heart(day: Day) -> Iterator[Raw]:
    for time, bpm in day.heart:
        yield _sample(day, BAND, "heart_rate", time, f'{{"time":{time},"bpm":{bpm},"type":0}}', "heart_rate", bpm=bpm)
        if happens(plan.MIRRORED, day.index):
            yield _row(day, BAND, "abnormal_heart_rate", time, f'{{"bpm":{bpm},"prev_bpm":0,"time":{time}}}')
        if happens(plan.SECOND_DEVICE, day.index) and time % 3600 == 0:
            value = f'{{"time":{time},"bpm":{bpm + 2},"type":0}}'
            yield _sample(day, SECOND, "heart_rate", time, value, "heart_rate", lost=True, bpm=bpm + 2)
    for time, bpm in day.spots:
        yield _sample(day, BAND, "single_heart_rate", time, f'{{"bpm":{bpm},"time":{time}}}', "heart_rate", bpm=bpm)


def _steps(day: Day) -> Iterator[Raw]:
    """Steps by the minute, of the band and the phone: the same steps must not count twice."""
    counters = {BAND: day.steps, PHONE: day.phone}
    best = max(counters, key=lambda sid: len(counters[sid]))
    for sid, steps in counters.items():
        for time, count in steps:
            value = f'{{"time":{time},"steps":{count},"distance":{count * 3 // 4},"calories":{count // 24}}}'
            yield _sample(day, sid, "steps", time, value, "steps", lost=sid != best, steps=count)
            if sid == BAND and time % 240 == 0:
                yield _row(day, sid, "calories", time, f'{{"time":{time},"calories":{count // 24}}}')
            if sid == BAND and count > payloads.BRISK:
                yield _row(day, sid, "intensity", time, f'{{"time":{time}}}')
    for time in (day.at(9 * 60), day.at(15 * 60)) if day.steps else ():
        yield _row(day, BAND, "valid_stand", time, f'{{"end_time":{time + 3600},"start_time":{time}}}')


def _sample(
    day: Day, sid: str, key: str, time: int, value: str, table: str, lost: bool = False, **values: float
) -> Raw:  # fmt: skip
    why = "other_device" if lost else ""
    return _row(day, sid, key, time, value, Meaning(table, "sample", day.date, time, values, why))


def _row(day: Day, sid: str, key: str, time: int, value: str, meaning: Meaning | None = None) -> Raw:
    return Raw(FITNESS, sid, "", key, time, value, _synced(day, time) + 18, meaning)


def _typed_in(day: Day, reading: Reading) -> Raw:
    """A reading of the cuff, typed into Mi Fitness by hand."""
    assert reading.minute is not None
    time = day.at(reading.minute, 23)
    pulse = f',"pulse":{reading.pulse}' if reading.pulse is not None else ""
    value = f'{{"systolic_pressure":{reading.systolic},"diastolic_pressure":{reading.diastolic}{pulse},"time":{time}}}'
    values = {"systolic": reading.systolic, "diastolic": reading.diastolic, "pulse": reading.pulse}
    lost = "other_source" if reading.sheet else ""
    meaning = Meaning("blood_pressure", "reading", day.date, time, values, lost, reading.minute)
    return _row(day, BY_HAND, "blood_pressure", time, value, meaning)


def reported(day: Day) -> bool:
    """Whether the export has the server's reports for the day; it has none around a change of the clock."""
    return bool(day.heart) and not happens(plan.NO_REPORT, day.index) and not day.clock_changes(days=2)


def reports(day: Day, update: int) -> Iterator[Raw]:
    """The day's rows of the aggregated file as they stood at `update`."""

    def row(tag: str, key: str, payload: Any, meaning: Meaning | None = None, sid: str = MERGED) -> Raw:
        return Raw(AGGREGATED, sid, tag, key, day.label, _dumps(payload), update + 5, meaning)

    def report(sid: str, key: str, payload: Any, values: Mapping[str, Any]) -> Raw:
        lost = "other_device" if sid == SECOND and not happens(plan.NOT_MERGED, day.index) else ""
        kind = "night" if key == "sleep" else "daily"
        return row("daily_report", key, payload, Meaning(key, kind, day.date, None, values, lost), sid)

    if reported(day):
        for sid in (MERGED, SECOND) if happens(plan.SECOND_DEVICE, day.index) else (MERGED,):
            if sid == SECOND or not happens(plan.NOT_MERGED, day.index):
                yield report(sid, "heart_rate", *payloads.heart(day, sid == SECOND))
                if day.steps:
                    yield report(sid, "steps", *payloads.steps(day, sid == SECOND))
            if day.sleeps and (sid == MERGED or happens(plan.SECOND_SLEEP, day.index)):
                yield report(sid, "sleep", *payloads.sleep(day, sid == SECOND))
        if day.spo2:
            yield report(MERGED, "spo2", *payloads.spo2(day))
        if day.stress:
            yield report(MERGED, "stress", *payloads.stress(day))
        for key, payload in payloads.not_read(day).items():
            yield row("daily_report", key, payload)
        yield row("daily_fitness", "goal", payloads.goal(day))
    for key in payloads.marked(day):
        yield row("daily_mark", key, {"has_data": True})


def stretches(day: Day) -> Iterator[Raw]:
    """The day's rows that have a beginning and an end: sleep and sport. They never change."""
    for sleep in day.sleeps:
        payload, values = payloads.stretch(sleep)
        meaning = Meaning("sleep", "segment", day.date, sleep.bed, values, "in_report" if reported(day) else "")
        yield Raw(FITNESS, BAND, "", "sleep", sleep.wake, _dumps(payload), _synced(day, sleep.wake) + 18, meaning)
    if day.sport:
        payload = payloads.badminton(day)
        yield Raw(SPORT, BAND, "", "badminton", day.sport[0], _dumps(payload), _synced(day, day.sport[1]) + 5)


def daily(day: Day, update: int) -> Iterator[Raw]:
    """The day's rows of fitness_data that tell of the whole day, as they stood at `update`."""
    if day.resting is not None:
        bpm = day.resting + (day.index % 9 == 4)  # real ones equal the report; these tell which of the two was taken
        meaning = Meaning("heart_rate", "daily", day.date, None, {"resting_hr": bpm})
        value = _dumps({"bpm": bpm, "date_time": day.label})
        yield Raw(FITNESS, BAND, "", "resting_heart_rate", day.label, value, update + 18, meaning)
    if day.heart:
        yield Raw(FITNESS, BAND, "", "vitality", day.label, _dumps(payloads.vitality(day)), update + 18)


def _dumps(payload: Mapping[str, Any]) -> str:
    return json.dumps(payload, separators=(",", ":"))


def _synced(day: Day, time: int) -> int:
    """When the phone told the server: the first of two times a day."""
    return next(sync for minute in (0, 720, 1440) if (sync := day.at(plan.SYNC + minute)) >= time)
