"""The campaigns, typed as `python -m tests.crash CAMPAIGN`; `make crash` runs all of them."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.crash import errors, kill
from tests.crash.kill import Tally
from tests.crash.process import strace_works
from tests.crash.scenes import BY_NAME, Scene, Stage, set_up

Job = Callable[[], Tally]


def main() -> int:
    arguments = _parser().parse_args()
    if problem := strace_works():
        print(f"cannot run: {problem}", file=sys.stderr)
        return 2
    place = Path(tempfile.mkdtemp(prefix="pdp-crash-", dir=_memory()))
    print(f"seed {arguments.seed}: CRASH_SEED={arguments.seed} makes the same choice again", flush=True)
    total, began = Tally(), time.monotonic()
    try:
        with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("fork")) as pool:
            for name in arguments.scenes or BY_NAME:
                tally = campaign(arguments, BY_NAME[name], place, pool)
                total.add(tally)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(f"{arguments.campaign}: {said(total)} in {time.monotonic() - began:.0f} s")
    return int(bool(total.findings or total.missed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("campaign", choices=CAMPAIGNS)
    parser.add_argument("scenes", nargs="*", help=f"of: {', '.join(BY_NAME)}")
    parser.add_argument(
        "--sample", type=int, default=0, help="so many points of each scene, chosen by the seed; 0: all"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=int(os.environ.get("CRASH_SEED") or random.randrange(10**6)))
    parser.add_argument(
        "--seconds", type=float, default=0, help="stop after so long (0: never) and say what was not tried"
    )
    return parser


def _memory() -> str | None:
    """A folder in memory: the sweeps judge what was called, not how long a disk takes."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def said(tally: Tally) -> str:
    return f"{tally.points} points, {len(tally.findings)} broken, {tally.missed} missed"


def campaign(arguments: argparse.Namespace, scene: Scene, place: Path, pool: ProcessPoolExecutor) -> Tally:
    """One scene: its points, in parallel."""
    folder = Path(tempfile.mkdtemp(dir=place))
    stage = pool.submit(set_up, scene, folder).result()
    calls = pool.submit(kill.points, stage, folder).result()
    jobs = CAMPAIGNS[arguments.campaign](stage, calls, folder)
    generator = random.Random(f"{arguments.seed}{scene.name}")
    if arguments.sample or arguments.seconds:
        jobs = generator.sample(jobs, min(len(jobs), arguments.sample or len(jobs)))
    tally, until = Tally(), time.monotonic() + (arguments.seconds or 10**9)
    for one in _results(pool, jobs, until):
        tally.add(one)
        for finding in one.findings:
            print(f"  {finding}", flush=True)
    print(f"{scene.name}: {len(calls)} calls, {said(tally)}", flush=True)
    shutil.rmtree(folder)
    return tally


def _results(pool: ProcessPoolExecutor, jobs: list[Job], until: float) -> Iterable[Tally]:
    """Results as they come; nothing new is begun after `until`."""
    waiting: list[Any] = []
    for job in jobs:
        if time.monotonic() > until:
            break
        waiting.append(pool.submit(job))
        if len(waiting) > 8:
            yield waiting.pop(0).result()
    for one in waiting:
        yield one.result()


def _signals(stage: Stage, calls: list[Any], place: Path) -> list[Job]:
    return [
        partial(kill.signal_at, stage, call, place, how) for call in calls for how in (signal.SIGINT, signal.SIGTERM)
    ]


CAMPAIGNS: dict[str, Callable[[Stage, list[Any], Path], list[Job]]] = {
    "kill": lambda stage, calls, place: [partial(kill.kill_at, stage, call, place) for call in calls],
    "nested": lambda stage, calls, place: [partial(kill.kill_twice, stage, call, 0, place) for call in calls],
    "signals": _signals,
    "errors": lambda stage, calls, place: [
        partial(errors.error_at, stage, call, name, place) for call in calls for name in errors.ERRORS
    ],
}

if __name__ == "__main__":
    raise SystemExit(main())
