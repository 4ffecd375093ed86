"""Functions by name: "module:function" is imported when it is really needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def resolve(ref: str) -> Any:
    """The function that `module:name` names."""
    module, _, name = ref.partition(":")
    return getattr(import_module(module), name)
