"""Many machines, one place, a hostile scheduler: each call of the place is a moment at which others may go first, the
answer may be lost before or after the call took effect, or the machine may die, half the time with its disk.

    python -m tests.sync_sim --seeds 20000        every failure names its seed

What must hold for each seed: a push that was reported is in the history exactly once, with its bytes, whatever came after;
all machines that go on end with one history.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from greenlet import getcurrent, greenlet  # comes with playwright

from pdp.errors import Diverged, PdpError, SyncError
from pdp.sync import engine, ledger
from pdp.sync.backend import Cell, Conflict, Unreachable
from pdp.sync.engine import Remote, pull, push
from pdp.sync.records import State
from pdp.sync.vault import Plain
from tests.sync_doubles import Machine, Place, sha

MACHINES, PUSHES = 4, 5
FAIL, DIE = 0.03, 0.004


class Died(BaseException):
    """The machine is gone in the middle of a call."""


class Hostile(Place):
    """The place as one machine sees it: other machines go first, answers get lost."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _call(self, name: str, *words: Any) -> Any:
        self.world.step()
        when = self.world.chance.random()
        if when < FAIL / 2:
            raise Unreachable("lost before")
        if when < FAIL / 2 + DIE / 2:
            raise Died
        result = getattr(self.world.place, name)(*words)
        self.world.step()
        if when > 1 - FAIL / 2:
            raise Unreachable("lost after")
        if when > 1 - FAIL / 2 - DIE / 2:
            raise Died
        return result

    def read_head(self) -> Cell | None:
        return self._call("read_head")

    def move_head(self, token, content, named) -> None:
        self._call("move_head", token, content, named)

    def get(self, ref: str) -> bytes:
        return self._call("get", ref)

    def find(self, name: str, least: int) -> str | None:
        return self._call("find", name, least)

    def create_if_absent(self, name: str, content: bytes) -> str:
        return self._call("create_if_absent", name, content)


@dataclass
class World:
    """One seed's place, scheduler and what was reported."""

    seed: int
    place: Place = field(default_factory=Place)
    reported: list[bytes] = field(default_factory=list)
    died: int = 0
    merges: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def step(self) -> None:
        """Somebody may go first: who, the scheduler says."""
        getcurrent().parent.switch()

    def run(self) -> Machine:
        machines = [Machine(f"machine {number}") for number in range(MACHINES)]
        alive = [greenlet(lambda n=n: self.live(n, machines)) for n in range(MACHINES)]
        while alive:
            one = self.chance.choice(alive)
            one.switch()
            if one.dead:
                alive.remove(one)
        last = Machine("last")
        for machine in [last, *machines]:
            there = Remote(self.place, Plain())
            try:
                pull(machine, there, everything=True)
            except Diverged:
                pull(machine, there, merge=True, unrelated=True, everything=True)
        self.assert_kept(last, machines)
        return last

    def live(self, number: int, machines: list[Machine]) -> None:
        """One machine's life: commit, push, join where another was faster; die, and go on."""
        done = 0
        while done < PUSHES:
            machine = machines[number]
            content = b"%d %d %d" % (self.seed, number, done)
            try:
                if sha(content) not in machine.store:
                    machine.commit(f"stage:{number}", {}, **{f"out{number}": content})
                self.deliver(machine, Remote(Hostile(self), Plain()))
                self.reported.append(content)
                done += 1
            except Died:
                self.died += 1
                if self.chance.random() < 0.5:
                    machines[number] = Machine(machine.writer)

    def deliver(self, machine: Machine, there: Remote) -> None:
        while True:
            try:
                push(machine, there)
                return
            except Diverged:
                self.join(machine, there)
            except SyncError:
                continue  # no answer: the same again, later

    def join(self, machine: Machine, there: Remote) -> None:
        try:
            self.merges += pull(machine, there, merge=True, unrelated=True).merged > 0
        except SyncError:
            return

    def assert_kept(self, last: Machine, machines: list[Machine]) -> None:
        state = State(last.chain)
        times = Counter(given.digest for given in state.versions.values())
        lost = [content for content in self.reported if times[sha(content)] == 0]
        assert not lost, f"seed {self.seed}: {len(lost)} reported pushes are lost: {lost}"
        commits = Counter(digest for record in last.chain for digest in outputs_of(record))
        doubled = [content for content in self.reported if commits[sha(content)] != 1]
        # A machine that lost its disk after its push took effect, but before it heard so, commits the same again.
        assert not doubled or self.died, f"seed {self.seed}: doubled {doubled}"
        assert all(sha(content) in last.store for content in self.reported), f"seed {self.seed}: bytes are missing"
        for machine in machines:
            assert machine.chain[: len(last.chain)] == last.chain, f"seed {self.seed}: {machine.writer} went astray"
        for name in state.latest:
            numbers = sorted(at for one, at in state.versions if one == name)
            assert numbers == list(range(1, len(numbers) + 1)), f"seed {self.seed}: {name} has the versions {numbers}"


def outputs_of(record: str) -> list[str]:
    return [given.digest for given in State([record]).versions.values()]


def overwrite(place: Place, token: object, content: bytes, named: list[str]) -> None:
    """A mutant: the place takes whatever comes last, as Drive's v3 does."""
    place.head, place.moves = content, place.moves + 1


def hope(backend, before, content, named) -> bool:
    """A mutant: a lost answer is taken for a good one."""
    try:
        backend.move_head(before.token if before else None, content, named)
    except Conflict:
        return False
    except Unreachable:
        return True
    return True


def mutate(name: str) -> None:
    if name == "overwrite":
        Place.move_head = overwrite  # type: ignore[method-assign,assignment]
    if name == "hope":
        engine.swap = hope


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--mutant", choices=["overwrite", "hope"], default="", help="losses must be found")
    given = parser.parse_args()
    mutate(given.mutant)
    # Each machine reads the same records and segments again and again; nothing changes what was read.
    ledger.previous_of = lru_cache(100_000)(ledger.previous_of)
    ledger.Segment.from_bytes = lru_cache(2_000)(ledger.Segment.from_bytes)  # type: ignore[method-assign]
    began, pushes, died, merges, broken = time.monotonic(), 0, 0, 0, 0
    for seed in range(given.first, given.first + given.seeds):
        world = World(seed)
        try:
            world.run()
        except (AssertionError, PdpError) as error:
            broken += 1
            if broken <= 3:
                print(error, file=sys.stderr)
        pushes, died, merges = pushes + len(world.reported), died + world.died, merges + world.merges
        if (seed + 1) % 500 == 0:
            print(f"up to seed {seed}: {pushes} pushes reported, {broken} seeds broken", file=sys.stderr, flush=True)
    print(
        f"{given.seeds} seeds, {pushes} pushes reported, {merges} merges, {died} machines died, {broken} seeds broken, "
        f"{(time.monotonic() - began) / given.seeds * 1000:.1f} ms a seed"
    )
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
