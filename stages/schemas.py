"""Every table: its columns with types and units, what one row is, and its checks.

Ranges are two-tiered: outside the wide one a row is set aside (quarantine), outside the narrow one it is kept and
flagged. Their sources are in docs/formats.md, "Plausible ranges".
"""

from __future__ import annotations

from dataclasses import replace

from pdp.schema import Check, Column, Schema, below, between

PROVENANCE = (
    Column("source", "string", "name of the source"),
    Column("file", "string", "raw file below raw/<source>/; a member of a zip is <zip>!<member>"),
    Column("row", "int32", "line of the raw file on which the row starts; the header is line 1"),
    Column("item", "int16", "0 for the row itself, 1.. for the parts of one row (the segments of a night)"),
    Column("record", "string", "what kind of raw row it was: daily_report, heart_rate, sheet, ..."),
    Column("record_time", "int64", "the raw row's own time stamp, seconds; null for sheets"),
    Column("sid", "string", "device or service within the source; 'default' is the server's own merge"),
    Column("revision", "int64", "revision stamp (UpdateTime), seconds; null where there is none"),
    Column("exported_on", "string", "date of the export, from the file's name (YYYYMMDD), '' if it has none"),
    Column("kind", "string", "daily (a day's report), sample, reading, night or segment"),
    Column("instant_utc", "instant", "when it was measured; for a day or a night the start of its local date"),
    Column("utc_offset_s", "int32", "offset of local time from UTC, seconds"),
    Column("offset_source", "string", "where the offset came from: row, nearest or zone"),
    Column("local_date", "date", "the day it counts for"),
)
TRAILER = (Column("flags", "string", "names of what is noteworthy, sorted, separated by ';'; '' for nothing"),)
PART_QUARANTINED = "part_quarantined"  # the flag of a row when another part of its raw row was set aside
PROBLEM = (
    Column("problem", "string", "why the row cannot be accepted: a rule's name; null for a readable row"),
    Column("problem_cell", "string", "column or JSON key at fault"),
    Column("problem_text", "string", "what stood there, at most 200 characters"),
    Column("problem_sentence", "string", "what is wrong and what to do, for a person"),
)


def _schema(name: str, doc: str, values: tuple[Column, ...], checks: tuple[Check, ...] = ()) -> Schema:
    return Schema(name, doc, PROVENANCE + values + TRAILER, checks)


def normalized(schema: Schema) -> Schema:
    """The table as the readers give it: unreadable rows included, with their problem."""
    return replace(schema, columns=schema.columns + PROBLEM, checks=())


def quarantine(schema: Schema) -> Schema:
    """The table of the rows that were set aside: all columns, and the problem."""
    return replace(schema, columns=schema.columns + PROBLEM, checks=())


def _range(
    column: str, unit: str, hard: tuple[float, float], soft: tuple[float, float] | None = None
) -> tuple[Check, ...]:
    """A wide range that quarantines and, where given, a narrow one that flags."""
    wide = Check(
        f"{column}_range", "quarantine", (column,), between(column, *hard),
        f"{column} must lie between {hard[0]:g} and {hard[1]:g} {unit}", "correct the value at its source",
    )  # fmt: skip
    if soft is None:
        return (wide,)
    narrow = Check(
        f"{column}_unusual", "flag", (column,), between(column, *soft),
        f"{column} lies outside {soft[0]:g} to {soft[1]:g} {unit}",
    )  # fmt: skip
    return (wide, narrow)


BPM = (20, 250)
BPM_USUAL = (30, 220)
PLAUSIBLE_TIME = between("record_time", 0, 4_102_444_800)  # 1970 to 2100

TIME_CHECK = Check(
    "time_range", "quarantine", ("record_time",), PLAUSIBLE_TIME,
    "the time stamp must lie between 1970 and 2100", "correct the date at its source",
)  # fmt: skip

BLOOD_PRESSURE = _schema(
    "blood_pressure",
    "One row is one reading of a cuff.",
    (
        Column("time_known", "bool", "false where the log gives a date only; instant_utc is then the day's start"),
        Column("systolic", "float64", "mmHg"),
        Column("diastolic", "float64", "mmHg"),
        Column("pulse", "float64", "beats per minute; null where the cuff or the person gave none"),
    ),
    (
        TIME_CHECK,
        *_range("systolic", "mmHg", (40, 300), (70, 250)),
        *_range("diastolic", "mmHg", (20, 200), (40, 150)),
        *_range("pulse", "bpm", BPM, BPM_USUAL),
        Check(
            "diastolic_below_systolic", "quarantine", ("systolic", "diastolic"), below("diastolic", "systolic"),
            "diastolic must be below systolic", "are the two swapped? correct them at the source",
        ),
    ),
)  # fmt: skip

HEART_RATE = _schema(
    "heart_rate",
    "One row is a day as the device reports it (kind daily) or one measurement (kind sample).",
    (
        Column("bpm", "float64", "beats per minute of a sample"),
        Column("avg_hr", "float64", "beats per minute, mean of the day"),
        Column("min_hr", "float64", "beats per minute, lowest of the day"),
        Column("max_hr", "float64", "beats per minute, highest of the day"),
        Column("resting_hr", "float64", "beats per minute, resting heart rate of the day"),
    ),
    (
        TIME_CHECK,
        *_range("bpm", "bpm", BPM, BPM_USUAL),
        *_range("avg_hr", "bpm", BPM, BPM_USUAL),
        *_range("min_hr", "bpm", BPM, BPM_USUAL),
        *_range("max_hr", "bpm", BPM, BPM_USUAL),
        *_range("resting_hr", "bpm", BPM, BPM_USUAL),
    ),
)

SLEEP = _schema(
    "sleep",
    "One row is a day's sleep as the device reports it (kind night) or one stretch of it (kind segment).",
    (
        Column("bedtime_utc", "instant", "start of a segment"),
        Column("wake_utc", "instant", "end of a segment"),
        Column("duration_min", "float64", "minutes asleep: of the segment, or of the whole day (all segments)"),
        Column("deep_min", "float64", "minutes of deep sleep"),
        Column("light_min", "float64", "minutes of light sleep"),
        Column("rem_min", "float64", "minutes of REM sleep; null on devices that do not tell it"),
        Column("awake_min", "float64", "minutes awake within the segment or the night"),
        Column("score", "float64", "the device's sleep score, 0 to 100"),
        Column("avg_hr", "float64", "beats per minute, mean while asleep"),
        Column("avg_spo2", "float64", "percent, mean while asleep"),
    ),
    (
        TIME_CHECK,
        *_range("duration_min", "minutes", (0, 1440), (0, 960)),
        *_range("deep_min", "minutes", (0, 1440)),
        *_range("light_min", "minutes", (0, 1440)),
        *_range("rem_min", "minutes", (0, 1440)),
        *_range("awake_min", "minutes", (0, 1440)),
        *_range("score", "points", (0, 100)),
    ),
)

STEPS = _schema(
    "steps",
    "One row is a day as the device reports it (kind daily) or the steps of one minute (kind sample).",
    (
        Column("steps", "int64", "steps"),
        Column("distance_m", "float64", "metres"),
        Column("calories_kcal", "float64", "kilocalories"),
    ),
    (TIME_CHECK, *_range("steps", "steps", (0, 200_000), (0, 100_000))),
)

SPO2 = _schema(
    "spo2",
    "One row is a day as the device reports it (kind daily) or one measurement (kind sample).",
    (
        Column("spo2", "float64", "percent, of a sample"),
        Column("avg_spo2", "float64", "percent, mean of the day"),
        Column("min_spo2", "float64", "percent, lowest of the day"),
        Column("max_spo2", "float64", "percent, highest of the day"),
    ),
    (TIME_CHECK, *(c for name in ("spo2", "avg_spo2", "min_spo2", "max_spo2") for c in _range(name, "%", (50, 100), (80, 100)))),
)  # fmt: skip

STRESS = _schema(
    "stress",
    "One row is a day as the device reports it (kind daily) or one measurement (kind sample).",
    (
        Column("stress", "float64", "0 to 100, of a sample"),
        Column("avg_stress", "float64", "0 to 100, mean of the day"),
        Column("min_stress", "float64", "0 to 100, lowest of the day"),
        Column("max_stress", "float64", "0 to 100, highest of the day"),
    ),
    (TIME_CHECK, *(c for name in ("stress", "avg_stress", "min_stress", "max_stress") for c in _range(name, "points", (0, 100)))),
)  # fmt: skip

WEIGHT = _schema(
    "weight",
    "One row is one weighing.",
    (Column("weight_kg", "float64", "kilograms"), Column("bmi", "float64", "kilograms per square metre")),
    (TIME_CHECK, *_range("weight_kg", "kg", (2, 500), (30, 250))),
)

UNREADABLE = _schema("unreadable", "One row is a raw row of which not even the metric can be told.", ())

DAILY_METRICS = Schema(
    "daily_metrics",
    "One row is one local date.",
    (
        Column("date", "date", "local date"),
        Column("systolic", "float64", "mmHg, mean of the day's session means"),
        Column("diastolic", "float64", "mmHg, mean of the day's session means"),
        Column("pulse", "float64", "bpm of the cuff, mean of the day's session means"),
        Column("bp_readings", "int64", "readings accepted"),
        Column("bp_sessions", "int64", "sessions: readings at most 15 minutes apart"),
        Column("avg_hr", "float64", "bpm"),
        Column("min_hr", "float64", "bpm"),
        Column("max_hr", "float64", "bpm"),
        Column("resting_hr", "float64", "bpm"),
        Column("hr_samples", "int64", "distinct instants measured"),
        Column("sleep_total_min", "float64", "minutes asleep, all segments, as the export says"),
        Column("sleep_main_min", "float64", "minutes asleep in the longest segment"),
        Column("sleep_nap_min", "float64", "minutes asleep in all other segments"),
        Column("sleep_deep_min", "float64", "minutes"),
        Column("sleep_light_min", "float64", "minutes"),
        Column("sleep_rem_min", "float64", "minutes"),
        Column("sleep_awake_min", "float64", "minutes"),
        Column("sleep_score", "float64", "0 to 100"),
        Column("steps", "int64", "steps"),
        Column("avg_spo2", "float64", "percent"),
        Column("avg_stress", "float64", "0 to 100"),
        Column("weight_kg", "float64", "kg, mean of the day's weighings"),
        Column("has_bp", "bool", "the day has blood pressure"),
        Column("has_hr", "bool", "the day has a heart rate of the whole day"),
        Column("has_sleep", "bool", "the day has sleep"),
        Column("systolic_am", "float64", "mmHg, mean of the morning's session means"),
        Column("diastolic_am", "float64", "mmHg"),
        Column("pulse_am", "float64", "bpm"),
        Column("systolic_pm", "float64", "mmHg, mean of the evening's session means"),
        Column("diastolic_pm", "float64", "mmHg"),
        Column("pulse_pm", "float64", "bpm"),
        Column("flags", "string", "what is noteworthy about the day's values, sorted, separated by ';'"),
    ),
)
