"""The door: who may come in, for how long, and how often one may guess.

Failures are counted before the key is derived, so that guesses in parallel are answered like guesses in a row, and one
derivation runs at a time, so that guessing cannot take the machine's memory. Times are the wall clock's: a monotonic clock
stands still while a machine is suspended.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from pdp.dashboard.key import WrongPassword

MINUTE = 60
LONGEST = 8 * 60 * MINUTE
IDLE = 30 * MINUTE
WINDOW = 15 * MINUTE
PER_ADDRESS, OVERALL = 5, 30


class Unlocked(Protocol):
    """What a password opens: closed again when its visit ends."""

    def close(self) -> None: ...


Thing = TypeVar("Thing", bound=Unlocked)


@dataclass(frozen=True)
class TooMany(Exception):
    """So many failures that nothing is tried before `retry_after` seconds are over."""

    retry_after: int


@dataclass
class Visit(Generic[Thing]):
    opened: Thing
    since: float
    seen: float


@dataclass
class Door(Generic[Thing]):
    """Opens with `unlock(password)`; a visit is known by an opaque token, of which only the hash is kept."""

    unlock: Callable[[str], Thing]
    clock: Callable[[], float] = time.time
    _visits: dict[str, Visit[Thing]] = field(default_factory=dict, repr=False)
    _failures: list[tuple[float, str]] = field(default_factory=list, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def enter(self, password: str, address: str) -> str:
        """A token for the right password.

        Raises:
            TooMany: there were too many failures from there, or from everywhere.
            WrongPassword: that is not it.
        """
        failure = self._count(address)
        try:
            with self._one_at_a_time:
                opened = self.unlock(password)
        except WrongPassword:
            raise
        except BaseException:
            self._forgive(failure)
            raise
        token = secrets.token_urlsafe(32)
        now = self.clock()
        with self._lock:
            self._failures = [one for one in self._failures if one[1] != address]
            self._visits[named(token)] = Visit(opened, now, now)
        return token

    def inside(self, token: str | None) -> Thing | None:
        """What this token's visit opened; None once it is over. Looking keeps the visit alive."""
        self.expire()
        with self._lock:
            visit = self._visits.get(named(token)) if token else None
            if visit is None:
                return None
            visit.seen = self.clock()
            return visit.opened

    def leave(self, token: str | None) -> None:
        with self._lock:
            visit = self._visits.pop(named(token), None) if token else None
        if visit:
            visit.opened.close()

    def expire(self) -> None:
        """Ends the visits that lasted too long. A clock that went back ends them too: it proves nothing."""
        now = self.clock()
        with self._lock:
            over = [
                name
                for name, visit in self._visits.items()
                if not (0 <= now - visit.since < LONGEST and 0 <= now - visit.seen < IDLE)
            ]
            ended = [self._visits.pop(name) for name in over]
        for visit in ended:
            visit.opened.close()

    def close(self) -> None:
        """Ends all visits."""
        with self._lock:
            ended, self._visits = list(self._visits.values()), {}
        for visit in ended:
            visit.opened.close()

    def _count(self, address: str) -> tuple[float, str]:
        """Counts the attempt as a failure until it proves to be none."""
        now = self.clock()
        with self._lock:
            # One that lies ahead, since the clock went back, still counts: a false clock must not buy guesses.
            self._failures = [one for one in self._failures if now - one[0] < WINDOW]
            theirs = [one for one in self._failures if one[1] == address]
            for recent, most in ((theirs, PER_ADDRESS), (self._failures, OVERALL)):
                if len(recent) >= most:
                    raise TooMany(int(recent[-most][0] + WINDOW - now) + 1)
            failure = (now, address)
            self._failures.append(failure)
        return failure

    def _forgive(self, failure: tuple[float, str]) -> None:
        with self._lock:
            self._failures.remove(failure)


def named(token: str) -> str:
    """By what a token is kept: who reads the memory of it learns none."""
    return hashlib.sha256(token.encode()).hexdigest()
