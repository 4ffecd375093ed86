"""Within a process that runs tests: which lines it runs, and the mutant in the place of its module.

It imports nothing of pdp: programs that tests start load it before all else.
"""

from __future__ import annotations

import functools
import marshal
import os
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
MODULES = (
    "pdp/commit.py", "pdp/store.py", "pdp/lock.py", "pdp/identity.py", "pdp/chain.py", "pdp/disk.py",
    "pdp/registry/__init__.py", "pdp/registry/apply.py", "pdp/registry/migrate.py", "pdp/registry/backfill.py",
    "pdp/registry/identities.py",
)  # fmt: skip


def trace(log: Path) -> None:
    """From here on, in forks and threads too, each line of the modules that is run is written into `log`, once a process."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    modules = {str(ROOT / module): module for module in MODULES}
    seen: set[tuple[str, int]] = set()

    def note(frame: FrameType, event: str, _: Any) -> Any:
        place = (modules[frame.f_code.co_filename], frame.f_lineno)
        if event == "line" and place not in seen:
            seen.add(place)
            os.write(handle, f"{place[0]}:{place[1]}\n".encode())
        return note

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        return note if frame.f_code.co_filename in modules else None

    threading.settrace(enter)
    sys.settrace(enter)


def override(dotted: str, code: Path) -> None:
    """The module, when it is imported, will be the mutant that lies compiled in `code`."""

    class Mutated(SourceFileLoader):
        def get_code(self, fullname: str) -> CodeType:
            found: CodeType = marshal.loads(code.read_bytes())
            return found

    class Finder(PathFinder):
        @classmethod
        def find_spec(
            cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
        ) -> ModuleSpec | None:
            if fullname != dotted:
                return None
            spec = PathFinder.find_spec(fullname, path, target)
            if spec and spec.origin:
                spec.loader = Mutated(fullname, spec.origin)
            return spec

    sys.meta_path.insert(0, Finder)


# In a process that has the module loaded


def swap(dotted: str, code: bytes) -> None:
    """Puts the mutant in the place of the loaded module, in every function and class that others already hold.

    Raises:
        Exception: the mutant cannot even be imported, or a function of it does not fit into the place of the old one.
    """
    module = sys.modules[dotted]
    kept = ("__name__", "__file__", "__package__", "__path__", "__spec__", "__loader__", "__builtins__")
    new = {name: vars(module)[name] for name in kept if name in vars(module)}
    exec(marshal.loads(code), new)
    for name, value in new.items():
        if not name.startswith("__"):
            _replace(module, name, value)


def _replace(module: ModuleType, name: str, value: Any) -> None:
    old = vars(module).get(name)
    if _swapped(old, value):
        return
    if type(old) is type(value) and old == value:
        return
    for other in list(sys.modules.values()):
        if vars(other).get(name) is old and other.__name__.partition(".")[0] in ("pdp", "tests", "stages"):
            setattr(other, name, value)


def _swapped(old: Any, new: Any) -> bool:
    """Changes a function or a class in place; False for anything else."""
    if isinstance(old, FunctionType) and isinstance(new, FunctionType):
        if old.__code__ != new.__code__:
            old.__code__ = new.__code__
        old.__defaults__, old.__kwdefaults__ = new.__defaults__, new.__kwdefaults__
        if hasattr(old, "__wrapped__") and hasattr(new, "__wrapped__"):
            _swapped(old.__wrapped__, new.__wrapped__)
        return True
    if isinstance(old, type) and isinstance(new, type) and old.__module__ == new.__module__:
        for name, value in vars(new).items():
            _swap_attribute(old, name, value)
        return True
    return False


def _swap_attribute(holder: type, name: str, new: Any) -> None:
    old = vars(holder).get(name)
    for part in ("__func__", "fget", "func"):  # static and class methods, properties, cached properties
        if isinstance(old, (staticmethod, classmethod, property, functools.cached_property)) and hasattr(old, part):
            _swapped(getattr(old, part), getattr(new, part))
            return
    if not _swapped(old, new) and not name.startswith("__") and old != new:
        setattr(holder, name, new)
