"""Demo exports of an invented person in the real formats, and the truth about them.

The same days, seed and start give the same bytes on every machine. Nothing here is about anyone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pdp.demo import google_sheets, mi_fitness
from pdp.demo.person import live
from pdp.demo.truth import Row, Truth
from pdp.errors import PdpError

__all__ = ["Demo", "Row", "Truth", "generate", "write"]

START = date(2025, 9, 1)
MOST_DAYS = 20_000  # more than fifty years; pdp knows dates until 2100


@dataclass(frozen=True)
class Demo:
    """Raw files (path below raw/ -> bytes), and what pdp should make of them."""

    files: Mapping[str, bytes] = field(repr=False)
    truth: Truth


def generate(days: int = 180, seed: int = 1, start: date = START) -> Demo:
    """The exports of `days` days from `start` on, taken in the morning of the last one.

    Raises:
        PdpError: there is not a day to write about, or too many.
    """
    if not 1 <= days <= MOST_DAYS:
        raise PdpError(f"a demo of {days} days cannot be made", hint=f"ask for 1 to {MOST_DAYS}")
    lived = live(days, seed, start)
    sheets, readings = google_sheets.write(lived, seed)
    exports, rows = mi_fitness.write(lived)
    files = {f"{google_sheets.SOURCE}/{path}": data for path, data in sheets.items()}
    files |= {f"{mi_fitness.SOURCE}/{path}": data for path, data in exports.items()}
    return Demo(dict(sorted(files.items())), Truth((*readings, *rows)))


def write(demo: Demo, raw_folder: Path) -> list[Path]:
    """Write the files below `raw_folder`, each whole or not at all. Returns those that were not there yet.

    Raises:
        PdpError: a file of that name is there and is another one (then nothing is written), or cannot be written.
    """
    try:
        missing = [raw_folder / path for path in demo.files if not _is_there(raw_folder / path, demo.files[path])]
        for path in missing:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, demo.files[path.relative_to(raw_folder).as_posix()])
    except OSError as error:
        hint = "is there room, and may you write there?"
        raise PdpError(f"{error.filename or raw_folder} cannot be written: {error.strerror}", hint=hint) from error
    return missing


def _is_there(path: Path, data: bytes) -> bool:
    if not path.exists():
        return False
    if path.is_file() and path.read_bytes() == data:
        return True
    raise PdpError(f"{path} is there already and is not of this demo", hint="move it away, or name another data folder")


def _write_whole(path: Path, data: bytes) -> None:
    """Beside, synced, then renamed; a broken off writing leaves no file behind."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".demo-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
