"""The first pass over Mi Fitness exports: which files count, whose they are, and which offsets their rows tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from pdp.errors import InputError
from pdp.snapshot import RawFile, Snapshot
from stages.normalize import mi_sleep
from stages.normalize.archive import Member, contents, read
from stages.normalize.days import PLAUSIBLE, Offsets
from stages.normalize.mi_files import DAILY, SAMPLES, SPORTS, ExportFile, open_file, recognise, seconds
from stages.normalize.mi_payloads import Unreadable, latest_offset, parse, quarter_hours
from stages.normalize.mi_routes import SLEEP_KEYS

Told = tuple[int, int, int]  # (start, end, offset) of a row that tells its offset


@dataclass
class Survey:
    """What the first pass found.

    `files`: those to read, by name; `same`: identical ones, by name, and which is read in their stead; `account`: whose
    rows count, '' if no row says; `known`: the (instant, offset) pairs told by that account's rows.
    """

    files: dict[str, ExportFile] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    not_read: list[str] = field(default_factory=list)
    unrecognised: list[str] = field(default_factory=list)
    account: str = ""
    known: list[tuple[int, int]] = field(default_factory=list)


def survey(snapshot: Snapshot, zone: str, account: str) -> Survey:
    """Look through all files of the snapshot once.

    Raises:
        InputError: no file is of a Mi Fitness export, one is damaged or lacks a column, or they are of several accounts
            and `account` names none of them.
    """
    found = Survey()
    recognised = _sort_out(snapshot, found)
    told: dict[str, set[Told]] = {file.account: set() for file in recognised.values()}
    alike: dict[tuple[str, str, str], list[ExportFile]] = {}
    for file, member in members(snapshot, recognised):
        others = alike.setdefault((member.sha256, file.table, file.account), [])
        if not others:
            for whose, offset in _tell(file, member):
                told.setdefault(whose, set()).update(offset)
        others.append(file)
    for files in alike.values():
        best = min(files, key=lambda file: (file.exported_on or "9", len(file.name), file.name))
        found.files[best.name] = best
        found.same.update((file.name, best.name) for file in files if file is not best)
    found.account = _whose([one for one in told if one], account)
    found.known = _pairs(told.get(found.account, set()) | told.get("", set()), zone)
    return found


def members(snapshot: Snapshot, files: Mapping[str, ExportFile]) -> Iterator[tuple[ExportFile, Member]]:
    """Those of `files` that the snapshot holds, in the order of their names, one in memory at a time."""
    for raw in _by_name(snapshot):
        for member in read(raw, files):
            yield files[member.name], member


def _by_name(snapshot: Snapshot) -> list[RawFile]:
    return sorted(snapshot, key=lambda raw: raw.name)


def _sort_out(snapshot: Snapshot, found: Survey) -> dict[str, ExportFile]:
    names = [name for raw in _by_name(snapshot) for name in contents(raw)]
    recognised = {name: file for name in names if (file := recognise(name))}
    found.unrecognised = [name for name in names if name not in recognised]
    found.not_read = [name for name, file in recognised.items() if not file.is_read]
    if names and not recognised:
        raise InputError(
            f"raw/{snapshot.source} holds no file of a Mi Fitness export, but {names[0]}",
            hint="put the zip as downloaded there, or its CSV files with their names as they were",
        )
    return {name: file for name, file in recognised.items() if file.is_read}


def _tell(file: ExportFile, member: Member) -> Iterator[tuple[str, list[Told]]]:
    """For each row its account, and the offsets that it tells."""
    _, layout, rows = open_file(file, member)
    for _, cells in rows:
        key, tag = layout.cell(cells, layout.key), layout.cell(cells, layout.tag)
        tells = file.table == SPORTS or (file.table == SAMPLES and key in SLEEP_KEYS)
        tells = tells or (file.table == DAILY and tag == "daily_report")
        try:
            offsets = list(_told_by(file.table, key, cells[layout.time], cells[layout.value])) if tells else []
        except (Unreadable, IndexError):
            offsets = []  # the second pass sets such a row aside
        yield layout.account(cells, file), offsets


def _told_by(table: str, key: str, time: str, value: str) -> Iterator[Told]:
    if table == SPORTS:
        start, offset = seconds(time.strip()), quarter_hours(parse(value))
        if start is not None and start in PLAUSIBLE and offset is not None:
            yield start, start, offset
    elif table == DAILY and key in ("heart_rate", "spo2"):
        if latest := latest_offset(parse(value)):
            yield latest[0], latest[0], latest[1]
    elif key in SLEEP_KEYS:
        payload = parse(value)
        parts = mi_sleep.night(payload, 0) if table == DAILY else [mi_sleep.segment(payload)]
        for part in parts:
            if part and part.offset is not None and (part.bed or part.wake):
                yield part.bed or part.wake or 0, part.wake or part.bed or 0, part.offset


def _pairs(told: Iterable[Told], zone: str) -> list[tuple[int, int]]:
    """One instant for each offset told: the end of a sleep, or its start where only that agrees with `zone`.

    A person at home who sleeps through the change to winter time may be told the offset of either end.
    """
    rows = np.array(sorted(told), dtype=np.int64).reshape(-1, 3)
    start, end, offset = rows[:, 0], rows[:, 1], rows[:, 2]
    at_home = Offsets(zone).of_zone
    instant = np.where((at_home(start) == offset) & (at_home(end) != offset), start, end)
    return [(int(i), int(o)) for i, o in zip(instant, offset, strict=True)]


def _whose(accounts: list[str], wanted: str) -> str:
    """The account whose rows count; sentences never show more than its last two digits."""
    if wanted and accounts and wanted not in accounts:
        raise InputError(
            f"no export is of the account {_masked(wanted)} that the config names, but of {_list(accounts)}",
            hint="correct account in [mi_band], or put that account's export there",
        )
    if len(accounts) > 1 and not wanted:
        raise InputError(
            f"the exports are of {len(accounts)} accounts: {_list(accounts)}",
            hint="name yours in the config as account in [mi_band], or take the other's files away",
        )
    return wanted or next(iter(accounts), "")


def _list(accounts: list[str]) -> str:
    return " and ".join(sorted(map(_masked, accounts)))


def _masked(account: str) -> str:
    return "…" + account[-2:]
