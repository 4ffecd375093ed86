"""A Python that has only what one of the images installs: this environment has more."""

from __future__ import annotations

import re
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.project import REPO

FINDER = """
import sys

class NotInstalled:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {modules}:
            raise ModuleNotFoundError("not installed there: " + name, name=name)

sys.meta_path.insert(0, NotInstalled)
"""


def hide(folder: Path, lock: str) -> set[str]:
    """Writes into a folder for PYTHONPATH what hides all modules that the lock file does not install; gives them."""
    pins = re.findall(r"^([a-z0-9.-]+)==", (REPO / lock).read_text(), re.MULTILINE)
    there = {_name(pin) for pin in pins} | {"pdp"}
    hidden = {module for module, found in packages_distributions().items() if not {_name(one) for one in found} & there}
    (folder / "sitecustomize.py").write_text(FINDER.format(modules=hidden))
    return hidden


def _name(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution.lower())
