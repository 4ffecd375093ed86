"""The JSON values of a Mi Fitness export, keys in the order of real ones, and the numbers that pdp is to read there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pdp.demo import plan
from pdp.demo.day import AWAKE, DEEP, LIGHT, REM, Day, Sample, Sleep
from pdp.demo.plan import happens
from pdp.demo.rng import rounded

BAND, SECOND = "2000000017", "1000000042"  # ids of devices; the second one sorts first
QUARTER_HOUR = 900
BRISK = 115  # steps a minute
STAGES = {name: f"sleep_{name}_duration" for name in ("awake", "deep", "light", "rem")}
Payload = dict[str, Any]
Values = Mapping[str, Any]


def heart(day: Day, second: bool) -> tuple[Payload, Values]:
    """A day's heart rate. The band sees more than the samples that it tells, so its extremes lie further out."""
    bpm = [value for _, value in day.heart]
    last, value = day.heart[-1]
    average, low, high = rounded(_mean(day.heart)), min(bpm) - 2, max(bpm) + 5 + day.index % 9
    if second:
        average, low, high = average + 3, low + 1, high - 4
    sentinel = happens(plan.ZERO_AND_255, day.index)
    resting = None if second or day.index % 6 == 5 else day.resting  # on some days it stands only in a row of its own
    payload = {
        "abnormal_hr_count": 0,
        "aerobic_hr_zone_duration": sum(value >= 125 for value in bpm) * 10,
        "anaerobic_hr_zone_duration": 0,
        "avg_hr": average,
        **({} if resting is None else {"avg_rhr": resting}),
        "extreme_hr_zone_duration": 0,
        "fat_burning_hr_zone_duration": sum(110 <= value < 125 for value in bpm) * 10,
        "latest_hr": {
            "bpm": value,
            "time": last + day.offset(last),  # local clock, written as if it were UTC
            "dbKey": "heart_rate",
            "dbTime": last,
            "sid": SECOND if second else BAND,
        },
        "max_hr": 255 if sentinel else high,
        "min_hr": 0 if sentinel else low,
        "warm_up_hr_zone_duration": sum(95 <= value < 110 for value in bpm) * 10,
    }
    low_high = {"min_hr": None, "max_hr": None} if sentinel else {"min_hr": low, "max_hr": high}
    return payload, {"avg_hr": average, **low_high, "resting_hr": resting}


def steps(day: Day, second: bool) -> tuple[Payload, Values]:
    count = total(day.steps) * 4 // 5 if second else total(day.steps)
    return {"calories": count // 24, "distance": count * 3 // 4, "steps": count}, {"steps": count}


def spo2(day: Day) -> tuple[Payload, Values]:
    (last, value), percents = day.spo2[-1], [percent for _, percent in day.spo2]
    average = rounded(_mean(day.spo2))
    latest = {"spo2": value, "time": last + day.offset(last), "dbKey": "spo2", "dbTime": last, "sid": BAND}
    payload = {
        "avg_spo2": average, "lack_spo2_count": sum(percent < 90 for percent in percents), "latest_spo2": latest,
        "max_spo2": max(percents), "min_spo2": min(percents),
    }  # fmt: skip
    return payload, {"avg_spo2": average}


def stress(day: Day) -> tuple[Payload, Values]:
    levels = [level for _, level in day.stress]
    average = rounded(_mean(day.stress))
    names = ("relax", "mild", "moderate", "severe")
    scale = {name: sum(min(level // 25, 3) == n for level in levels) for n, name in enumerate(names)}
    payload = {"avg_stress": average, "max_stress": max(levels), "min_stress": min(levels), "stress_scale": scale}
    return payload, {"avg_stress": average}


def sleep(day: Day, second: bool) -> tuple[Payload, Values]:
    """A day's sleep, newest segment first. The second device knows no REM and sees the night only."""
    segments = [segment(part) for part in reversed(day.sleeps)]
    nights = [payload for payload in segments if "avg_hr" in payload]
    if second:
        segments = [_without_rem(payload) for payload in nights]
    known = [key for key in STAGES.values() if any(key in payload for payload in segments)]
    declared = {key: sum(payload.get(key, 0) for payload in segments) for key in known}
    slept = sum(payload["duration"] for payload in segments)
    score = min(30 + slept // 8, 96) if nights else 40
    payload = {
        "avg_hr": nights[0]["avg_hr"] if nights else 0,
        "avg_spo2": 96 if nights and day.index % 10 else 0,  # 0 is "not measured"
        "day_sleep_evaluation": 2 if nights else 5,
        "segment_details": segments,
        "long_sleep_evaluation": 4 if nights else 0,
        **({"max_hr": nights[0]["max_hr"], "min_hr": nights[0]["min_hr"]} if nights else {}),
        **declared,
        "sleep_score": score,
        "sleep_stage": 2 if nights else 5,
        "total_duration": slept,
    }
    durations = tuple(payload["duration"] for payload in segments)
    return payload, {"duration_min": slept, **_told(declared), "score": score, "segments": durations}


def segment(part: Sleep) -> Payload:
    """A segment of a report; a nap has neither stages nor a heart rate."""
    night = bool(part.stages)
    return {
        **({"avg_hr": 57} if night else {}),
        "bedtime": part.bed,
        "sleep_deep_duration": part.minutes(DEEP),
        "duration": part.asleep,
        "sleep_light_duration": part.minutes(LIGHT),
        **({"max_hr": 68, "min_hr": 48, "sleep_rem_duration": part.minutes(REM)} if night else {}),
        "timezone": part.offset // QUARTER_HOUR,
        "awake_count": sum(state == AWAKE for _, _, state in part.stages),
        "sleep_awake_duration": part.minutes(AWAKE),
        "wake_up_time": part.wake,
    }


def stretch(part: Sleep) -> tuple[Payload, Values]:
    """A row of its own for one stretch of sleep, with its stages one by one."""
    short = segment(part)
    night = bool(part.stages)
    items = [{"end_time": end, "state": state, "start_time": start} for start, end, state in part.stages]
    payload = {
        **({"avg_hr": short["avg_hr"]} if night else {}),
        "bedtime": part.bed,
        "sleep_deep_duration": short["sleep_deep_duration"],
        "device_bedtime": part.bed,
        "device_wake_up_time": part.wake,
        "sleep_light_duration": short["sleep_light_duration"],
        **({"max_hr": short["max_hr"], "min_hr": short["min_hr"]} if night else {}),
        "protoTime": part.wake,
        **({"sleep_rem_duration": short["sleep_rem_duration"]} if night else {}),
        "duration": part.asleep,
        **({"items": items, "sleep_algorithm_version": 0} if night else {}),
        "timezone": short["timezone"],
        "version": 2,
        "awake_count": short["awake_count"],
        "sleep_awake_duration": short["sleep_awake_duration"],
        "wake_up_time": part.wake,
    }
    return payload, {"duration_min": part.asleep, **_told(short)}


def _told(declared: Mapping[str, int]) -> Payload:
    """Minutes by stage; where all are zero the device told the whole only."""
    minutes = {f"{name}_min": declared.get(key) for name, key in STAGES.items()}
    return minutes if any(minutes.values()) else dict.fromkeys(minutes)


def _without_rem(night: Payload) -> Payload:
    """The same night by a device that takes REM for light sleep, and finds twelve minutes less of that."""
    light = night["sleep_light_duration"] + night["sleep_rem_duration"] - 12
    less = {"bedtime": night["bedtime"] + 720, "sleep_light_duration": light, "duration": night["duration"] - 12}
    return {name: value for name, value in {**night, **less}.items() if name != "sleep_rem_duration"}


def not_read(day: Day) -> dict[str, Payload]:
    """Reports of which pdp takes nothing."""
    return {
        "calories": {"calories": 40 + total(day.steps) // 24},
        "intensity": {"duration": _brisk(day)},
        "valid_stand": {"count": 2 if day.steps else 0},
    }


def goal(day: Day) -> Payload:
    reached = ((40 + total(day.steps) // 24, 400, 2), (total(day.steps), 6000, 1), (_brisk(day), 30, 4))
    items = [{"achieved_value": value, "target_value": target, "field": field} for value, target, field in reached]
    return {"goal_items": items, "sidList": [BAND], "date_time": day.label, "timeInZero": day.label}


def marked(day: Day) -> list[str]:
    """Keys of which the calendar shows a mark, whether or not there is a report."""
    found = {
        "weight": day.weights, "valid_stand": day.steps, "stress": day.stress, "steps": day.steps, "spo2": day.spo2,
        "sleep": day.sleeps, "intensity": day.steps, "heart_rate": day.heart or day.spots, "calories": day.heart,
    }  # fmt: skip
    return [key for key, values in found.items() if values]


def vitality(day: Day) -> Payload:
    brisk = _brisk(day)
    return {
        "daily_high_intensity_vitality": 0,
        "daily_low_intensity_vitality": 1,
        "daily_medium_intensity_vitality": brisk,
        "suggested_activity_duration": 10,
        "suggested_activity_type": 1,
        "date_time": day.label,
        "latest_accumulated_vitality": 20 + brisk,
    }


def badminton(day: Day) -> Payload:
    assert day.sport is not None
    start, end = day.sport
    bpm = [value for time, value in day.heart if start <= time < end] or [128]
    return {
        "avg_hrm": sum(bpm) // len(bpm), "calories": 420, "duration": end - start, "end_time": end,
        "hrm_aerobic_duration": 1300, "hrm_anaerobic_duration": 60, "hrm_extreme_duration": 0,
        "hrm_fat_burning_duration": 1500, "hrm_warm_up_duration": 440, "max_hrm": max(bpm) + 14,
        "min_hrm": min(bpm) - 20, "proto_type": 8, "sport_type": 608, "start_time": start, "time": start,
        "total_cal": 510, "timezone": day.offset(start) // QUARTER_HOUR, "version": 8, "vitality": 14,
    }  # fmt: skip


def total(samples: list[Sample]) -> int:
    """The sum of the values."""
    return sum(value for _, value in samples)


def _mean(samples: list[Sample]) -> float:
    return total(samples) / len(samples)


def _brisk(day: Day) -> int:
    return sum(count > BRISK for _, count in day.steps)
