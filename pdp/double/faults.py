"""Answers that go wrong, as they do on the way to Google."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["error", "drop", "lose", "truncate", "corrupt", "slow"]


@dataclass
class Fault:
    """What happens to the next `times` requests whose name (`drive.files.list`, `token`) is `name`.

    error     answered with `status` and `reason`, nothing done
    drop      the connection ends before anything is done
    lose      it is done, but the connection ends before the answer: the client cannot know
    truncate  the answer ends in the middle
    corrupt   one byte of the content is another one, the length is right
    slow      the answer comes after `seconds`, or never before the double is closed
    """

    times: int
    name: str
    kind: Kind = "error"
    status: int = 0
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 3600.0
    after: int = 0
    """How many of these requests are answered well before."""

    def strikes(self, name: str) -> bool:
        """Whether this request is struck; counts it."""
        if name != self.name or not self.times:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True
