"""Ten `doit`s at once, readers without a lock, edits and kills: no reported commit is lost, no reader sees a mix."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty
from typing import Any

from pdp.errors import PdpError
from pdp.registry import connect
from tests.crash.process import run
from tests.crash.state import GOOD, State, digest, reported
from tests.project import Project

WORKERS, READERS = 10, 3


@dataclass
class Minute:
    """What happened."""

    runs: int = 0
    kills: int = 0
    edits: int = 0
    reads: int = 0
    commits: Counter[str] = field(default_factory=Counter)
    """Commits that were reported, by stage."""
    problems: list[str] = field(default_factory=list)


def together(place: Path, seconds: float, seed: int, least: int = 0) -> Minute:
    """Lets them loose on one project, until `least` runs have ended too; then runs once more and looks at everything."""
    project = Project(place / "p")
    context = multiprocessing.get_context("fork")
    stop, said = context.Event(), context.Queue()
    jobs = [context.Process(target=_work, args=(project.root, stop, said, seed + n)) for n in range(WORKERS)]
    jobs += [context.Process(target=_read, args=(project.root, stop, said)) for _ in range(READERS)]
    jobs.append(context.Process(target=_edit, args=(project.root, stop, said, seed)))
    for job in jobs:
        job.start()
    minute, until = Minute(), time.monotonic() + seconds
    while not stop.is_set() or any(job.is_alive() for job in jobs):
        if time.monotonic() >= until and minute.runs >= least:
            stop.set()
        try:
            _take(minute, *said.get(timeout=0.2))
        except Empty:
            continue
    for job in jobs:
        job.join()
        if job.exitcode:
            minute.problems.append(f"a worker of the harness ended with {job.exitcode}")
    _look(project, minute)
    shutil.rmtree(place / "p")
    return minute


def _take(minute: Minute, kind: str, what: Any) -> None:
    if kind == "run":
        code, printed, killed = what
        minute.runs += 1
        minute.kills += killed
        minute.commits.update(s for s, outcome in reported(printed).items() if outcome in GOOD[:3])
        moved = "changed while it was being read" in printed  # an edit in mid-run: refused, and told
        if "Traceback" in printed or (code and not killed and not moved):
            minute.problems.append(f"a run ended with {code}: {printed.strip()[-300:]}")
    elif kind == "problem":
        minute.problems.append(what)
    else:
        setattr(minute, kind, getattr(minute, kind) + what)


def _work(root: Path, stop: Event, said: Any, seed: int) -> None:
    """Runs doit again and again; one run in four is killed at some moment."""
    generator = random.Random(seed)
    while not stop.is_set():
        kill = generator.random() < 0.25
        ended = run(root, ("doit",), kill_after=generator.uniform(0.0, 1.5) if kill else None)
        said.put(("run", (ended.code, ended.printed, ended.code == -signal.SIGKILL)))


def _edit(root: Path, stop: Event, said: Any, seed: int) -> None:
    """A person who keeps putting files there, each whole at once."""
    generator = random.Random(seed)
    numbers = 0
    while not stop.wait(0.8):
        numbers += 1
        new = root / "data/raw" / ".new"
        new.write_text(" ".join(str(generator.randrange(100)) for _ in range(20)))
        os.replace(new, root / "data/raw/mi_band" / f"{numbers % 5}.txt")
    said.put(("edits", numbers))


def _read(root: Path, stop: Event, said: Any) -> None:
    """Reads as the dashboard does: the current names in one look, then their objects."""
    path, reads = root / "data/registry.db", 0
    while not stop.wait(0.02):
        if not path.exists():
            continue
        try:
            with closing(connect(path, read_only=True)) as db:
                rows = db.execute(
                    "SELECT c.stage, a.hash, c.stage_run FROM current c JOIN artifact a USING (name, version)"
                ).fetchall()
        except PdpError as error:
            if "run doit first" not in str(error):
                said.put(("problem", f"a reader could not read: {error}"))
            continue
        reads += 1
        runs: dict[str, set[int]] = {}
        for stage, hashed, stage_run in rows:
            runs.setdefault(stage, set()).add(stage_run)
            place = root / "data/store" / hashed[:2] / hashed[2:]
            if not place.exists() or digest(place) != hashed:
                said.put(("problem", f"a reader found no object for {stage}"))
        if any(len(one) > 1 for one in runs.values()):
            said.put(("problem", f"a reader saw a mix: {runs}"))
    said.put(("reads", reads))


def _look(project: Project, minute: Minute) -> None:
    """After the last run nothing is missing, nothing is left over, and versions are numbered without a gap."""
    ended = run(project.root, ("doit",))
    if ended.code:
        minute.problems.append(f"the last run ended with {ended.code}: {ended.printed[-300:]}")
    state = State(project.data)
    counted = Counter(stage for _, stage, outcome, _ in state.registry["commits"] if outcome in GOOD[:3])
    for stage, number in minute.commits.items():
        if counted[stage] < number:
            minute.problems.append(f"{stage}: {number} commits were reported, {counted[stage]} are there")
    versions: dict[str, list[int]] = {}
    for name, version, hashed, *_ in state.registry["artifacts"]:
        versions.setdefault(name, []).append(version)
        if state.files.get(state.object(hashed)) != hashed:
            minute.problems.append(f"{name}@v{version} has no whole object")
    minute.problems += [f"{n}: a gap in {v}" for n, v in versions.items() if sorted(v) != list(range(1, len(v) + 1))]
    minute.problems += [f"left over: {path}" for path in state.files if path.endswith(".pdp-tmp") or "/tmp/" in path]
    minute.problems += state.problems
