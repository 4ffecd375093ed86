"""Which files of Mi Fitness exports count, whose they are, and which offsets from UTC their rows tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from pdp.errors import InputError
from pdp.snapshot import Snapshot
from stages.normalize.archive import Part, contents, parts
from stages.normalize.days import Offsets
from stages.normalize.mi_files import ExportFile, recognise
from stages.normalize.mi_gather import Told
from stages.normalize.mi_scan import NotByLine, scan
from stages.normalize.remember import Keep, Kept


@dataclass
class Survey:
    """What the files are, all of them scanned.

    `files`: those to read, by name, with their batches; `same`: identical ones, by name, and which is read in their
    stead; `account`: whose rows count, '' if no row says; `known`: the (instant, offset) pairs told by that account's
    rows.
    """

    files: dict[str, tuple[ExportFile, Kept]] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)
    not_read: list[str] = field(default_factory=list)
    unrecognised: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    """Lone files, and zips as a whole, of which nothing is known."""
    account: str = ""
    known: list[tuple[int, int]] = field(default_factory=list)


def survey(snapshot: Snapshot, keep: Keep, zone: str, account: str, short_night_min: float) -> Survey:
    """Scan all files of the snapshot, but for those whose scan is kept.

    Raises:
        InputError: no file is of a Mi Fitness export, one is damaged or lacks a column, or they are of several accounts
            and `account` names none of them.
    """
    found = Survey()
    recognised = _sort_out(snapshot, found)
    told: dict[str, set[Told]] = {file.account: set() for file in recognised.values()}
    alike: dict[tuple[str, str, str], list[tuple[ExportFile, Kept]]] = {}
    for file, part in _parts(snapshot, recognised):
        kept = _scanned(part, file, keep, short_night_min)
        others = alike.setdefault((kept.facts["sha256"], file.table, file.account), [])
        others.append((file, kept))
        for whose, counts in kept.facts["accounts"].items():
            told.setdefault(whose or file.account, set()).update(map(tuple, counts["told"]))
    for files in alike.values():
        best, _ = chosen = min(files, key=lambda each: _rank(each[0]))
        found.files[best.name] = chosen
        found.same.update((file.name, best.name) for file, _ in files if file is not best)
    found.files = dict(sorted(found.files.items()))
    found.account = _whose([one for one in told if one], account)
    found.known = _pairs(told.get(found.account, set()) | told.get("", set()), zone)
    return found


def _rank(file: ExportFile) -> tuple[str, int, str]:
    return file.exported_on or "9", len(file.name), file.name


def _scanned(part: Part, file: ExportFile, keep: Keep, short_night_min: float) -> Kept:
    """The scan of a file. It depends on its bytes and table only, and so is that of every file like it."""
    key = f"{file.table} {short_night_min:g} {part.key}"
    try:
        return keep(key, partial(scan, part, file, short_night_min))
    except NotByLine:
        return keep(key, partial(scan, part, file, short_night_min, whole=True))


def _parts(snapshot: Snapshot, files: Mapping[str, ExportFile]) -> Iterator[tuple[ExportFile, Part]]:
    """Those of `files` that the snapshot holds."""
    for raw in sorted(snapshot, key=lambda raw: raw.name):
        for part in parts(raw, files):
            yield files[part.name], part


def _outer(name: str) -> str:
    """The zip that a file is in, or the file."""
    return name.partition("!")[0]


def _sort_out(snapshot: Snapshot, found: Survey) -> dict[str, ExportFile]:
    names = [name for raw in sorted(snapshot, key=lambda raw: raw.name) for name in contents(raw)]
    recognised = {name: file for name in names if (file := recognise(name))}
    found.unrecognised = [name for name in names if name not in recognised]
    found.strangers = sorted({_outer(name) for name in found.unrecognised} - {_outer(name) for name in recognised})
    found.not_read = [name for name, file in recognised.items() if not file.is_read]
    if names and not recognised:
        raise InputError(
            f"raw/{snapshot.source} holds no file of a Mi Fitness export, but {names[0]}",
            hint="put the zip as downloaded there, or its CSV files with their names as they were",
        )
    return {name: file for name, file in recognised.items() if file.is_read}


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
