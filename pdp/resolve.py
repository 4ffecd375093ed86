"""Functions by name: "module:function" is imported when it is really needed, and from its source."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any


def resolve(ref: str) -> Any:
    """The function that `module:name` names. What it imports, now or while it runs, comes from its source too."""
    _trust_no_bytecode()
    module, _, name = ref.partition(":")
    return getattr(import_module(module), name)


@cache
def _trust_no_bytecode() -> None:
    """From here on, in every thread and forked worker, modules that are no library's neither read nor leave a .pyc.

    Python trusts a .pyc whose source has the same size and the same second, so that an edit within that second would run
    the code before it, under the identity of the code after it.
    """
    at = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)
    sys.meta_path.insert(at, _FromSource)


class _FromSource(PathFinder):
    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.origin and type(spec.loader) is SourceFileLoader and not _is_library(spec.origin):
            spec.loader, spec.cached = _Source(fullname, spec.origin), None
        return spec


class _Source(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _is_library(origin: str) -> bool:
    return "/site-packages/" in origin or "/dist-packages/" in origin or origin.startswith(_STDLIB)


_STDLIB = f"{sys.modules['os'].__file__}".removesuffix("os.py")
