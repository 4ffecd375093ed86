"""Functions by name: "module:function" is imported when it is really needed, and from its source."""

from __future__ import annotations

import hashlib
import marshal
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import MAGIC_NUMBER, cache_from_source
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
    the code before it, under the identity of the code after it. What is kept here is of one source and of no other.
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
        """What the source compiles to: kept beside Python's own bytecode, and found by the hash of the source."""
        source = self.get_data(self.path)
        kept = cache_from_source(self.path).removesuffix(".pyc") + ".code"
        made_of = hashlib.sha256(MAGIC_NUMBER + self.path.encode() + b"\0" + source)
        if (code := _whole(kept, made_of)) is not None:
            return code
        code = self.source_to_code(source, self.path)
        if not sys.dont_write_bytecode:
            content = marshal.dumps(code)
            made_of.update(content)
            self.set_data(kept, made_of.digest() + content)  # as Python does: all at once, or not at all
        return code


def _whole(path: str, made_of: Any) -> CodeType | None:
    """The code that is kept there, if it is whole and of this source."""
    try:
        with open(path, "rb") as file:
            digest, content = file.read(made_of.digest_size), file.read()
    except OSError:
        return None
    made_of = made_of.copy()
    made_of.update(content)
    return marshal.loads(content) if made_of.digest() == digest else None  # noqa: S302 - trusted as the bytecode beside it is


def _is_library(origin: str) -> bool:
    return "/site-packages/" in origin or "/dist-packages/" in origin or origin.startswith(_STDLIB)


_STDLIB = f"{sys.modules['os'].__file__}".removesuffix("os.py")
