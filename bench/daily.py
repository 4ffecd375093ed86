"""Daily data: ten years of reports, cold, beside the import of pandas and pyarrow; and one new day in a sheet."""

from __future__ import annotations

import shutil
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from bench.generate import daily_reports
from bench.measure import DOIT, Cost, least, measure, own_environment, warm_up
from bench.rows import Line

ROUNDS = 5


def lines(folder: Path, days: int) -> list[Line]:
    return [_ten_years(folder, days), _one_new_day(folder)]


def _ten_years(folder: Path, days: int) -> Line:
    expected = daily_reports(folder / "raw", days)
    imports, costs = [], []
    for number in range(ROUNDS):
        data = folder / f"data{number}"
        shutil.copytree(folder / "raw", data / "raw" / "mi_band")
        environ = own_environment(data, folder / "bytecode")
        warm_up(folder / "bytecode")
        imports.append(measure("-c", "import pandas, pyarrow", environ=environ))
        time.sleep(2.1)
        costs.append(measure(*DOIT, environ=environ))
        if _averages(data) != expected:
            sys.exit("the days are not those that were written: no time is given for a wrong output")
    cost, bare = least(*costs), least(*imports)
    details = {"pdp CPU s": cost.cpu, "pdp wall s": cost.wall, "imports CPU s": bare.cpu}
    return Line("ten years of daily data, cold: CPU to that of importing", cost.cpu / bare.cpu, 2, details=details)


def _averages(data: Path) -> list[float]:
    averages: list[float] = pq.read_table(data / "merged" / "daily_metrics.parquet")["avg_hr"].to_pylist()
    return averages


def _one_new_day(folder: Path) -> Line:
    """Ten years of reports and of a sheet, built; then a row more in the sheet."""
    data = folder / "data0"
    environ = own_environment(data, folder / "bytecode")
    sheet = data / "raw" / "google_sheets" / "log.csv"
    sheet.parent.mkdir()
    sheet.write_text("Date,Time,SYS,DIA,Pulse\n")
    costs: list[Cost] = []
    for number in range(ROUNDS + 1):
        day = date(2026, 1, 1) + timedelta(days=number)
        with sheet.open("a") as file:
            file.write(f"{day:%d.%m.%Y},08:00,{120 + number},80,60\n")
        costs.append(measure(*DOIT, environ=environ))
        days = pq.read_table(data / "merged" / "daily_metrics.parquet", columns=["date", "systolic"]).to_pylist()
        if days[-1] != {"date": day, "systolic": 120.0 + number}:
            sys.exit("the new day is not there: no time is given for a wrong output")
    cost = least(*costs[1:])
    return Line("one new day in a sheet: wall time", cost.wall, 1, "s", {"CPU s": cost.cpu})
