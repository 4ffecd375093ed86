"""What is fuzzed: each parser as a function of bytes that raises only where a promise is broken.

The promise: every row that is read is accepted, superseded, quarantined or counted, or there is one sentence (`PdpError`);
nothing else is ever raised.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

from pdp import config, labels
from pdp.errors import PdpError, sentence
from pdp.repairs import DOES, FILE, ID, Repairs
from pdp.snapshot import RawFile, Snapshot
from stages import validate
from stages.normalize import archive, cells, google_sheets, mi_fitness, rawtext, strictjson
from stages.normalize.mi_payloads import Unreadable, parse, quarter_hours, value_columns
from stages.normalize.mi_routes import ROUTES, Route, rows_of
from stages.normalize.mi_rows import Raw, Row
from tests.hostile_names import escapes
from tests.mi_export import COLUMNS, DAILY, PREFIX, SAMPLES, SPORTS, UID
from tests.pipeline import Tables, configured, drain

Target = Callable[[bytes], None]
ORDERS = ("ymd", "dmy", "mdy")
LOOSE = {
    "max_quarantined_share": 1.0,
    "min_rows_for_share": 1_000_000_000,
}  # a share that is too high ends the counting
PLACED = Raw(2, "", 1_767_225_600, "default", 1)
WHOLE = 32
VALIDATED = 8  # one input in so many is followed through the checks, which take longer than the reading
REPAIRED = ("blood_pressure", "heart_rate")
REPORTS = ("heart_rate", "sleep", "steps", "spo2", "stress", "calories")
RECORDS = (
    "heart_rate", "single_heart_rate", "resting_heart_rate", "spo2", "single_spo2", "stress", "steps", "weight",
    "blood_pressure", "sleep", "watch_night_sleep", "pai",
)  # fmt: skip


def zips(data: bytes) -> None:
    """Members are read within the limits, or the zip is refused."""
    raw = _raw("a.zip", data)
    try:
        names = archive.contents(raw)
        size = sum(len(member.data) for member in archive.read(raw, names))
    except PdpError as error:
        _assert_sentence(error)
        return
    assert size <= max(archive.RATIO_MATTERS_FROM, archive.MAX_RATIO * len(data))
    assert all(name.isprintable() for name in names)


def text(data: bytes) -> None:
    """Rows start on lines that only go up, and hold whole signs."""
    last = 0
    for line, row in rawtext.records(rawtext.decode(data)):
        assert line > last and row
        last = line
        "".join(row).encode()


def cell(data: bytes) -> None:
    """A cell is read within its bounds, or refused by a rule with a sentence."""
    found = data.decode(errors="replace")
    for order in ORDERS:
        moment = _read(partial(cells.parse_moment, order=order), found)
        if moment is not None:
            assert cells.FIRST_YEAR <= moment.date.year <= cells.LAST_YEAR
            assert moment.second is None or 0 <= moment.second < 86_400
    clock = _read(cells.parse_time, found)
    assert clock is None or 0 <= clock.second < 86_400
    numbers = [_read(cells.parse_number, found), *(_read(cells.parse_pair, found) or ())]
    assert all(number is None or (math.isfinite(number) and number >= 0) for number in numbers)


def _read(parse: Callable[[str], Any], found: str) -> Any:
    try:
        return parse(found)
    except cells.Unreadable as error:
        _assert_said(error.problem, error.sentence)
        return None


def values(data: bytes) -> None:
    """What is taken is what Python reads there too, has no key twice and no endless number."""
    found = data.decode(errors="replace")
    try:
        value = strictjson.decode(found)
    except strictjson.Refused as error:
        _assert_said(str(error))
        return
    assert json.dumps(value, allow_nan=True) == json.dumps(json.loads(found), allow_nan=True)


def sheet(data: bytes) -> None:
    """A sheet of readings: each row is a reading, blank, or without a value; each reading meets one fate."""
    order = ORDERS[data[0] % 3] if data else "ymd"
    settings = configured(google_sheets={"date_order": order}, checks=LOOSE)
    _conserve(google_sheets.read, "google_sheets", {"sheet.csv": data}, settings, _sheet_rows)


def tabs(data: bytes) -> None:
    """A sheet as it is fetched: the same, for each of its tabs."""
    _conserve(google_sheets.read, "google_sheets", {"sheet.json": data}, configured(checks=LOOSE), _tab_rows)


def _tab_rows(facts: Mapping[str, Any], tables: Tables, files: Mapping[str, bytes]) -> None:
    told = sum(tab["rows"] for tab in facts["files"].values())
    assert tables["google_sheets_blood_pressure"].num_rows == told


def _sheet_rows(facts: Mapping[str, Any], tables: Tables, files: Mapping[str, bytes]) -> None:
    for name, file in facts["files"].items():
        found = rawtext.Text(files[name], file["encoding"], file["delimiter"])
        below = sum(line > file["header_row"] for line, _ in rawtext.records(found))
        assert below == file["rows"] + file["blank"] + file["without_values"]
        assert tables["google_sheets_blood_pressure"].num_rows == file["rows"]


def reports(data: bytes) -> None:
    """The file of daily reports."""
    _export({DAILY: data})


def samples(data: bytes) -> None:
    """The file of samples."""
    _export({SAMPLES: data})


def sports(data: bytes) -> None:
    """The file of sport records, which tell offsets, beside one sample."""
    _export({SPORTS: data, SAMPLES: f"Key,Time,Value\nheart_rate,1700000000,{json.dumps('{}')}\n".encode()})


def payloads(data: bytes) -> None:
    """One JSON value in a row of every kind: rows of finite numbers and whole texts, or a rule and a sentence.

    One value in so many goes the whole way from files to tables as well, which takes fifty times as long.
    """
    value = data.decode(errors="replace")
    with suppress(Unreadable):
        payload = _read_payload(value)
        with suppress(Unreadable):
            offset = quarter_hours(payload)
            assert offset is None or (offset % 900 == 0 and -48 * 900 <= offset <= 56 * 900)
        for routes in ROUTES.values():
            for route in routes.values():
                for row in rows_of(route, PLACED, payload, 180.0):
                    _assert_row(route, row)
    if sum(data) % WHOLE == 0:
        _export(
            {
                DAILY: _csv(DAILY, [{"Tag": "daily_report", "Key": key, "Value": value} for key in REPORTS]),
                SAMPLES: _csv(SAMPLES, [{"Key": key, "Value": value} for key in RECORDS]),
                SPORTS: _csv(SPORTS, [{"Key": "running", "Value": value}]),
            }
        )


def _read_payload(value: str) -> dict[str, Any]:
    try:
        return parse(value)
    except Unreadable as error:
        _assert_said(error.problem[0], str(error))
        raise


def _assert_row(route: Route, row: Row) -> None:
    if row.problem:
        _assert_said(row.problem[0], row.problem[-1])
        return
    assert row.values is not None and len(row.values) == len(value_columns(route.schema))
    assert all(math.isfinite(found) for found in row.values if isinstance(found, (int, float)))
    assert all(isinstance(flag, str) for flag in row.flags)
    times = [row.instant, row.dated, row.label, row.offset]
    assert all(found is None or isinstance(found, int) for found in times)


def _csv(table: str, rows: list[dict[str, str]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS[table])
    writer.writeheader()
    writer.writerows({"Uid": UID, "Sid": "default", "Time": 1_767_225_600, "UpdateTime": 1} | row for row in rows)
    return out.getvalue().encode()


def _export(files: Mapping[str, bytes]) -> None:
    named = {f"{PREFIX}{table}.csv": data for table, data in files.items()}
    _conserve(mi_fitness.read, "mi_band", named, configured(checks=LOOSE), _export_rows)


def _export_rows(facts: Mapping[str, Any], tables: Tables, files: Mapping[str, bytes]) -> None:
    counted = ("routed", "marks", "without_values", "other_account")
    assert facts["rows"] == sum(facts[name] for name in counted) + sum(facts["other_keys"].values())
    below = {name: sum(1 for _ in rawtext.records(rawtext.decode(data))) - 1 for name, data in files.items()}
    assert facts["rows"] == sum(below[name] for name in facts["files"])
    raw = {(row["file"], row["row"]) for table in tables.values() for row in table.select(["file", "row"]).to_pylist()}
    assert len(raw) == facts["routed"]


def _conserve(
    read: Callable[..., Any], source: str, files: Mapping[str, bytes], settings: dict[str, Any], rows: Callable[..., None]
) -> None:  # fmt: skip
    """Read and validate `files`; `rows` checks what the reader counted."""
    snapshot = Snapshot(source, tuple(_raw(name, data) for name, data in sorted(files.items())))
    try:
        tables, facts = drain(read({source: snapshot}, settings))
    except PdpError as error:
        _assert_sentence(error)
        return
    rows(facts, tables, files)
    if len(facts["files"]) and sum(map(sum, files.values())) % VALIDATED == 0:
        _validate(source, tables, settings)


def _validate(source: str, tables: Tables, settings: dict[str, Any]) -> None:
    for name, table in tables.items():
        if not table.num_rows:
            continue
        try:
            outputs, fates = drain(getattr(validate, name.removeprefix(f"{source}_"))({name: table}, settings))
        except PdpError as error:  # all rows are bad: the stage says so and keeps the last good outputs
            _assert_sentence(error)
            continue
        assert fates["read"] == table.num_rows == fates["accepted"] + fates["superseded"] + fates["quarantined"]
        assert sum(output.num_rows for output in outputs.values()) == fates["accepted"] + fates["quarantined"]


def repairs(data: bytes) -> None:
    """What a person decided: each line that decides something is in the repairs of one table, or a sentence says why not."""
    file = _raw(FILE, data)
    given = Repairs(Path(file.path))
    try:
        found = [repair for table in REPAIRED for repair in given.of(table, REPAIRED)]
        decided = [line for line in given.lines if line["do"]]
    except PdpError as error:
        _assert_sentence(error)
        return
    assert sorted(number for repair in found for number in repair.lines) == [line.number for line in decided]
    assert all(repair.do in DOES and ID.fullmatch(repair.id) for repair in found)
    json.dumps([repair.as_data() for repair in found]).encode()


def toml(data: bytes) -> None:
    """A config: settings as plain JSON, or one sentence."""
    _config(data, b"")


def dotenv(data: bytes) -> None:
    """A .env file beside a good config."""
    _config(b'timezone = "Europe/Berlin"\n', data)


def _config(toml: bytes, env: bytes) -> None:
    root = _folder()
    (root / "configs").mkdir(exist_ok=True)
    (root / "configs/pdp.toml").write_bytes(toml)
    (root / ".env").write_bytes(env)
    try:
        found = config.load(root, {})
    except PdpError as error:
        _assert_sentence(error)
        return
    json.dumps(found.values, allow_nan=False)


def manifest(data: bytes) -> None:
    """A manifest names files below its own folder, or is none."""
    try:
        files = Snapshot.parse(data, _folder() / "raw").files
    except PdpError as error:
        _assert_sentence(error)
        return
    for file in files:
        assert (_folder() / "raw") in Path(file.path).parents and ".." not in Path(file.path).parts


def names(data: bytes) -> None:
    """A name from outside becomes one line to show and a plain file name."""
    name = data.decode("utf-8", "surrogateescape")
    assert escapes(labels.safe_name(name)) == ""
    shown = labels.label(name)
    assert len(shown) <= labels.MAX_LABEL and shown.isprintable()


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        zips, text, cell, values, sheet, tabs, reports, samples, sports, payloads, repairs, toml, dotenv, manifest, names,
    )
}  # fmt: skip


def _assert_sentence(error: PdpError) -> None:
    _assert_said(sentence(error))


def _assert_said(*texts: str) -> None:
    """Something is said, on one line that a terminal shows as it stands."""
    for said in texts:
        assert said.strip() and len(said) < 2000 and said.isprintable(), repr(said)


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="pdp-fuzz-"))


def _raw(name: str, data: bytes) -> RawFile:
    path = _folder() / name
    path.write_bytes(data)
    return RawFile(name, hashlib.sha256(data).hexdigest(), len(data), path)
