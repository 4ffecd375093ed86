"""What counts as a change, beyond the single edits of tests/fingerprint_cases.py: libraries, data files, moving inputs."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pdp.identity import Plan, changes, config_of, identity_of, key_of, plan_stage
from pdp.ingest import plan_ingest
from pdp.outlook import pipeline_of
from pdp.session import Session
from tests.forked import doit_in
from tests.project import DODO, STEPS, Project, outcomes


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


TABLE = "numbers"
REPAIRS = """table,do,column,value,rule,id
numbers,set,n,5,,r1-0123456789ab
numbers,set,m,6,,r1-0123456789ab
numbers,accept,,,range,r2-0123456789ab
"""


class Asked:
    """A built project of which `validate` may be repaired; what its identity is, and what would be said of a change."""

    def __init__(self, project: Project) -> None:
        project.write("dodo.py", DODO.replace('("checks",)),', f'("checks",), "", "{TABLE}", ("sleep",)),'))
        assert doit_in(project.root)[0] == 0
        self.project = project

    def __enter__(self) -> Asked:
        self.session = Session(self.project.root, {}, read_only=True)
        self.pipeline = pipeline_of(self.session)
        self.stage = self.pipeline.stages[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def identity(self) -> dict[str, Any]:
        current = self.session.registry.current()
        inputs = {name: current[name]["hash"] for name in self.stage.inputs}
        return identity_of(self.session, self.pipeline, self.stage, inputs)

    def plan(self) -> Plan:
        return plan_stage(self.session, self.pipeline, self.stage, self.session.registry.current())

    def changes(self, **before: Any) -> list[str]:
        identity = self.identity()
        return changes(self.session, self.stage, identity | before, identity)


@pytest.fixture
def asked(project: Project) -> Asked:
    return Asked(project)


def test_repairs_are_part_of_the_identity_only_where_there_are_some(asked: Asked) -> None:
    """So is the config that only they want; a stage is given their lines, of which its identity knows nothing."""
    with asked:
        without = asked.identity()
        assert "repairs" not in without and "sleep" not in without["config"]
        assert config_of(asked.session, without) == without["config"]
        assert asked.plan().reasons == [] and asked.plan().problem == ""
    asked.project.write("data/repairs.csv", REPAIRS)
    rows = [
        {"id": "r1-0123456789ab", "do": "set", "set": {"n": "5", "m": "6"}, "rules": []},
        {"id": "r2-0123456789ab", "do": "accept", "set": {}, "rules": ["range"]},
    ]
    with asked:
        found = asked.identity()
        sleep = {"sleep": asked.session.config.values["sleep"]}
        assert found == without | {"repairs": {"rows": rows, "config": sleep}}
        given = config_of(asked.session, found)
        assert given == without["config"] | sleep | {"repairs": [rows[0] | {"lines": [2, 3]}, rows[1] | {"lines": [4]}]}
        assert asked.plan().reasons == ["2 repairs added"]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (REPAIRS, []),
        (REPAIRS.replace(",5,", ",7,"), ["1 repair changed"]),
        (REPAIRS.replace("r2-", "r3-"), ["1 repair added", "1 repair withdrawn"]),
        ("", ["2 repairs withdrawn"]),
    ],
    ids=["none", "another value", "another row", "all gone"],
)
def test_what_became_of_repairs_is_counted(asked: Asked, now: str, said: list[str]) -> None:
    asked.project.write("data/repairs.csv", REPAIRS)
    with asked:
        before = asked.identity()
    asked.project.write("data/repairs.csv", now)
    with asked:
        found = changes(asked.session, asked.stage, before, asked.identity())
        assert found == (said or ["the order of its inputs changed"])
        if said != ["2 repairs withdrawn"]:
            before["repairs"]["config"] = {"sleep": {"short_night_min": -1}}
            assert (
                changes(asked.session, asked.stage, before, asked.identity())[-1]
                == "config sleep.short_night_min changed"
            )


def test_each_change_of_an_identity_has_its_sentence(asked: Asked) -> None:
    """By name and version; of settings the keys alone."""
    with asked:
        mine = asked.identity()
        numbers = mine["inputs"]["mi_band_numbers"]
        checks = mine["config"] | {"checks": mine["config"]["checks"] | {"max_quarantined_share": 0.9}}
        assert asked.changes(engine="other") == ["how pdp reads and writes tables changed"]
        assert asked.changes(inputs={}) == ["input mi_band_numbers is new"]
        assert asked.changes(inputs=mine["inputs"] | {"old": "x"}) == ["input old is no longer used"]
        assert asked.changes(inputs={"mi_band_numbers": "x"}) == ["input mi_band_numbers changed (vNone to v1)"]
        assert asked.changes(config=checks) == ["config checks.max_quarantined_share changed"]
        assert asked.changes(code="x") == ["code changed"]
        assert asked.changes(outputs=[]) == ["its outputs are named otherwise"]
        assert asked.changes(libraries={"numpy": "1"})[0] == "numpy 1 became any"
        assert "any became" in asked.changes(libraries={})[0]
        assert asked.changes() == ["the order of its inputs changed"]
        assert numbers not in " ".join(asked.changes(inputs={}))


def test_what_cannot_be_told_is_a_plan_with_a_problem(asked: Asked) -> None:
    """A person's fault ends no run: the stage says it."""
    asked.project.write("data/repairs.csv", "nonsense\n")
    with asked:
        plan = asked.plan()
        assert plan.reasons == ["cannot tell"] and plan.problem.startswith(
            "repairs.csv line 1: there is no column nonsense"
        )


def test_what_a_newer_pdp_recorded_is_built_again(asked: Asked) -> None:
    """Its identity cannot be compared; nothing of it is restored."""
    with asked:
        last = dict(asked.session.registry.last("validate:numbers") or {})
        identity = asked.session.registry.identity(last["id"]) | {"scheme": 99}
        newer = last | {"key": key_of(identity)}
        asked.session.registry.identity = lambda stage_run: identity  # type: ignore[method-assign]
        asked.session.registry.last = lambda stage: newer  # type: ignore[method-assign, assignment, return-value]
        asked.session.registry.schemes = lambda stage: [(99, 1), (2, 99)]  # type: ignore[method-assign]
        plan = asked.plan()
        assert plan.reasons == ["recorded by a newer pdp"]
        assert plan.restore and {one["name"] for one in plan.restore["outputs"]} == {"numbers", "numbers_quarantine"}


@pytest.mark.parametrize(
    "harm",
    ["UPDATE common SET text = replace(text, '\"code\"', '\"bode\"')", "UPDATE common SET text = replace(text, '{', '[')",
     "UPDATE stage_run SET common = 1", "UPDATE stage_run SET common = NULL",
     "UPDATE input SET name = 'numbers', version = 1; UPDATE stage_run SET own = replace(own, 'sha256', 'sha255')",
     "UPDATE stage_run SET own = '['", "UPDATE stage_run SET own = '{\"inputs\":{}}'"],
)  # fmt: skip
def test_a_recorded_identity_that_was_harmed_is_told(asked: Asked, harm: str) -> None:
    """Its hash is recorded beside it: what does not fit to that is no reason for anything."""
    assert doit_in(asked.project.root)[0] == 0
    with closing(sqlite3.connect(asked.project.data / "registry.db")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.executescript(harm)
    asked.project.write("stages/steps.py", STEPS.replace("n >= 0", "n > 0"))
    with asked:
        plan = asked.plan()
        assert plan.reasons == ["cannot tell"] and "pdp recover" in plan.problem
        assert plan.problem.startswith("the registry registry.db is damaged")
    asked.project.raw("b.txt", "4")
    with asked:
        plan, snapshot = plan_ingest(asked.session, asked.pipeline, asked.pipeline.sources[0])
        told = "bode" not in harm and "common = 1" not in harm  # an ingest has no code, and the first of what is common
        assert (snapshot is None and "not what was written" in plan.problem) is told


def test_an_output_that_moved_is_restored_at_its_new_place(project: Project) -> None:
    """The same bytes were first made for a file of another name."""
    assert doit_in(project.root)[0] == 0
    project.write("dodo.py", DODO.replace("merged/total.csv", "merged/sum.csv"))
    for factor, outcome in (("1", "unchanged"), ("2", "built"), ("1", "restored")):
        project.write("stages/help.py", f"FACTOR = {factor}\n")
        assert outcomes(doit_in(project.root)[1])["merge"] == outcome
    assert (project.data / "merged/sum.csv").read_text().split() == ["total", "6"]


def test_an_input_that_the_store_lost_is_told(project: Project) -> None:
    """Nothing is made from what lies at its named path."""
    assert doit_in(project.root)[0] == 0
    with closing(sqlite3.connect(project.data / "registry.db")) as db:
        (digest,) = db.execute("SELECT hash FROM artifact WHERE name = 'numbers'").fetchone()
    (project.data / "store" / digest[:2] / digest[2:]).unlink()
    project.write("stages/help.py", "FACTOR = 2\n")
    code, printed = doit_in(project.root)
    assert code and f"the store has lost the object {digest[:12]}; run doit -a" in printed
    assert project.total() == "6"


def test_facts_that_cannot_be_recorded_fail_their_stage_alone(project: Project) -> None:
    """Before the commit begins: the run goes on, and is recorded as failed."""
    steps = STEPS.replace("* FACTOR]})", '* FACTOR]})\n    return {"mean": float("nan")}')
    project.write("stages/steps.py", steps)
    code, printed = doit_in(project.root)
    assert code and outcomes(printed)["merge"] == "failed" and "Traceback" not in printed
    with closing(sqlite3.connect(project.data / "registry.db")) as db:
        assert db.execute("SELECT status FROM run").fetchall() == [("failed",)]


def test_versions_are_recorded_with_each_run(project: Project) -> None:
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
