"""The JSON of a Mi Fitness row: read strictly, and turned into a table's values as declared for each key.

A field that is absent or null is null. A sentinel ("not measured") is null and leaves the flag `sentinel_<column>`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pdp.schema import Schema
from stages import schemas
from stages.normalize import strictjson
from stages.normalize.days import PLAUSIBLE

Values = tuple[Any, ...]
HEART, OXYGEN = frozenset((0, 255, -1)), frozenset((0, 255, -1))
STRESS_LOW, STRESS = frozenset((255, -1)), frozenset((0, 255, -1))  # a lowest or single 0 can be true, a mean of 0 not
POSITIVE = frozenset((0, -1))
LATEST = ("latest_hr", "latest_spo2")  # of a day's report: its latest measurement
TELLING = ("heart_rate", "spo2")  # reports whose latest measurement tells the offset of other rows too
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,9})?", re.ASCII)
_LIMIT = 1e12  # beyond any unit in use; also what turns NaN and infinity away


class Unreadable(Exception):
    """A row cannot be read: the rule's name, the column or JSON key at fault, what stood there, and a sentence."""

    def __init__(self, rule: str, cell: str, found: object, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = (rule, cell, _shown(found), sentence)


@dataclass(frozen=True)
class Field:
    """One column of a table: the JSON keys it may have (the first that is there counts), what means "not measured"."""

    column: str
    keys: tuple[str, ...]
    sentinels: frozenset[int] = frozenset()
    required: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Payload:
    """What a key's rows hold: the table they belong to, their kind there, and the fields."""

    schema: Schema
    kind: str
    fields: tuple[Field, ...]
    constant: tuple[tuple[str, Any], ...] = ()

    def read(self, payload: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The fields by column, and flags.

        Raises:
            Unreadable: a field has a wrong type, or one that must be there is absent.
        """
        found: dict[str, Any] = {}
        flags = []
        for field in self.fields:
            value = _field(payload, field)
            if value in field.sentinels:
                flags.append(f"sentinel_{field.column}")
                value = None
            found[field.column] = value
        return found, flags

    def values(self, found: Mapping[str, Any]) -> Values | None:
        """What was read, in the order of the table's columns; None if it holds no value at all."""
        if not any(value is not None for value in found.values()):
            return None
        return tuple([found.get(name, constant) for name, constant in self._columns])

    @cached_property
    def _columns(self) -> list[tuple[str, Any]]:
        constant = dict(self.constant)
        return [(name, constant.get(name)) for name in value_columns(self.schema)]


def value_columns(schema: Schema) -> list[str]:
    """The columns of a table that are its own, between provenance and flags."""
    return schema.names[len(schemas.PROVENANCE) : -len(schemas.TRAILER)]


def parse(text: str) -> dict[str, Any]:
    """The JSON object in `text`.

    Raises:
        Unreadable: it is no JSON as `strictjson` takes it, or no object.
    """
    try:
        value = strictjson.decode(text)
    except strictjson.Refused as error:
        raise Unreadable("json", "Value", text, f"Value is not valid JSON ({error}); export it again") from None
    if not isinstance(value, dict):
        raise Unreadable("json", "Value", text, "Value is JSON but no object; export it again")
    return value


def number(payload: Mapping[str, Any], key: str) -> float | None:
    """The number at `key`, None if there is none. A number written as text ("70") is one; true, a list or 1e999 is not.

    Raises:
        Unreadable: something else stands there.
    """
    value = payload.get(key)
    if value is None:
        return None
    kind = type(value)
    if (kind is int or kind is float) and -_LIMIT < value < _LIMIT:
        return value
    if kind is str and _NUMBER.fullmatch(value):
        return float(value) if "." in value else int(value)
    raise wrong_type(key, value, "a number")


def quarter_hours(payload: Mapping[str, Any]) -> int | None:
    """The offset in seconds of a payload's `timezone`, which counts quarter hours, summer time included.

    None where there is none, or where it cannot be one (the API's own rows count seconds there).
    """
    quarters = number(payload, "timezone")
    return int(quarters) * 900 if quarters is not None and -48 <= quarters <= 56 else None


def latest_offset(payload: Mapping[str, Any]) -> tuple[int, int] | None:
    """(instant, offset) of a daily report whose latest measurement has both times: `time` is local, `dbTime` is not."""
    for latest in map(payload.get, LATEST):
        if isinstance(latest, dict):
            local, instant = latest.get("time"), latest.get("dbTime")
            if isinstance(local, int) and isinstance(instant, int) and instant in PLAUSIBLE:
                offset = local - instant
                if is_offset(offset):
                    return instant, offset
    return None


def is_offset(seconds: Any) -> Any:
    """Whether a clock somewhere is so far ahead of UTC: by quarter hours, from -12 to +14 hours. Of an array, of each."""
    return (seconds % 900 == 0) & (seconds >= -48 * 900) & (seconds <= 56 * 900)


def wrong_type(key: str, value: object, wanted: str) -> Unreadable:
    return Unreadable("wrong_type", key, value, f"{key} must be {wanted}; export it again")


def _field(payload: Mapping[str, Any], field: Field) -> float | None:
    key = next((key for key in field.keys if key in payload), field.keys[0])
    value = number(payload, key)
    if value is None and field.required:
        raise Unreadable("missing_value", key, payload, f"{key} is missing; export it again")
    if value is not None and field.whole:
        if value != int(value):
            raise wrong_type(key, value, "a whole number")
        return int(value)
    return value


def _shown(found: object) -> str:
    """At most 200 characters of it; half a sign, which no table can hold, becomes a question mark."""
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return text[:200].encode(errors="replace").decode()


def _trio(name: str, sentinels: frozenset[int], low: frozenset[int]) -> tuple[Field, ...]:
    return tuple(
        Field(f"{part}_{name}", (f"{part}_{name}",), low if part == "min" else sentinels)
        for part in ("avg", "min", "max")
    )


def _sample(schema: Schema, column: str, key: str, sentinels: frozenset[int]) -> Payload:
    return Payload(schema, "sample", (Field(column, (key,), sentinels, required=True),))


def _steps(kind: str, required: bool) -> Payload:
    steps = Field("steps", ("steps",), required=required, whole=True)
    return Payload(
        schemas.STEPS, kind, (steps, Field("distance_m", ("distance",)), Field("calories_kcal", ("calories",)))
    )


_BPM = _sample(schemas.HEART_RATE, "bpm", "bpm", HEART)
_SPO2 = _sample(schemas.SPO2, "spo2", "spo2", OXYGEN)
_STRESS = _sample(schemas.STRESS, "stress", "stress", STRESS_LOW)

# By key, daily reports and rows of fitness_data; sleep has a module of its own.
REPORTS = {
    "heart_rate": Payload(
        schemas.HEART_RATE, "daily", (*_trio("hr", HEART, HEART), Field("resting_hr", ("avg_rhr",), HEART))
    ),
    "steps": _steps("daily", required=False),
    "spo2": Payload(schemas.SPO2, "daily", _trio("spo2", OXYGEN, OXYGEN)),
    "stress": Payload(schemas.STRESS, "daily", _trio("stress", STRESS, STRESS_LOW)),
}
SAMPLE_ROWS = {
    "heart_rate": _BPM,
    "single_heart_rate": _BPM,
    "resting_heart_rate": Payload(
        schemas.HEART_RATE, "daily", (Field("resting_hr", ("bpm",), HEART, required=True),)
    ),
    "spo2": _SPO2,
    "single_spo2": _SPO2,
    "stress": _STRESS,
    "single_stress": _STRESS,
    "steps": _steps("sample", required=True),
    "weight": Payload(
        schemas.WEIGHT,
        "sample",
        (Field("weight_kg", ("weight",), POSITIVE, required=True), Field("bmi", ("bmi",), POSITIVE)),
    ),
    "blood_pressure": Payload(
        schemas.BLOOD_PRESSURE,
        "reading",
        (
            Field("systolic", ("systolic_pressure", "high_pressure"), required=True),
            Field("diastolic", ("diastolic_pressure", "low_pressure"), required=True),
            Field("pulse", ("pulse",), HEART),
        ),
        constant=(("time_known", True),),
    ),
}  # fmt: skip
