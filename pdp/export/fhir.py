"""FHIR R4: a Bundle of Observations about one Patient of whom nothing is told.

Blood pressure as the vital-signs profile has it (hl7.org/fhir/R4/bp.html); codes are LOINC's, units UCUM's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pdp.export.moments import Measured, identity, local, number

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
PATIENT = identity("patient")


class Code(NamedTuple):
    """A LOINC code and its words; further codings of the same; unit as shown and in UCUM; the category."""

    code: str
    text: str
    unit: str
    ucum: str
    category: str = "vital-signs"
    also: tuple[tuple[str, str], ...] = ()


PANEL = Code("85354-9", "Blood pressure panel with all children optional", "", "")
SYSTOLIC = Code("8480-6", "Systolic blood pressure", "mmHg", "mm[Hg]")
DIASTOLIC = Code("8462-4", "Diastolic blood pressure", "mmHg", "mm[Hg]")
HEART_RATE = Code("8867-4", "Heart rate", "beats/minute", "/min")
DAILY = {
    "resting_hr": Code("40443-4", "Heart rate --resting", "beats/minute", "/min", also=(("8867-4", "Heart rate"),)),
    "max_hr": Code("8873-2", "Heart rate 24 hour maximum", "beats/minute", "/min"),
    "avg_spo2": Code("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", "%", "%",
                     also=(("2708-6", "Oxygen saturation in Arterial blood"),)),
    "weight_kg": Code("29463-7", "Body weight", "kg", "kg"),
    "steps": Code("41950-7", "Number of steps in 24 hour Measured", "steps per day", "{steps}/d", "activity"),
    "sleep_total_min": Code("93832-4", "Sleep duration", "min", "min", "activity"),
    "sleep_deep_min": Code("93831-6", "Deep sleep duration", "min", "min", "activity"),
    "sleep_light_min": Code("93830-8", "Light sleep duration", "min", "min", "activity"),
    "sleep_rem_min": Code("93829-0", "REM sleep duration", "min", "min", "activity"),
}  # fmt: skip


def bundle(measured: Measured) -> dict[str, Any]:
    """The Bundle (type collection) as plain data; the same measurements give the same ids."""
    resources = [{"resourceType": "Patient", "id": PATIENT}, *observations(measured)]
    return {
        "resourceType": "Bundle", "id": identity("bundle", measured.made_at), "type": "collection",
        "timestamp": measured.made_at,
        "entry": [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources],
    }  # fmt: skip


def observations(measured: Measured) -> Iterator[dict[str, Any]]:
    for row in measured.readings.itertuples():
        when = local(row.time, row.offset_s) if row.time_known else row.date.date().isoformat()
        key = (when, row.place)
        yield _observation(PANEL, when, key) | {
            "component": [_component(SYSTOLIC, row.systolic), _component(DIASTOLIC, row.diastolic)]
        }
        if row.pulse == row.pulse:
            yield _observation(HEART_RATE, when, key) | _value(HEART_RATE, row.pulse)
    for column, code in DAILY.items():
        for day, value in measured.days[["date", column]].dropna().itertuples(index=False):
            when = day.date().isoformat()
            yield _observation(code, when, (when,)) | _value(code, value)


def _observation(code: Code, when: str, key: tuple[str, ...]) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": identity(code.code, *key), "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": code.category}]}],
        "code": _concept(code), "subject": {"reference": f"urn:uuid:{PATIENT}"}, "effectiveDateTime": when,
    }  # fmt: skip


def _component(code: Code, value: float) -> dict[str, Any]:
    return {"code": _concept(code), **_value(code, value)}


def _concept(code: Code) -> dict[str, Any]:
    codings = ((code.code, code.text), *code.also)
    return {"coding": [{"system": LOINC, "code": c, "display": text} for c, text in codings], "text": code.text}


def _value(code: Code, value: float) -> dict[str, Any]:
    return {"valueQuantity": {"value": number(value), "unit": code.unit, "system": UCUM, "code": code.ucum}}
