"""The files of a Mi Fitness export: which table one holds, of which export and account, and where its columns are."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pdp.errors import InputError

DAILY = "hlth_center_aggregated_fitness_data"
SAMPLES = "hlth_center_fitness_data"
SPORTS = "hlth_center_sport_record"
REQUIRED = {DAILY: ("Tag", "Key", "Time", "Value"), SAMPLES: ("Key", "Time", "Value"), SPORTS: ("Key", "Time", "Value")}
NOT_READ = (
    "hlth_center_sport_track_data", "hlth_center_data_source", "hlth_center_medical_data", "hlthappUserFeedback",
    r"hlth_user_course_train_\w+", "user_fitness_profile", "user_member_profile", "user_fitness_data_records",
    "user_device_setting", "user_fitness_with_uuid_data_records", "user_health_plan_records", r"user_pk_\w+",
)  # fmt: skip
_TABLE = re.compile(
    rf"(?:^|[^a-z0-9])({'|'.join((*REQUIRED, *NOT_READ))})(?:\.decoded)?(?:[ _]?\(\d+\))?\.csv$", re.IGNORECASE
)
_EXPORT = re.compile(r"(?<!\d)(\d{8})_(\d+)_MiFitness", re.IGNORECASE)

_SECONDS = re.compile(r"-?\d{1,18}", re.ASCII)


@dataclass(frozen=True)
class ExportFile:
    """A recognised file. `exported_on` (YYYYMMDD) and `account` are '' where neither file nor folder names them."""

    name: str
    table: str
    exported_on: str
    account: str

    @property
    def is_read(self) -> bool:
        return self.table in REQUIRED


@dataclass(frozen=True)
class Layout:
    """Where in a row the columns are; None for one that the file lacks."""

    width: int
    key: int
    time: int
    value: int
    tag: int | None
    uid: int | None
    sid: int | None
    revision: int | None

    def cell(self, cells: list[str], index: int | None) -> str:
        """The cell, '' where the file lacks the column or the row is too short."""
        return cells[index].strip() if index is not None and index < len(cells) else ""

    def fits(self, cells: list[str]) -> bool:
        """Whether the row has a cell for each column, and beyond them none that holds something."""
        return len(cells) == self.width or (len(cells) > self.width and not any(cells[self.width :]))

    def account(self, cells: list[str]) -> str:
        """Whose row it is by its Uid, '' if it does not say: then it is that of the account in the file's name."""
        uid = self.cell(cells, self.uid)
        return uid if uid.isdigit() and self.fits(cells) else ""


def recognise(name: str) -> ExportFile | None:
    """The file of this name (below `raw/<source>/`, or `<zip>!<member>`), None if it is not of a Mi Fitness export."""
    found = _TABLE.search(re.split(r"[/\\!]", name)[-1])
    if not found:
        return None
    exports = _EXPORT.findall(name)
    exported_on, account = exports[-1] if exports else ("", "")
    return ExportFile(name, found.group(1).lower(), exported_on if _is_date(exported_on) else "", account)


def seconds(text: str) -> int | None:
    """A time stamp as the columns Time and UpdateTime hold it; None for anything else."""
    return int(text) if _SECONDS.fullmatch(text) else None


def layout_of(file: ExportFile, header: Iterable[str]) -> Layout:
    """Where the columns of the file are.

    Raises:
        InputError: it has no header, or lacks a column that it must have.
    """
    names = [name.strip().lower() for name in header]
    if not any(names):
        raise InputError(f"{file.name} is empty: it lacks even a header", hint="export it again, or take it away")
    missing = [name for name in REQUIRED[file.table] if name.lower() not in names]
    if missing:
        columns = "columns" if len(missing) > 1 else "column"
        raise InputError(
            f"{file.name} lacks the {columns} {', '.join(missing)}",
            hint="export it again and leave its header as it is",
        )
    at = {name: index for index, name in reversed(list(enumerate(names)))}
    return Layout(
        len(names), at["key"], at["time"], at["value"],
        at.get("tag"), at.get("uid"), at.get("sid"), at.get("updatetime"),
    )  # fmt: skip


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False
