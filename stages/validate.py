"""Checks, duplicates, quarantine: every row read is accepted, superseded by another row, or set aside with its reason.

One function per table. Each takes the normalized tables of all sources that have it and gives `<table>` (accepted) and
`<table>_quarantine`, both sorted; its facts count the rows: read = accepted + superseded + quarantined.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from pdp.schema import Check, Schema, encoded, is_uniform, selected, uniform
from stages import schemas
from stages.columns import Ints, Mask, codes, distinct, integers, is_strict, pack, texts_of, valid
from stages.duplicates import in_one_copy, superseded
from stages.parts import InMemory, Part, by_dates, opened, piece, together, whole
from stages.repairs import MEASURED_AT, Repairs, accepted
from stages.tally import Copies, Tally

Facts = dict[str, Any]
Output = Generator[tuple[str, pa.Table], None, Facts]
Tables = Mapping[str, pa.Table]
Config = Mapping[str, Any]

PROBLEM_NAMES = [column.name for column in schemas.PROBLEM]


def blood_pressure(inputs: Tables, config: Config) -> Output:
    """Accepted readings of a cuff."""
    return (yield from _validate(schemas.BLOOD_PRESSURE, inputs, config))


def heart_rate(inputs: Tables, config: Config) -> Output:
    """Accepted days and samples of heart rate."""
    return (yield from _validate(schemas.HEART_RATE, inputs, config))


def sleep(inputs: Tables, config: Config) -> Output:
    """Accepted nights and their segments."""
    return (yield from _validate(schemas.SLEEP, inputs, config))


def steps(inputs: Tables, config: Config) -> Output:
    """Accepted days and samples of steps."""
    return (yield from _validate(schemas.STEPS, inputs, config))


def spo2(inputs: Tables, config: Config) -> Output:
    """Accepted days and samples of blood oxygen."""
    return (yield from _validate(schemas.SPO2, inputs, config))


def stress(inputs: Tables, config: Config) -> Output:
    """Accepted days and samples of stress."""
    return (yield from _validate(schemas.STRESS, inputs, config))


def weight(inputs: Tables, config: Config) -> Output:
    """Accepted weighings."""
    return (yield from _validate(schemas.WEIGHT, inputs, config))


def unreadable(inputs: Tables, config: Config) -> Output:
    """Raw rows of which not even the metric can be told: all are set aside, however many."""
    tally, repairs = Tally("unreadable"), Repairs(schemas.UNREADABLE, config)
    for part in _parts(schemas.UNREADABLE, inputs, config):
        table = together([repairs.apply(part.read())])
        tally.add(table, table)
        yield "unreadable_quarantine", schemas.quarantine(schemas.UNREADABLE).conform(selected(table, _order(table)))
    return tally.facts() | repairs.facts()


def _validate(schema: Schema, inputs: Tables, config: Config) -> Output:
    tally, repairs, copies = Tally(schema.name), Repairs(schema, config), Copies()
    sources = [name.removesuffix(f"_{schema.name}") for name in inputs]
    yield schema.name, encoded(schema.empty())
    yield f"{schema.name}_quarantine", encoded(schemas.quarantine(schema).empty())
    for part in _parts(schema, inputs, config):
        key = json.dumps([part.name, repairs.state()])
        told = yield from piece(inputs, key, partial(_part, schema, part, sources, repairs))
        tally.take(told["tally"])
        repairs.resume(told["repairs"])
        copies.take(told.get("copies", ()))
    tally.enforce(config["checks"])
    return tally.facts() | repairs.facts() | copies.facts()


def _part(schema: Schema, part: Part, sources: list[str], repairs: Repairs) -> Output:
    """The rows of a part that are accepted, and those that are set aside; what was counted, and repaired so far."""
    table = together([repairs.apply(part.read())])
    bad, mutilated = _check(schema, table)
    lost = superseded(schema, table, sources, ~bad)
    order = _order(table)
    aside = _quarantined(schema, selected(table, order[bad[order]]))
    yield f"{schema.name}_quarantine", encoded(schemas.quarantine(schema).conform(aside))

    order = order[~(bad | lost)[order]]
    kept = selected(table.select(schema.names), order)
    yield schema.name, schema.conform(_flagged(schema, kept, mutilated[order]))
    tally = Tally(schema.name)
    tally.add(table, aside, int(lost.sum()))
    told = {"tally": tally.as_data(), "repairs": repairs.state()}
    return told | {"copies": in_one_copy(selected(table, ~bad))} if schema.name == "blood_pressure" else told


def _parts(schema: Schema, inputs: Tables, config: Config) -> Iterator[Part]:
    """The rows of all sources; by dates, unless a row may come to lie on another date: by a repair, or a stretch of sleep
    with its next revision."""
    empty = InMemory(schemas.normalized(schema).empty())
    tables = [empty, *(opened(inputs, name) for name in inputs)]
    moving = schema.name == "sleep" or any(MEASURED_AT in each["set"] for each in config.get("repairs", ()))
    return iter([whole(tables)]) if moving else by_dates(tables)


def _check(schema: Schema, table: pa.Table) -> tuple[Mask, Mask]:
    """(rows to set aside, rows of which another part is set aside).

    The parts of a raw row fall with their head (item 0), and are marked if only another part falls.
    """
    bad = valid(table["problem"])
    for check in _checks(schema, "quarantine"):
        bad |= _failing(check, table)
    item = integers(table["item"])
    if not (item > 0).any():
        return bad, np.zeros(len(bad), bool)
    raw = pack(codes(table["source"]), codes(table["file"]), integers(table["row"]))
    mutilated = ~bad & np.isin(raw, raw[bad])
    bad |= np.isin(raw, raw[bad & (item == 0)])
    return bad, mutilated


def _checks(schema: Schema, severity: str) -> list[Check]:
    return [check for check in schema.checks if check.severity == severity]


def _failing(check: Check, table: pa.Table) -> Mask:
    if any(table[name].null_count == table.num_rows for name in check.columns):
        return np.zeros(table.num_rows, bool)  # what is absent breaks no rule
    failing = ~np.asarray(check.passes(table).to_numpy(), bool)
    by_hand = accepted(table, check.name)
    return failing if by_hand is None else failing & ~by_hand


def _quarantined(schema: Schema, rows: pa.Table) -> pa.Table:
    """`rows`, each with its problem: what the reader found, else the first check that it fails."""
    problems = {name: rows[name].to_pylist() for name in PROBLEM_NAMES}
    for check in _checks(schema, "quarantine"):
        sentence = f"{check.sentence}; {check.hint}" if check.hint else check.sentence
        values = [rows[name].to_pylist() for name in check.columns]
        for i in np.flatnonzero(_failing(check, rows)).tolist():
            if problems["problem"][i] is None:
                text = "/".join("" if column[i] is None else f"{column[i]:g}" for column in values)
                _explain(problems, i, check.name, ", ".join(check.columns), text, sentence)
    for i, problem in enumerate(problems["problem"]):
        if problem is None:
            _explain(problems, i, "whole_quarantined", "", "", "the row that this is a part of was set aside")
    texts = {name: pa.array(column, pa.string()) for name, column in problems.items()}
    return pa.table({name: texts.get(name, rows[name]) for name in rows.column_names})


def _explain(problems: dict[str, list[str | None]], i: int, *texts: str) -> None:
    for name, text in zip(PROBLEM_NAMES, texts, strict=True):
        problems[name][i] = text


def _flagged(schema: Schema, rows: pa.Table, mutilated: Mask) -> pa.Table:
    """`rows`, with the names of the checks that they fail added to their flags."""
    marks = {check.name: _failing(check, rows) for check in _checks(schema, "flag")} | {
        schemas.PART_QUARANTINED: mutilated
    }
    marks = {name: mask for name, mask in marks.items() if mask.any()}
    old = rows["flags"]
    if not marks and is_uniform(old) and len(old):
        column = uniform(old.type, _flags(1, ["", old[0].as_py() or ""], []), len(old))
    else:
        index, texts = texts_of(old)
        key = index.astype(np.int64) + 1  # a null, -1, is no flag
        for mask in marks.values():
            key = key * 2 + mask
        each, which = distinct(key)
        flags = pa.array([_flags(int(k), ["", *texts], list(marks)) for k in each], pa.string())
        column = pa.DictionaryArray.from_arrays(pa.array(which, pa.int32()), flags)
    return rows.set_column(rows.column_names.index("flags"), "flags", column)


def _flags(key: int, texts: list[str], names: list[str]) -> str:
    """The flags that a key of `_flagged` stands for."""
    present = set(texts[key >> len(names)].split(";"))
    added = {name for bit, name in enumerate(reversed(names)) if key >> bit & 1}
    return ";".join(sorted(present - {""} | added))


def _order(table: pa.Table) -> Ints:
    """The positions of the rows in the order of every output: date, instant, kind, then where they came from."""
    when = pack(integers(table["local_date"]), integers(table["instant_utc"]))
    if is_strict(when):  # newest last, or first, as in one export
        return np.arange(len(when))[:: -1 if (when[:1] > when[-1:]).any() else 1]
    what = pack(
        *(codes(table[name]) for name in ("kind", "source", "file")), integers(table["row"]), integers(table["item"])
    )
    return np.lexsort((what, when))
