from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import settings

from tests.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small pdp project of its own."""
    return Project(tmp_path)


# No test is timed: a busy machine is no fault of the code.
settings.register_profile("pdp", deadline=None)
settings.load_profile("pdp")


def pytest_configure() -> None:
    """One seed for the slices of the crash campaigns, whichever worker runs them."""
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # bytecode would be counted as writes of a run
    os.environ.setdefault("CRASH_SEED", str(random.randrange(10**6)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"slices of tests/crash: CRASH_SEED={os.environ['CRASH_SEED']} chooses the same again")
