"""`pdp why`, `pdp status`, `pdp graph`: what a run would do, and why; and that a kept answer is never a stale one."""

from __future__ import annotations

import os
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pdp.look import kept
from tests.look import built, pdp, said, told
from tests.project import Project


def verdicts(project: Project) -> dict[str, str]:
    return {one["task"]: one["verdict"] for one in told(project, "why")}


def test_nothing_to_do_is_one_sentence(project: Project) -> None:
    """Of the whole, and of one stage."""
    built(project)
    assert said(project, "why") == "A run would do nothing: all is current.\n"
    assert said(project, "why", "merge") == "merge is current.\n"
    assert told(project, "why") == []


def test_why_goes_down_to_the_first_cause(project: Project) -> None:
    """A new raw file is the cause; what depends on it says through which input."""
    built(project)
    project.raw("b.txt", "4")
    assert said(project, "why").splitlines() == [
        "ingest:mi_band would be built, because 1 file new",
        "normalize:mi_band may be built, because its input mi_band would change (ingest:mi_band)",
        "validate:numbers may be built, because its input mi_band_numbers may change (normalize:mi_band)",
        "merge may be built, because its input numbers may change (validate:numbers)",
    ]
    assert [one["task"] for one in told(project, "why", "normalize")] == ["ingest:mi_band", "normalize:mi_band"]


def test_why_names_the_code_and_the_config_that_changed(project: Project) -> None:
    built(project)
    project.write("stages/help.py", "FACTOR = 3\n")
    with (project.root / "configs/pdp.toml").open("a") as file:
        file.write("[sleep]\nshort_night_min = 200\n")
    (one,) = told(project, "why")
    assert one["verdict"] == "build"
    assert one["reasons"] == ["code: stages.help.FACTOR changed", "config sleep.short_night_min changed"]
    assert "\n" in said(project, "why").strip()


def test_a_stage_that_is_not_there_is_guessed(project: Project) -> None:
    built(project)
    assert "there is no stage merg; did you mean merge?" in pdp(project, "why", "merg", code=1)
    assert "normalize" in pdp(project, "why", "normalise", code=1)


@pytest.mark.parametrize(
    "command", ["why", "status", "graph", "history", "lineage total", "show total", "gc", "pin total@v1"]
)
def test_before_the_first_run_there_is_one_sentence(project: Project, command: str) -> None:
    assert pdp(project, *command.split(), code=1) == "pdp: nothing is built yet in data; run doit\n"
    assert not (project.data / "registry.db").exists()


@pytest.mark.parametrize(
    "command", ["why", "status", "history", "lineage", "show", "diff", "restore", "gc", "pin", "graph"]
)
def test_what_is_typed_wrong_is_told_with_the_usage(project: Project, command: str) -> None:
    """Exit code 2, one line; --help needs no project's state."""
    built(project)
    assert f"unknown option --jsn; usage: pdp {command}" in pdp(project, command, "--jsn", code=2)
    assert said(project, command, "--help").startswith(f"pdp {command}")


def test_an_edited_pipeline_is_seen_without_a_run(project: Project) -> None:
    built(project)
    dodo = (project.root / "dodo.py").read_text()
    project.write("dodo.py", dodo.replace('("sleep",)', '("checks",)'))
    assert list(verdicts(project)) == ["merge"]
    project.write("dodo.py", dodo + "\n1 / 0\n")
    assert "dodo.py cannot be read: ZeroDivisionError" in pdp(project, "why", code=1)


def test_a_config_edited_since_the_last_run_is_read(project: Project) -> None:
    """Looking writes nothing into the registry, though settings that were never seen are validated."""
    built(project)
    before = (project.data / "registry.db").read_bytes()
    with (project.root / "configs/pdp.toml").open("a") as file:
        file.write("[sleep]\nshort_night_min = 200\n")
    assert "config sleep.short_night_min changed" in said(project, "status")
    assert (project.data / "registry.db").read_bytes() == before


def test_status_names_files_of_stages_that_are_gone_and_clean_removes_them(project: Project) -> None:
    """Not what a person put in their place, and nothing while one task is named."""
    built(project)
    dodo = (project.root / "dodo.py").read_text()
    project.write(
        "dodo.py",
        dodo.replace("merged/total", "merged/sum").replace('"total"', '"sum"').replace('"total.csv"', '"sum.csv"'),
    )
    steps = (project.root / "stages/steps.py").read_text()
    project.write("stages/steps.py", steps.replace('yield "total"', 'yield "sum"'))
    built(project)
    old = [project.data / "merged/total.csv", project.data / "merged/total.parquet"]
    assert told(project, "status")["leftovers"] == ["data/merged/total.csv", "data/merged/total.parquet"]
    assert "Left over from stages that are gone" in said(project, "status")
    assert "data/merged/total.csv" not in project.doit("clean", "merge", "--dry-run").stdout
    assert "left over  would remove data/merged/total.csv" in project.doit("clean", "--dry-run").stdout
    assert all(path.exists() for path in old)
    old[1].write_text("mine")
    project.doit("clean")
    assert [path.exists() for path in old] == [False, True]
    assert told(project, "status")["leftovers"] == []
    assert [one["current"] for one in told(project, "history", "total.csv")] == [False]
    assert set(project.outcomes().values()) == {"current", "restored"}


def test_graph_is_coloured_by_state(project: Project) -> None:
    """Mermaid text, an SVG that is well-formed, and the same as data."""
    built(project)
    project.write("stages/help.py", "FACTOR = 3\n")
    text = said(project, "graph")
    assert text.startswith("flowchart LR") and '["merge<br/>would be built"]:::build' in text
    states = {one["stage"]: one["state"] for one in told(project, "graph")["stages"]}
    assert states["merge"] == "build" and states["ingest:mi_band"] == "current"
    assert said(project, "graph", "--svg", "graph.svg") == "wrote graph.svg\n"
    picture = ElementTree.fromstring((project.root / "graph.svg").read_text())
    texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[-2:] == ["merge", "would be built"]
    assert said(project, "graph", "--svg", "-").startswith("<svg")
    assert "cannot be written" in pdp(project, "graph", "--svg", "nowhere/graph.svg", code=1)


def test_what_is_kept_is_forgotten_when_it_may_be_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files touched a moment ago, other variables, and a damaged file: each means a new look."""
    file, root = tmp_path / "file", str(tmp_path)
    file.write_text("1")
    kept.keep(root, "x", {"a": [1]}, [str(file)], time.time_ns())
    assert kept.recall(root, "x") is None
    later = time.time_ns() + 3_000_000_000
    kept.keep(root, "x", {"a": [1]}, [str(file), str(tmp_path / "missing")], later)
    assert kept.recall(root, "x") == {"a": [1]}
    monkeypatch.setenv("PDP_SECRET", "hunter2")
    assert kept.recall(root, "x") is None
    kept.keep(root, "y", 1, [str(file)], later)
    assert kept.recall(root, "y") == 1
    assert b"hunter2" not in (tmp_path / ".pdp/y").read_bytes()
    (tmp_path / "missing").touch()
    monkeypatch.delenv("PDP_SECRET")
    assert kept.recall(root, "x") is None
    (tmp_path / ".pdp/y").write_bytes(b"\x00rubbish")
    assert kept.recall(root, "y") is None
    assert os.stat(tmp_path / ".pdp/x").st_mode & 0o077 == 0
