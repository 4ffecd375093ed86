"""Tables in and out of files: what a stage is given, and how what it yields becomes bytes.

The same table gives the same bytes: one writer, one compression, no time stamp.
"""

from __future__ import annotations

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


def _writer(path: Path, kind: str, schema: pa.Schema) -> Any:
    if kind == "csv":
        import pyarrow.csv

        options = pyarrow.csv.WriteOptions(quoting_style="needed", quoting_header="none")
        return pyarrow.csv.CSVWriter(path, schema, write_options=options)
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, schema, compression="zstd", version="2.6")
