"""Mi Fitness (Xiaomi) account exports -> tables. Zips, folders and lone CSV files, any number of exports.

Each file is scanned once (`mi_scan`), block by block. What all of them tell (whose rows count, which offsets from UTC)
is known only then; so the rows that the scans gave are placed in time afterwards, batch by batch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import astuple
from functools import partial
from typing import Any

import pyarrow as pa

from pdp.errors import StageError
from pdp.schema import Schema, encoded
from stages import schemas
from stages.normalize.days import Offsets
from stages.normalize.mi_gather import TABLES, count_key
from stages.normalize.mi_rows import SOURCE, placed
from stages.normalize.mi_survey import Survey, survey
from stages.normalize.remember import keeper
from stages.parts import piece

COUNTS = ("routed", "marks", "without_values")


def read(inputs: Mapping[str, Any], config: Mapping[str, Any]) -> Generator[tuple[str, pa.Table], None, dict[str, Any]]:
    """The tables `mi_band_<table>` of all exports in the snapshot `inputs["mi_band"]`, in chunks; then the facts.

    Facts: {rows, routed, marks, without_values, other_account, other_keys {key: rows}, files {name: {encoding,
    delimiter, rows}}, same {name: the identical file read}, not_read [names], unrecognised [names], offsets_told,
    notes [sentences]}.
    A report or sample that holds no value, be it that all are sentinels, is counted as `without_values`, like a mark.

    Raises:
        InputError: no file is of an export, one lacks a column or is damaged, or whose rows count is not clear.
    """
    snapshot, zone = inputs[SOURCE], config["timezone"]
    account, short_night_min = config[SOURCE].get("account", ""), config["sleep"]["short_night_min"]
    found = survey(snapshot, keeper(inputs), zone, account, short_night_min)
    offsets = Offsets(zone, found.known)
    for schema in TABLES:
        yield f"{SOURCE}_{schema.name}", encoded(schemas.normalized(schema).empty())
        for file, kept in found.files.values():
            for number, span in enumerate(kept.facts["spans"].get(schema.name, ())):
                near = offsets.near(*span)
                batch = partial(kept.batch, schema.name, number)
                place = partial(_placed, schema, batch, file, found.account, near, int(config["day_starts_at"]))
                told = [schema.name, kept.digest(schema.name), number, *astuple(file), found.account, near.digest()]
                yield from piece(inputs, json.dumps(told), place)
    return _facts(found)


def _placed(schema: Schema, batch: Callable[[], pa.RecordBatch], *rest: Any) -> Generator[tuple[str, pa.Table]]:
    """The rows of one batch in their places. Besides code and config they depend on what the key tells, and nothing else."""
    yield f"{SOURCE}_{schema.name}", placed(schema, batch(), *rest)


def _facts(found: Survey) -> dict[str, Any]:
    """The counts; each raw row is in exactly one of them.

    Raises:
        StageError: one is not, which is a mistake in pdp.
    """
    rows = sum(kept.facts["rows"] for _, kept in found.files.values())
    counts = dict.fromkeys(COUNTS, 0)
    other_account = 0
    other_keys: Counter[str] = Counter()
    for file, kept in found.files.values():
        for name, each in kept.facts["accounts"].items():
            whose = name or file.account
            if whose and whose != found.account:
                other_account += sum(each[count] for count in COUNTS) + sum(each["other_keys"].values())
                continue
            for count in COUNTS:
                counts[count] += each[count]
            for key, number in each["other_keys"].items():
                count_key(other_keys, key, number)
    if sum(counts.values()) + other_account + other_keys.total() != rows:
        raise StageError(f"{rows} rows were read, but not as many counted", hint="report this")
    return {
        "rows": rows, **counts, "other_account": other_account, "other_keys": dict(sorted(other_keys.items())),
        "files": {
            name: {fact: kept.facts[fact] for fact in ("encoding", "delimiter", "rows")}
            for name, (_, kept) in found.files.items()
        },
        "same": dict(sorted(found.same.items())), "not_read": found.not_read, "unrecognised": found.unrecognised,
        "offsets_told": len(found.known), **_notes(found.strangers),
    }  # fmt: skip


def _notes(strangers: list[str]) -> dict[str, list[str]]:
    """What a person is told of files that were passed over because of their names."""
    if not strangers:
        return {}
    more = len(strangers) - 1
    are, their = (f" and {more} more are", "their names") if more else (" is", "its name")
    return {
        "notes": [f"{strangers[0]}{are} of no Mi Fitness export by {their}, and not read; leave names as they were"]
    }
