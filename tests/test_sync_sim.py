"""A slice of the simulation of many machines (`make sync` runs 20,000 seeds), and that it can fail."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.project import PATIENCE_S, REPO


def simulated(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.sync_sim", *words]
    return subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_no_reported_push_is_lost() -> None:
    """Four machines, lost answers, deaths: each push that was reported is kept, once."""
    done = simulated("--seeds", "20")
    assert done.returncode == 0, done.stderr
    assert "20 seeds, 400 pushes reported" in done.stdout and " 0 seeds broken" in done.stdout


@pytest.mark.parametrize("mutant", ["overwrite", "hope"])
def test_the_simulation_finds_a_protocol_that_loses(mutant: str) -> None:
    """Without compare-and-swap, or without reading back after a lost answer, it names seeds that lose."""
    done = simulated("--seeds", "6", "--mutant", mutant)
    assert done.returncode == 1
    assert "reported pushes are lost" in done.stderr
