"""The engine through its front door: real doit runs of a small project."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from types import SimpleNamespace

import pytest
from doit.exceptions import UnmetDependency

from pdp.doit_reporter import Reporter
from tests.look import pdp
from tests.project import DODO, PATIENCE_S, STEPS, Project, outcomes, until

ALL = ["ingest:mi_band", "normalize:mi_band", "validate:numbers", "merge"]


def test_the_second_run_builds_nothing(project: Project) -> None:
    """Everything is built once; then everything is current."""
    assert project.outcomes() == dict.fromkeys(ALL, "built")
    assert project.total() == "6"
    assert project.outcomes() == dict.fromkeys(ALL, "current")


def test_a_new_raw_file_runs_what_depends_on_it(project: Project) -> None:
    project.doit()
    project.raw("b.txt", "10")
    assert project.outcomes() == dict.fromkeys(ALL, "built")
    assert project.total() == "16"


def test_an_unchanged_result_stops_the_chain(project: Project) -> None:
    """An edit that the first stage removes again runs the first stage only."""
    project.doit()
    project.raw("a.txt", "1   2\n3\n")
    found = project.outcomes()
    assert found["normalize:mi_band"] == "unchanged"
    assert found["merge"] == found["validate:numbers"] == "current"


def test_a_helper_of_a_stage_counts_as_its_code(project: Project) -> None:
    """An edit in an imported module reruns the stages that reach it, and no other."""
    project.doit()
    project.write("stages/help.py", "# a comment\nFACTOR = 2\n")
    found = project.outcomes()
    assert found == dict.fromkeys(ALL, "current") | {"merge": "built"}
    assert project.total() == "12"


def test_a_comment_or_an_unrelated_function_reruns_nothing(project: Project) -> None:
    project.doit()
    source = (project.root / "stages/steps.py").read_text()
    project.write("stages/steps.py", "# note\n" + source.replace("return 1", "return 2"))
    assert set(project.outcomes().values()) == {"current"}


def test_only_the_declared_config_section_counts(project: Project) -> None:
    project.doit()
    config = (project.root / "configs/pdp.toml").read_text()
    project.write("configs/pdp.toml", config + "[blood_pressure]\nsession_gap_min = 20\n")
    assert set(project.outcomes().values()) == {"current"}
    project.write("configs/pdp.toml", config + "[sleep]\nshort_night_min = 200\n")
    assert project.outcomes()["merge"] == "unchanged"


@pytest.mark.parametrize("harm", ["delete", "truncate", "edit"])
def test_a_harmed_output_is_restored_without_running_its_stage(project: Project, harm: str) -> None:
    project.doit()
    before = project.outputs()
    target = project.data / "merged/total.csv"
    if harm == "delete":
        target.unlink()
    else:
        target.write_bytes(b"" if harm == "truncate" else b"total\n7\n")
    assert project.outcomes() == dict.fromkeys(ALL, "current") | {"merge": "restored"}
    assert project.outputs() == before


def test_what_a_person_wrote_into_an_output_is_moved_aside(project: Project) -> None:
    """Never silently overwritten: the edit is kept and told."""
    project.doit()
    (project.data / "merged/total.csv").write_text("mine\n")
    done = project.doit()
    assert "was moved to data/edited/" in done.stdout
    assert [p.read_text() for p in (project.data / "edited").iterdir()] == ["mine\n"]


def test_an_undone_edit_is_restored(project: Project) -> None:
    """Edit, run, undo, run: the bytes come back, no stage runs."""
    project.doit()
    before = project.outputs()
    project.raw("a.txt", "5")
    project.doit()
    project.raw("a.txt", "1 2 3")
    found = project.outcomes()
    assert found.pop("ingest:mi_band") == "built"
    assert set(found.values()) == {"restored"}
    assert project.outputs() == before


def test_always_builds_all_the_same(project: Project) -> None:
    """doit -a runs every stage, though the store holds their results."""
    project.doit()
    assert project.outcomes("-a")["merge"] == "unchanged"
    (project.data / "merged/total.csv").unlink()
    assert project.outcomes("-a")["merge"] == "unchanged"
    assert project.total() == "6"


def test_forget_builds_again(project: Project) -> None:
    project.doit()
    assert project.doit("forget", "merge").returncode == 0
    assert project.outcomes() == dict.fromkeys(ALL, "current") | {"merge": "unchanged"}
    assert project.doit("forget").returncode == 0


def test_clean_says_what_it_removes_and_spares_raw_data(project: Project) -> None:
    """The dry run removes nothing; the real one all outputs, and no raw file."""
    project.doit()
    before = project.outputs()
    dry = project.doit("clean", "--dry-run")
    assert "merge  would remove data/merged/total.csv" in dry.stdout
    assert project.outputs() == before
    project.doit("clean")
    assert project.outputs() == {}
    assert (project.data / "raw/mi_band/a.txt").exists()
    assert (project.data / "snapshots/mi_band.json").exists()
    assert project.outcomes()["merge"] == "restored"
    assert project.outputs() == before


def test_a_failing_stage_leaves_the_last_good_outputs(project: Project) -> None:
    """One sentence, exit code not zero; what it made before stays; mending the input mends the run."""
    project.doit()
    before = project.outputs()
    project.write("stages/help.py", "FACTOR = None\n")
    done = project.doit()
    assert done.returncode != 0
    assert outcomes(done.stdout)["merge"] == "failed"
    assert "Traceback" not in done.stdout + done.stderr
    assert project.outputs() == before
    project.write("stages/help.py", "FACTOR = 1\n")
    assert set(project.outcomes().values()) == {"current"}


def test_what_does_not_depend_on_a_failed_stage_is_still_built(project: Project) -> None:
    """doit -c goes on; what needs the failed stage is blocked, and keeps its state."""
    project.doit()
    project.raw("a.txt", "not a number")
    done = project.doit("-c")
    found = outcomes(done.stdout)
    assert done.returncode != 0
    assert (found["normalize:mi_band"], found["validate:numbers"], found["merge"]) == ("failed", "blocked", "blocked")
    project.raw("a.txt", "1 2 3")
    found = project.outcomes()
    assert found["validate:numbers"] == found["merge"] == "current"


def test_lost_rows_fail_the_stage(project: Project) -> None:
    """rows read = accepted + superseded + quarantined is asserted by the engine, not taken on trust."""
    source = (project.root / "stages/steps.py").read_text()
    project.write("stages/steps.py", source.replace("if n >= 0]", "if n > 1]"))
    done = project.doit()
    assert "read 3 rows, but accounts for 2" in done.stdout


def test_an_emptied_raw_folder_is_refused(project: Project) -> None:
    """A lost mount must not empty the tables."""
    project.doit()
    before = project.outputs()
    (project.data / "raw/mi_band/a.txt").unlink()
    done = project.doit()
    assert done.returncode != 0
    assert "data/raw/mi_band is empty, but held 1 file before" in done.stdout
    assert project.outputs() == before


def test_doits_own_commands_tell_the_truth(project: Project) -> None:
    project.doit()
    assert "normalize:mi_band" in project.doit("list", "--all").stdout
    assert "up-to-date" in project.doit("info", "merge").stdout
    project.write("stages/help.py", "FACTOR = 3\n")
    info = project.doit("info", "merge")
    assert "stages.help" in info.stdout and "FACTOR" in info.stdout
    assert "R merge" in project.doit("list", "-s").stdout


def test_two_workers_give_the_same(project: Project) -> None:
    found = project.outcomes("-n", "2")
    assert found == dict.fromkeys(ALL, "built")
    parallel = project.outputs()
    assert set(project.outcomes("-n", "2").values()) == {"current"}
    project.doit("-a")
    assert project.outputs() == parallel


def test_a_closed_pipe_does_not_abort_the_run(project: Project) -> None:
    """`doit | head -1` builds everything."""
    project.command("sh", "-c", f"{sys.executable} -m doit | head -1")
    assert project.total() == "6"


def test_a_closed_pipe_does_not_stop_a_clean(project: Project) -> None:
    """`doit clean | head -0` removes all the same, without a traceback."""
    project.doit()
    done = project.command("sh", "-c", f"{sys.executable} -m doit clean | true")
    assert "Traceback" not in done.stderr
    assert project.outputs() == {}


@pytest.mark.parametrize("words", ["-m doit", "-m doit clean", "-m pdp status"])
def test_a_closed_output_does_not_abort_anything(project: Project, words: str) -> None:
    """Started with `>&-`, as some supervisors do, a command does its work unheard."""
    project.doit()
    project.raw("b.txt", "10")
    done = project.command("sh", "-c", f'"{sys.executable}" {words} >&-')
    assert (done.returncode, done.stderr) == (0, "")
    assert words != "-m doit" or project.total() == "16"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--bogus"], "option --bogus not recognized; doit help run lists"),
        (["-n", "x"], "parsing parameter 'num_process'"),
        (["normalize:mi"], "there is no task, file or command normalize:mi; did you mean normalize"),
        (["status"], "there is no task, file or command status; doit list --all names the tasks, pdp --help the rest"),
        (["ofline=1"], "there is no variable ofline; did you mean offline=1?"),
    ],
)
def test_what_doit_does_not_understand_is_one_sentence(project: Project, words: list[str], said: str) -> None:
    """Not the insides of all options that there are; and a misspelt `offline=1` does not ask Google all the same."""
    done = project.doit(*words)
    assert done.returncode in (2, 3) and done.stderr.startswith("pdp: ") and said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (project.data / "merged").exists()


def test_a_variable_of_ones_own_is_let_through(project: Project) -> None:
    assert project.outcomes("mine=1") == dict.fromkeys(ALL, "built")


def test_a_source_needs_no_section_of_its_own(project: Project) -> None:
    """A source that somebody adds has settings only if it wants some."""
    project.write("dodo.py", DODO.replace("mi_band", "scale"))
    project.write("stages/steps.py", STEPS.replace("mi_band", "scale"))
    project.write("data/raw/scale/a.txt", "5")
    assert project.outcomes()["merge"] == "built" and project.total() == "5"
    assert project.command(sys.executable, "-m", "pdp", "status").returncode == 0


def test_a_section_that_is_not_there_is_one_sentence(project: Project) -> None:
    project.write("dodo.py", DODO.replace('("sleep",)', '("slep",)'))
    done = project.doit()
    assert done.returncode == 1 and "a stage reads the setting slep, which there is not" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_stage_that_failed_and_is_gone_is_failing_no_more(project: Project) -> None:
    """Who gives up a stage is not told of it for ever."""
    project.doit()
    more = 'Stage("validate:x", "stages.steps:boom", ("numbers",), (Output("x", "validated/x.parquet"),)),\n    '
    project.write("dodo.py", DODO.replace('Stage("merge", ', more + 'Stage("merge", '))
    project.write("stages/steps.py", STEPS + "\n\ndef boom(inputs, config):\n    raise ValueError\n    yield\n")
    assert "validate:x" in project.doit().stdout
    status = project.command(sys.executable, "-m", "pdp", "status").stdout
    assert "failing   validate:x" in status
    assert "validate:x failed" in pdp(project, "rejected")
    project.write("dodo.py", DODO)
    project.doit()
    assert "failing" not in project.command(sys.executable, "-m", "pdp", "status").stdout
    assert pdp(project, "rejected") == "no row is set aside\n"


def test_a_run_killed_between_stages_goes_on_where_it_was(project: Project) -> None:
    """What was committed is not built again."""
    source = (project.root / "stages/steps.py").read_text()
    deadly = source.replace(
        "def total(inputs, config):", "def total(inputs, config):\n    import os; os.kill(os.getpid(), 9)"
    )
    project.write("stages/steps.py", deadly)
    assert project.doit().returncode == -9
    project.write("stages/steps.py", source)
    assert project.outcomes() == dict.fromkeys(ALL, "current") | {"merge": "built"}


def test_a_second_run_waits_for_the_first(project: Project) -> None:
    """Two doits at once: one waits, says for whom, and then finds everything current."""
    source = (project.root / "stages/steps.py").read_text()
    slow = source.replace("def read(inputs, config):", "def read(inputs, config):\n    wait()")
    wait = """
def wait():
    import time
    from pathlib import Path
    Path("started").touch()
    while not Path("go").exists():
        time.sleep(0.01)
"""
    project.write("stages/steps.py", slow + wait)
    command = [sys.executable, "-m", "doit"]
    first = subprocess.Popen(command, cwd=project.root, stdout=-1, stderr=-1, text=True)
    until((project.root / "started").exists, first)
    second = subprocess.Popen(command, cwd=project.root, stdout=-1, stderr=-1, text=True)
    assert second.stderr
    assert f"another run is at work (pid {first.pid} on" in second.stderr.readline()
    (project.root / "go").touch()
    assert outcomes(first.communicate(timeout=PATIENCE_S)[0]) == dict.fromkeys(ALL, "built")
    assert outcomes(second.communicate(timeout=PATIENCE_S)[0]) == dict.fromkeys(ALL, "current")


@pytest.mark.parametrize("harm", ["edit", "delete"])
def test_an_output_that_moved_is_looked_after_at_its_new_place(project: Project, harm: str) -> None:
    """dodo.py names another file, the bytes stay the same: an edit of it is noticed, and it is restored."""
    project.doit()
    dodo = (project.root / "dodo.py").read_text()
    project.write("dodo.py", dodo.replace("merged/total.csv", "merged/sum.csv"))
    project.doit()
    target = project.data / "merged/sum.csv"
    before = target.read_bytes()
    target.unlink() if harm == "delete" else target.write_text("mine")
    assert project.outcomes() == dict.fromkeys(ALL, "current") | {"merge": "restored"}
    assert target.read_bytes() == before
    assert set(project.outcomes().values()) == {"current"}


def test_what_a_stage_has_to_say_is_told_by_the_run_and_by_status(project: Project) -> None:
    """For as long as it says it; an account's id in a file's name is masked."""
    said = 'return {"notes": ["20251103_77123456_MiFitness_a.csv is odd"], "read": len(numbers),'
    project.write("stages/steps.py", STEPS.replace('return {"read": len(numbers),', said))
    assert "\n    20251103_…_MiFitness_a.csv is odd\n" in project.doit().stdout
    status = project.command(sys.executable, "-m", "pdp", "status").stdout
    assert "\n20251103_…_MiFitness_a.csv is odd\n" in status
    assert "is odd" not in project.doit().stdout
    project.write("stages/steps.py", STEPS)
    assert "is odd" not in project.doit().stdout + project.command(sys.executable, "-m", "pdp", "status").stdout


def test_a_source_that_never_had_files_is_not_blamed_where_another_lost_its_own(project: Project) -> None:
    """The one that is empty now is told, and nobody who fetched files for months is told that there are none yet."""
    other = 'Source("google_sheets", "stages.steps:read", ("numbers",), ("timezone",))'
    project.write(
        "dodo.py", DODO.replace("PIPELINE = Pipeline((SOURCE,), (", f"PIPELINE = Pipeline((SOURCE, {other}), (")
    )
    project.write("configs/pdp.toml", 'timezone = "Europe/Berlin"\n')
    assert project.outcomes()["ingest:google_sheets"] == "built"
    (project.data / "raw/mi_band/a.txt").unlink()
    done = project.doit()
    found = outcomes(done.stdout)
    assert (found["ingest:mi_band"], found["ingest:google_sheets"]) == ("failed", "current")
    assert "is empty, but held 1 file before" in done.stdout and "no source has a file yet" not in done.stdout


def test_what_a_blocked_stage_needs_is_told_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """doit names them in the order of a set, which is another one each time; what is recorded is the same each time."""
    out, recorded = StringIO(), []
    reporter = Reporter(out, {})
    reporter.bar, reporter.counts = None, {}
    monkeypatch.setattr(reporter, "_record", lambda *told: recorded.append(told))
    reporter.add_failure(SimpleNamespace(name="merge", actions=[1]), UnmetDependency("validate:b validate:a"))
    assert recorded == [("merge", "blocked", ["needs validate:a, validate:b"])]
    assert out.getvalue().endswith("needs validate:a, validate:b\n")
