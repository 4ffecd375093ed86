"""What counts as a change, beyond the single edits of tests/fingerprint_cases.py: libraries, data files, moving inputs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pdp.identity import plan_stage
from pdp.outlook import pipeline_of
from pdp.session import Session
from tests.forked import doit_in
from tests.project import STEPS, Project, outcomes


def reasons(project: Project, libraries: dict[str, str]) -> list[str]:
    """Why merge would run if these were the installed libraries."""
    session = Session(project.root, {}, read_only=True)
    session.__dict__["libraries"] = session.libraries | libraries
    pipeline = pipeline_of(session)
    return plan_stage(session, pipeline, pipeline.stages[-1], session.registry.current()).reasons


@pytest.mark.parametrize(
    ("counts", "version", "expected"),
    [("true", "999.1", ["pyarrow 26 became 999"]), ("true", "26.999", []), ("false", "999.1", [])],
)
def test_a_major_version_counts_if_the_setting_says_so(
    project: Project, counts: str, version: str, expected: list[str]
) -> None:
    """[identity] library_majors decides; a minor version never counts."""
    config = project.root / "configs/pdp.toml"
    config.write_text(config.read_text() + f"[identity]\nlibrary_majors = {counts}\n")
    assert doit_in(project.root)[0] == 0
    assert reasons(project, {"pyarrow": version}) == expected


def test_versions_are_recorded_with_each_run(project: Project) -> None:
    import json
    import sqlite3

    doit_in(project.root)
    with sqlite3.connect(project.data / "registry.db") as db:
        (versions,) = db.execute("SELECT versions FROM run").fetchone()
    assert {"pdp", "python", "pandas", "pyarrow"} <= json.loads(versions).keys()


def test_a_data_file_that_code_declares_counts_as_code(project: Project) -> None:
    """resource("x.json"): an edit of the file reruns the stages that read it, and those only."""
    project.write("stages/factor.txt", "1")
    project.write(
        "stages/help.py",
        'from pdp.resource import resource\nFACTOR = int(resource("factor.txt").read_text())\n',
    )
    assert doit_in(project.root)[0] == 0
    project.write("stages/factor.txt", "5")
    _, printed = doit_in(project.root)
    assert {task for task, outcome in outcomes(printed).items() if outcome != "current"} == {"merge"}
    assert project.total() == "30"


def test_a_raw_file_that_moves_while_it_is_read_fails_the_stage(project: Project) -> None:
    """One sentence, nothing recorded, the old outputs whole; the next run takes the file as it is."""
    assert doit_in(project.root)[0] == 0
    before = project.outputs()
    raw = project.raw("a.txt", "1 2 4")
    meddling = STEPS.replace(
        'yield "mi_band_numbers"', f'open({os.fspath(raw)!r}, "a").write(" 8")\n    yield "mi_band_numbers"'
    )
    project.write("stages/steps.py", meddling)
    code, printed = doit_in(project.root)
    assert code != 0
    assert "raw file mi_band/a.txt changed while it was being read; run again" in printed
    assert project.outputs() == before
    project.write("stages/steps.py", STEPS)
    assert doit_in(project.root)[0] == 0
    assert project.total() == "15"


def test_an_edit_before_the_stage_opens_the_file_is_noticed_too(project: Project) -> None:
    """The bytes read must be those that the manifest names."""
    from pdp.errors import InputError
    from pdp.snapshot import RawFile

    path: Path = project.raw("a.txt", "other bytes")
    with pytest.raises(InputError, match="changed while it was being read"):
        RawFile("a.txt", "0" * 64, 3, path).read_bytes()
