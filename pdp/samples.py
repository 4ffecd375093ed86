"""Single measurements out of a Parquet file of millions, in as few points as a browser bears.

Equal stretches of time with lowest, mean and highest: unlike a thinned line, no peak is lost at any zoom. DuckDB reads
only the row groups that the stretch needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MOST = 2000
MINUTE, HOUR, DAY = 60, 3600, 86_400
STEPS = (
    MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
    DAY, 2 * DAY, 7 * DAY, 28 * DAY,
)  # fmt: skip
NAMES = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"))


@dataclass(frozen=True)
class Buckets:
    """`frame`: `time` (start, local wall clock), `low`, `mean`, `high`, `n`; one row per stretch that has a measurement."""

    frame: pd.DataFrame = field(repr=False)
    first: datetime
    last: datetime
    seconds: int

    @property
    def words(self) -> str:
        """How long a stretch is: `15 minutes`."""
        size, name = next((size, name) for size, name in NAMES if self.seconds % size == 0)
        number = self.seconds // size
        return f"{number} {name}{'' if number == 1 else 's'}"


def extent(path: Path) -> tuple[datetime, datetime] | None:
    """First and last local time of a sample; None if there is none."""
    ends = [_call("min", "local").alias("first"), _call("max", "local").alias("last")]
    ((first, last),) = _samples(path).aggregate(ends).fetchall()
    return None if first is None else (_time(first), _time(last))


def buckets(path: Path, column: str, first: datetime, last: datetime, most: int = MOST) -> Buckets:
    """The samples of a table from `first` until before `last` (local wall clock), in at most `most` stretches.

    Args:
        path: Parquet of a validated table with `kind`, `instant_utc`, `utc_offset_s` and the column.
        column: what is measured, such as `bpm`.
    """
    import pandas as pd
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant

    low, high = _seconds(first), _seconds(last)
    size = next((step for step in STEPS if -(-(high - low) // step) < most), STEPS[-1])
    found = _samples(path).filter(Column(column).isnotnull())
    # First by what the file's row groups are known by, a day wider than any offset: only those needed are read.
    start, end = (datetime.fromtimestamp(at, UTC) for at in (low - DAY, high + DAY))
    found = found.filter((Column("instant_utc") >= Constant(start)) & (Column("instant_utc") < Constant(end)))
    found = found.filter((Column("local") >= Constant(low)) & (Column("local") < Constant(high)))
    stretch = (Column("local") - Column("local") % Constant(size)).alias("start")
    found = found.select(stretch, Column(column)).aggregate(
        [
            Column("start"), _call("min", column).alias("low"), _call("avg", column).alias("mean"),
            _call("max", column).alias("high"), _call("count", column).alias("n"),
        ],
        "start",
    )  # fmt: skip
    frame = found.order("start").df()
    time = pd.to_datetime(frame.pop("start"), unit="s").astype("datetime64[s]")
    return Buckets(frame.assign(time=time)[["time", "low", "mean", "high", "n"]], first, last, size)


def _samples(path: Path) -> Any:
    """All samples with `local`: seconds since 1970 of the local wall clock."""
    import duckdb
    from duckdb import ColumnExpression as Column
    from duckdb import ConstantExpression as Constant
    from duckdb import StarExpression as Star

    connection = duckdb.connect(config={"threads": 2, "memory_limit": "512MB"})
    instant = _call("epoch", "instant_utc").cast("BIGINT") + Column("utc_offset_s").cast("BIGINT")
    rows = connection.read_parquet(str(path)).filter(Column("kind") == Constant("sample"))
    return rows.select(Star(), instant.alias("local"))


def _call(name: str, column: str) -> Any:
    from duckdb import ColumnExpression as Column
    from duckdb import FunctionExpression as Function

    return Function(name, Column(column))


def _seconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
