"""Plain data kept beside Python's own bytecode and by the same rules: it is trusted as that is, and may be gone any time.

It counts only for the code of this package and the Python that wrote it, and only whole.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

_DIGEST = hashlib.sha256().digest_size


def place(root: Path, suffix: str) -> Path:
    """Where data about the modules below `root` is kept."""
    return Path(cache_from_source(os.fspath(Path(root).resolve() / "modules.py"))).with_suffix(suffix)


def load(path: Path) -> Any:
    """What was kept there; None, if it is not whole or was written by other code or another Python."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
        return None
    stamp, value = marshal.loads(content[_DIGEST:])  # noqa: S302 - trusted as the bytecode beside it is
    return value if stamp == _stamp(sys.version) else None


def store(path: Path, value: Any) -> None:
    """Keeps it, all at once; nothing where Python would keep no bytecode, or where it cannot be written."""
    if sys.dont_write_bytecode:
        return
    content = marshal.dumps((_stamp(sys.version), value))
    with suppress(OSError):  # a folder that may not be written, a full disk: it will be found out again
        path.parent.mkdir(exist_ok=True, parents=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
            os.replace(name, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name)


@cache
def _stamp(python: str) -> str:
    """This Python, and the code that finds out what is kept."""
    sha = hashlib.sha256(python.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        sha.update(b"%s %d\n" % (path.name.encode(), path.stat().st_size) + path.read_bytes())
    return sha.hexdigest()
