"""A place that keeps a state: few calls, one of which decides. Everything else is built on them."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

from pdp.errors import SyncError, Untrusted

T = TypeVar("T")
Token = Any
NAME = re.compile(r"[0-9a-f]{64}")
TRIES = 5


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
    Every call may raise `Unreachable`.
    """

    where: str
    """The place in the words of a sentence, without an id."""

    everything: bool
    """Whether old versions are kept too. A place that is written whole each time keeps only what is needed."""

    def read_head(self) -> Cell | None:
        """The head; None if there is none yet."""
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


class Patient:
    """A backend whose harmless calls are tried again after a network error. A move of the head never is: see engine."""

    def __init__(self, inner: Backend, pause: Callable[[float], None] = time.sleep) -> None:
        self.inner, self.where, self.everything, self._pause = inner, inner.where, inner.everything, pause
        self.move_head = inner.move_head

    def _try(self, call: Callable[[], T]) -> T:
        for tried in range(TRIES - 1):
            try:
                return call()
            except Unreachable:
                # Machines that failed together should not come back together.
                self._pause(2**tried * (0.5 + random.random()))  # noqa: S311 - no secret
        return call()

    def read_head(self) -> Cell | None:
        return self._try(self.inner.read_head)

    def get(self, ref: str) -> bytes:
        return self._try(lambda: self.inner.get(ref))

    def find(self, name: str, least: int) -> str | None:
        return self._try(lambda: self.inner.find(name, least))

    def create_if_absent(self, name: str, content: bytes) -> str:
        return self._try(lambda: self.inner.create_if_absent(name, content))

    def delete(self, ref: str) -> None:
        self._try(lambda: self.inner.delete(ref))

    def refs(self) -> list[str]:
        return self._try(self.inner.refs)
