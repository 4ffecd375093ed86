"""What a data folder holds, and what must be true of it at any moment: the invariants that every campaign checks.

The registry is read through a copy, so that looking changes nothing; the first reader is pdp's own, which holds no lock.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pdp.errors import PdpError
from pdp.registry import connect
from tests.crash.process import memory

# Current artifacts by name: their hash. What a reader without a lock may see is one of a few of these.
Generation = dict[str, str]

GENERATION = "SELECT a.name, a.hash FROM current JOIN artifact a USING (name, version)"
# What an uncrashed run and a mended one must agree on: everything but times, ids and caches.
LOGICAL = {
    "artifacts": "SELECT name, version, hash, size, rows, path FROM artifact",
    "current": "SELECT name, version, stage FROM current",
    "traces": "SELECT t.stage, t.key, t.forgotten, o.name, o.version FROM trace t JOIN output o USING (stage_run)",
    "lineage": "SELECT DISTINCT r.stage, r.key, i.name, i.version FROM input i JOIN stage_run r ON r.id = i.stage_run",
    "pins": "SELECT name, version FROM pin",
    "release": "SELECT name, version FROM release",
}
TWICE = (
    "SELECT run, stage, COUNT(*) FROM stage_run GROUP BY run, stage HAVING COUNT(*) > 1"  # a run records a stage once
)
CHAIN = "SELECT hash FROM chain ORDER BY seq"
OF_THE_FIRST = set(LOGICAL) - {"release"}  # what a registry of the first version has too
RECORDS = "store/records/"


@dataclass(frozen=True)
class Stage:
    """One commit of a run: what it was about, and what it made current."""

    name: str
    outcome: str
    outputs: Mapping[str, str]


@dataclass
class State:
    """A data folder as it lies there."""

    data: Path
    problems: list[str] = field(default_factory=list)

    @cached_property
    def files(self) -> dict[str, str]:
        """Every file and its hash, by its path below the data folder."""
        found = (f"{folder}/{name}" for folder, _, names in os.walk(self.data) for name in names)
        return {path[len(str(self.data)) + 1 :]: digest(path) for path in sorted(found) if os.path.isfile(path)}

    @cached_property
    def registry(self) -> dict[str, Any]:
        """The registry's rows, read by pdp's reader and then by SQLite's own checks."""
        with tempfile.TemporaryDirectory(dir=memory()) as copy:
            for path in self.data.glob("registry.db*"):
                shutil.copy(path, copy)
            return _read(Path(copy, "registry.db"), self.problems)

    @property
    def generation(self) -> Generation:
        return dict(self.registry["generation"])

    @property
    def logical(self) -> dict[str, Any]:
        return {name: self.registry[name] for name in LOGICAL}

    def object(self, name: str) -> str:
        return f"store/{name[:2]}/{name[2:]}"

    def commits(self, after: int) -> list[Stage]:
        """The commits of the runs after the run `after`, in their order."""
        commits = self.registry["commits"]
        return [Stage(s, o, dict(outputs)) for run, s, o, outputs in commits if run > after and o in GOOD]

    @property
    def last_run(self) -> int:
        return max((run for run, *_ in self.registry["commits"]), default=0)


def _read(path: Path, problems: list[str]) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys((*LOGICAL, "generation", "commits", "chain"), ())
    if not path.is_file() or not path.stat().st_size:
        return empty
    seen: list[Any] | None = None
    try:
        with closing(connect(path, read_only=True)) as db:
            seen = sorted(tuple(row) for row in db.execute(GENERATION))
    except PdpError as error:
        if "run doit first" not in str(error):
            problems.append(f"a reader that holds no lock cannot read: {error}")
    except sqlite3.DatabaseError as error:
        problems.append(f"a reader that holds no lock finds the registry broken: {error}")
    with closing(sqlite3.connect(path)) as db:
        try:
            faults = [f"integrity: {row[0]}" for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
            faults += [f"foreign keys: {row}" for row in db.execute("PRAGMA foreign_key_check")]
            problems += faults
            if faults or db.execute("PRAGMA user_version").fetchone()[0] == 0:
                return empty  # rows of a broken registry say nothing more
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
            rows = {name: sorted(db.execute(query)) for name, query in LOGICAL.items() if name in tables | OF_THE_FIRST}
            rows["chain"] = [row[0] for row in db.execute(CHAIN)] if "chain" in tables else []
            problems += [f"the history tells {row} twice" for row in db.execute(TWICE)]
            rows["generation"] = sorted(db.execute(GENERATION))
            rows["commits"] = list(_commits(db))
            rows = empty | rows
        except sqlite3.DatabaseError as error:
            problems.append(f"the registry is broken: {error}")
            return empty
    if seen is not None and seen != rows["generation"]:
        problems.append("a reader without a lock saw what is not committed")
    return rows


def _commits(db: sqlite3.Connection) -> Iterator[tuple[int, str, str, tuple[tuple[str, str], ...]]]:
    outputs: dict[int, list[tuple[str, str]]] = {}
    for stage_run, name, hashed in db.execute(
        "SELECT o.stage_run, a.name, a.hash FROM output o JOIN artifact a USING (name, version)"
    ):
        outputs.setdefault(stage_run, []).append((name, hashed))
    for number, run, stage, outcome in db.execute("SELECT id, run, stage, outcome FROM stage_run ORDER BY id"):
        yield run, stage, outcome, tuple(outputs.get(number, ()))


def digest(path: Path | str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


@dataclass(frozen=True)
class Expected:
    """What a command starts from, ends in, and may show on the way; learned from a run that nothing disturbed."""

    before: State
    after: State
    generations: tuple[Generation, ...]
    kept: Mapping[str, str]
    """Bytes that a person put there: path -> hash. They may move, they may not go."""
    blind: bool = False

    @classmethod
    def of(cls, before: State, after: State, kept: Mapping[str, str], blind: bool = False) -> Expected:
        generation = before.generation
        passed = [generation]
        for commit in after.commits(before.last_run):
            generation = {**generation, **commit.outputs}
            passed.append(generation)
        return cls(before, after, (*passed, after.generation), kept, blind)

    def by_stage(self) -> dict[str, Mapping[str, str]]:
        """The final outputs of every stage."""
        return {stage: self._outputs(stage) for _, _, stage in self.after.registry["current"]}

    def _outputs(self, stage: str) -> Generation:
        names = {name for name, _, maker in self.after.registry["current"] if maker == stage}
        return {name: hashed for name, hashed in self.after.generation.items() if name in names}


GOOD = ("built", "restored", "unchanged", "current")


def reported(printed: str) -> dict[str, str]:
    """Stage -> outcome, as far as a run came to say it."""
    lines = [line.split() for line in printed.splitlines() if line and not line.startswith(" ")]
    outcomes = (*GOOD, "failed", "blocked")
    return {w[0]: w[1] for w in lines if len(w) > 1 and w[1] in outcomes and not w[0].isdigit()}


def broken(state: State, expected: Expected, printed: str = "") -> list[str]:
    """What is not as it must be at any moment, whatever happened before it."""
    generation = state.generation
    found = list(state.problems)
    if generation not in expected.generations:
        found.append(f"a mix: neither the old nor the new generation ({sorted(generation)})")
    files = state.files
    for name, _, hashed, *_ in state.registry["artifacts"]:
        there = files.get(state.object(hashed))
        if there is None and state.object(hashed) in expected.after.files:
            found.append(f"the object of {name} is missing, though it is registered")
        elif there not in (None, hashed):
            found.append(f"the object of {name} is not what its name says")
    found += _wrong_views(state, expected)
    final = expected.by_stage()
    for stage, outcome in reported(printed).items():
        if outcome in GOOD and any(generation.get(name) != hashed for name, hashed in final.get(stage, {}).items()):
            found.append(f"{stage} was reported as {outcome}, but that is lost")
    return found


def _wrong_views(state: State, expected: Expected) -> Iterator[str]:
    """A named file is, whole, some version of its artifact, or a person's; never half a file, never unregistered bytes."""
    known: dict[str, set[str]] = {}
    artifacts = expected.after.registry["artifacts"] if expected.blind else state.registry["artifacts"]
    for _, _, hashed, _, _, path in artifacts:
        known.setdefault(path, set()).add(hashed)
    views = {row[-1] for row in expected.after.registry["artifacts"]} | known.keys()
    persons = set(expected.kept.values())
    for path in views & state.files.keys():
        if state.files[path] not in known.get(path, set()) | persons:
            yield f"{path} holds bytes that are no version of it"
    for path, hashed in expected.kept.items():
        if hashed not in state.files.values():
            yield f"what a person wrote into {path} is lost"


def unmended(state: State, expected: Expected, printed: str, committed: list[Stage]) -> list[str]:
    """What differs after the next run from what an undisturbed run leaves. `committed`: what was safe before it."""
    _ = state.registry
    found = list(state.problems)
    for name, rows in expected.after.logical.items():
        if state.logical[name] != rows:
            found.append(f"{name} differ from those of an undisturbed run: {_difference(state.logical[name], rows)}")
    there, wanted = ({p: h for p, h in s.files.items() if _is_same_each_time(p)} for s in (state, expected.after))
    records = {p.removeprefix(RECORDS): h for p, h in state.files.items() if p.startswith(RECORDS)}
    if sorted(records) != sorted(state.registry["chain"]) or any(name != hashed for name, hashed in records.items()):
        found.append("the records in the store are not those of the chain")
    found += [f"left over: {path}" for path in sorted(there.keys() - wanted.keys())]
    found += [f"missing: {path}" for path in sorted(wanted.keys() - there.keys())]
    found += [f"other bytes: {path}" for path in sorted(there.keys() & wanted.keys()) if there[path] != wanted[path]]
    for stage, outcome in reported(printed).items():
        if outcome in ("built", "unchanged") and stage in {commit.name for commit in committed}:
            found.append(f"{stage} was committed, and built again")
    return found


def _is_same_each_time(path: str) -> bool:
    """Not the registry's pages, the lock's text and the history's records, which hold times; those are looked at as rows.

    Nor what is kept of a reading, which is checked before it is used, unless it is half made.
    """
    if path.startswith("kept/") and "/new-" not in path:
        return False
    return path not in ("registry.db", "registry.db.v1", "registry.db.v2", ".lock") and not path.startswith(RECORDS)


def _difference(one: Any, other: Any) -> str:
    return f"+{sorted(set(one) - set(other), key=str)[:3]} -{sorted(set(other) - set(one), key=str)[:3]}"
