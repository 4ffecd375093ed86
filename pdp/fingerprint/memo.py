"""What was found in each module of a project, kept from run to run.

Of 250 modules one was edited: the others are not parsed again. What is kept of a module is found by the hash of its
source: it cannot be of another text.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdp.fingerprint import beside

if TYPE_CHECKING:
    from pdp.fingerprint.module import Module


class Memo:
    """The modules of the project below a root. Where nothing can be kept, nothing is."""

    def __init__(self, root: Path) -> None:
        self.path = beside.place(root, ".facts")
        self._known: dict[tuple[Any, ...], tuple[Any, ...]] | None = None
        self._old: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._new: dict[tuple[Any, ...], Module] = {}

    def get(self, module: Module) -> tuple[Any, ...] | None:
        """What is known of the module's source; None: it is to be read, and kept."""
        if self._known is None:
            self._known = beside.load(self.path) or {}
        key = module.key
        if key in self._known:
            self._old[key] = self._known[key]
        else:
            self._new[key] = module
        return self._known.get(key)

    def keep(self) -> None:
        """Writes down all modules asked for so far, if some of them are new."""
        if not self._new or sys.dont_write_bytecode:
            return
        self._old |= {key: module.as_data() for key, module in self._new.items() if "nodes" in module.__dict__}
        self._new = {}
        beside.store(self.path, _shared(self._old, {}))


def _shared(data: Any, known: dict[Any, Any]) -> Any:
    """The same data, equal names, chains and sets of them being one object: it is written, and later held, once."""
    if isinstance(data, dict):
        return {_shared(name, known): _shared(value, known) for name, value in data.items()}
    if isinstance(data, list):
        return [_shared(one, known) for one in data]
    if isinstance(data, (set, frozenset)):  # of names or of chains
        data = frozenset(_shared(one, known) for one in data)
    elif isinstance(data, tuple):
        data = tuple([_shared(one, known) for one in data])
        if not all(type(one) is str for one in data):  # to Python (1,) and (True,) are equal
            return data
    elif type(data) is not str:
        return data
    return known.setdefault((type(data), data), data)
