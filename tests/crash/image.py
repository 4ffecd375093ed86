"""The power is cut on a real ext4: at the kill the disk's image is copied, without what the kernel had not sent to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.crash.calls import Call, trace
from tests.crash.kill import TRIES, Finding, Tally, check, inject, mend
from tests.crash.scenes import Stage

SIZE = 24 * 1024 * 1024


def images_work() -> str:
    """Empty if an ext4 image can be made and mounted here, else the reason why not."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        return "an image needs root and mkfs.ext4"
    with tempfile.TemporaryDirectory() as folder:
        try:
            with mounted(_make(Path(folder, "image")), Path(folder, "m")):
                return ""
        except subprocess.CalledProcessError as error:
            return error.stderr.decode().strip()


def cuts(stage: Stage, place: Path) -> list[Callable[[], Tally]]:
    """One job per write-type call of the command on an ext4 that holds the project."""
    image = _make(place / "image")
    with mounted(image, place / "m") as folder:
        stage.copy(folder / "p")
    traced = Path(shutil.copy(image, place / "traced"))
    with mounted(traced, place / "m") as folder:
        _, calls = trace(folder / "p", stage.scene.words, place / "log")
    return [partial(cut_at, stage, image, call, place) for call in calls]


def cut_at(stage: Stage, image: Path, call: Call, place: Path) -> Tally:
    """Kills at that call, takes the image as it is at that moment, mounts that, checks it, and runs again."""
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory(dir=place) as name:
            folder = Path(name)
            disk, left = Path(shutil.copy(image, folder / "disk")), folder / "left"
            with mounted(disk, folder / "m") as there:
                ended = inject(there / "p", stage.scene.words, call, "signal=KILL")
                shutil.copy(disk, left)
            if ended.code != -9:
                continue
            with mounted(left, folder / "m") as there:
                problems = check(stage, there / "p", ended) or mend(stage, there / "p")
            what = f"ext4, power cut at {call.point}"
            return Tally(1, 0, [Finding(stage.scene.name, what, problems)] if problems else [])
    return Tally(1, 1)


def _make(image: Path) -> Path:
    with image.open("wb") as file:
        file.truncate(SIZE)
    _do("mkfs.ext4", "-q", "-J", "size=4", str(image))
    return image


@contextmanager
def mounted(image: Path, where: Path) -> Iterator[Path]:
    where.mkdir(exist_ok=True)
    _do("mount", "-o", "loop", str(image), str(where))
    try:
        yield where
    finally:
        _do("umount", str(where))


def _do(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
