"""Open mHealth data points: a body by its blood-pressure 4.0, heart-rate 2.0, step-count 3.0, oxygen-saturation 2.0 or
body-weight 3.0 (github.com/openmhealth/schemas), or by total-sleep-time 1.0 of IEEE 1752.1, which took over its schemas
of sleep. The header is one by Open mHealth's header 1.2 and by IEEE 1752.1's 1.0, so that tools of either read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pdp.export.moments import Measured, identity, local, midnights, number

Body = dict[str, Any]


def documents(measured: Measured) -> list[dict[str, Any]]:
    """All data points; the same measurements give the same ids."""
    return [
        {"header": _header(schema, version, key, measured.made_at, source, body), "body": body}
        for schema, version, key, source, body in _bodies(measured)
    ]


def _bodies(measured: Measured) -> Iterator[tuple[str, str, tuple[Any, ...], str, Body]]:
    """Schema, its version, what makes the point unique, its source, its body."""
    for row in measured.readings.itertuples():
        frame = _moment(local(row.time, row.offset_s)) if row.time_known else _day(row.date.date(), measured)
        key = (str(frame), row.place)
        yield "blood-pressure", "4.0", key, row.source, {
            "systolic_blood_pressure": _unit(row.systolic, "mmHg"),
            "diastolic_blood_pressure": _unit(row.diastolic, "mmHg"), **frame,
        }  # fmt: skip
        if row.pulse == row.pulse:
            yield "heart-rate", "2.0", key, row.source, {"heart_rate": _unit(row.pulse, "beats/min"), **frame}
    for row in measured.segments.itertuples():
        start, end = local(row.bedtime, row.offset_s), local(row.wake, row.offset_s)
        if row.duration_min == row.duration_min:
            yield "total-sleep-time", "1.0", (start, end), "", {
                "total_sleep_time": _unit(row.duration_min, "min"), "is_main_sleep": bool(row.main), **_interval(start, end),
            }  # fmt: skip
    yield from _daily(measured)


def _daily(measured: Measured) -> Iterator[tuple[str, str, tuple[Any, ...], str, Body]]:
    for row in measured.days.itertuples():
        day = row.date.date()
        frame = _day(day, measured)
        told: list[tuple[str, str, float, Body]] = [
            ("step-count", "3.0", row.steps, {"step_count": (row.steps, "steps")}),
            ("heart-rate", "2.0", row.resting_hr, {
                "heart_rate": (row.resting_hr, "beats/min"), "temporal_relationship_to_physical_activity": "at rest"}),
            ("oxygen-saturation", "2.0", row.avg_spo2, {
                "oxygen_saturation": (row.avg_spo2, "%"), "descriptive_statistic": "average",
                "measurement_method": "pulse oximetry"}),
            ("body-weight", "3.0", row.weight_kg, {"body_weight": (row.weight_kg, "kg")}),
        ]  # fmt: skip
        for schema, version, value, body in told:
            if value == value:
                ready = {name: _unit(*part) if isinstance(part, tuple) else part for name, part in body.items()}
                yield schema, version, (day,), "", ready | frame


def _header(schema: str, version: str, key: tuple[Any, ...], made_at: str, source: str, body: Body) -> dict[str, Any]:
    made = identity("omh", schema, *key)
    namespace = "ieee" if schema == "total-sleep-time" else "omh"
    return {
        "id": made, "creation_date_time": made_at,
        "schema_id": {"namespace": namespace, "name": schema, "version": version},
        "acquisition_provenance": {"source_name": source or "pdp"},
        "uuid": made, "source_creation_date_time": _known_at(body["effective_time_frame"]),
    }  # fmt: skip


def _known_at(frame: dict[str, Any]) -> str:
    """When the source could first tell it: the moment, or the end of the interval."""
    return frame["date_time"] if "date_time" in frame else frame["time_interval"]["end_date_time"]


def _unit(value: float, unit: str) -> dict[str, Any]:
    return {"value": number(value), "unit": unit}


def _moment(when: str) -> Body:
    return {"effective_time_frame": {"date_time": when}}


def _interval(start: str, end: str) -> Body:
    return {"effective_time_frame": {"time_interval": {"start_date_time": start, "end_date_time": end}}}


def _day(day: Any, measured: Measured) -> Body:
    return _interval(*midnights(day, measured.zone))
