"""`pdp next`: where the result is and what to do next. It reads the settings and looks at files; it changes nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pdp import config
from pdp.look import parse
from pdp.snapshot import MANIFEST

USAGE = """pdp next
  Where the result is and what to do next."""

RAW = {
    "google_sheets": "the sheet of readings, downloaded as CSV",
    "mi_band": "Mi Fitness exports: the zip, its folder or lone CSV files",
}
RESULT = "merged/daily_metrics.csv"


def main(argv: list[str]) -> int:
    """Prints the result's place, then one line per thing to do."""
    parse(argv, USAGE)
    root = config.project_root(Path.cwd())
    found = config.load(root, os.environ)
    result = found.data_dir / RESULT
    if result.is_file():
        print(f"result: {config.display(result, root)} and .parquet, one row per day")
    print("next:")
    width = max(len(command) for command, _ in advice(root, found))
    for command, purpose in advice(root, found):
        print(f"  {command:{width}}  {purpose}")
    return 0


def advice(root: Path, found: config.Config) -> Iterator[tuple[str, str]]:
    """What to do, and what it does."""
    if not shutil.which("doit"):
        yield ". .venv/bin/activate", "puts doit and pdp on the PATH"
    if not raw_files(found.data_dir):
        if found.is_demo:
            yield "pdp demo", "writes the demo's exports"
        else:
            for source, what in RAW.items():
                yield config.display(found.data_dir / "raw" / source, root), f"is the folder for {what}"
    yield "doit", "builds what changed"
    yield "pdp status", "shows what is built, how fresh it is, and what was set aside"
    if found.is_demo:
        yield "pdp init", "writes configs/pdp.toml, for your own exports instead of the demo's"


def raw_files(data: Path) -> list[Path]:
    """The files that came in; manifests are an older pdp's own, hidden files a desktop's."""
    found = (path for path in (data / "raw").rglob("[!.]*") if path.is_file())
    return sorted(path for path in found if path.name != MANIFEST)
