"""The weekly job as `.github/workflows/weekly.yml` writes it: its own lines, each with only the variables that it names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with pre-commit

from pdp.dashboard.vault import create, unlock
from pdp.demo import generate
from pdp.demo.google import seed
from pdp.store import Store
from pdp.sync.keys import new_identity, new_seal, public
from tests.google import Google, running
from tests.lacking import hide
from tests.project import PATIENCE_S, REPO
from tests.test_google_pipeline import EXPORT, MEDIA, NEW, Project

JOB: dict[str, Any] = yaml.safe_load((REPO / ".github/workflows/weekly.yml").read_text())["jobs"]["build"]
PASSWORD = "four words are enough"
# A machine whose volume is a folder here. As Fly's, it puts no file over another one.
FLYCTL = """#!/bin/sh -eu
case "$1 $2" in
"machine list") echo '[{{"id": "m1"}}]' ;;
"machine "*) ;;
"ssh sftp") [ ! -e "{root}$5" ]; cp "$4" "{root}$5" ;;
"ssh console") while [ "$1" != --command ]; do shift; done; sh -c "$(echo "$2" | sed 's#/vault#{root}/vault#g')" ;;
esac
"""
NAMED = re.compile(r"\$\{\{ (?:secrets|vars)\.(\w+) \}\}")


class Repository:
    """What its owner set up, and a runner for each week: a fresh checkout that holds nothing else."""

    def __init__(self, root: Path, google: Google) -> None:
        self.root, self.google = root, google
        self.seeded = seed(google.double, generate(days=30).files, google.email)
        identity = new_identity()
        state = google.double.drive.shared_drive("state", {google.email: "writer"})
        self.settings = {
            "PDP_TIMEZONE": "Europe/Berlin", "GOOGLE_CREDENTIALS_BASE64": google.base64,
            "GOOGLE_SHEETS_BP_ID": self.seeded.sheet, "MI_BAND_DRIVE_FOLDER_ID": self.seeded.folder,
            "GOOGLE_DRIVE_STATE_FOLDER_ID": state.id, "PDP_STATE_RECIPIENTS": public(identity),
            "PDP_AGE_IDENTITY": identity, "PDP_STATE_SEAL": new_seal(),
        }  # fmt: skip

        self.tools = root / "tools"
        self.tools.mkdir()
        assert {"streamlit", "starlette", "pytest"} <= hide(self.tools, "requirements-pipeline.lock")
        (self.tools / "flyctl").write_text(FLYCTL.format(root=root))
        (self.tools / "flyctl").chmod(0o755)

    def checkout(self, name: str) -> Project:
        made = Project(self.root / name, self.google, self.seeded, "data")
        shutil.copytree(REPO / "deploy", made.root / "deploy")
        return made

    def step(self, at: Project, name: str) -> tuple[int, Counter[str], str]:
        """(exit code, what Google was asked, what was printed) of the step; a secret that is not set is empty there."""
        (step,) = (step for step in JOB["steps"] if step.get("name") == name)
        given = {key: NAMED.sub(lambda match: self.settings.get(match[1], ""), text)
                 for key, text in {**JOB["env"], **step["env"]}.items()}  # fmt: skip
        path = f"{self.tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        before = Counter(self.google.double.counts)
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]], cwd=at.root, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
            env={"PATH": path, "HOME": str(self.root), "PDP_GOOGLE_ROOT": self.google.double.root,
                 "PYTHONPATH": str(self.tools), "PYTHONDONTWRITEBYTECODE": "1", **given},
        )  # fmt: skip
        return done.returncode, self.google.double.counts - before, done.stdout + done.stderr

    def week(self, name: str) -> tuple[Project, Counter[str], str]:
        at = self.checkout(name)
        code, _, said = self.step(at, "pull")
        assert code == 0, said
        code, asked, built = self.step(at, "build")
        assert code == 0, built
        code, _, said = self.step(at, "push")
        assert code == 0, said
        return at, asked, built


@pytest.fixture
def repository(tmp_path: Path):
    with running() as google:
        yield Repository(tmp_path, google)


def test_weeks_on_runners_that_remember_nothing(repository: Repository) -> None:
    """The owner pushes once. A week in which nothing came builds and downloads nothing; a new export travels alone; the
    owner's machine goes on from there; no secret is printed.
    """
    own = repository.checkout("own")
    code, _, said = repository.step(own, "pull")
    assert code == 1 and "there is no state" in said
    assert repository.step(own, "build")[0] == repository.step(own, "push")[0] == 0
    first, asked, built = repository.week("first")
    assert asked[MEDIA] == 0 and "built" not in built and first.outputs() == own.outputs()
    repository.google.double.drive.file(NEW, EXPORT, parent=repository.seeded.folder)
    second, asked, built = repository.week("second")
    assert asked[MEDIA] == 1 and "1 file new" in built
    assert repository.step(own, "pull")[0] == 0
    code, asked, built = repository.step(own, "build")
    assert (code, asked[MEDIA], "built" in built) == (0, 0, False)
    assert own.outputs() == second.outputs()
    printed = said + built + vault_of(repository, second)
    assert not [name for name in ("PDP_AGE_IDENTITY", "PDP_STATE_SEAL", "GOOGLE_DRIVE_STATE_FOLDER_ID")
                if repository.settings[name] in printed]  # fmt: skip


def vault_of(repository: Repository, at: Project) -> str:
    """The job's last step, past what an earlier one that broke off has left: the password opens this week's days."""
    folder = repository.root / "vault"
    recipient = create(repository.root / "made", PASSWORD).recipient
    repository.settings |= {
        "FLY_APP": "app", "PDP_VAULT_RECIPIENT": recipient, "PDP_VAULT_KEY": (repository.root / "made/key.json").read_text(),
    }  # fmt: skip
    folder.mkdir()
    (folder / ".data.age.new").write_text("half")
    code, _, said = repository.step(at, "give the dashboard its vault")
    assert code == 0, said
    opened = unlock(folder, PASSWORD)
    days = sha256((at.data / "merged/daily_metrics.csv").read_bytes()).hexdigest()
    assert Store(opened.folder / "store").has(days)
    opened.close()
    assert sorted(path.name for path in folder.iterdir()) == ["data.age", "key.json", "recipient.txt"]
    return said


def test_a_push_that_another_machine_forestalled_is_joined(repository: Repository) -> None:
    """Its history comes first, what is new here follows, and what both brought is built and pushed."""
    own = repository.checkout("own")
    assert repository.step(own, "build")[0] == repository.step(own, "push")[0] == 0
    late = repository.checkout("late")
    assert repository.step(late, "pull")[0] == 0
    for at in (late, own):
        repository.google.double.drive.file(f"{at.root.name}_{NEW}", EXPORT, parent=repository.seeded.folder)
        assert repository.step(at, "build")[0] == 0
    assert repository.step(own, "push")[0] == 0
    code, _, said = repository.step(late, "push")
    assert code == 0 and "only in the remote" in said and "records of your own follow" in said
    assert repository.step(own, "pull")[0] == 0
    assert own.outputs() == late.outputs()
