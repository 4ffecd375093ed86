"""SIGKILL of a real process at every so-many-th function call of a push, a pull, a merge, and a pull of files that were fetched
from Google, on a real registry.

    python -m tests.sync_kill --points 300      points a command, evenly spread

After each kill: another machine pulls what is there, whole; the killed command, given again, ends exactly as one that was
never killed: the same chain, the same rows, the same files, no temp file.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# What a command imports is imported before it forks, else each child does it again.
import pdp.cli.state
import pdp.settings
import pdp.sync.state  # noqa: F401
from pdp.cli import main as pdp_main
from tests.sync_machine import Machine, built_from, files

NEVER = 0
COMMANDS = {"push": ["push"], "pull": ["pull"], "merge": ["pull", "--merge"], "fetched": ["pull"]}


def forked(machine: Machine, words: list[str], at: int | None = None) -> tuple[int, int]:
    """Runs a command in a child that is killed at its call number `at`; gives (status, calls seen: 0 for None)."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 70
        try:
            status = _run(machine, words, at, writer)
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader, "rb") as pipe:
        seen = int(pipe.read() or 0)
    return os.waitpid(child, 0)[1], seen


def _run(machine: Machine, words: list[str], at: int | None, writer: int) -> int:
    count, begun = 0, False

    def tracer(frame: Any, event: str, argument: Any) -> None:
        nonlocal count, begun
        # What comes before is the reading of settings and the import of libraries.
        begun = begun or frame.f_code.co_filename.endswith("pdp/sync/state.py")
        count += begun
        if at and count == at:
            os.kill(os.getpid(), signal.SIGKILL)

    os.chdir(machine.root)
    os.environ.update(machine.environ)
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(null, stream)
    if at is not None:
        sys.settrace(tracer)
    status = pdp_main(words)
    sys.settrace(None)
    os.write(writer, str(count).encode())
    return status


class Scene:
    """Two machines and a remote at the moment before a command; put back before each kill."""

    def __init__(self, root: Path, command: str, seeds: dict[str, Path]) -> None:
        self.root, self.words = root, COMMANDS[command]
        one = Machine(root / "one", root / "remote", seeds["base"])
        two = Machine(root / "two", root / "remote", None)
        assert forked(one, ["push"])[0] == 0
        one.become(seeds["d" if command == "fetched" else "b"])
        if command == "fetched":
            for machine in (one, two):
                machine.environ["MI_BAND_DRIVE_FOLDER_ID"] = "1AbCdEfGhIjKlMnOpQrStUv"
        if command != "push":
            assert forked(one, ["push"])[0] == 0
        if command == "merge":
            two.become(seeds["c"])
        self.actor = one if command == "push" else two
        shutil.copytree(root / "remote", root / "kept-remote")
        if self.actor.data.exists():
            shutil.copytree(self.actor.data, root / "kept-data")
        status, self.calls = forked(self.actor, self.words, NEVER)
        assert status == 0
        self.expected = self.outcome()
        if command == "fetched":
            assert "raw/mi_band/drive/.index.json" in self.expected[1], "nothing of what was fetched came"

    def outcome(self) -> tuple[Any, ...]:
        """History, files, and what a machine without anything finds in the remote."""
        fresh = Machine(self.root / "fresh", self.root / "remote", None)
        assert forked(fresh, ["pull", "--all"])[0] == 0, "the remote cannot be pulled"
        found = fresh.history(), files(fresh)
        shutil.rmtree(fresh.root)
        left = [path.name for path in (self.actor.data / "store/tmp").glob("*")]
        assert not left, f"temp files are left: {left}"
        return self.actor.history(), files(self.actor), *found

    def back(self) -> None:
        for name, place in (("kept-remote", self.root / "remote"), ("kept-data", self.actor.data)):
            shutil.rmtree(place, ignore_errors=True)
            if (self.root / name).exists():
                shutil.copytree(self.root / name, place)

    def kill(self, at: int) -> None:
        """Raises AssertionError where something is lost, half, or not as it should be."""
        for _ in range(5):
            self.back()
            status, _ = forked(self.actor, self.words, at)
            if os.WIFSIGNALED(status):
                break
            at -= self.calls // 100  # files that have settled are not hashed again: the last calls are not always there
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"call {at}: the kill was missed"
        fresh = Machine(self.root / "fresh", self.root / "remote", None)
        assert forked(fresh, ["pull"])[0] == 0, f"call {at}: what lies in the remote is not whole"
        shutil.rmtree(fresh.root)
        status, _ = forked(self.actor, self.words)
        assert status == 0, f"call {at}: the same command again ends with {status}"
        assert self.outcome() == self.expected, f"call {at}: it ends otherwise than without the kill"


def sweep(command: str, points: int, seeds: dict[str, Path], root: Path) -> tuple[int, list[str]]:
    """(kills, what was wrong after them)."""
    scene = Scene(root, command, seeds)
    broken = []
    chosen = sorted({1 + number * (scene.calls - 1) // max(points - 1, 1) for number in range(points)})
    for at in chosen:
        try:
            scene.kill(at)
        except AssertionError as error:
            broken.append(f"{command}: {error}")
    return len(chosen), broken


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=300)
    parser.add_argument("commands", nargs="*", metavar="command", help=", ".join(COMMANDS))
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        seeds = built_from(Path(name))
        wrong = []
        for command in given.commands or COMMANDS:
            kills, broken = sweep(command, given.points, seeds, Path(name) / f"scene-{command}")
            print(f"{command}: {kills} kills, {len(broken)} broken", flush=True)
            wrong += broken
    print("\n".join([*wrong[:10], f"{time.monotonic() - began:.0f} s"]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
