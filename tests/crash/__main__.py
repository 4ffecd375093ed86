"""The campaigns, typed as `python -m tests.crash CAMPAIGN`; `make crash` runs all of them."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.crash import errors, full, image, kill, power
from tests.crash.kill import Tally
from tests.crash.process import memory, strace_works
from tests.crash.scenes import BY_NAME, Scene, Stage, set_up
from tests.crash.together import WORKERS, together

Job = Callable[[], Tally]

# Of one kind of finding in one scene, so many are printed; all are counted.
SHOWN = 4
# A scene's power cuts in so many pieces; a repair's calls of which so many are killed (0: all).
PARTS, NESTED = 60, 6


def main() -> int:
    arguments = _parser().parse_args()
    if problem := strace_works():
        print(f"cannot run: {problem}", file=sys.stderr)
        return 2
    needs = {"full": full.mounts_work, "ext4": image.images_work}.get(arguments.campaign)
    if needs and (problem := needs()):
        print(f"{arguments.campaign}: not tried here: {problem}")
        return 0
    place = Path(tempfile.mkdtemp(prefix="pdp-crash-", dir=memory()))
    print(f"seed {arguments.seed}: CRASH_SEED={arguments.seed} makes the same choice again", flush=True)
    if arguments.campaign == "together":
        return _together(arguments, place)
    total, began = Tally(), time.monotonic()
    try:
        with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("fork")) as pool:
            for name in arguments.scenes or BY_NAME:
                tally = campaign(arguments, BY_NAME[name], place, pool)
                total.add(tally)
                if arguments.first and total.findings:
                    break
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(f"{arguments.campaign}: {said(total)} in {time.monotonic() - began:.0f} s")
    return int(bool(total.findings or total.missed))


def _together(arguments: argparse.Namespace, place: Path) -> int:
    minute = together(place, arguments.seconds or 60, arguments.seed)
    shutil.rmtree(place)
    for problem, times in Counter(minute.problems).items():
        print(f"  {times} x {problem}")
    print(
        f"together: {minute.runs} runs by {WORKERS} at once, {minute.kills} killed, {minute.edits} edits, {minute.reads} looks, "
        f"{sum(minute.commits.values())} reported commits, {len(minute.problems)} problems"
    )
    return int(bool(minute.problems))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("campaign", choices=[*CAMPAIGNS, "together"])
    parser.add_argument("--scenes", nargs="+", metavar="SCENE", choices=BY_NAME, help=f"of: {', '.join(BY_NAME)}")
    parser.add_argument(
        "--sample", type=int, default=0, help="so many points of each scene, chosen by the seed; 0: all"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=int(os.environ.get("CRASH_SEED") or random.randrange(10**6)))
    parser.add_argument(
        "--seconds", type=float, default=0, help="stop after so long (0: never) and say what was not tried"
    )
    parser.add_argument("--first", action="store_true", help="end with the first finding")
    return parser


def said(tally: Tally) -> str:
    return f"{tally.points} points, {len(tally.findings)} broken, {tally.missed} missed"


def campaign(arguments: argparse.Namespace, scene: Scene, place: Path, pool: ProcessPoolExecutor) -> Tally:
    """One scene: its points, in parallel."""
    folder = Path(tempfile.mkdtemp(dir=place))
    stage = pool.submit(set_up, scene, folder).result()
    jobs = pool.submit(CAMPAIGNS[arguments.campaign], stage, folder).result()
    found = len(jobs)
    random.Random(f"{arguments.seed}{scene.name}").shuffle(jobs)
    jobs = jobs[: arguments.sample or None]
    tally, until = Tally(), time.monotonic() + (arguments.seconds or 10**9)
    told: Counter[str] = Counter()
    done = 0
    for one in _results(pool, jobs, until):
        done += 1
        tally.add(one)
        for finding in one.findings:
            told[finding.problems[0][:60]] += 1
            if told[finding.problems[0][:60]] <= SHOWN:
                print(f"  {finding}", flush=True)
        if arguments.first and tally.findings:
            break
    print(f"{scene.name}: {done} of {found}: {said(tally)}", flush=True)
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


def _kill(stage: Stage, place: Path) -> list[Job]:
    return [partial(kill.kill_at, stage, call, place) for call in kill.points(stage, place)]


def _nested(stage: Stage, place: Path) -> list[Job]:
    return [partial(kill.kill_twice, stage, call, NESTED, place) for call in kill.points(stage, place)]


def _signals(stage: Stage, place: Path) -> list[Job]:
    return [
        partial(kill.signal_at, stage, call, place, how) for call in kill.points(stage, place) for how in kill.ASKED
    ]


def _errors(stage: Stage, place: Path) -> list[Job]:
    calls = [call for call in kill.points(stage, place) if call.touches_data]
    return [partial(errors.error_at, stage, call, name, place) for call in calls for name in errors.ERRORS]


def _power(stage: Stage, place: Path) -> list[Job]:
    recorder, calls = power.record(stage, place)
    return [partial(power.cut, stage, recorder.root, calls, part, PARTS, place) for part in range(PARTS)]


def _after_kill(stage: Stage, place: Path) -> list[Job]:
    return [partial(power.cut_after_kill, stage, call, place) for call in kill.points(stage, place)]


CAMPAIGNS: dict[str, Callable[[Stage, Path], list[Job]]] = {
    "kill": _kill,
    "nested": _nested,
    "signals": _signals,
    "errors": _errors,
    "power": _power,
    "after-kill": _after_kill,
    "full": full.sizes,
    "ext4": image.cuts,
}

if __name__ == "__main__":
    raise SystemExit(main())
