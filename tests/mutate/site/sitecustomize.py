"""What a test starts is traced, or mutated, like the test itself: every Python that finds this on its path imports it first."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("pdp_mutate_inside", Path(__file__).parents[1] / "inside.py")
assert spec and spec.loader
inside = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = inside
spec.loader.exec_module(inside)
if "MUTATE_TRACE" in os.environ:
    inside.trace(Path(os.environ["MUTATE_TRACE"]))
if "MUTATE_MODULE" in os.environ:
    inside.override(os.environ["MUTATE_MODULE"], Path(os.environ["MUTATE_CODE"]))
