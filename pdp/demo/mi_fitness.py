"""The person's Mi Fitness exports: a folder as unpacked and, later, a zip as downloaded; each has the full history."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from pdp.demo import mi_rows, plan
from pdp.demo.day import Day
from pdp.demo.mi_payloads import BAND, SECOND
from pdp.demo.mi_rows import AGGREGATED, BY_HAND, FITNESS, PHONE, SPORT, Raw
from pdp.demo.plan import happens
from pdp.demo.truth import Row

SOURCE = "mi_band"
UID = "7000000001"
HEADERS = {
    AGGREGATED: "Uid,Sid,Tag,Key,Time,Value,UpdateTime",
    FITNESS: "Uid,Sid,Key,Time,Value,UpdateTime",
    SPORT: "Uid,Sid,Key,Time,Category,Value,UpdateTime",
}
EMPTY = {
    "hlth_center_sport_track_data": "Uid,Did,Key,Time,UpdateTime,GPX",
    "user_fitness_with_uuid_data_records": "uid,did,tag,key,record_id,time,value,last_modify",
    "user_health_plan_records": "uid,plan_type,status,timestamp,plan_info,value,desc,last_modify",
    "user_member_profile": "Uid,Name,Sex,Birth,Height,Weight,Relation,XiaomiId,Region,SpecialMark,Icon",
}
DATA_SOURCE = "Uid,Sid,Identifier,Model,Name,Alias,Status,CreateTime,UpdateTime"
DEVICES = {BAND: "Demo Band", SECOND: "Demo Watch", PHONE: "Demo Phone", BY_HAND: "Add data"}
TAGS = ("daily_report", "daily_mark", "daily_fitness")  # in the order of a real export


@dataclass(frozen=True)
class Export:
    """One export, with the rows of each of its tables in the order of the file."""

    day: Day
    zipped: bool
    tables: dict[str, list[Raw]]

    @property
    def stem(self) -> str:
        return f"{self.day.date:%Y%m%d}_{UID}_MiFitness"

    @property
    def folder(self) -> str:
        return f"{self.stem}_ams1_data_copy"

    def path(self, table: str) -> str:
        """The table's file below raw/mi_band/, as pdp names it."""
        inside = f"{self.folder}/{self.stem}_{table}.csv"
        return f"{self.folder}.zip!{inside}" if self.zipped else inside

    def files(self) -> dict[str, bytes]:
        """Path below raw/mi_band/ -> bytes."""
        lines = {table: [HEADERS[table], *map(_line, rows)] for table, rows in self.tables.items()}
        lines |= {table: [header] for table, header in EMPTY.items()} | {"hlth_center_data_source": self._devices()}
        files = {self.path(table): ("\n".join(lines[table]) + "\n").encode() for table in sorted(lines)}
        return {f"{self.folder}.zip": self._zip(files)} if self.zipped else files

    def _devices(self) -> list[str]:
        now = self.day.at(plan.SYNC) * 10**9  # this table alone counts nanoseconds
        rows = [f"{UID},{sid},demo-{n},demo.{n},{name},,2,{now},{now}" for n, (sid, name) in enumerate(DEVICES.items())]
        return [DATA_SOURCE, *rows]

    def _zip(self, files: dict[str, bytes]) -> bytes:
        """Stored, not deflated: builds of zlib differ in what they make of the same bytes."""
        buffer, date = io.BytesIO(), self.day.date
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for path, data in files.items():
                member = zipfile.ZipInfo(path.split("!")[1], (date.year, date.month, date.day, 10, 42, 0))
                member.create_system, member.external_attr = 3, 0o644 << 16
                archive.writestr(member, data)
        return buffer.getvalue()


def write(days: list[Day]) -> tuple[dict[str, bytes], list[Row]]:
    """Path below raw/mi_band/ -> bytes, and what is to become of every row that belongs to a table."""
    exports = _exports(days)
    files = {path: data for export in exports for path, data in export.files().items()}
    return files, list(_fates(exports))


def _exports(days: list[Day]) -> list[Export]:
    """The demo's exports, oldest first; the last of them is the zip."""
    final = [_rows(day, day.at(plan.SYNC + 1440)) for day in days[:-1]]
    exports = []
    for index in plan.exports(len(days)):
        day, zipped = days[index], index == len(days) - 1
        history = [*final[:index], _rows(day, day.at(plan.SYNC))]
        for number, rows in enumerate(history):
            if happens(plan.TORN_STEPS, number):
                history[number] = _torn(rows, "steps")
            if happens(plan.TORN_HEART, number) and not zipped:
                history[number] = _torn(rows, "heart_rate")
        exports.append(Export(day, zipped, _tables([row for rows in history for row in rows])))
    return exports


def _rows(day: Day, until: int) -> list[Raw]:
    """The day's rows as an export has them that is taken right after the sync at `until`."""
    seen = day.seen_at(until)
    steady = [row for row in (*mi_rows.measured(day), *mi_rows.stretches(day)) if row.update <= until + 60]
    return [*steady, *mi_rows.reports(seen, until), *mi_rows.daily(seen, until)]


def _torn(rows: list[Raw], key: str) -> list[Raw]:
    """The rows, the first sample of `key` with its Value cut off."""
    first = next((n for n, row in enumerate(rows) if row.file == FITNESS and row.key == key), len(rows))
    return [row.tear() if n == first else row for n, row in enumerate(rows)]


def _tables(rows: list[Raw]) -> dict[str, list[Raw]]:
    """The rows by file, in the order of real exports: newest samples first, reports by tag and key."""
    tables: dict[str, list[Raw]] = {table: [] for table in HEADERS}
    for row in rows:
        tables[row.file].append(row)
    tables[FITNESS].sort(key=lambda row: (-row.time, row.key, row.sid))
    tables[AGGREGATED].sort(key=lambda row: (row.time, row.sid))
    tables[AGGREGATED].sort(key=lambda row: row.key, reverse=True)
    tables[AGGREGATED].sort(key=lambda row: TAGS.index(row.tag))
    tables[SPORT].sort(key=lambda row: row.time)
    return tables


def _line(row: Raw) -> str:
    value = '"' + row.value.replace('"', '""') + '"'
    key = {FITNESS: row.key, AGGREGATED: f"{row.tag},{row.key}", SPORT: row.key}[row.file]
    between = f"{row.time},{row.key}" if row.file == SPORT else str(row.time)
    return f"{UID},{row.sid},{key},{between},{value},{row.update}"


def _fates(exports: list[Export]) -> Iterator[Row]:
    """Of the revisions of a row the newest counts, of equal ones that of the oldest export; a torn row never does."""
    newest: dict[tuple[object, ...], tuple[int, int]] = {}
    for age, export in enumerate(exports):
        for row in (row for rows in export.tables.values() for row in rows if row.meaning and not row.torn):
            newest[row.identity] = max(newest.get(row.identity, (0, 0)), (row.update, -age))
    for age, export in enumerate(exports):
        for table, rows in export.tables.items():
            file = export.path(table)
            for line, row in enumerate(rows, start=2):
                if row.meaning:
                    yield _row(row, file, line, newest.get(row.identity) == (row.update, -age))


def _row(raw: Raw, file: str, line: int, newest: bool) -> Row:
    found = raw.meaning
    assert found is not None
    row = Row(
        found.table, found.kind, SOURCE, file, line, "daily_report" if raw.tag else raw.key, raw.sid,
        found.date, found.instant, found.clock, found.values,
    )  # fmt: skip
    if raw.torn:
        return row._replace(fate="quarantined", rule="json")
    if found.lost or not newest:
        return row._replace(fate="superseded", rule=found.lost or "revision")
    return row
