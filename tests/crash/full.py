"""Disks that are really full: a small tmpfs of every size from too small to just enough, by bytes and by inodes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.crash.errors import badly_said
from tests.crash.kill import Finding, Tally, check, mend
from tests.crash.process import run
from tests.crash.scenes import Stage

PAGE = 4096
ROOM = "size=64m,nr_inodes=4096"


def mounts_work() -> str:
    """Empty if a tmpfs can be mounted here, else the reason why not."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return "mounting a small file system needs root, and mount"
    with tempfile.TemporaryDirectory() as folder:
        done = _mount(Path(folder), ROOM)
        if done.returncode == 0:
            _unmount(Path(folder))
        return f"mount: {done.stderr.strip()}" if done.returncode else ""


def sizes(stage: Stage, place: Path) -> list[Callable[[], Tally]]:
    """One disk per page, and one per inode, between what the project has and what the run ends with or passes."""
    pages, inodes = _taken(stage, place)
    options = [f"size={page * PAGE}" for page in range(*pages)]
    options += [f"size=64m,nr_inodes={inode}" for inode in range(*inodes)]
    return [partial(full_at, stage, place, size) for size in options]


def _taken(stage: Stage, place: Path) -> tuple[tuple[int, int], tuple[int, int]]:
    """Pages and inodes taken before the run and, with what a transaction takes beside that, after it."""
    mounted = Path(tempfile.mkdtemp(dir=place))
    _must(_mount(mounted, ROOM))
    try:
        root = stage.copy(mounted / "p")
        before = os.statvfs(mounted)
        run(root, stage.scene.words)
        after = os.statvfs(mounted)
        journal = (root / "data/registry.db").stat().st_size // PAGE + 8
    finally:
        _unmount(mounted)
    pages = before.f_blocks - before.f_bfree, after.f_blocks - after.f_bfree + journal
    inodes = before.f_files - before.f_ffree, after.f_files - after.f_ffree + 4
    return pages, inodes


def full_at(stage: Stage, place: Path, size: str) -> Tally:
    """Runs on a disk of that size; then there is room, and it runs again."""
    mounted = Path(tempfile.mkdtemp(dir=place))
    _must(_mount(mounted, size))
    try:
        root = stage.copy(mounted / "p")
        ended = run(root, stage.scene.words)
        problems = check(stage, root, ended) + badly_said(ended, stage.printed)
        _must(_mount(mounted, f"remount,{ROOM}"))
        problems = problems or mend(stage, root)
    finally:
        _unmount(mounted)
    return Tally(1, 0, [Finding(stage.scene.name, f"disk of {size}", problems)] if problems else [])


def _mount(where: Path, options: str) -> subprocess.CompletedProcess[str]:
    words = ["mount", "-t", "tmpfs", "-o", options, "pdp-crash", str(where)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def _must(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise RuntimeError(done.stderr)


def _unmount(where: Path) -> None:
    _must(subprocess.run(["umount", str(where)], capture_output=True, text=True, check=False))
    shutil.rmtree(where)
