"""The rows of a version, for `show` and `diff`: what its bytes are as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pdp.errors import PdpError
from pdp.look.versions import assert_held, label
from pdp.places import object_name
from pdp.snapshot import MANIFEST

if TYPE_CHECKING:
    import pyarrow as pa

KEYS = (("date",), ("source", "file", "row", "item"), ("name",))
"""What makes rows unique, where a table has these columns: days; rows with their provenance; files."""


def read(data: str, version: dict[str, Any]) -> pa.Table:
    """The version's rows; those of a manifest are its files.

    Raises:
        PdpError: its bytes were collected or are damaged, or are no table.
    """
    assert_held(data, version)
    path = f"{data}/store/{object_name(version['hash'])}"
    if version["path"].endswith(MANIFEST):
        return _files(path)
    if version["path"].endswith(".parquet"):
        import pyarrow.parquet as pq

        return pq.read_table(path, memory_map=False)
    if version["path"].endswith(".csv"):
        import pyarrow.csv

        return pyarrow.csv.read_csv(path)
    raise PdpError(f"{label(version)} is no table", hint=f"pdp restore {label(version)} --to FILE writes its bytes")


def _files(path: str) -> pa.Table:
    import json

    import pyarrow as pa

    with open(path, "rb") as file:
        entries = json.load(file)["files"]
    schema = pa.schema({"name": pa.string(), "sha256": pa.string(), "size": pa.int64()})
    return pa.Table.from_pylist(entries, schema)


def key_of(*tables: pa.Table) -> list[str]:
    """The columns that make a row unique in each of the tables; all that they share if no known ones do."""
    for key in KEYS:
        if all(set(key) <= set(table.column_names) and _is_unique(table, key) for table in tables):
            return list(key)
    shared = set(tables[0].column_names).intersection(*(table.column_names for table in tables))
    return [name for name in tables[0].column_names if name in shared]


def _is_unique(table: pa.Table, key: tuple[str, ...]) -> bool:
    columns = [table.column(name) for name in key]
    if any(column.null_count for column in columns):
        return False
    return bool(table.select(key).group_by(list(key)).aggregate([]).num_rows == table.num_rows)


def plain(value: Any) -> Any:
    """A cell as JSON has it: dates and instants as ISO text, an instant in UTC with Z."""
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    # NaN is no JSON.
    return None if isinstance(value, float) and value != value else value


def cell(value: Any) -> str:
    """A cell as a person reads it: numbers to three decimals, nothing for null."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)
