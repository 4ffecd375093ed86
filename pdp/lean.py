"""pyarrow without pandas, until somebody wants pandas, and without a heap of its own; NumPy without threads.

The first time that pyarrow is handed a Python value it imports pandas, only to ask whether the value is a Series: that
takes 0.4 CPU seconds and 60 MB. It remembers when there is none. Here it is told that there is none, and is told anew
when a stage imports pandas itself. Its own heap (mimalloc) keeps what batches once took, a third of all memory of a run
over years, and is no faster here. NumPy's linear algebra starts a thread for each core when it is loaded, and they wait by
being busy: a stage has no use for them. Nobody asks for help on pyarrow's functions here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


def lean_arrow() -> None:
    """From now on pyarrow does without pandas and its own heap; nothing changes where these are imported already."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # looked at when pyarrow is imported
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # and this, when NumPy is
    if "pandas" in sys.modules or any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    import pyarrow as pa

    finder = _Finder()
    sys.meta_path.insert(0, finder)
    pa.scalar(0)  # it looks for pandas, and finds none
    finder.is_hidden = False
    _compute_without_docs()


def _compute_without_docs() -> None:
    """pyarrow parses the description of every option of its 280 functions when it is imported, for the help on them:
    a third of what that takes."""
    from pyarrow.vendored import docscrape

    parser = docscrape.NumpyDocString
    docscrape.NumpyDocString = lambda text: {"Parameters": ()}
    try:
        import pyarrow.compute  # noqa: F401 - that is all
    finally:
        docscrape.NumpyDocString = parser


class _Finder(MetaPathFinder):
    """Hides pandas from pyarrow's look; after that it finds nothing, but notices when pandas is wanted."""

    is_hidden = True

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "pandas":
            return None
        if self.is_hidden:
            raise ModuleNotFoundError("pandas is not looked for yet", name=name)
        from pyarrow import lib

        sys.meta_path.remove(self)
        lib._pandas_api.__init__()  # as if it had never looked
        return None
