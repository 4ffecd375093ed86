"""A table of the generation as CSV or Parquet, cut to a period."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pdp.errors import UsageError, mask

if TYPE_CHECKING:
    import pyarrow as pa

    from pdp.generation import Generation
    from pdp.period import Period


def table(generation: Generation, name: str, period: Period | None) -> pa.Table:
    """The rows of a table in the period; account ids in file names are masked.

    Raises:
        UsageError: the result was not made from such a table.
    """
    from difflib import get_close_matches

    if name not in generation:
        near = get_close_matches(name, generation.hashes, 1)
        tip = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(generation.hashes))}"
        raise UsageError(f"there is no table {name}", hint=tip)
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = generation.table(name)
    dates = rows["date" if "date" in rows.column_names else "local_date"]
    if period is not None:
        low, high = (pa.scalar(day, pa.date32()) for day in period)
        rows = rows.filter(pc.and_(pc.greater_equal(dates, low), pc.less_equal(dates, high)))
    if "file" in rows.column_names:
        column = rows.column_names.index("file")
        masked = pa.array([None if text is None else mask(text) for text in rows["file"].to_pylist()], pa.string())
        rows = rows.set_column(column, "file", masked)
    return rows


def csv(rows: pa.Table) -> bytes:
    """CSV in UTF-8: instants as ISO text in UTC, nothing that a spreadsheet would take for a formula."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv

    from pdp.tables import spreadsheet_safe

    for i, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            utc = rows.column(i).cast(pa.timestamp(field.type.unit)).cast(pa.timestamp("s"))
            rows = rows.set_column(i, field.name, pc.strftime(utc, format="%Y-%m-%dT%H:%M:%SZ"))
    sink = io.BytesIO()
    options = pyarrow.csv.WriteOptions(quoting_style="needed", quoting_header="none")
    pyarrow.csv.write_csv(spreadsheet_safe(rows), sink, options)
    return sink.getvalue()


def parquet(rows: pa.Table) -> bytes:
    """Parquet as the pipeline writes it."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd", version="2.6")
    return sink.getvalue()
