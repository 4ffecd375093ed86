"""The README is under test: what it shows is run, and what it names exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import CONFIGS, copy_pipeline
from tests.project import PATIENCE_S

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a person has after cloning, less what its commands would install."""
    copy_pipeline(tmp_path, *CONFIGS)
    return tmp_path


def run(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    bin_folder = Path(sys.executable).parent
    env = {key: value for key, value in os.environ.items() if not key.startswith("PDP_")}
    env["PATH"] = f"{bin_folder}{os.pathsep}{env['PATH']}"
    return subprocess.run(
        line, shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def shown_commands() -> list[str]:
    """The lines behind `$` in the README's real run."""
    return re.findall(r"^    \$ (.+)$", README, re.MULTILINE)


def test_the_shown_run_is_a_real_one(checkout: Path) -> None:
    """Each shown command succeeds; the second doit builds nothing."""
    commands = [command for command in shown_commands() if not command.startswith(". .venv")]
    assert commands[-2:] == ["doit", "doit"]
    printed = []
    for command in commands:
        done = run(checkout, command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        printed.append(done.stdout)
    assert "built" in printed[-2]
    assert re.fullmatch(r"\d+ current", printed[-1].splitlines()[-1])


def test_the_shown_outcomes_are_what_a_run_gives(checkout: Path) -> None:
    """Stage by stage, the README's lines name the outcomes and rows that a run prints."""
    shown = [
        line.split()
        for line in README.splitlines()
        if re.match(r"    (ingest|normalize|validate|merge)\S* +built", line)
    ]
    assert len(shown) == 13
    run(checkout, "pdp demo")
    lines = [line.split() for line in run(checkout, "doit").stdout.splitlines() if line.strip()]
    found = {
        words[0]: words[1:4] if "rows" in words else words[1:2]
        for words in lines
        if ":" in words[0] or words[0] == "merge"
    }
    assert {words[0]: words[1:4] if "rows" in words else words[1:2] for words in shown} == found


def test_every_command_of_the_table_works(checkout: Path) -> None:
    """The commands named in the table run; the ones that change nothing succeed."""
    named = re.findall(
        r"`((?:doit|pdp)[^`]*)`", README[README.index("## Commands") : README.index("## Your own files")]
    )
    assert "pdp status" in named and "doit clean --dry-run" in named
    run(checkout, "pdp demo && doit")
    for command in named:
        if re.search(r"[A-Z]|@v2|pdp init|pdp gc$|pdp (dashboard|vault|key)", command):
            continue  # wants something of the person's, writes beside the demo, or serves until it is told to stop
        remote = f"PDP_STATE_REMOTE=file://{checkout}/remote " if re.match("pdp (push|pull|sync)", command) else ""
        done = run(checkout, remote + command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`?make ([a-z-]+)`?", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
