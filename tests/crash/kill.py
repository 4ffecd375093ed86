"""Killed at every write-type call in turn; and a second time, while it mends; or told to end, or given an error."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.crash.calls import Call, trace
from tests.crash.process import Ended, run
from tests.crash.scenes import Stage
from tests.crash.state import State, broken, unmended

# A point that the run never came to (another second, another number of rows in a cache) is tried again this often, each
# time a call of this name before it: the last ones of a run are not there in every run.
TRIES = 6
ASKED = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Finding:
    """One point, and what was wrong after it."""

    scene: str
    what: str
    problems: list[str]

    def __str__(self) -> str:
        return f"{self.scene}: {self.what}: " + "; ".join(self.problems)


@dataclass
class Tally:
    """What a campaign tried. `missed`: points at which nothing happened, so that they prove nothing."""

    points: int = 0
    missed: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.points += other.points
        self.missed += other.missed
        self.findings += other.findings


def points(stage: Stage, place: Path) -> list[Call]:
    """The write-type calls of the undisturbed command, in their order."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        root = stage.copy(Path(folder, "p"))
        _, calls = trace(root, stage.scene.words, Path(folder, "log"))
    return calls


def inject(root: Path, words: Sequence[str], call: Call, how: str) -> Ended:
    """Runs the command with `how` (signal=…, error=…) at that call."""
    at = f"inject={call.name}:{how}:when={call.ordinal}"
    return run(root, words, ["-o", "/dev/null", "-e", f"trace={call.name}", "-e", at])


def killed(stage: Stage, call: Call, place: Path, how: int = signal.SIGKILL) -> tuple[Path, Ended] | None:
    """A copy of the project after the command was killed at that call; None if it never came to it."""
    for tried in range(TRIES):
        root = stage.copy(Path(tempfile.mkdtemp(dir=place), "p"))
        ended = inject(root, stage.scene.words, call.earlier(tried), f"signal={signal.Signals(how).name[3:]}")
        if ended.code == -how or (how != signal.SIGKILL and ended.code != stage.scene.code):
            return root, ended
        shutil.rmtree(root.parent)
    return None


def kill_at(stage: Stage, call: Call, place: Path) -> Tally:
    """Kills at one call, checks what is left, runs again, checks the end."""
    name = stage.scene.name
    done = killed(stage, call, place)
    if done is None:
        return Tally(1, 1)
    root, ended = done
    problems = check(stage, root, ended)
    if not problems:
        problems = mend(stage, root)
    shutil.rmtree(root.parent)
    return Tally(1, 0, [Finding(name, f"killed at {call.point}", problems)] if problems else [])


def check(stage: Stage, root: Path, ended: Ended) -> list[str]:
    """What is wrong with what a disturbed command left behind."""
    problems = broken(State(root / "data"), stage.expected, ended.printed)
    if ended.hung:
        problems.append("it hung")
    if ended.traceback:
        problems.append(f"a traceback: {ended.printed.strip().splitlines()[-1]}")
    return problems


def mend(stage: Stage, root: Path) -> list[str]:
    """Runs the command again; gives what then differs from an undisturbed run."""
    before = State(root / "data")
    committed = before.commits(stage.expected.before.last_run)
    ended = run(root, stage.scene.again)
    if ended.code != stage.scene.code:
        return [f"the next run ends with {ended.code}: {ended.printed.strip()[-400:]}"]
    return unmended(State(root / "data"), stage.expected, ended.printed, committed)


def kill_twice(stage: Stage, first: Call, seconds: int, place: Path) -> Tally:
    """Kills at one call, then the repair at up to `seconds` of its own calls, evenly spread (0: at each)."""
    tally = Tally()
    done = killed(stage, first, place)
    if done is None:
        return Tally(1, 1)
    root, _ = done
    with tempfile.TemporaryDirectory(dir=place) as folder:
        copy = Path(folder, "p")
        shutil.copytree(root, copy)
        _, calls = trace(copy, stage.scene.again, Path(folder, "log"))
    step = max(1, len(calls) // seconds) if seconds else 1
    again = Stage(replace(stage.scene, words=stage.scene.again), root, stage.expected, stage.printed)
    for second in calls[::step]:
        one = kill_at(again, second, place)
        for finding in one.findings:
            finding.what = f"killed at {first.point}, again {finding.what}"
        tally.add(one)
    shutil.rmtree(root.parent)
    return tally


def signal_at(stage: Stage, call: Call, place: Path, how: int) -> Tally:
    """Asks the command to end (Ctrl-C, SIGTERM) at one call: it ends with a signal's code, and leaves no temp file."""
    done = killed(stage, call, place, how)
    if done is None:
        return Tally(1, 1)
    root, ended = done
    problems = check(stage, root, ended)
    if ended.code not in (-how, 128 + how):
        problems.append(f"ended with {ended.code}: {ended.printed.strip()[-300:]}")
    left = [path for path in State(root / "data").files if path.endswith((".pdp-tmp", "-journal")) or "/tmp/" in path]
    problems += [f"left {path}" for path in left]
    problems = problems or mend(stage, root)
    shutil.rmtree(root.parent)
    what = f"{signal.Signals(how).name} at {call.point}"
    return Tally(1, 0, [Finding(stage.scene.name, what, problems)] if problems else [])
