"""What a fresh machine gets: locked versions, the Makefile, the entry points, the files around the code."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import pdp

ROOT = Path(__file__).parent.parent
PIN = re.compile(r"^([a-z0-9-]+)==([^ ;\\]+)", re.MULTILINE)
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / lock).read_text()))


LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-pipeline.lock", "requirements-dashboard.lock"]
DASHED = str.maketrans("_.", "--")


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_.-]", requirement)[0].lower().translate(DASHED) for requirement in requirements}


def make(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`make` in a copy of the Makefile, with nothing of this process's environment but what is given."""
    shutil.copy(ROOT / "Makefile", folder)
    path = environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environ | {"PATH": path}, check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_versions_and_hashes_and_nothing_else(lock: str) -> None:
    """Each line of a lock is an exact version, a hash or a comment: no index, no machine, no option."""
    for line in (ROOT / lock).read_text().splitlines():
        assert re.fullmatch(r"#.*|[a-z0-9-]+==\S+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), line
    blocks = re.split(r"\n(?=[a-z])", (ROOT / lock).read_text())
    assert all("--hash=" in block for block in blocks if PIN.match(block))


def test_locks_hold_what_pyproject_asks_for() -> None:
    """Every direct dependency is locked, and what builds the project; the two locks agree on every version."""
    run, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    builders = names(PROJECT["build-system"]["requires"])
    extras = {extra: names(wanted) for extra, wanted in PROJECT["project"]["optional-dependencies"].items()}
    for_tests = extras.pop("dev")
    assert names(PROJECT["project"]["dependencies"]).union(builders, *extras.values()) <= set(run)
    assert for_tests <= set(dev)
    assert run.items() <= dev.items()


@pytest.mark.parametrize(
    ("lock", "extras", "kept_out"),
    [
        ("requirements-pipeline.lock", ["google", "state"], ["streamlit", "altair"]),
        ("requirements-dashboard.lock", ["dashboard"], ["gspread", "google-api-python-client", "google-auth"]),
    ],
)
def test_an_image_has_what_it_needs_and_no_more(lock: str, extras: list[str], kept_out: list[str]) -> None:
    """The locks of the images agree with the others; the pipeline has no web server, the dashboard no Google client."""
    found = pins(lock)
    wanted = (names(PROJECT["project"]["optional-dependencies"][extra]) for extra in extras)
    assert names(PROJECT["project"]["dependencies"]).union(names(["hatchling"]), *wanted) <= set(found)
    assert set(kept_out).isdisjoint(found)
    assert found.items() <= pins("requirements.lock").items()


def test_entry_points_lead_somewhere() -> None:
    """The console script and doit's plugins name what can be imported."""
    groups = PROJECT["project"]["entry-points"] | {"scripts": PROJECT["project"]["scripts"]}
    for target in (target for group in groups.values() for target in group.values()):
        module, name = target.split(":")
        assert callable(getattr(import_module(module), name))


def test_version_is_said_once() -> None:
    """The version is that of the package, and the changelog's newest entry."""
    assert PROJECT["project"]["dynamic"] == ["version"]
    newest = re.search(r"^## ([0-9.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == pdp.__version__


def test_own_data_and_secrets_are_ignored_by_git() -> None:
    """A person's config, secrets and data never enter the history; the shipped config does."""
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {"/configs/pdp.toml", ".env", "/data/", "/data-demo/", ".venv/"} <= set(ignored)
    assert not {"/configs/", "/configs/demo.toml", ".env.example"} & set(ignored)


def test_ci_runs_what_make_offers() -> None:
    """`.ci/run` is executable and calls targets that exist."""
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & stat.S_IXUSR
    called = {word for line in re.findall(r"^make (.+)$", script.read_text(), re.MULTILINE) for word in line.split()}
    assert called == {"lint", "lint-deploy", "types", "test"}
    assert called <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_make_alone_lists_the_targets(tmp_path: Path) -> None:
    """`make` without a target prints what there is, and does nothing."""
    done = make(tmp_path)
    assert done.returncode == 0
    for target in ("run", "test", "check", "bench", "clean-env"):
        assert re.search(rf"^  {target} +\w", done.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == [tmp_path / "Makefile"]


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (
            "exit 1 ;; --version) echo Python 3.9.2",
            "needs Python 3.11 or newer, this is Python 3.9.2; name another one",
        ),
        ("case $2 in *version_info*) exit 0 ;; *) exit 1 ;; esac", "apt-get install python3-venv"),
    ],
)
def test_python_that_does_not_do_is_one_sentence(tmp_path: Path, answers: str, sentence: str) -> None:
    """A Python that is too old, or comes without venv, ends `make run` with a sentence and leaves nothing behind."""
    python = tmp_path / "oldpython"
    python.write_text(f"#!/bin/sh\ncase $1 in -c) {answers} ;; esac\n")
    python.chmod(0o755)
    done = make(tmp_path, "run", f"PYTHON={python}")
    assert done.returncode != 0
    assert sentence in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_missing_python_is_one_sentence(tmp_path: Path) -> None:
    """Where there is no such Python, `make run` says so."""
    done = make(tmp_path, "run", "PYTHON=python-that-is-not-there")
    assert done.returncode != 0
    assert "there is no python-that-is-not-there on the PATH" in done.stderr
