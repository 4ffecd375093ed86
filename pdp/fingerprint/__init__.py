"""The identity of code, from its syntax trees: nothing of the target is imported or run.

    fingerprint("stages.merge:daily", root).digest

covers every statement that ``daily`` reaches inside the project (helpers of helpers, constants, decorators, base
classes, containers filled elsewhere, side effects of imports) and the data files it names with ``resource("x.json")``.
Comments, docstrings, formatting, unrelated code and unused imports are not in it. Where a name cannot be followed it
widens (to the whole module, or with a warning to the whole project) and never narrows.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pdp.fingerprint.canon import TEXTS as TEXTS
    from pdp.fingerprint.project import Project as Project
    from pdp.fingerprint.project import fingerprint as fingerprint
    from pdp.fingerprint.record import Fingerprint as Fingerprint
    from pdp.fingerprint.record import Statement as Statement
    from pdp.fingerprint.record import explain_difference as explain_difference

SCHEME = 1  # the newest of canon.TEXTS: raise it when the same code may get another digest
SCHEMES = frozenset({1})

# A run with nothing to do asks for the scheme alone; reading syntax trees takes a third of its time to import.
_HOMES = {
    "TEXTS": "canon", "Project": "project", "fingerprint": "project", "Fingerprint": "record", "Statement": "record",
    "explain_difference": "record",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
