"""Mutation testing of the modules that a commit rests on: `make mutate`, `python -m tests.mutate`.

Whatever was found is kept, by the text of the module: a campaign that was cut short goes on, and after an edit only the
edited module's mutants are tried again. `--again` tries those that survived once more, when the tests are better.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutate.inside import MODULES, ROOT
from tests.mutate.loop import Known, Loop, keep, kept
from tests.mutate.mutants import Mutant, mutants

TESTS = (
    "store", "registry", "chain", "identity", "run", "one_run", "verify", "gc", "generation", "schemes", "filehash",
    "snapshots", "behaviours", "outlook", "look_history", "look_gc", "look_rows", "sync_project", "hostile_folder",
    "disk", "lock", "migrate", "commit", "identities",
)  # fmt: skip
LAST = "tests/crash/test_slice.py"
ENOUGH = 0.95


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"of: {', '.join(MODULES)}")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, chosen by the seed; 0: all")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--patience", type=float, default=30.0, help="seconds of processor that a mutant's tests may cost"
    )
    parser.add_argument("--again", action="store_true", help="try those that survived once more")
    parser.add_argument("--crash", action="store_true", help=f"with {LAST}, which takes long")
    parser.add_argument("--tests", nargs="+", default=TESTS, help=f"of: {', '.join(TESTS)}")
    parser.add_argument("--kept", type=Path, default=ROOT / "build/mutate", help="where to keep what is found")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    options = parser.parse_args()
    every = [one for module in options.modules or MODULES for one in mutants(module)]
    random.Random(options.seed).shuffle(every)
    every = every[: options.sample or None]
    if options.list:
        print("\n".join(map(str, every)))
        return 0
    options.kept.mkdir(parents=True, exist_ok=True)
    names = [path for name in options.tests if (path := ROOT / f"tests/test_{name}.py").exists()]
    names += [ROOT / LAST] if options.crash else []
    loop = Loop(options.jobs, lambda loop: campaign(loop, every, options))
    words = ["-q", "-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", *map(str, names)]
    code = pytest.main(words, plugins=[loop])
    return loop.code or int(code not in (0, pytest.ExitCode.NO_TESTS_COLLECTED))


def campaign(loop: Loop, every: list[Mutant], options: argparse.Namespace) -> int:
    """Tries what is not tried yet, and tells what became of all; 1 if fewer than 95 of 100 are noticed."""
    known = baseline(loop, options.kept / f"baseline-{_digest(loop)}.jsonl")
    path = options.kept / "found.jsonl"
    found = {one["name"]: one for one in map(json.loads, path.read_text().splitlines())} if path.exists() else {}
    todo = [one for one in every if one.name not in found or (options.again and not found[one.name]["noticed"])]
    began = time.monotonic()
    for number, (mutant, result) in enumerate(attempts(loop, todo, known, options.patience), 1):
        found[mutant.name] = {"name": mutant.name} | result
        with path.open("a") as file:
            file.write(json.dumps(found[mutant.name]) + "\n")
        if not result["noticed"]:
            print(f"survives: {mutant}", flush=True)
        if number % 50 == 0:
            print(f"{number} of {len(todo)}, {time.monotonic() - began:.0f} s", flush=True)
    return tell(every, {one.name: found[one.name]["noticed"] for one in every})


def _digest(loop: Loop) -> str:
    """What the baseline depends on: the modules' lines, and the tests."""
    paths = [*sorted((ROOT / "pdp").rglob("*.py")), *sorted({Path(item.path) for item in loop.items.values()})]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]


def baseline(loop: Loop, path: Path) -> list[Known]:
    """What each test reaches and costs; one that fails by itself proves nothing and is left out."""
    known = {one.test: one for one in kept(path)}
    began = time.monotonic()
    for one, end in loop.know([test for test in loop.items if test not in known]):
        if one is None:
            print(f"fails without any mutant: {end.failed}\n{end.log[-1500:]}", file=sys.stderr, flush=True)
            continue
        known[one.test] = one
        keep(path, one)
    cost = sum(one.cpu for one in known.values())
    print(f"{len(known)} tests, {cost:.0f} s of processor, {time.monotonic() - began:.0f} s", flush=True)
    return sorted(known.values(), key=lambda one: one.cpu)


def attempts(
    loop: Loop, todo: list[Mutant], known: list[Known], patience: float
) -> Iterator[tuple[Mutant, dict[str, object]]]:
    """Each mutant with what noticed it, by how many tests that reach it at most, at what cost."""
    chosen = {mutant.name: affordable([one for one in known if one.reaches(mutant)], patience) for mutant in todo}
    for mutant in todo:
        if not chosen[mutant.name]:
            yield mutant, {"noticed": "", "tests": 0, "cpu": 0.0}
    for mutant, end in loop.attempt((one, chosen[one.name]) for one in todo if chosen[one.name]):
        yield mutant, {"noticed": end.failed, "tests": len(chosen[mutant.name]), "cpu": round(end.cpu, 2)}


def affordable(tests: list[Known], patience: float) -> list[Known]:
    """The cheapest tests first, as many as cost no more than `patience`; at least one."""
    found, spent = list[Known](), 0.0
    for one in tests:
        if found and spent + one.cpu > patience:
            break
        found.append(one)
        spent += one.cpu
    return found


def tell(every: list[Mutant], noticed: dict[str, str]) -> int:
    """A line for each module, then who survived; what noticed the others."""
    tried, survived = Counter(one.module for one in every), Counter[str]()
    for one in every:
        survived[one.module] += not noticed[one.name]
    for module in sorted(tried):
        print(f"{module:<28} {tried[module]:>5} {tried[module] - survived[module]:>5}")
    for one in sorted(every, key=lambda one: (one.module, one.line)):
        if not noticed[one.name]:
            print(f"survives: {one}")
    share = 1 - survived.total() / max(1, len(every))
    print(f"{len(every)} mutants, {len(every) - survived.total()} noticed ({share:.1%})")
    return int(share < ENOUGH)


if __name__ == "__main__":
    raise SystemExit(main())
