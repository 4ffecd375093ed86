"""A real export of Mi Fitness, published by its owner, as it was downloaded (UTF-7) and decoded."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline import Result, run
from tests.project import REPO

SAMPLES = REPO.parent / "shared" / "samples" / "mi_fitness_de"
DAILY = "hlth_center_aggregated_fitness_data"
TABLES = (DAILY, "hlth_center_fitness_data", "hlth_center_sport_record")

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample exports lie beside the checkout, not in it")


def read(folder: Path, suffix: str, *tables: str) -> Result:
    """The pipeline over these tables of the export, under one name whatever their encoding."""
    files: dict[str, str | bytes] = {f"{table}.csv": (SAMPLES / f"{table}{suffix}").read_bytes() for table in tables}
    return run(folder, {"mi_band": files})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return read(tmp_path_factory.mktemp("whole"), ".csv", *TABLES)


@pytest.mark.parametrize("suffix", [".csv", ".decoded.csv"], ids=["utf-7", "decoded"])
@pytest.mark.parametrize("tables", [TABLES, (DAILY,)], ids=["all", "reports alone"])
def test_the_days_are_those_of_the_export(tmp_path: Path, suffix: str, tables: tuple[str, ...]) -> None:
    """Seven nights of 653 minutes in all, eleven days of heart rate: neither a sample nor a mark adds one."""
    days = read(tmp_path, suffix, *tables).days
    nights = [day for day in days if day["has_sleep"]]
    hearts = [day for day in days if day["has_hr"]]
    assert (len(nights), sum(day["sleep_total_min"] for day in nights)) == (7, 653)
    assert (len(hearts), sum(day["resting_hr"] is None for day in hearts)) == (11, 3)
    assert (min(values(hearts, "min_hr")), max(values(hearts, "max_hr"))) == (51, 107)


def test_the_encoding_makes_no_difference(tmp_path: Path, whole: Result) -> None:
    """Files in UTF-7 and decoded ones under the same names give identical tables, from the readers to the days."""
    decoded = read(tmp_path, ".decoded.csv", *TABLES)
    assert list(decoded.tables) == list(whole.tables)
    assert [name for name, table in whole.tables.items() if table != decoded.tables[name]] == []
    encodings = [file["encoding"] for file in whole.facts["normalize:mi_band"]["files"].values()]
    assert encodings == ["utf-7"] * len(TABLES)


def test_a_date_has_one_row(whole: Result) -> None:
    dates: list[date] = [day["date"] for day in whole.days]
    assert dates == sorted(set(dates))


def values(days: list[dict[str, Any]], name: str) -> list[float]:
    return [day[name] for day in days if day[name] is not None]
