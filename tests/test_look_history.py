"""`pdp history` and `pdp lineage`: what runs did, and what went into what."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from pdp.look import to_json, unknown
from tests.look import built, pdp, said, told
from tests.project import Project


def twice(project: Project) -> None:
    """Two runs: the second with one more number."""
    built(project)
    project.raw("b.txt", "4")
    built(project)


def test_history_of_runs(project: Project) -> None:
    """Newest first, each with what became of its stages, why, and which versions came of it."""
    twice(project)
    last, first = told(project, "history")
    assert (last["run"], first["run"], last["status"]) == (2, 1, "ok")
    merge = last["stages"][-1]
    assert (merge["stage"], merge["outcome"], merge["made"]) == ("merge", "built", ["total@v2", "total.csv@v2"])
    assert merge["reasons"] == ["input numbers changed (v1 to v2)"]
    assert [run["run"] for run in told(project, "history", "--last", "1")] == [2]
    text = said(project, "history").splitlines()
    assert text[0].startswith("run 2  ") and "  ok, 0 current  doit" in text[0]
    assert "input numbers changed (v1 to v2) -> total@v2, total.csv@v2" in text[4]


def test_history_of_a_stage_tells_of_failures_too(project: Project) -> None:
    twice(project)
    project.raw("b.txt", "x")
    project.doit()
    runs = told(project, "history", "normalize:mi_band")
    assert [run["outcome"] for run in runs] == ["failed", "built", "built"]
    assert told(project, "history", "normalize") == runs
    assert "failed" in said(project, "history", "normalize:mi_band", "--last=1")


def test_history_of_an_artifact_marks_what_is_current_pinned_and_collected(project: Project) -> None:
    twice(project)
    said(project, "pin", "total@v1")
    one, two = told(project, "history", "total")
    assert (one["version"], one["current"], one["pinned"], one["collected"]) == (2, True, False, False)
    assert (two["version"], two["current"], two["pinned"], two["collected"]) == (1, False, True, False)
    assert "pinned" in said(project, "history", "total")


def test_an_undone_edit_is_restored_in_the_history(project: Project) -> None:
    """The versions that came back are named."""
    twice(project)
    (project.data / "raw/mi_band/b.txt").unlink()
    built(project)
    assert "restored" in said(project, "history", "merge", "--last", "1")
    assert "-> total@v1, total.csv@v1" in said(project, "history", "merge", "--last", "1")


def test_names_and_numbers_that_are_wrong_are_told(project: Project) -> None:
    twice(project)
    assert "did you mean total?" in pdp(project, "history", "totl", code=1)
    assert "there is no artifact totl; did you mean total?" in pdp(project, "lineage", "totl", code=1)
    assert "total has no version 9; it has v1 to v2" in pdp(project, "lineage", "total@v9", code=1)
    assert "total has no version 0" in pdp(project, "lineage", "total@v0", code=1)
    assert "write it like total@v2" in pdp(project, "lineage", "total@two", code=2)
    assert "--last wants a number, not few" in pdp(project, "history", "--last", "few", code=2)
    assert "--last wants a value" in pdp(project, "history", "--last", code=2)
    assert "b is too much" in pdp(project, "history", "a", "b", code=2)


def test_lineage_goes_up_to_the_raw_files(project: Project) -> None:
    """Of the current version, unless another is named."""
    twice(project)
    text = said(project, "lineage", "total")
    assert text.startswith("total@v2  merge, 1 row, current")
    steps = ["numbers@v2", "mi_band_numbers@v2", "mi_band@v2", "raw/mi_band/a.txt", "raw/mi_band/b.txt"]
    assert [line.split()[0] for line in text.splitlines()[2:7]] == steps
    old = told(project, "lineage", "total@v1")
    assert {name for name, node in old["nodes"].items() if node["kind"] == "file"} == {"raw/mi_band/a.txt"}
    assert ["numbers@v1", "total@v1"] in old["edges"]


def test_lineage_goes_down_to_what_used_it(project: Project) -> None:
    twice(project)
    found = told(project, "lineage", "mi_band@v1")
    down = {name for name, node in found["nodes"].items() if node["side"] == "down"}
    assert down == {"mi_band_numbers@v1", "numbers@v1", "numbers_quarantine@v1", "total@v1", "total.csv@v1"}
    assert not any(found["nodes"][name]["current"] for name in down - {"numbers_quarantine@v1"})


def test_lineage_as_a_picture_masks_account_ids(project: Project) -> None:
    """A picture may be passed on; text and JSON stay with their owner."""
    project.raw("20260101_123456789_MiFitness_numbers.txt", "7")
    built(project)
    assert "123456789" in said(project, "lineage", "total")
    mermaid = said(project, "lineage", "total", "--mermaid")
    assert mermaid.startswith("flowchart LR") and "20260101_…_MiFitness" in mermaid
    svg = said(project, "lineage", "total", "--svg", "-")
    ElementTree.fromstring(svg)
    assert "123456789" not in mermaid + svg


def test_boxes_of_a_picture_do_not_overlap(project: Project) -> None:
    """Every arrow goes from left to right."""
    twice(project)
    svg = ElementTree.fromstring(said(project, "lineage", "numbers", "--svg", "-"))
    boxes = [
        tuple(int(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        for rect in svg.findall("{http://www.w3.org/2000/svg}g/{http://www.w3.org/2000/svg}rect")
    ]
    assert len(boxes) == 7
    for i, (x, y, w, h) in enumerate(boxes):
        assert all(x + w <= a or a + c <= x or y + h <= b or b + d <= y for a, b, c, d in boxes[i + 1 :])


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(PLAIN)
def test_json_is_what_json_would_write(value: object) -> None:
    """Any plain data; and what is no number is null."""
    assert json.loads(to_json(value)) == value
    assert to_json([float("nan"), float("inf")]) == "[\n null,\n null\n]"


def test_an_unknown_name_is_told_with_what_there_is() -> None:
    """One that may have been meant, else all, else that there is nothing yet."""
    assert str(unknown("artifact", "totl", ["numbers", "total"])) == "there is no artifact totl; did you mean total?"
    assert str(unknown("artifact", "xyz", ["numbers", "total"])) == "there is no artifact xyz; known are numbers, total"
    assert str(unknown("artifact", "total", [])) == "there is no artifact total; nothing was built yet: run doit"
