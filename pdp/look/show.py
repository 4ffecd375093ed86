"""`pdp show`: the rows of a version."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pdp.errors import PdpError
from pdp.look import count, open_history, parse, print_json, table
from pdp.look.rows import cell, plain, read
from pdp.look.versions import assert_held, label, pick

if TYPE_CHECKING:
    import pyarrow as pa

    from pdp.registry.history import History

USAGE = """pdp show ARTIFACT[@vN] [--head N] [--csv | --json]
  The rows of a version, the current one if none is named. As a table the first 20, columns without any value left out;
  as CSV or JSON all rows and columns. --head N shows the first N, --head 0 all."""


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--csv", "--json"), options=("--head",))
    name = arguments.words(1, 1)[0]
    head = arguments.number("--head", 0 if arguments.flags else 20)
    history, data = open_history()
    version, rows = current_rows(history, data, name)
    shown = rows.slice(0, head) if head else rows
    if "--json" in arguments.flags:
        found = [{key: plain(value) for key, value in row.items()} for row in shown.to_pylist()]
        print_json({"artifact": label(version), "rows": rows.num_rows, "shown": found})
    elif "--csv" in arguments.flags:
        write_csv(shown)
    else:
        print(text(label(version), rows.num_rows, shown))
    return 0


def current_rows(history: History, data: str, name: str) -> tuple[dict[str, Any], pa.Table]:
    """A version and its rows. Where a run moved on and its bytes were collected between the two looks: those of the next.

    Raises:
        PdpError: there is no such version, or its bytes were collected or are damaged.
    """
    version = _picked(history, name)
    while True:
        try:
            return version, read(data, version)
        except (PdpError, OSError):
            again = _picked(history, name)
            if again["version"] == version["version"]:
                assert_held(data, version)
                raise
            version = again


def _picked(history: History, name: str) -> dict[str, Any]:
    with history.view():
        return pick(history, name)


def write_csv(rows: pa.Table) -> None:
    import csv

    from pdp.tables import spreadsheet_safe

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(rows.column_names)
    for batch in spreadsheet_safe(rows).to_batches():
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            writer.writerow([plain(value) for value in values])


def text(name: str, total: int, shown: pa.Table) -> str:
    """The rows as aligned columns, and below them what was left out."""
    columns = {name: shown.column(name).to_pylist() for name in shown.column_names}
    filled = {name: values for name, values in columns.items() if any(value is not None for value in values)}
    empty = [name for name in columns if name not in filled]
    parts = []
    if filled:
        numbers = frozenset(i for i, values in enumerate(filled.values()) if any(_is_number(value) for value in values))
        parts.append(
            table([list(filled), *([cell(v) for v in row] for row in zip(*filled.values(), strict=True))], numbers)
        )
    more = f"the first {shown.num_rows:,} of {count(total, 'row')}" if shown.num_rows < total else count(total, "row")
    parts.append(f"{name}: {more}" + (f"; without a value here: {', '.join(empty)}" if empty and filled else ""))
    return "\n".join(parts)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
