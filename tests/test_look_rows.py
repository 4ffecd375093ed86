"""`pdp show`, `pdp diff`, `pdp restore`: the rows and bytes of versions."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pdp.look.diff import difference, text
from pdp.look.rows import read
from pdp.store import Store
from tests.look import built, pdp, said, told
from tests.project import Project


@pytest.fixture
def twice(project: Project) -> Project:
    """Two runs: 1 2 3, then 1 2 9 and a negative number."""
    built(project)
    project.raw("a.txt", "1 2 9 -4")
    built(project)
    return project


def test_show_prints_rows(twice: Project) -> None:
    """The current version, or the one named; the first of them, and how many there are."""
    assert said(twice, "show", "numbers") == "n\n1\n2\n9\nnumbers@v2: 3 rows\n"
    assert said(twice, "show", "numbers@v1", "--head", "1") == "n\n1\nnumbers@v1: the first 1 of 3 rows\n"
    assert said(twice, "show", "numbers_quarantine@v1") == "numbers_quarantine@v1: 0 rows\n"
    assert said(twice, "show", "total.csv") == "total\n   12\ntotal.csv@v2: 1 row\n"


def test_show_as_csv_and_json_is_complete(project: Project) -> None:
    """All rows, unless fewer are asked for."""
    project.raw("a.txt", " ".join(map(str, range(30))))
    built(project)
    assert "the first 20 of 30 rows" in said(project, "show", "numbers")
    rows = list(csv.reader(io.StringIO(said(project, "show", "numbers", "--csv"))))
    assert rows == [["n"], *([str(n)] for n in range(30))]
    found = told(project, "show", "numbers", "--head=2")
    assert found == {"artifact": "numbers@v1", "rows": 30, "shown": [{"n": 0}, {"n": 1}]}


def test_show_of_a_manifest_lists_its_files(twice: Project) -> None:
    (file,) = told(twice, "show", "mi_band@v1")["shown"]
    assert (file["name"], file["size"]) == ("a.txt", 5)


def test_diff_counts_whole_rows_where_there_is_no_key(twice: Project) -> None:
    found = told(twice, "diff", "numbers@v1", "numbers@v2")
    assert found["counts"] == {"added": 1, "removed": 1, "changed": 0}
    assert said(twice, "diff", "numbers@v1", "numbers@v2").splitlines() == [
        "numbers v1 to v2, by whole rows: 1 added, 1 removed, 0 changed",
        "- 3",
        "+ 9",
    ]
    assert "and 1 more (--limit 0 shows all)" in said(twice, "diff", "numbers@v1", "--limit", "1")


def test_diff_of_manifests_is_by_file(twice: Project) -> None:
    twice.raw("b.txt", "5")
    built(twice)
    assert "mi_band v2 to v3, by name: 1 added, 0 removed, 0 changed\n+ b.txt" in said(twice, "diff", "mi_band@v2")
    (row,) = told(twice, "diff", "mi_band@v1", "mi_band@v2")["rows"]
    assert row["key"] == {"name": "a.txt"} and set(row["cells"]) == {"sha256", "size"}


def test_diff_wants_two_versions_of_one_artifact(twice: Project) -> None:
    assert "are not versions of one artifact" in pdp(twice, "diff", "numbers@v1", "total@v1", code=1)
    assert "numbers names no version" in pdp(twice, "diff", "numbers", code=2)


def days(**columns: list[Any]) -> pa.Table:
    return pa.table(columns | {"date": pa.array(columns["date"], pa.date32())})


def test_days_are_compared_by_date_and_cell() -> None:
    """Only the cells that differ, null told from a value, in order of the date."""
    one, two, three = (date(2026, 1, day) for day in (1, 2, 3))
    old = days(date=[two, one], steps=[100, None], pulse=[60.0, 61.0])
    new = days(date=[one, two, three], steps=[7, 100, 5], pulse=[61.0, None, 70.0])
    found = difference(old, new)
    assert found["key"] == ["date"]
    assert found["rows"] == [
        {"key": {"date": "2026-01-01"}, "change": "changed", "cells": {"steps": [None, 7]}},
        {"key": {"date": "2026-01-02"}, "change": "changed", "cells": {"pulse": [60.0, None]}},
        {"key": {"date": "2026-01-03"}, "change": "added"},
    ]
    shown = text(found | {"artifact": "days", "from": 1, "to": 2}, found["rows"])
    assert "~ 2026-01-01  steps none -> 7" in shown and "~ 2026-01-02  pulse 60 -> none" in shown


def rows(numbers: list[int], values: list[float]) -> pa.Table:
    size = len(numbers)
    return pa.table(
        {
            "source": ["s"] * size, "file": ["f"] * size, "row": pa.array(numbers, pa.int32()),
            "item": pa.array([0] * size, pa.int16()), "bpm": values,
            "instant_utc": pa.array([datetime(2026, 1, 1, 5, tzinfo=UTC)] * size, pa.timestamp("s", tz="UTC")),
        }
    )  # fmt: skip


def test_rows_with_provenance_are_compared_by_it() -> None:
    found = difference(rows([2, 3], [60.0, 61.0]), rows([3, 4], [62.0, 63.0]))
    assert found["key"] == ["source", "file", "row", "item"]
    assert [(row["key"]["row"], row["change"]) for row in found["rows"]] == [
        (2, "removed"),
        (3, "changed"),
        (4, "added"),
    ]


def test_a_key_that_is_not_unique_is_not_used() -> None:
    """Rows are then counted as wholes: nothing is paired at random."""
    found = difference(rows([2, 2], [60.0, 61.0]), rows([2, 2], [60.0, 62.0]))
    assert found["key"][:4] == ["source", "file", "row", "item"] and "bpm" in found["key"]
    assert found["counts"] == {"added": 1, "removed": 1, "changed": 0}


def test_columns_that_came_went_or_changed_their_type_are_told() -> None:
    one = date(2026, 1, 1)
    found = difference(days(date=[one], steps=[1], old=[1]), days(date=[one], steps=["1"], new=[2]))
    assert found["columns"] == {"added": ["new"], "removed": ["old"]}
    assert found["counts"] == {"added": 0, "removed": 0, "changed": 0}


def test_instants_are_iso_text_in_utc(tmp_path: Path) -> None:
    """To the second, as they were measured; fractions stay where there are some."""
    table = rows([2], [60.0])
    exact = pa.array([datetime(2026, 1, 1, 5, 0, 0, 500_000, tzinfo=UTC)], pa.timestamp("ms", tz="UTC"))
    store = Store(tmp_path / "store")
    temp = store.temp()
    pq.write_table(table.append_column("exact", exact), temp)
    version = {"artifact": "a", "version": 1, "hash": store.put(temp)[0], "path": "x/a.parquet", "current": True}
    found = read(str(tmp_path), version).to_pylist()[0]
    assert (found["instant_utc"], found["exact"]) == ("2026-01-01T05:00:00Z", "2026-01-01T05:00:00.500Z")


def test_restore_writes_the_bytes_of_a_version_elsewhere(twice: Project) -> None:
    """The current files stay as they are."""
    assert said(twice, "restore", "total.csv@v1", "--to", "old.csv") == "wrote total.csv@v1 to old.csv\n"
    assert (twice.root / "old.csv").read_text().split() == ['"total"', "6"] or "6" in (
        twice.root / "old.csv"
    ).read_text()
    assert twice.total() == "12"


def test_restore_overwrites_only_when_told(twice: Project) -> None:
    target = twice.write("old.csv", "mine")
    assert "old.csv is there already" in pdp(twice, "restore", "total.csv@v1", "--to", "old.csv", code=1)
    assert target.read_text() == "mine"
    said(twice, "restore", "total.csv@v1", "--to", "old.csv", "--force")
    assert "6" in target.read_text()
    assert "is a folder" in pdp(twice, "restore", "total.csv@v1", "--to", "stages", "--force", code=1)
    assert "--to FILE is missing" in pdp(twice, "restore", "total.csv@v1", code=2)


@pytest.mark.parametrize(
    "place", ["data/merged/total.csv", "data/raw/mi_band/c.txt", "data/store/x", "stages/../data/x"]
)
def test_restore_keeps_out_of_the_data_folder(twice: Project, place: str) -> None:
    before = twice.outputs()
    said_no = pdp(twice, "restore", "total.csv@v1", "--to", place, "--force", code=1)
    assert "lies in the data folder, which is pdp's own" in said_no
    assert twice.outputs() == before


def test_a_damaged_object_is_never_shown(twice: Project) -> None:
    (version,) = [v for v in told(twice, "history", "numbers") if v["version"] == 1]
    path = Store(twice.data / "store").path(version["hash"])
    path.chmod(0o600)
    path.write_bytes(b"hole")
    assert "the store has lost the object" in pdp(twice, "show", "numbers@v1", code=1)
    assert json.loads(said(twice, "show", "numbers@v2", "--json"))["rows"] == 3
