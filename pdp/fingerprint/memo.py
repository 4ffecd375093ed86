"""What was found in each module of a project, kept beside Python's own bytecode and by the same rules.

Of 250 modules one was edited: the others are not parsed again. What is kept of a module is found by the hash of its
source, and counts only for the code here and the Python that found it: it cannot be of another text.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import tempfile
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from pdp.fingerprint.module import Module

_DIGEST = hashlib.sha256().digest_size


class Memo:
    """The modules of the project below a root. Where nothing can be kept, nothing is."""

    def __init__(self, root: Path) -> None:
        self.path = Path(cache_from_source(os.fspath(Path(root).resolve() / "modules.py"))).with_suffix(".facts")
        self._known: dict[tuple[Any, ...], tuple[Any, ...]] | None = None
        self._old: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._new: dict[tuple[Any, ...], Module] = {}

    def get(self, module: Module) -> tuple[Any, ...] | None:
        """What is known of the module's source; None: it is to be read, and kept."""
        if self._known is None:
            self._known = self._load()
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
        content = marshal.dumps((_stamp(), _shared(self._old, {})))
        with suppress(OSError):  # a folder that may not be written, a full disk: it will be read again
            self.path.parent.mkdir(exist_ok=True, parents=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(content).digest() + content)
                os.replace(name, self.path)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(name)

    def _load(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """What the file holds; nothing, if it is not whole or was written by other code or another Python."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return {}
        if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            return {}
        stamp, known = marshal.loads(content[_DIGEST:])  # noqa: S302 - trusted as the bytecode beside it is
        return known if stamp == _stamp() else {}


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


def _stamp() -> str:
    """This Python, and the code that finds the facts."""
    sha = hashlib.sha256(sys.version.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        sha.update(b"%s %d\n" % (path.name.encode(), path.stat().st_size) + path.read_bytes())
    return sha.hexdigest()
