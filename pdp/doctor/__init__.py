"""`pdp doctor`: each permission tried for itself, and what to click where one is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pdp.errors import PdpError, RemoteError

State = Literal["ok", "look", "fail", "skip"]


@dataclass(frozen=True)
class Finding:
    """One thing that was tried: what came of it, and what to do."""

    what: str
    state: State
    said: str
    todo: str = ""


class Tried:
    """Findings in order; what needs something that failed is skipped."""

    def __init__(self) -> None:
        self.failed = False

    def once(
        self, what: str, attempt: Callable[[], str], todo: Callable[[RemoteError], str] | str = ""
    ) -> Iterator[Finding]:
        """The finding of one attempt, which says what it saw."""
        if self.failed:
            yield Finding(what, "skip", "not tried")
            return
        try:
            yield Finding(what, "ok", attempt())
        except PdpError as error:
            self.failed = True
            told = todo(error) if callable(todo) and isinstance(error, RemoteError) else error.hint
            yield Finding(what, "fail", error.message, told if callable(todo) else todo or error.hint)
