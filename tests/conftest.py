from __future__ import annotations

import compileall
import os
import random
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pdp import kept
from tests.project import REPO, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small pdp project of its own."""
    return Project(tmp_path)


# A run of the tests draws nothing and times nothing: it says of a commit what it says of the same commit tomorrow, on a
# busier machine. What is new is drawn on purpose: `--hypothesis-profile anew`, `CRASH_SEED=anew`.
PATIENT = settings(
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture),
    database=None,
)
settings.register_profile("pdp", PATIENT, derandomize=True)
settings.register_profile("anew", PATIENT, derandomize=False)
settings.load_profile("pdp")
CRASH_SEED = "2026"


def pytest_configure(config: pytest.Config) -> None:
    """One seed for the slices of the crash campaigns, whichever worker runs them."""
    if not hasattr(config, "workerinput"):
        # Once for all: thousands of runs would each compile what they import. The caches are there before any test begins.
        for code in ("pdp", "stages", "tests"):
            compileall.compile_dir(REPO / code, quiet=2)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # bytecode would be counted as writes of a run
    sys.dont_write_bytecode = True
    seed = os.environ.get("CRASH_SEED") or CRASH_SEED
    os.environ["CRASH_SEED"] = str(random.randrange(10**6)) if seed == "anew" else seed
    # What some tests make in this folder is there before any test begins: others hold that looking again, while nothing
    # has moved, reads next to nothing, and Python looks for modules here.
    for name in (".hypothesis", "build"):
        (REPO / name).mkdir(exist_ok=True)
    kept.keep(str(REPO), "tests", None, (), 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"slices of tests/crash: CRASH_SEED={os.environ['CRASH_SEED']} chooses the same again")
