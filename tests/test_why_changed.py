"""`pdp why-changed` on a copy of the project with a handful of readings: each single edit is named as the cause."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.checkout import CONFIGS, copy_pipeline
from tests.forked import doit_in
from tests.project import PATIENCE_S

ROOT = Path(__file__).parent.parent
DAY = ("2025-09-01", "systolic")
READINGS = {"2025-09-01 08:00": (120, 80), "2025-09-01 20:00": (130, 82), "2025-09-03 08:00": (124, 79)}


class House:
    """The project's own stages over one log of blood pressure."""

    def __init__(self, root: Path) -> None:
        self.root = root
        copy_pipeline(root, *CONFIGS)
        self.config("")
        self.log(READINGS)
        self.build()

    def config(self, more: str) -> None:
        lines = ['timezone = "Europe/Berlin"', 'data_dir = "data"', "[mi_band]", "enabled = false"]
        text = "\n".join([*lines, "[checks]", "max_quarantined_share = 0.9", more])
        (self.root / "configs/pdp.toml").write_text(text)

    def log(self, readings: Mapping[str, tuple[float, float]], name: str = "log.csv") -> None:
        lines = ["Date,Systolic,Diastolic", *(f"{when},{sys},{dia}" for when, (sys, dia) in readings.items())]
        path = self.root / "data/raw/google_sheets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")

    def build(self) -> None:
        code, printed = doit_in(self.root)
        assert code == 0, printed

    def pdp(self, *words: str) -> subprocess.CompletedProcess[str]:
        return warm.run([sys.executable, "-m", "pdp", *words], self.root, os.environ, PATIENCE_S)

    def causes(self, *words: str) -> dict[str, Any]:
        done = self.pdp("why-changed", *(words or DAY), "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def named(found: dict[str, Any]) -> list[str]:
    return [cause["cause"] for cause in found["causes"]]


def test_a_number_that_never_changed_says_so(house: House) -> None:
    assert house.causes()["from"] is None
    assert "never changed" in house.pdp("why-changed", *DAY).stdout


def test_late_rows(house: House) -> None:
    """A reading of a day before others that were known, out of a file that came later."""
    house.log({"2025-09-01 12:30": (140, 85)}, "more.csv")
    house.build()
    found = house.causes()
    assert named(found) == ["late rows"] and found["values"] == [125, 130]
    assert [(row["file"], row["row"]) for row in found["causes"][0]["rows"]] == [("more.csv", 2)]
    assert (found["from"], found["to"]) == ("daily_metrics@v1", "daily_metrics@v2")
    assert "late rows: 1 row" in house.pdp("why-changed", *DAY).stdout


def test_new_rows(house: House) -> None:
    """A day that no version had before."""
    house.log(READINGS | {"2025-09-04 08:00": (150, 90)})
    house.build()
    found = house.causes("2025-09-04", "systolic")
    assert named(found) == ["new rows"] and found["values"] == [None, 150]


def test_edited_and_removed_rows(house: House) -> None:
    """An edit within the file, and then a line taken out of it; the lines after it only moved."""
    house.log(READINGS | {"2025-09-01 20:00": (134, 82)})
    house.build()
    assert named(house.causes()) == ["edited rows"]
    house.log({when: values for when, values in READINGS.items() if "08:00" in when})
    house.build()
    assert named(house.causes()) == ["removed rows"]
    assert house.causes("2025-09-03", "systolic")["from"] is None


def test_quarantine_and_release(house: House) -> None:
    """A value that breaks a rule, and the same corrected again."""
    house.log(READINGS | {"2025-09-01 20:00": (1300, 82)})
    house.build()
    assert named(house.causes()) == ["quarantine"]
    house.log(READINGS | {"2025-09-01 20:00": (136, 82)})
    house.build()
    assert named(house.causes()) == ["released"]


def test_config(house: House) -> None:
    """The key and both values, of the stage that read it."""
    house.log(READINGS | {"2025-09-01 08:20": (150, 90)})
    house.build()
    house.config("[blood_pressure]\nsession_gap_min = 30\n")
    house.build()
    (cause,) = house.causes()["causes"]
    assert cause == {"cause": "config", "stage": "merge", "what": "blood_pressure.session_gap_min: 15 became 30"}


def test_code(house: House) -> None:
    """The statement that changed, of the stage whose result it moved; code that moved nothing is no cause."""
    path = house.root / "stages/sessions.py"
    path.write_text(path.read_text() + "\n\nTELL = 1\n")
    house.build()
    assert house.causes()["from"] is None
    merge = house.root / "stages/merge.py"
    source = merge.read_text().replace("return schema.conform(", "return _more(schema, ")
    source += (
        "\n\ndef _more(schema, days):\n    import pyarrow.compute as pc\n    i = days.column_names.index('systolic')\n"
        "    return schema.conform(days.set_column(i, 'systolic', pc.add(days['systolic'], 1.0)))\n"
    )
    merge.write_text(source)
    house.build()
    (cause,) = house.causes()["causes"]
    assert (cause["cause"], cause["stage"]) == ("code", "merge") and "stages.merge._more added" in cause["what"]


def test_wrong_questions_get_one_sentence(house: House) -> None:
    for words, sentence in {
        ("2025-09-01", "systolik"): "did you mean systolic?",
        ("2020-01-01", "systolic"): "has a row for 2020-01-01",
    }.items():
        done = house.pdp("why-changed", *words)
        assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr
