"""With nothing to do, nothing heavy is loaded: a second `doit` and a look at the state stay light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pdp.demo import generate
from tests.project import outcomes
from tests.test_determinism import Copy

HEAVY = {"pandas", "pyarrow", "pydantic", "pydantic_core", "rich", "numpy", "google", "click"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The demo, built once and not looked at since."""
    demo = generate(days=30)
    project = Copy(tmp_path_factory.mktemp("demo"), demo, list(demo.files))
    project.build()
    return project


def loaded(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The top-level packages that `-X importtime` saw."""
    lines = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {name.partition(".")[0] for name in lines}


def test_a_second_run_runs_no_stage_and_loads_nothing_heavy(built: Copy) -> None:
    """Right after the first build."""
    done = built.command(sys.executable, "-X", "importtime", "-m", "doit")
    assert done.returncode == 0, done.stderr
    found = outcomes(done.stdout)
    assert len(found) == 13 and set(found.values()) == {"current"}
    assert "doit" in loaded(done) and loaded(done) & HEAVY == set()


def test_status_loads_nothing_heavy(built: Copy) -> None:
    done = built.command(sys.executable, "-X", "importtime", "-m", "pdp", "status")
    assert done.returncode == 0, done.stderr
    assert "daily_metrics" in done.stdout and "\nfrom 20" in done.stdout
    assert "pdp" in loaded(done) and loaded(done) & HEAVY == set()


def test_what_is_looked_for_is_seen(built: Copy) -> None:
    """The trace does show a heavy package where one is loaded."""
    done = built.command(
        sys.executable, "-X", "importtime", "-c", "import numpy", PATH=str(Path(sys.executable).parent)
    )
    assert loaded(done) & HEAVY == {"numpy"}
