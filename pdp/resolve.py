"""Functions by name: "module:function" is imported when it is really needed."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def resolve(ref: str) -> Any:
    """The function that `module:name` names.

    No bytecode is left of it: Python trusts a .pyc whose source has the same size and the same second, so that an edit
    within that second would run the code before it, under the identity of the code after it.
    """
    module, _, name = ref.partition(":")
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return getattr(import_module(module), name)
    finally:
        sys.dont_write_bytecode = before
