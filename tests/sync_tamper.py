"""A remote that somebody tampers with: every byte of every kind of file, flipped, cut off, swapped with another file's,
or put back to what it once was. A pull must refuse, or end with exactly what was pushed: never with anything else.

    python -m tests.sync_tamper            all states (more than 100,000)
    python -m tests.sync_tamper --every 97 a slice
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator

from pdp.errors import PdpError
from pdp.sync import vault
from pdp.sync.bundle import pack, unpack
from pdp.sync.engine import Remote, pull, push
from pdp.sync.keys import Keys, new_identity, new_seal, public
from pdp.sync.vault import Plain, Sealed, Vault
from tests.sync_doubles import Machine, Place

Files = dict[str, bytes]


class Scene:
    """A state of three generations, the files of the last two, and two machines: one saw the second, one the third."""

    def __init__(self, vault: Vault) -> None:
        self.vault, place, one = vault, Place(), Machine("one")
        there = Remote(place, vault)
        one.ingest("band", a=b"12")
        one.commit("merge", {}, total=b"first " * 20)
        push(one, there)
        one.commit("merge", {}, total=b"second " * 20, **{"total.csv": b"total\n2\n"})
        push(one, there)
        self.before = self.files(place)
        self.witness = Machine("two")
        pull(self.witness, there, everything=True)
        one.commit("merge", {}, total=b"third " * 20)
        push(one, there)
        self.after = self.files(place)
        self.late = Machine("three")
        pull(self.late, there, everything=True)
        self.chain, self.contents = one.chain, one.contents()

    def files(self, place: Place) -> Files:
        return {"head": place.head or b"", **place.objects}

    def accepts(self, files: Files, seen_by: Machine | None) -> str:
        """What becomes of a pull by one that saw what this machine saw: "refused", "right" or "wrong"."""
        place = Place()
        place.head, place.objects = files.get("head"), {name: one for name, one in files.items() if name != "head"}
        machine = Machine("two")
        if seen_by:
            machine.chain, machine.store = list(seen_by.chain), dict(seen_by.store)
            machine.seen, machine.segments = seen_by.seen, dict(seen_by.segments)
        chain, seen = list(machine.chain), machine.seen
        try:
            pull(machine, Remote(place, self.vault))
        except PdpError:
            return "refused" if (machine.chain, machine.seen) == (chain, seen) else "wrong"
        return "right" if (machine.chain, machine.contents()) == (self.chain, self.contents) else "wrong"


def flips(scene: Scene) -> Iterator[tuple[str, Files]]:
    for name, content in scene.after.items():
        for at in range(len(content)):
            yield "flip", scene.after | {name: content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]}


def cuts(scene: Scene) -> Iterator[tuple[str, Files]]:
    for name, content in scene.after.items():
        for at in range(len(content)):
            yield "cut", scene.after | {name: content[:at]}
        yield "cut", {other: one for other, one in scene.after.items() if other != name}


def swaps(scene: Scene) -> Iterator[tuple[str, Files]]:
    """Two files change places as a whole; and, byte by byte, the beginning of one goes before the rest of another."""
    names = sorted(scene.after)
    for number, one in enumerate(names):
        other = names[(number + 1) % len(names)]
        for two in names[number + 1 :]:
            yield "swap", scene.after | {one: scene.after[two], two: scene.after[one]}
        for at in range(1, len(scene.after[one])):
            mixed = scene.after[other][:at] + scene.after[one][at:]
            if mixed != scene.after[one]:
                yield "swap", scene.after | {one: mixed}


def replays(scene: Scene) -> Iterator[tuple[str, Files]]:
    """The old head; the old head's beginning before the new one's rest; and each object of a newer head left out."""
    yield "replay", scene.before
    yield "replay", scene.after | {"head": scene.before["head"]}
    old, new = scene.before["head"], scene.after["head"]
    for at in range(1, max(len(old), len(new))):
        for mixed in (old[:at] + new[at:], new[:at] + old[at:]):
            if mixed not in (new, old):
                yield "replay", scene.after | {"head": mixed}


KINDS = (flips, cuts, swaps, replays)


def bundled(scene: Scene, every: int, found: Counter[tuple[str, str]]) -> None:
    """The same for the one file that holds all: flipped and cut at each byte."""
    whole = pack(scene.after["head"], {name: one for name, one in scene.after.items() if name != "head"})
    for at in range(0, len(whole), every):
        for kind, content in (
            ("bundle flip", whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :]),
            ("bundle cut", whole[:at]),
        ):
            try:
                head, objects = unpack(content)
            except PdpError:
                found[kind, "refused"] += 1
                continue
            found[kind, scene.accepts({"head": head, **objects}, scene.witness)] += 1


def sealed() -> Sealed:
    identity = new_identity()
    return Sealed(Keys((identity,), new_seal(), (public(identity),)))


def tamper(every: int, least: int) -> Counter[tuple[str, str]]:
    """How many states there were of each kind and outcome. `least`: the size that small objects are padded to."""
    found: Counter[tuple[str, str]] = Counter()
    usual, vault.LEAST = vault.LEAST, least
    for keeper in (Plain(), sealed()):
        scene = Scene(keeper)
        for kind in KINDS:
            for number, (name, files) in enumerate(kind(scene)):
                if number % every == 0:
                    # What is older can be told only by who has seen the newer.
                    by = scene.late if name == "replay" else (None, scene.witness)[number // every % 2]
                    found[f"{keeper.mode} {name}", scene.accepts(files, by)] += 1
        bundled(scene, every, found)
    vault.LEAST = usual
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="take every so many-th state only")
    parser.add_argument("--least", type=int, default=4096, help="size that small objects are padded to")
    given = parser.parse_args()
    began = time.monotonic()
    found = tamper(given.every, given.least)
    for (kind, outcome), count in sorted(found.items()):
        print(f"{kind:16} {outcome:8} {count:7,}")
    wrong = sum(count for (_, outcome), count in found.items() if outcome == "wrong")
    print(f"{sum(found.values()):,} states, {wrong} accepted wrong, {time.monotonic() - began:.0f} s")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
