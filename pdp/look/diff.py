"""`pdp diff`: rows and cells that differ between two versions, by key."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pdp.errors import PdpError
from pdp.look import open_history, parse, print_json
from pdp.look.rows import KEYS, cell, key_of, plain, read
from pdp.look.versions import label, pick

if TYPE_CHECKING:
    import pyarrow as pa

USAGE = """pdp diff ARTIFACT@vN [ARTIFACT@vM] [--limit N] [--json]
  Rows that came, went or changed from the first to the second version (the current one if none is named), by the key
  that makes rows unique. --limit N shows N of them (default 40, 0 for all)."""


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--json",), options=("--limit",))
    words = arguments.words(1, 2)
    limit = arguments.number("--limit", 0 if arguments.flags else 40)
    history, data = open_history()
    old = pick(history, words[0], explicit=True)
    new = pick(history, words[1] if len(words) > 1 else old["artifact"])
    if old["artifact"] != new["artifact"]:
        raise PdpError(
            f"{label(old)} and {label(new)} are not versions of one artifact", hint=f"name two of {old['artifact']}"
        )
    found = {"artifact": old["artifact"], "from": old["version"], "to": new["version"]}
    found |= difference(read(data, old), read(data, new))
    shown = found["rows"][:limit] if limit else found["rows"]
    if "--json" in arguments.flags:
        print_json(found | {"rows": shown})
    else:
        print(text(found, shown))
    return 0


def difference(old: pa.Table, new: pa.Table) -> dict[str, Any]:
    """`key`: what tells rows apart; `counts`: added, removed, changed; `columns`: those that came and went; `rows`: key,
    change, and of a changed row `cells`, column -> [old, new]. Ordered by key."""
    key = key_of(old, new)
    before, after = (_alike(table, other) for table, other in ((old, new), (new, old)))
    columns = {
        "added": [name for name in new.column_names if name not in old.column_names],
        "removed": [name for name in old.column_names if name not in new.column_names],
    }
    shared = [name for name in before.column_names if name in after.column_names]
    if set(key) == set(shared):
        rows = _whole_rows(before.select(shared), after.select(shared))
    else:
        rows = [*_lacking(before, after, key, "removed"), *_lacking(after, before, key, "added")]
        rows += _changed(before.select(shared), after.select(shared), key)
    rows.sort(key=lambda row: [(value is not None, value) for value in row["key"].values()])
    counts = Counter(row["change"] for row in rows)
    made = [row | {"key": {name: plain(value) for name, value in row["key"].items()}} for row in rows]
    return {
        "key": key, "counts": {name: counts[name] for name in ("added", "removed", "changed")}, "columns": columns,
        "rows": made,
    }  # fmt: skip


def _alike(table: pa.Table, other: pa.Table) -> pa.Table:
    """The table, with columns of another type than in `other` as text, so that the two can be compared."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        if field.name in other.column_names and other.schema.field(field.name).type != field.type:
            table = table.set_column(i, field.name, table.column(i).cast(pa.string()))
    return table


def _whole_rows(old: pa.Table, new: pa.Table) -> list[dict[str, Any]]:
    """Rows without a key: each is told apart by all that it holds, and counted."""
    before, after = (Counter(zip(*(c.to_pylist() for c in table.columns), strict=True)) for table in (old, new))
    found = [("removed", row) for row in (before - after).elements()] + [
        ("added", row) for row in (after - before).elements()
    ]
    return [{"key": dict(zip(old.column_names, row, strict=True)), "change": change} for change, row in found]


def _lacking(table: pa.Table, other: pa.Table, key: list[str], change: str) -> list[dict[str, Any]]:
    keys = table.select(key).join(other.select(key), keys=key, join_type="left anti")
    return [{"key": {name: row[name] for name in key}, "change": change} for row in keys.to_pylist()]


def _changed(old: pa.Table, new: pa.Table, key: list[str]) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    values = [name for name in old.column_names if name not in key]
    # Row numbers are joined, not values: a join takes not every type.
    old_rows, new_rows = (
        table.select(key).append_column(side, pc.indices_nonzero(pa.repeat(pa.scalar(True), table.num_rows)))
        for table, side in ((old, "old row"), (new, "new row"))
    )
    both = old_rows.join(new_rows, keys=key, join_type="inner")
    old, new = old.take(both.column("old row")), new.take(both.column("new row"))
    differs = pa.repeat(pa.scalar(False), old.num_rows)
    for name in values:
        a, b = old.column(name), new.column(name)
        unequal = pc.fill_null(pc.not_equal(a, b), fill_value=False)
        differs = pc.or_(differs, pc.or_(unequal, pc.xor(pc.is_null(a), pc.is_null(b))))
    pairs = zip(old.filter(differs).to_pylist(), new.filter(differs).to_pylist(), strict=True)
    return [
        {
            "key": {name: a[name] for name in key},
            "change": "changed",
            "cells": {name: [plain(a[name]), plain(b[name])] for name in values if a[name] != b[name]},
        }
        for a, b in pairs
    ]


def text(found: dict[str, Any], shown: list[dict[str, Any]]) -> str:
    counts = found["counts"]
    by = ", ".join(found["key"]) if tuple(found["key"]) in KEYS else "whole rows"
    head = f"{found['artifact']} v{found['from']} to v{found['to']}, by {by}: "
    lines = [head + ", ".join(f"{number:,} {name}" for name, number in counts.items())]
    columns = found["columns"]
    lines += [f"columns {word}: {', '.join(columns[word])}" for word in ("added", "removed") if columns[word]]
    lines += [_line(row) for row in shown]
    if len(shown) < len(found["rows"]):
        lines.append(f"and {len(found['rows']) - len(shown):,} more (--limit 0 shows all)")
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    sign = {"added": "+", "removed": "-", "changed": "~"}[row["change"]]
    name = " ".join(_or_none(value) for value in row["key"].values())
    cells = ", ".join(f"{column} {_or_none(a)} -> {_or_none(b)}" for column, (a, b) in row.get("cells", {}).items())
    return f"{sign} {name}" + (f"  {cells}" if cells else "")


def _or_none(value: Any) -> str:
    return "none" if value is None else cell(value) or '""'
