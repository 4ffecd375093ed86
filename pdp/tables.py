"""Tables in and out of files: what a stage is given, and how what it yields becomes bytes.

The same table gives the same bytes: one writer, one compression, no time stamp.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdp.errors import StageError

if TYPE_CHECKING:
    import pyarrow as pa


class Inputs(Mapping[str, Any]):
    """A stage's inputs by name, opened when asked for: a `Snapshot` for a manifest, a `pa.Table` for Parquet."""

    def __init__(self, openers: Mapping[str, Callable[[], Any]]) -> None:
        self._openers = openers
        self.rows = 0

    def __getitem__(self, name: str) -> Any:
        opened = self._openers[name]()
        self.rows += getattr(opened, "num_rows", 0)
        return opened

    def __iter__(self) -> Iterator[str]:
        return iter(self._openers)

    def __len__(self) -> int:
        return len(self._openers)


def read_parquet(path: Path) -> pa.Table:
    """The table of a Parquet file, typed as it was written: Parquet keeps whole seconds as milliseconds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Without memory mapping: the object's file may be replaced by a repair while the table is in use.
    table = pq.read_table(path, memory_map=False)
    for i, field in enumerate(table.schema):
        if field.type == pa.timestamp("ms", tz="UTC"):
            table = table.set_column(i, field.name, table.column(i).cast(pa.timestamp("s", tz="UTC")))
    return table


class Writers:
    """One writer per output; a stage's chunks are appended in the order in which they come.

    An output named `x.csv` is another form of the table `x`.
    """

    def __init__(self, stage: str, files: Mapping[str, tuple[Path, str]]) -> None:
        """`files`: output name -> (temp file, kind: "parquet" or "csv")."""
        self.stage = stage
        self.rows: dict[str, int] = {}
        self._files = files
        self._open: dict[str, Any] = {}

    def write(self, name: str, table: pa.Table) -> None:
        targets = [output for output in self._files if output == name or output == f"{name}.csv"]
        if not targets:
            raise StageError(f"stage {self.stage} gave a table {name} that it does not declare")
        for output in targets:
            writer = self._open.get(output)
            if writer is None:
                writer = self._open[output] = _writer(*self._files[output], table.schema)
            writer.write_table(table)
            self.rows[output] = self.rows.get(output, 0) + table.num_rows

    def close(self) -> None:
        """Finishes all files.

        Raises:
            StageError: a declared output never came.
        """
        missing = [output for output in self._files if output not in self._open]
        self.abandon()
        if missing:
            raise StageError(f"stage {self.stage} did not give its table {missing[0]}")

    def abandon(self) -> None:
        for writer in self._open.values():
            writer.close()
        self._open.clear()


class CsvWriter:
    """Writes CSV that a spreadsheet may open: a text in it is never run as a formula."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow.csv

        options = pyarrow.csv.WriteOptions(quoting_style="needed", quoting_header="none")
        self._writer = pyarrow.csv.CSVWriter(path, schema, write_options=options)

    def write_table(self, table: pa.Table) -> None:
        self._writer.write_table(spreadsheet_safe(table))

    def close(self) -> None:
        self._writer.close()


def spreadsheet_safe(table: pa.Table) -> pa.Table:
    """`table` with its texts as `safe_text` has them; columns of numbers, dates and truths are not touched."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        column = table.column(i)
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            texts = [None if text is None else safe_text(text) for text in column.to_pylist()]
            table = table.set_column(i, field.name, pa.chunked_array([pa.array(texts, column.type)]))
    return table


def safe_text(text: str) -> str:
    """`text` for a cell of CSV: one that a spreadsheet would take for a formula is led by an apostrophe.

    A number stays one, be it negative or signed: `-5.2`, `+1e3`. The signs are those of OWASP's ASVS 1.2.10 and its page
    on CSV injection; their wide forms count in Japanese and Chinese versions.
    """
    if not text.lstrip(" ").startswith(_FORMULA) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}"


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)


def _writer(path: Path, kind: str, schema: pa.Schema) -> Any:
    if kind == "csv":
        return CsvWriter(path, schema)
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, schema, compression="zstd", version="2.6")
