"""The rows of the table that `make bench` prints: each a function that gives its lines. A new one is one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """One line of the table: the work, the figure that counts, its target, and what it was made from."""

    work: str
    figure: float
    target: float
    unit: str = "x"
    details: Mapping[str, float] = field(default_factory=dict)
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.figure >= self.target if self.at_least else self.figure <= self.target


Row = Callable[[Path, int], list[Line]]
"""Given an empty folder and the number of days, does the work and gives lines; a wrong output ends the bench."""


def rows() -> dict[str, Row]:
    """All rows by name, in the order in which they run."""
    from bench import commit, daily, fine, keep, look, noop

    return {
        "noop": noop.lines,
        "look": look.lines,
        "daily": daily.lines,
        "fine": fine.lines,
        "keep": keep.lines,
        "commit": commit.lines,
    }
