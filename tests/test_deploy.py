"""What a container does, by its entry point: in which order, and where it stops."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lacking import hide

ROOT = Path(__file__).parent.parent
ENTRY = ROOT / "deploy/entrypoint.sh"
OWN = {"PDP_TIMEZONE": "Europe/Berlin"}
STATE = {"PDP_STATE_REMOTE": "file:///state"}


@pytest.fixture
def entry(tmp_path: Path):
    """Runs the entry point; gives its exit code, what it ran, and what it said. The commands note that they were called."""

    def run(*arguments: str, failing: str = "", **environ: str) -> tuple[int, list[str], str]:
        tools, said = tmp_path / "bin", tmp_path / "called"
        tools.mkdir(exist_ok=True)
        said.write_text("")
        for name in ("pdp", "doit"):
            tool = tools / name
            vault = f'echo "${{PDP_VAULT:-none}}" >{tmp_path}/vault\n'
            line = f'{vault}echo "{name} $*" >>{said}; case "{name} $*" in "{failing}") exit 3;; esac\n'
            tool.write_text(f"#!/bin/sh\n{line}")
            tool.chmod(0o755)
        done = subprocess.run(
            [ENTRY, *arguments], cwd=tmp_path, env={"PATH": f"{tools}:{os.environ['PATH']}"} | environ, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        return done.returncode, [line.strip() for line in said.read_text().splitlines()], done.stderr

    return run


def test_without_sources_it_is_the_demo(entry) -> None:
    """It says so, and touches no remote state."""
    code, called, said = entry("run", **STATE)
    assert (code, called) == (0, ["pdp demo --if-needed", "doit"]) and "this is the demo" in said


def test_run_is_pull_build_push_vault(entry) -> None:
    """Each where it is set up."""
    assert entry("run", **OWN)[1] == ["doit"]
    assert entry("run", **OWN, **STATE)[1] == ["pdp pull", "doit", "pdp push"]
    assert entry("run", **OWN, GOOGLE_DRIVE_STATE_FOLDER_ID="1")[1] == ["pdp pull", "doit", "pdp push"]
    assert entry("run", **OWN, **STATE, PDP_VAULT="/vault")[1] == ["pdp pull", "doit", "pdp push", "pdp vault write"]


@pytest.mark.parametrize(("failing", "called"), [("pdp pull", 1), ("doit ", 2), ("pdp push", 3)])
def test_a_failure_ends_the_run(entry, failing: str, called: int) -> None:
    """What fails is not followed by anything: a state that a stage failed on is not pushed."""
    code, ran, _ = entry("run", failing=failing, **OWN, **STATE, PDP_VAULT="/vault")
    assert code == 3 and len(ran) == called


def test_serve_shows_the_demo_and_says_so(entry, tmp_path: Path) -> None:
    """Without a vault there is nothing else to show, nor with a new volume that none was put into yet; PORT names the port."""
    code, called, said = entry("serve", PORT="9000")
    assert (code, called) == (0, ["pdp dashboard --public --no-browser --host 0.0.0.0 --port 9000"])
    assert "PDP_VAULT is not set: this is the demo" in said
    code, called, said = entry("serve", PDP_VAULT=str(tmp_path))
    assert code == 0 and called and "no vault has been put into" in said and "this is the demo" in said
    assert (tmp_path / "vault").read_text() == "none\n"
    (tmp_path / "key.json").touch()
    assert "demo" not in entry("serve", PDP_VAULT=str(tmp_path))[2]


def test_anything_else_is_run_as_it_stands(entry) -> None:
    """`docker run pdp pdp status` is `pdp status`."""
    assert entry("pdp", "status")[1] == ["pdp status"]


@pytest.mark.parametrize(
    ("lock", "command", "told"),
    [
        ("pipeline", "dashboard --no-browser", "this needs starlette; pip install 'pdp[dashboard]'"),
        ("pipeline", "report --html x.html", "this needs altair; pip install 'pdp[report]'"),
        ("pipeline", "demo --public-page", "this needs altair; pip install 'pdp[report]'"),
        ("dashboard", "report --pdf x.pdf", "this needs"),
        ("dashboard", "push", "no remote is set"),
    ],
)
def test_what_an_image_does_without_is_a_sentence(tmp_path: Path, lock: str, command: str, told: str) -> None:
    """Of a command that needs more than the image has: what, and how to get it."""
    hide(tmp_path, f"requirements-{lock}.lock")
    done = subprocess.run(
        [sys.executable, "-m", "pdp", *command.split()], cwd=ROOT, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "PDP_DATA_DIR": str(tmp_path), "PDP_TIMEZONE": "UTC",
             "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode != 0 and told in done.stderr and "fault of pdp" not in done.stderr
