"""A place that keeps a state: few calls, one of which decides. Everything else is built on them."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Protocol

from pdp.errors import SyncError, Untrusted

Token = Any
NAME = re.compile(r"[0-9a-f]{64}")


class Conflict(Exception):
    """The head is not the one that the caller saw: somebody else moved it."""


class Missing(Exception):
    """There is no such object."""


class Unreachable(SyncError):
    """The place gave no answer. What was asked may have happened or not; it may be asked again."""


class Cell(NamedTuple):
    """The head's bytes, and the token that stands for exactly these in a compare-and-swap."""

    content: bytes
    token: Token


class Backend(Protocol):
    """Objects that never change, and one head. Names are 64 hex digits: they never become paths as they come.

    A `ref` is what finds an object again: its name where the place is addressed by names, else the place's own id.
    Every call may raise `Unreachable`, after it was tried again as often as makes sense; moving the head never is.
    """

    where: str
    """The place in the words of a sentence, without an id."""

    everything: bool
    """Whether old versions are kept too. A place that is written whole each time keeps only what is needed."""

    def read_head(self) -> Cell | None:
        """The head; None if there is none yet. Its content may be empty where a person made the file for it."""
        ...

    def move_head(self, token: Token | None, content: bytes, named: list[str]) -> None:
        """Replaces the head that `token` stands for; None makes the first one.

        `named` lists the refs of all objects that the new head names, for a place that is written whole.

        Raises:
            Conflict: the head is another one by now.
        """
        ...

    def get(self, ref: str) -> bytes:
        """An object's bytes, unverified.

        Raises:
            Missing: there is none.
        """
        ...

    def find(self, name: str, least: int) -> str | None:
        """The ref of an object that is there already with at least so many bytes."""
        ...

    def create_if_absent(self, name: str, content: bytes) -> str:
        """Keeps an object; gives its ref. All at once: nobody ever finds a part of it."""
        ...

    def delete(self, ref: str) -> None:
        """Removes an object that no head names any more; gone already is well."""
        ...

    def refs(self) -> list[str]:
        """Every object there is. Only for cleaning up."""
        ...


def checked(name: str) -> str:
    """A name from outside, if it is one.

    Raises:
        Untrusted: it is something else, such as a path.
    """
    if not NAME.fullmatch(name):
        raise Untrusted("the remote state names an object as pdp never would", hint="do not use this remote")
    return name
