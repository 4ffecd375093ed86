"""Ten years of a heart rate per minute, from raw to daily_metrics, beside the slow way and the fastest aggregation."""

from __future__ import annotations

import math
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench.generate import END, heart_rate
from bench.measure import DOIT, Cost, least, measure, own_environment, warm_up
from bench.picture import Point, draw
from bench.rows import Line

VALUES = ("avg_hr", "min_hr", "max_hr", "hr_samples")
SIZES = (10, 3)  # parts of the whole, for the picture: one year, and three
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "performance.svg"


def lines(folder: Path, days: int) -> list[Line]:
    raw = folder / "raw"
    size = heart_rate(raw, days).stat().st_size
    slow = measure("-m", "bench.slowly", str(raw), str(folder / "slow"))
    expected = _slow_days(folder / "slow")
    costs, quick = [], []
    for number in (1, 2):
        quick.append(measure("-m", "bench.quickly", str(raw), str(folder / "quick")))
        _assert_near(_quick_days(folder / "quick"), expected)
        costs.append(_cold(folder, f"data{number}", raw))
        _assert_equal(_days(folder / f"data{number}"), expected)
        _assert_set_aside(folder / f"data{number}", folder / "slow")
    cost, floor = least(*costs), least(*quick)
    points = [Point(days * 1440, size / 2**20, cost), *_smaller(folder, days)]
    if days * 1440 >= 5_000_000:
        draw(sorted(points, key=lambda point: point.rows), PICTURE)
    seconds = {"pdp CPU s": cost.cpu, "pdp wall s": cost.wall}
    return [
        Line("fine data, cold: the slow way's CPU to pdp's", slow.cpu / cost.cpu, 20, details={
            **seconds, "slow CPU s": slow.cpu, "slow peak MB": slow.peak_mb, "CSV MB": size / 2**20}, at_least=True),
        Line("fine data, cold: the slow way's wall time to pdp's", slow.wall / cost.wall, 20, details={
            **seconds, "slow wall s": slow.wall}, at_least=True),
        Line("fine data, cold: pdp's CPU to that of aggregation alone", cost.cpu / floor.cpu, 2, details={
            **seconds, "DuckDB CPU s": floor.cpu, "DuckDB peak MB": floor.peak_mb}),
        Line("fine data, cold: peak memory", cost.peak_mb, 300, "MB", {
            f"{point.rows / 1e6:.2g} million rows, MB": point.cost.peak_mb for point in points}),
        *_one_more(folder, folder / "data1", cost),
    ]  # fmt: skip


def _cold(folder: Path, name: str, raw: Path) -> Cost:
    """A first `doit` in a data folder that holds these exports."""
    data = folder / name
    (data / "raw").mkdir(parents=True)
    shutil.copytree(raw, data / "raw" / "mi_band")
    time.sleep(2.1)  # a file that was just written is hashed again each time it is looked at
    environ = own_environment(data, folder / "bytecode")
    warm_up(folder / "bytecode")
    return measure(*DOIT, environ=environ)


def _smaller(folder: Path, days: int) -> list[Point]:
    found = []
    for part in SIZES:
        raw = folder / f"raw{part}"
        size = heart_rate(raw, days // part).stat().st_size
        found.append(Point(days // part * 1440, size / 2**20, _cold(folder, f"part{part}", raw)))
    return found


def _one_more(folder: Path, data: Path, cold: Cost) -> list[Line]:
    """A month's export laid beside what is there: the cost of reading it alone, and of a run with nothing to do."""
    environ = own_environment(data, folder / "bytecode")
    measure(*DOIT, environ=environ)
    idle = measure(*DOIT, environ=environ)
    month = folder / "month"
    heart_rate(month, 30, "20260131", END + 30 * 86_400)
    alone = _cold(folder, "alone", month)
    shutil.copytree(month, data / "raw" / "mi_band", dirs_exist_ok=True)
    time.sleep(2.1)
    more = measure(*DOIT, environ=environ)
    details = {"CPU s": more.cpu, "cold CPU s": cold.cpu, "file alone CPU s": alone.cpu, "no-op CPU s": idle.cpu}
    return [Line("one more export: CPU to that of the file alone and a no-op", more.cpu / (alone.cpu + idle.cpu), 1,
                 details=details)]  # fmt: skip


def _days(data: Path) -> dict[Any, tuple[Any, ...]]:
    return _by_date(pq.read_table(data / "merged" / "daily_metrics.parquet", columns=["date", *VALUES]))


def _slow_days(out: Path) -> dict[Any, tuple[Any, ...]]:
    return _by_date(pq.read_table(out / "daily.parquet"))


_quick_days = _slow_days


def _by_date(table: Any) -> dict[Any, tuple[Any, ...]]:
    days = table.column("date").cast("date32").to_pylist()
    return dict(zip(days, zip(*(table.column(name).to_pylist() for name in VALUES), strict=True), strict=True))


def _assert_equal(found: dict[Any, tuple[Any, ...]], expected: dict[Any, tuple[Any, ...]]) -> None:
    alike = found.keys() == expected.keys() and all(
        math.isclose(one, other, rel_tol=1e-12)
        for day in expected
        for one, other in zip(found[day], expected[day], strict=True)
    )
    if not alike:
        sys.exit("pdp's days are not those of the slow way: no time is given for a wrong output")


def _assert_near(found: dict[Any, tuple[Any, ...]], expected: dict[Any, tuple[Any, ...]]) -> None:
    """What only aggregates sets nothing aside: it may count the odd rows of a day otherwise, and nothing else."""
    if found.keys() != expected.keys() or any(abs(found[day][3] - expected[day][3]) > 1 for day in expected):
        sys.exit("the aggregation's days are not those of the slow way: no time is given for a wrong output")


def _assert_set_aside(data: Path, slow: Path) -> None:
    ours = pq.read_table(data / "quarantine" / "heart_rate.parquet", columns=["row", "problem"]).to_pylist()
    theirs = pq.read_table(slow / "quarantine.parquet", columns=["row", "problem"]).to_pylist()
    if sorted((r["row"], r["problem"]) for r in ours) != sorted((r["row"], r["problem"]) for r in theirs):
        sys.exit("pdp sets other rows aside than the slow way: no time is given for a wrong output")
