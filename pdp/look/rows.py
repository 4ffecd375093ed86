"""The rows of a version, for `show` and `diff`: what its bytes are as a table."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pdp.errors import PdpError
from pdp.look.versions import assert_held, label
from pdp.places import object_name
from pdp.snapshot import is_snapshot

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
    if is_snapshot(version["path"]):
        return _files(path)
    if version["path"].endswith(".parquet"):
        import pyarrow.parquet as pq

        return _with_instants_as_text(pq.ParquetFile(path).read())  # pq.read_table would import pandas
    if version["path"].endswith(".csv"):
        import pyarrow.csv

        return _with_instants_as_text(pyarrow.csv.read_csv(path))
    raise PdpError(f"{label(version)} is no table", hint=f"pdp restore {label(version)} --to FILE writes its bytes")


def _with_instants_as_text(table: pa.Table) -> pa.Table:
    """Time stamps as ISO text, those with a zone in UTC with Z. As Python values they would import pandas."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            utc = table.column(i).cast(pa.timestamp(field.type.unit))
            with suppress(pa.ArrowInvalid):  # there are fractions, and they are kept
                utc = utc.cast(pa.timestamp("s"))
            text = pc.strftime(utc, format="%Y-%m-%dT%H:%M:%S" + ("Z" if field.type.tz else ""))
            table = table.set_column(i, field.name, text)
    return table


def _files(path: str) -> pa.Table:
    import io
    import json

    import pyarrow as pa
    import pyarrow.json

    with open(path, "rb") as file:
        lines = "\n".join(json.dumps(entry) for entry in json.load(file)["files"])
    schema = pa.schema([("name", pa.string()), ("sha256", pa.string()), ("size", pa.int64())])
    if not lines:
        return schema.empty_table()
    options = pyarrow.json.ParseOptions(explicit_schema=schema)
    return pyarrow.json.read_json(io.BytesIO(lines.encode()), parse_options=options)


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
    """A cell as JSON has it: dates as ISO text."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
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
