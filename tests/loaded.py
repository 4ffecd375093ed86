"""What a run loads, loaded once for the forks of this process; and what is installed, looked up once."""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.metadata
from pathlib import Path

import doit.doit_cmd
import doit.plugin
import pyarrow.csv
import pyarrow.parquet

import pdp

ROOMS = ("", "registry", "fingerprint", "look", "sync")
NAMES = [(room, path.stem) for room in ROOMS for path in sorted(Path(pdp.__path__[0], room).glob("[a-z]*.py"))]
LOADED = [doit, pyarrow.csv, pyarrow.parquet]
LOADED += [importlib.import_module(".".join(filter(None, ("pdp", *name)))) for name in NAMES]
doit.plugin.entry_points = functools.cache(doit.plugin.entry_points)
for _category in ("BACKEND", "COMMAND", "LOADER", "REPORTER"):
    doit.plugin.entry_points(group=f"doit.{_category}")
importlib.metadata.version = functools.cache(importlib.metadata.version)


def freeze() -> None:
    """A collection in a fork would write to every page that it shares with this process: half of what a run takes."""
    gc.collect()
    gc.freeze()
