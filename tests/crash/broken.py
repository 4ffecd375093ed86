"""Builds that are broken on purpose: the harness is worth as much as it finds in them.

Each is a copy of the checkout with one promise taken out. `python -m tests.crash.broken` prints which campaign finds it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SEED = "7"
FOUND = re.compile(r" [1-9]\d* (broken|problems)")
CAMPAIGNS: dict[str, tuple[str, ...]] = {
    "kill": ("kill", "--first", "--sample", "40", "--scenes", "an edited output", "first run"),
    "power": ("power", "--first", "--sample", "2", "--scenes", "another raw file", "first run"),
    "after-kill": ("after-kill", "--first", "--sample", "12", "--scenes", "another raw file", "first run"),
    "together": ("together", "--seconds", "15"),
}


@dataclass(frozen=True)
class Edit:
    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """The file's text, changed.

        Raises:
            AssertionError: the edit does not fit any more.
        """
        assert self.old in text, f"the edit of {self.file} does not fit any more: {self.old!r}"
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Build:
    """What is taken out, and the campaigns that are asked, until one finds it."""

    name: str
    edits: tuple[Edit, ...]
    asked: tuple[str, ...] = ("kill", "power", "after-kill")


LATE = """
    def put(self, *temps: Path) -> list[str]:
        digests = [sha256_of(temp) for temp in temps]
        for temp, digest in zip(temps, digests, strict=True):
            self.late[digest] = temp.with_name(f"late-{digest}")
            os.replace(temp, self.late[digest])
        return digests

    def put_late(self) -> None:
        for digest, temp in self.late.items():
            self.path(digest).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._place(temp, self.path(digest))
            sync(self.path(digest).parent)
        sync(self.folder)
        self.late = {}

    def put_at_once(self, *temps: Path) -> list[str]:
"""
COMMIT = "    with signals.held():\n        with session.transaction():\n            if record:"
STORE, TASKS, REGISTRY = "pdp/store.py", "pdp/tasks.py", "pdp/registry/__init__.py"
EARLY = "    if record:\n        publish(session, record['outputs'], session.registry.version_of)\n"
KEPT = "            session.registry.put_doit_state(task, state)\n"
OUTPUT = '        db.execute("INSERT INTO output VALUES'
APART = "        db.execute('COMMIT')\n        db.execute('BEGIN IMMEDIATE')\n"
PERSONS = '        if digest is not None and known(output["name"], digest) is None:'
MOVED = "            os.replace(temp, target)\n        return True"
BUILDS = (
    Build(
        "objects are not synced",
        (Edit(STORE, "        sync(temp)\n        temp.chmod(0o400)", "        temp.chmod(0o400)"),),
        ("power",),
    ),
    Build(
        "folders are not synced",
        (
            Edit(
                STORE,
                "            sync(folder)\n        sync(self.folder)\n        return",
                "            pass\n        return",
            ),
            Edit(STORE, "        sync(self.records_folder)\n        return digest", "        return digest"),
        ),
        ("power",),
    ),
    Build(
        "nothing is synced at the start",
        (
            Edit(STORE, "            sync(self.records_folder)\n\n    def put", "            pass\n\n    def put"),
            Edit(STORE, "        sync(self.folder)\n        if (self", "        if (self"),
            Edit("pdp/start.py", "        if folder.is_dir():\n            sync(folder)", "        pass"),
        ),
    ),
    Build(
        "the registry is not synced",
        (Edit(REGISTRY, '"synchronous = EXTRA", "fullfsync = ON"', '"synchronous = OFF",'),),
        ("power",),
    ),
    Build(
        "registry before objects",
        (
            Edit(STORE, "\n    def put(self, *temps: Path) -> list[str]:\n", LATE),
            Edit(STORE, "        self.folder = folder\n", "        self.folder = folder\n        self.late = {}\n"),
            Edit(TASKS, KEPT, f"{KEPT}        session.store.put_late()\n"),
        ),
    ),
    Build("named files before the commit", (Edit(TASKS, COMMIT, EARLY + COMMIT),)),
    Build("a transaction per output", (Edit("pdp/registry/apply.py", OUTPUT, APART + OUTPUT),)),
    Build(
        "no sweep at the start",
        (Edit(STORE, "            left.unlink(missing_ok=True)", "            pass"),),
    ),
    Build(
        "records of a killed run are not applied",
        (Edit("pdp/start.py", "    applied = session.chain.catch_up()\n", "    applied = 0\n"),),
    ),
    Build(
        "readers cannot roll back",
        (Edit(REGISTRY, "    return os.access(path, os.W_OK) and", "    return False and"),),
    ),
    Build("a person's edit is overwritten", (Edit("pdp/commit.py", PERSONS, "        if False:"),)),
    Build(
        "named files are not synced",
        (Edit(STORE, "            sync(temp)\n            if not still", "            if not still"),),
        ("power",),
    ),
    Build(
        "named files are written in place",
        (Edit(STORE, MOVED, "            shutil.copyfile(temp, target)\n        return True"),),
    ),
    Build(
        "no lock",
        (
            Edit(
                "pdp/lock.py", "            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)", "            pass"
            ),
        ),
        ("kill", "together"),
    ),
    Build("whole", (), ("kill", "power", "after-kill", "together")),
)


def make(build: Build, place: Path) -> Path:
    """A copy of the checkout with the build's edits.

    Raises:
        AssertionError: an edit does not fit any more.
    """
    copy = place / "build"
    copy.mkdir()
    for name in ("pdp", "stages", "tests", "configs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dodo.py", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    for edit in build.edits:
        (copy / edit.file).write_text(edit.applied((copy / edit.file).read_text()))
    return copy


def ask(build: Build, campaigns: Sequence[str]) -> list[tuple[str, str]]:
    """What each campaign says of the build, until one finds something: a missed point is no find."""
    said = []
    with tempfile.TemporaryDirectory() as folder:
        copy = make(build, Path(folder))
        for name in campaigns:
            words = [sys.executable, "-m", "tests.crash", *CAMPAIGNS[name], "--seed", SEED]
            done = subprocess.run(words, cwd=copy, capture_output=True, text=True, check=False)
            last = (done.stdout.strip().splitlines() or [done.stderr[-300:]])[-1]
            found = done.returncode == 1 and FOUND.search(last)
            said.append(("found" if found else "nothing" if done.returncode == 0 else "FAILED", last))
            if found:
                break
    return said


def main() -> int:
    """Each build and what is found in it; 1 if the harness is blind to one, or finds something in the whole one."""
    wrong = 0
    asked = sys.argv[1:]
    for build in BUILDS:
        if asked and build.name not in asked:
            continue
        said = ask(build, build.asked)
        words = {word for word, _ in said}
        wrong += "FAILED" in words or ("found" in words) is (build.name == "whole")
        print(f"{build.name}", flush=True)
        for name, (word, last) in zip(build.asked, said, strict=False):
            print(f"    {name:<11} {word:<8} {last}", flush=True)
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
