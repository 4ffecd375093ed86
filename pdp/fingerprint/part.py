"""The facts of the code that runs together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pdp.fingerprint.names import Chain


@dataclass(slots=True)
class Part:
    """The facts of the code that runs together: at import (""), with the statement's names ("*"), or one method."""

    name: str
    uses: set[Chain] = field(default_factory=set)
    soft: set[Chain] = field(default_factory=set)  # uses that may be no names at all
    writes: set[Chain] = field(default_factory=set)  # objects changed in place
    rebinds: set[Chain] = field(default_factory=set)  # names bound anew from elsewhere: `mod.x = 1`, `global x`
    calls: dict[Chain, int] = field(default_factory=dict)  # called -> handed 2: code, 1: what was handed in, 0
    said: set[Chain] = field(default_factory=set)  # calls for their effect only
    args: dict[Chain, set[Chain]] = field(default_factory=dict)
    decorators: set[Chain] = field(default_factory=set)
    stores: set[Chain] = field(default_factory=set)  # what is put into an attribute or an item
    flows: set[Chain] = field(default_factory=set)  # what the bound (or returned) value may share objects with
    attrs: set[str] = field(default_factory=set)
    loads: list[str] = field(default_factory=list)
    dynamic: list[tuple[str, int]] = field(default_factory=list)
    resources: list[tuple[str | None, int]] = field(default_factory=list)
    writes_given: bool = False  # changes an object that was handed in
    returns_given: bool = False  # gives back (a piece of) something that was handed in
    given_calls: set[str] = field(default_factory=set)  # calls of what was handed in: "" itself, or a method's name
    hands_on: set[Chain] = field(default_factory=set)  # calls that get what was handed in
    world: bool = False  # acts on something that no name here tells
    runs: bool = False  # calls, decorates, loops: more than binding literals
    decorated: bool = False
    docs: bool = False
    subclasses: bool = False

    def as_data(self) -> tuple[Any, ...]:
        """The fields in their order."""
        return tuple([getattr(self, name) for name in self.__slots__])
