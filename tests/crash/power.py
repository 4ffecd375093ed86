"""The power is cut, at every call of a run, on the weakest disk; and again on one that was killed before and mended."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.crash import calls as strace
from tests.crash.calls import Call
from tests.crash.disk import Disk, Recorder, after, choices
from tests.crash.kill import TRIES, Finding, Tally, mend
from tests.crash.process import run
from tests.crash.scenes import Stage
from tests.crash.state import State, broken

# One state in so many is also mended by a real run, which costs ten times as much as looking.
MENDED = 12


def record(stage: Stage, place: Path) -> tuple[Recorder, list[Call]]:
    """The undisturbed command with all its bytes; the disk that it leaves is held against the real folder.

    Raises:
        AssertionError: the model is not what the machine did.
    """
    root = stage.copy(Path(tempfile.mkdtemp(dir=place), "p"))
    recorder = Recorder(root)
    _, calls = strace.trace(root, stage.scene.words, root.parent / "log", data=True)
    for _ in recorder.follow(root, calls):
        pass
    assert_same(recorder, root)
    shutil.rmtree(root.parent)
    return recorder, calls


def assert_same(recorder: Recorder, root: Path) -> None:
    """The model with everything written is the real folder."""
    there, model = dict(Disk.read(root).tree()), dict(recorder.live.tree())
    differing = sorted(path for path in there.keys() | model.keys() if there.get(path, 0) != model.get(path, 0))
    assert not differing, f"the model and the real folder differ: {differing}"


def states(
    stage: Stage, words_root: Path, calls: Iterable[Call], part: int, parts: int
) -> Iterator[tuple[str, str, Disk]]:
    """Every state that a power cut may leave, of the calls that fall to this part: where, what was printed, the disk."""
    recorder = Recorder(stage.template)
    for number, call in enumerate(recorder.follow(words_root, calls)):
        if number % parts == part:
            for chosen in choices(recorder.pending):
                yield f"power cut after {call.point}", recorder.printed, after(recorder.safe, chosen)


def cut(stage: Stage, words_root: Path, calls: list[Call], part: int, parts: int, place: Path) -> Tally:
    """Checks the states of this part; each state once."""
    return judge(stage, states(stage, words_root, calls, part, parts), place)


def judge(stage: Stage, found: Iterable[tuple[str, str, Disk]], place: Path) -> Tally:
    tally, seen = Tally(), set()
    for where, printed, disk in found:
        key = _name(disk, printed)
        if key in seen:
            continue
        seen.add(key)
        tally.points += 1
        # By the state's own name: the same states are mended each time.
        problems = look(stage, disk, printed, place, to_the_end=key[0] % MENDED == 0)
        if problems:
            tally.findings.append(Finding(stage.scene.name, where, problems))
    return tally


def _name(disk: Disk, printed: str) -> bytes:
    state = hashlib.blake2b(printed.encode(), digest_size=12)
    for path, content in disk.tree():
        state.update(f"{path}\0{-1 if content is None else len(content)}\0".encode())
        state.update(content or b"")
    return state.digest()


def look(stage: Stage, disk: Disk, printed: str, place: Path, *, to_the_end: bool) -> list[str]:
    root = Path(tempfile.mkdtemp(dir=place), "p")
    disk.write(root)
    problems = broken(State(root / "data"), stage.expected, printed)
    if not problems and to_the_end:
        problems = mend(stage, root)
    shutil.rmtree(root.parent)
    return problems


def cut_after_kill(stage: Stage, call: Call, place: Path) -> Tally:
    """Killed at one call, run again to its end, and then the power is cut: what the second run said must be safe."""
    for tried in range(TRIES):
        root = stage.copy(Path(tempfile.mkdtemp(dir=place), "p"))
        log = root.parent / "log"
        at = f"inject={call.name}:signal=KILL:when={call.earlier(tried).ordinal}"
        options = ["-y", "-o", str(log), "-xx", "-s", "1000000", "-e", f"trace={strace.TRACED}", "-e", at]
        if run(root, stage.scene.words, options).code == -9:
            break
        shutil.rmtree(root.parent)
    else:
        return Tally(1, 1)
    recorder = Recorder(stage.template)
    first = [one for one in strace.parse(log.read_text()) if one.writes]
    for _ in recorder.follow(root, first):
        pass
    assert_same(recorder, root)
    ended, second = strace.trace(root, stage.scene.again, log, data=True)
    tally = judge(stage, _ends(recorder, root, second, call), place)
    if ended.code != stage.scene.code:
        tally.findings.append(Finding(stage.scene.name, f"killed at {call.point}", [ended.printed[-300:]]))
    assert_same(recorder, root)
    shutil.rmtree(root.parent)
    return tally


def _ends(recorder: Recorder, root: Path, calls: list[Call], killed: Call) -> Iterator[tuple[str, str, Disk]]:
    """The states at each of the moments at which the run had just said something, and at its end."""
    said = ""
    for call in recorder.follow(root, calls):
        if recorder.printed != said or call is calls[-1]:
            said = recorder.printed
            for chosen in choices(recorder.pending):
                where = f"killed at {killed.point}, run again, power cut after {call.point}"
                yield where, said, after(recorder.safe, chosen)
