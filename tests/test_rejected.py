"""`pdp rejected`: what was set aside, by its place and with what to do."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.look import pdp, told
from tests.project import Project
from tests.test_why_changed import READINGS, House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A log of which one value is out of range and one is no number."""
    made = House(tmp_path_factory.mktemp("house"))
    made.log(READINGS | {"2025-09-02 08:00": (1300, 82)})
    path: Path = made.root / "data/raw/google_sheets/log.csv"
    path.write_text(path.read_text() + "2025-09-05 08:00,13O,80\n")
    made.build()
    return made


def test_rejected_names_file_row_rule_and_remedy(house: House) -> None:
    """As JSON, as CSV and for a person, of one table or of all."""
    found = json.loads(house.pdp("rejected", "--json").stdout)["rejected"]
    assert [(row["table"], row["file"], row["row"], row["rule"], row["text"]) for row in found] == [
        ("blood_pressure", "log.csv", 5, "systolic_range", "1300"),
        ("blood_pressure", "log.csv", 6, "unreadable_number", "13O"),
    ]
    assert found[0]["date"] == "2025-09-02" and "correct the value" in found[0]["sentence"]
    rows = list(csv.DictReader(io.StringIO(house.pdp("rejected", "blood_pressure", "--csv").stdout)))
    assert [(row["row"], row["cell"]) for row in rows] == [(str(one["row"]), one["cell"]) for one in found]
    shown = house.pdp("rejected").stdout
    assert "blood_pressure, google_sheets: log.csv" in shown and shown.endswith("2 rows set aside\n")


def test_nothing_rejected_and_a_wrong_table(house: House) -> None:
    assert house.pdp("rejected", "steps").stdout == "no row is set aside\n"
    done = house.pdp("rejected", "step")
    assert done.returncode == 1 and "did you mean steps?" in done.stderr


def test_a_stage_that_failed_is_named(project: Project) -> None:
    """So many rows were to be set aside that nothing was written: `no row is set aside` alone would not be true."""
    steps = (project.root / "stages/steps.py").read_text()
    project.write("stages/steps.py", steps.replace("    good = ", '    raise ValueError("no")\n    good = '))
    assert project.doit().returncode != 0
    shown = pdp(project, "rejected")
    assert shown == pdp(project, "rejected", "numbers")
    assert shown.startswith("no row is set aside\nvalidate:numbers failed, so that this list is not its last word: ")


def test_a_table_without_provenance_is_shown_too(project: Project) -> None:
    """The engine knows no column name: a row is told whatever it holds."""
    project.raw("a.txt", "1 -2")
    assert project.doit().returncode == 0
    assert len(told(project, "rejected")["rejected"]) == 1
    assert "1 row set aside" in pdp(project, "rejected")


def test_downloads_of_one_sheet_that_differ_are_told_where_numbers_are_looked_at_and_leave(tmp_path: Path) -> None:
    """A reading whose time was corrected counts twice, and no row is set aside: the files are named until one is gone."""
    house = House(tmp_path)
    moved = {when.replace("20:00", "20:30"): values for when, values in READINGS.items()}
    house.log(moved | {"2025-09-04 08:00": (125, 80)}, "log (1).csv")
    house.build()
    told = "log.csv and log (1).csv look like downloads of one sheet, and 1 reading stands in one of them only"
    assert f"\n{told}" in house.pdp("status").stdout
    done = house.pdp("export", "--csv", "days.csv")
    assert (done.returncode, done.stdout) == (0, "wrote days.csv: 3 rows of daily_metrics@v2\n")
    assert done.stderr.startswith(f"note: {told}") and done.stderr.count("\n") == 1
    (house.root / "data/raw/google_sheets/log.csv").unlink()
    house.build()
    assert told not in house.pdp("status").stdout and house.pdp("export", "--csv", "days.csv").stderr == ""
