"""Repairs: what a person decided about single rows, put in before the checks.

A row is named by an id that is made of what its raw row tells, not of where it stands: so a repair finds it again in the
next export, under another file name, and after rows were inserted above it. Rows of one file that tell the same are told
apart by their order.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pdp.errors import InputError
from pdp.schema import Schema
from stages import schemas
from stages.columns import Mask
from stages.normalize import days

Row = dict[str, Any]
Place = tuple[str, int, int]  # file, row, item
Repair = Mapping[str, Any]  # id, do (set, accept, drop), set {column: text}, rules, lines (in repairs.csv)

DROPPED = "dropped"  # the problem of a row that a person dropped
REPAIRED = "repaired"  # the flag of a row of which a person set a value
ACCEPTED = "accepted_"  # before a rule's name: the flag of a row that a person accepted although it breaks the rule
MEASURED_AT = "measured_at"  # stands for the instant, the offset and the local date
WHOLE_DAY = ("daily", "night")
# Not of the raw row itself: its place, what settings or other rows make of it, and pdp's words about it.
NOT_OF_THE_ROW = frozenset(
    ("file", "row", "exported_on", "instant_utc", "utc_offset_s", "offset_source", "local_date", "flags",
     "problem", "problem_cell", "problem_sentence")
)  # fmt: skip
VALUES_OF_ALL = frozenset(column.name for column in (*schemas.PROVENANCE, *schemas.TRAILER, *schemas.PROBLEM))
# What a repair of an unreadable row has to tell, be it that there is none: the reader names only its first problem.
WHOLE = {"blood_pressure": ("systolic", "diastolic", "pulse")}
NEVER_EMPTY = frozenset(("systolic", "diastolic"))
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Repairs:
    """The repairs of one table; `apply` is given all its rows, chunk by chunk, those of a file in order."""

    def __init__(self, schema: Schema, config: Mapping[str, Any]) -> None:
        self.schema, self.config = schema, config
        self._by_id: dict[str, Repair] = {repair["id"]: repair for repair in config.get("repairs", ())}
        self._seen: Counter[tuple[str, str]] = Counter()
        self._found: Counter[str] = Counter()
        for repair in self._by_id.values():
            self._assert_possible(repair)

    def apply(self, table: pa.Table) -> pa.Table:
        """`table` (normalized) with repaired rows in place of those that were read; the others are not touched.

        Raises:
            InputError: a value does not fit its column.
        """
        if not self._by_id:
            return table
        parts, end = [], 0
        for at, row, name in _identified(table, [_when_in(each) for each in self._by_id], self._seen):
            if repair := self._by_id.get(name):
                self._found[name] += 1
                mended = pa.Table.from_pylist([getattr(self, f"_{repair['do']}")(row, repair)], table.schema)
                parts += [table.slice(end, at - end), mended]
                end = at + 1
        return pa.concat_tables([*parts, table.slice(end)])

    def state(self) -> list[list[Any]]:
        """What `apply` remembers of the rows that it was given, as plain data: how many it saw by file and id, and repaired."""
        return [[[*of, count] for of, count in self._seen.items()], [*self._found.items()]]

    def resume(self, state: Sequence[Sequence[Any]]) -> None:
        """Goes on from what `state` told."""
        seen, found = state
        self._seen = Counter({(file, name): count for file, name, count in seen})
        self._found = Counter(dict(found))

    def facts(self) -> dict[str, Any]:
        """How many rows were repaired, and the ids of repairs that no row has any more; nothing without repairs."""
        if not self._by_id:
            return {}
        unmatched = sorted(self._by_id.keys() - self._found.keys())
        return {"repairs": {"applied": self._found.total(), "unmatched": unmatched}}

    def _assert_possible(self, repair: Repair) -> None:
        """What can be told without the row."""
        rules = [check.name for check in self.schema.checks if check.severity == "quarantine"]
        for rule in repair["rules"]:
            if rule not in rules:
                hint = "set its values, or drop it"
                raise _wrong(repair, f"rule {rule} is none that a row can be accepted in spite of", hint)
        columns = [*self._values, *([MEASURED_AT] if self._values else [])]
        for column in repair["set"]:
            if column not in columns:
                near = get_close_matches(column, columns, 1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(columns) or 'none: drop the row'}"
                raise _wrong(repair, f"{self.schema.name} has no column {column} that can be set", hint)

    @property
    def _values(self) -> list[str]:
        """The columns that hold what was measured."""
        return [name for name in self.schema.names if name not in VALUES_OF_ALL]

    def _drop(self, row: Row, repair: Repair) -> Row:
        return row | {"problem": DROPPED, "problem_sentence": "dropped for good by repairs.csv"}

    def _accept(self, row: Row, repair: Repair) -> Row:
        """The row, marked with those of the named rules that it breaks. It is not changed, and other rules hold."""
        one = pa.Table.from_pylist([row], schemas.normalized(self.schema).arrow())
        broken = [c.name for c in self.schema.checks if c.name in repair["rules"] and not c.passes(one)[0].as_py()]
        return row | {"flags": _joined(row["flags"], (ACCEPTED + name for name in broken))}

    def _set(self, row: Row, repair: Repair) -> Row:
        told = dict(repair["set"])
        mended = row | (self._placed(row, repair, told.pop(MEASURED_AT)) if MEASURED_AT in told else {})
        mended |= {column: self._value(column, text, repair) for column, text in told.items()}
        if all(mended[name] is None for name in self._values if name != "time_known"):
            raise _wrong(repair, "the row would hold no value", "drop it instead")
        mended["flags"] = _joined(mended["flags"], (REPAIRED,))
        if row["problem"] is None:
            return mended
        open_ = [name for name in WHOLE.get(self.schema.name, ()) if mended[name] is None and name not in told]
        open_ += [MEASURED_AT] if mended["local_date"] is None else []
        if open_:  # The row stays as it was read.
            also = f"repaired, but for {' and '.join(open_)}: add a line that sets it, with no value if there is none"
            return row | {"problem_sentence": f"{row['problem_sentence']}; {also}"}
        return mended | dict.fromkeys(column.name for column in schemas.PROBLEM)

    def _value(self, column: str, text: str, repair: Repair) -> Any:
        """The value that a person wrote. No sentence repeats it."""
        if not text:
            if column in NEVER_EMPTY:
                raise _wrong(repair, f"{column} cannot be left empty", "write its value, or drop the row")
            return None
        kind = next(each.type for each in self.schema.columns if each.name == column)
        try:
            if kind == "bool":
                return TRUTH[text.lower()]
            if kind == "instant":
                return _moment(text, needs_offset=True).astimezone(UTC)
            number = int(text) if kind == "int64" else float(text)
            if isfinite(number):
                return number
            raise ValueError
        except (ValueError, KeyError):
            raise _wrong(repair, f"the value of {column} must be {WORDS[kind]}", EXAMPLES[kind]) from None

    def _placed(self, row: Row, repair: Repair, text: str) -> Row:
        """When it was measured: a local time as the clock on the wall showed it, or one with its offset."""
        whole_day = row["kind"] in WHOLE_DAY
        try:
            moment = _moment(text)
        except ValueError:
            raise _wrong(repair, f"{MEASURED_AT} is not a date and time", "write it like 2025-09-01 08:00") from None
        known = len(text) > len("2025-09-01") and not whole_day
        if not (known or whole_day or "time_known" in row):
            raise _wrong(repair, f"{MEASURED_AT} lacks the time", "write it like 2025-09-01 08:00")
        naive = moment.replace(tzinfo=None) if known else datetime.combine(moment.date(), datetime.min.time())
        if moment.tzinfo is None:
            (instant, offset, flags), source = days.local_to_utc(naive, self.config["timezone"]), "zone"
        else:
            offset, flags, source = round((moment.utcoffset() or timedelta()).total_seconds()), (), "row"
            instant = round(naive.replace(tzinfo=UTC).timestamp()) - offset
        date = days.local_date(instant, offset, self.config["day_starts_at"]) if known else naive.date()
        placed = {
            "instant_utc": datetime.fromtimestamp(instant, UTC), "utc_offset_s": offset, "offset_source": source,
            "local_date": date, "flags": _joined(row["flags"], flags if known else ()),
        }  # fmt: skip
        if row["record_time"] is not None:
            placed["record_time"] = instant
        return placed | ({"time_known": known} if "time_known" in row else {})


WORDS = {"float64": "a number", "int64": "a whole number", "bool": "true or false", "instant": "a time with its offset"}
EXAMPLES = {
    "float64": "write it like 130.5", "int64": "write it like 130", "bool": "write true or false",
    "instant": "write it like 2025-09-01 23:10+02:00",
}  # fmt: skip


def accepted(table: pa.Table, rule: str) -> Mask | None:
    """Where a person accepted a row in spite of `rule`; None if nowhere.

    `table["flags"]` is a dictionary of few texts: these are looked at, and not the rows.
    """
    flags = table["flags"]
    texts = {text for chunk in flags.chunks for text in chunk.dictionary.to_pylist()}
    named = [text for text in texts if text and ACCEPTED + rule in text.split(";")]
    return np.asarray(pc.is_in(flags.cast(pa.string()), pa.array(named, pa.string())), bool) if named else None


def identify(table: pa.Table, places: Collection[Place]) -> dict[Place, str]:
    """The ids of the rows of a normalized table that stand at these places."""
    there = pc.and_(
        pc.is_in(table["file"], pa.array(sorted({file for file, _, _ in places}), pa.string())),
        pc.is_in(table["row"], pa.array(sorted({row for _, row, _ in places}), pa.int32())),
    )
    whens = _whens(table.filter(there)).to_pylist()
    found = {(row["file"], row["row"], row["item"]): name for _, row, name in _identified(table, whens, Counter())}
    return {place: name for place, name in found.items() if place in places}


def _identified(
    table: pa.Table, whens: Collection[int], seen: Counter[tuple[str, str]]
) -> Iterator[tuple[int, Row, str]]:
    """(position, row, id) of each row measured at one of `whens`; `seen` counts the equal ones of a file so far."""
    for at in np.flatnonzero(np.isin(np.asarray(_whens(table)), np.array([*whens], np.int64))).tolist():
        (row,) = table.slice(at, 1).to_pylist()
        name = _name(row, _whens(table.slice(at, 1))[0].as_py())
        seen[row["file"], name] += 1
        count = seen[row["file"], name]
        yield at, row, name if count == 1 else f"{name}-{count}"


def _whens(table: pa.Table) -> pa.ChunkedArray:
    """What a row has of a time that no setting changes, in seconds: its own stamp, else its local time, else -1."""
    local = pc.add(table["instant_utc"].cast(pa.int64()), table["utc_offset_s"].cast(pa.int64()))
    return pc.coalesce(table["record_time"], local, pa.scalar(-1, pa.int64()))


def _name(row: Row, when: int) -> str:
    told = {name: value for name, value in row.items() if name not in NOT_OF_THE_ROW and value not in (None, "")}
    plain = {name: float(value) if isinstance(value, int) else str(value) for name, value in told.items()}
    return f"r{when}-{hashlib.sha256(json.dumps([when, plain], sort_keys=True).encode()).hexdigest()[:12]}"


def _when_in(name: str) -> int:
    """The time that an id begins with."""
    return int(re.findall(r"^r(-?\d+)-", name)[0])


def _moment(text: str, *, needs_offset: bool = False) -> datetime:
    """A date, or a date and time, between 1970 and 2100."""
    found = datetime.fromisoformat(text)
    if not 1970 <= found.year < 2100 or (needs_offset and found.tzinfo is None):
        raise ValueError
    return found


def _joined(flags: str | None, more: Iterable[str]) -> str:
    return ";".join(sorted({*(flags or "").split(";"), *more} - {""}))


def _wrong(repair: Repair, what: str, hint: str) -> InputError:
    lines = [str(line) for line in repair.get("lines", ())]
    place = f"repairs.csv line{'s' if len(lines) > 1 else ''} {', '.join(lines)}" if lines else "repairs.csv"
    return InputError(f"{place}: {what}", hint=hint)
