"""Which rows another row replaces: revisions of one raw row, and one fact told by several devices, sources or files.

A table holds millions of samples, so every rule works on whole columns coded as integers: first it finds the few rows
that share a key, then it ranks only these. Nothing is averaged and nothing summed; the first of a group stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pdp.schema import Schema, is_uniform
from stages.columns import Ints, Mask, codes, equal, integers, is_strict, numbers, pack, repeated, runs, texts_of, valid
from stages.schemas import PROVENANCE

ON_DEMAND = ("single_heart_rate", "single_spo2", "single_stress")
NOT_TOLD = frozenset(column.name for column in PROVENANCE) - {"instant_utc"}


def superseded(schema: Schema, table: pa.Table, sources: Sequence[str], alive: Mask) -> Mask:
    """True for each row of `table` that another row replaces; `sources` are in order of preference.

    `alive` are the rows that passed their checks: of the others none replaces another, or is replaced. The result does not
    depend on the order of the rows.
    """
    lost = np.zeros(table.num_rows, bool)
    for rule in RULES.get(schema.name, DEFAULT_RULES) if alive.any() else ():
        lost |= rule(schema, table, sources, alive & ~lost) & alive
    return lost


def older_revisions(schema: Schema, table: pa.Table, sources: Sequence[str], alive: Mask) -> Mask:
    """Rows of a raw row that a newer revision of it replaces, whole with all its parts.

    Of equal revisions the newest export decides the values, and the earliest row that has these values (and flags)
    stays: so a later full export of the same days changes nothing.
    """
    if is_strict(integers(table["record_time"])):
        return np.zeros(len(alive), bool)
    at = np.flatnonzero(alive & valid(table["record_time"]))
    key = pack(*(codes(table[name]) for name in ("source", "sid", "record")), integers(table["record_time"]))[at]
    twins = repeated(key)
    if not len(twins):
        return np.zeros(len(alive), bool)
    rows = table.take(at[twins])
    age = [integers(rows["revision"]), codes(rows["exported_on"]), codes(rows["file"]), integers(rows["row"])]
    group, raw = pack(key[twins]), pack(key[twins], *age)
    order = np.lexsort((integers(rows["item"]), raw))
    keep = _kept_revisions(rows.take(order), schema, group[order], raw[order], age[0][order])
    return _marked(len(alive), at[twins][order][~keep])


def _kept_revisions(rows: pa.Table, schema: Schema, group: Ints, raw: Ints, revision: Ints) -> Mask:
    """True for the parts of the raw row that stays in each `group`; rows lie in order of group, raw row and part."""
    raw_start, raw_of = runs(raw)
    group_start, group_of_raw = runs(group[raw_start])
    length = np.diff(np.append(raw_start, len(raw)))
    newest = np.append(group_start[1:], len(raw_start)) - 1
    champion = newest[group_of_raw][raw_of]
    part = np.arange(len(raw)) - raw_start[raw_of]
    twin = raw_start[champion] + np.minimum(part, length[champion] - 1)
    same = (length[raw_of] == length[champion]) & (revision == revision[twin])
    for name in (name for name in schema.names if name not in NOT_TOLD):
        values = codes(rows[name]) if name == "flags" else numbers(rows[name])
        same &= (values == values[twin]) | (np.isnan(values) & np.isnan(values[twin]))
    candidates = np.where(np.logical_and.reduceat(same, raw_start), np.arange(len(raw_start)), len(raw_start))
    kept: Ints = np.minimum.reduceat(candidates, group_start)[group_of_raw][raw_of]
    return np.equal(raw_of, kept)


def one_device_a_day(schema: Schema, table: pa.Table, sources: Sequence[str], alive: Mask) -> Mask:
    """Samples (and stretches of sleep outside a report) of all but one device on a date: two devices count twice.

    The server's own merge (`default`) comes first, then the order of the sources, then the device with most rows.
    """
    if is_uniform(table["source"]) and is_uniform(table["sid"]):
        return np.zeros(len(alive), bool)
    kind = "segment" if schema.name == "sleep" else "sample"
    at = np.flatnonzero(alive & equal(table["kind"], kind) & ~equal(table["record"], "daily_report"))
    source, sid = codes(table["source"], sources)[at], codes(table["sid"], ["default"])[at]
    device = pack(source, sid)
    if not len(at) or (device == device[0]).all():
        return np.zeros(len(alive), bool)
    key = pack(integers(table["local_date"])[at], device)
    _, first, which, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    date = integers(table["local_date"])[at][first]
    others = _all_but_first(date, (sid[first] != 0, source[first], -count, sid[first]))
    return _marked(len(alive), at[others[which]])


def same_fact(schema: Schema, table: pa.Table, sources: Sequence[str], alive: Mask) -> Mask:
    """All but one of the rows that tell a day, a night or an instant; the parts of a report go with it."""
    by_date = equal(table["kind"], "daily") | equal(table["kind"], "night")
    when = np.where(by_date, integers(table["local_date"]), integers(table["instant_utc"]))
    kind = np.where(by_date, 1 + equal(table["record"], "resting_heart_rate"), 0)
    segment = equal(table["kind"], "segment")
    of_report = segment & equal(table["record"], "daily_report")
    lost = np.zeros(len(alive), bool)
    if not is_strict(when):
        lost = _outranked(table, sources, pack(kind, when), alive & ~segment)
    if not segment.any():
        return lost
    raw = pack(*(codes(table[name]) for name in ("source", "file")), integers(table["row"]))
    lost |= of_report & np.isin(raw, raw[lost])
    bedtime = integers(pc.coalesce(table["bedtime_utc"], table["instant_utc"]))
    alone = alive & segment & ~of_report
    lost |= alone & np.isin(bedtime, bedtime[alive & of_report & ~lost])
    return lost | _outranked(table, sources, bedtime, alone & ~lost)


def older_copies(schema: Schema, table: pa.Table, sources: Sequence[str], alive: Mask) -> Mask:
    """Readings that a later download of the same sheet tells otherwise: it has readings of that minute, but not this one.

    Two files are downloads of one sheet if at least half of what the smaller one tells is in the other as well. The later
    one is that which reaches further; else has more readings; else the longer name, as `bp (1).csv` beside `bp.csv`.
    """
    at = np.flatnonzero(alive & ~valid(table["record_time"]))
    return _marked(len(alive), at[_told_otherwise(table.take(at))])


def _told_otherwise(rows: pa.Table) -> Mask:
    minute, what = _told(rows)
    lost = np.zeros(len(what), bool)
    for older, later in _downloads(rows, what):
        lost[older] |= np.isin(minute[older], minute[later]) & ~np.isin(what[older], what[later])
    return lost


def in_one_copy(table: pa.Table) -> list[tuple[str, list[str], int]]:
    """(the latest download of a sheet, older ones, readings) for each sheet of which readings stand in one of two downloads
    alone, though both tell of the time around. They count, and nobody can tell whether they were corrected or deleted since.
    """
    rows = table.filter(table["record_time"].is_null())
    file, what = _by_name(rows["file"]), _told(rows)[1]
    instant, each = integers(rows["instant_utc"]), pack(what, _nth(pack(what, file), integers(rows["row"])))
    counts = ~_told_otherwise(rows)

    def alone(here: Ints, there: Ints) -> set[int]:
        first = max(instant[here].min(), instant[there].min())
        last = min(instant[here].max(), instant[there].max())
        at = here[counts[here] & (first <= instant[here]) & (instant[here] <= last)]
        return set(each[at].tolist()) - set(each[there].tolist())

    found: dict[int, tuple[set[int], set[int]]] = {}
    for older, later in {int(file[older[0]]): (older, later) for older, later in _downloads(rows, what)}.values():
        readings = alone(older, later)
        if instant[older].max() == instant[later].max() and file[older[0]] > file[later[0]]:
            readings |= alone(later, older)  # by its name the older one is the later
        if readings:
            names, all_readings = found.setdefault(int(later[0]), (set(), set()))
            names.add(int(older[0]))
            all_readings |= readings
    name = rows["file"].to_pylist()
    return sorted((name[at], sorted(name[one] for one in older), len(them)) for at, (older, them) in found.items())


def _downloads(rows: pa.Table, what: Ints) -> Iterator[tuple[Ints, Ints]]:
    """(readings of the older, of the later) of each two files that are downloads of one sheet, the latest ones last."""
    instant, log = integers(rows["instant_utc"]), pack(codes(rows["source"]), _by_name(rows["file"]))
    files = [np.flatnonzero(log == one) for one in np.unique(log)]
    files.sort(key=lambda of: (instant[of].max(), len(of)))  # it is stable, and they lie in order of their names
    tells = [np.unique(what[of]) for of in files]
    for older, later in combinations(range(len(files)), 2):
        among = np.isin(tells[older], tells[later])
        if 2 * among.sum() >= min(len(among), len(tells[later])):
            yield files[older], files[later]


def _told(readings: pa.Table) -> tuple[Ints, Ints]:
    """For each reading a number for its minute by the local clock (or its date, where no time is known), and one for that and all
    its values."""
    minute = (integers(readings["instant_utc"]) + integers(readings["utc_offset_s"])) // 60
    values = (numbers(readings[name]) for name in ("systolic", "diastolic", "pulse"))
    when = pack(minute, ~equal(readings["time_known"], False))
    return when, pack(when, *(np.unique(each, return_inverse=True)[1] for each in values))


def _nth(key: Ints, *order: Ints) -> Ints:
    """For each row how many of its `key` come before it in this order."""
    by = np.lexsort((*reversed(order), key))
    start, run = runs(key[by])
    nth = np.empty(len(key), np.int64)
    nth[by] = np.arange(len(key)) - start[run] if len(key) else 0
    return nth


def _by_name(files: pa.ChunkedArray) -> Ints:
    """Files as ranks, the shorter name first: `bp.csv` before its copy `bp (1).csv`."""
    return codes(files, sorted(texts_of(files)[1], key=lambda name: (len(name), name)))


def repeated_readings(schema: Schema, table: pa.Table, sources: Sequence[str], alive: Mask) -> Mask:
    """Readings that another file, device or source tells as well.

    Equal readings of one minute are as many as the one log that has most of them says: two in one sheet stay two.
    """
    at = np.flatnonzero(alive)
    rows = table.take(at)
    _, what = _told(rows)
    by_hand = ~valid(rows["record_time"])  # nothing but the file tells two logs apart
    file, exported = _by_name(rows["file"]), codes(rows["exported_on"])
    log = pack(
        codes(rows["source"], sources), codes(rows["sid"], ["default"]),
        np.where(by_hand, exported, 0), np.where(by_hand, file, 0),
    )  # fmt: skip
    nth = _nth(pack(what, log), exported, file, integers(rows["row"]), integers(rows["item"]))
    return _marked(len(alive), at[_all_but_first(pack(what, nth), (log,))])


Rule = Callable[[Schema, pa.Table, Sequence[str], Mask], Mask]
DEFAULT_RULES: tuple[Rule, ...] = (older_revisions, same_fact)
RULES: dict[str, tuple[Rule, ...]] = {
    "blood_pressure": (older_revisions, older_copies, repeated_readings),
    **dict.fromkeys(("heart_rate", "sleep", "spo2", "steps", "stress"), (older_revisions, one_device_a_day, same_fact)),
}


def _outranked(table: pa.Table, sources: Sequence[str], key: Ints, among: Mask) -> Mask:
    """The rows of `among` that share their `key` with a better one.

    Best is the server's own merge, then the order of the sources, a report before other rows, a measurement that the
    device took of itself before one asked for, the newest revision, the earliest export.
    """
    at = np.flatnonzero(among)
    at = at[repeated(key[at])]
    if not len(at):
        return np.zeros(len(among), bool)
    rows = table.take(at)
    rank = (
        ~equal(rows["sid"], "default"), codes(rows["source"], sources), ~equal(rows["record"], "daily_report"),
        codes(rows["record"], ON_DEMAND) < len(ON_DEMAND), codes(rows["sid"]), -integers(rows["revision"]),
        codes(rows["exported_on"]), codes(rows["file"]), integers(rows["row"]), integers(rows["item"]),
    )  # fmt: skip
    return _marked(len(among), at[_all_but_first(key[at], rank)])


def _all_but_first(key: Ints, rank: Sequence[npt.NDArray[np.generic]]) -> Mask:
    """True for all but the first row of each key, `rank` being the order within a key, most significant first."""
    order = np.lexsort((*reversed(rank), key))
    ordered = key[order]
    return _marked(len(key), order[1:][ordered[1:] == ordered[:-1]])


def _marked(length: int, at: Ints) -> Mask:
    mask = np.zeros(length, bool)
    mask[at] = True
    return mask
