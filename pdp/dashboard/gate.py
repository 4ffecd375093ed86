"""A gate in front of the door: only whom an OpenID provider knows, and the owner named, gets to see the login.

Whoever passes still has to decrypt: the gate holds no key. A browser is known by an opaque token, of which only the hash
is kept, and each way to the provider is good for one return.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pdp.dashboard.door import MINUTE, named
from pdp.dashboard.oidc import Asked, Client, Refused

ASKED_S, PASSED_S = 10 * MINUTE, 10 * MINUTE
MOST_ASKED = 10_000


@dataclass
class Gate:
    """Sends browsers to the provider, and knows which of them came back as somebody who may pass."""

    client: Client
    clock: Callable[[], float] = time.time
    _asked: dict[str, tuple[Asked, float]] = field(default_factory=dict, repr=False)
    _passed: dict[str, float] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self) -> tuple[str, str]:
        """The address at the provider, and the token that ties the way there to the way back.

        Raises:
            PdpError: the provider does not answer, or is another one.
        """
        asked, token = Asked(), secrets.token_urlsafe(32)
        address = self.client.address(asked)
        with self._lock:
            self._forget()
            while len(self._asked) >= MOST_ASKED:
                del self._asked[next(iter(self._asked))]
            self._asked[named(token)] = asked, self.clock() + ASKED_S
        return address, token

    def finish(self, token: str | None, told: Mapping[str, str]) -> str:
        """A new token, for a browser that came back with what the provider told it.

        Raises:
            Refused: this is not the way that was begun, or not somebody who may pass.
            PdpError: the provider does not answer, or is another one.
        """
        with self._lock:
            self._forget()
            asked, _ = self._asked.pop(named(token or ""), (None, 0))
        if asked is None or not hmac.compare_digest(asked.state.encode(), told.get("state", "").encode()):
            raise Refused("this sign-in did not begin in this browser, or it took longer than ten minutes")
        self.client.check(asked, told)
        passed = secrets.token_urlsafe(32)
        with self._lock:
            self._passed[named(passed)] = self.clock() + PASSED_S
        return passed

    def is_passed(self, token: str | None) -> bool:
        """Whether this browser may see the login."""
        with self._lock:
            self._forget()
            return named(token or "") in self._passed

    def leave(self, token: str | None) -> None:
        """The login is done: the next one begins at the provider again."""
        with self._lock:
            self._passed.pop(named(token or ""), None)

    def _forget(self) -> None:
        """Drops what is too old, and what a clock that went back would keep alive."""
        now = self.clock()
        self._asked = {name: (one, until) for name, (one, until) in self._asked.items() if 0 < until - now <= ASKED_S}
        self._passed = {name: until for name, until in self._passed.items() if 0 < until - now <= PASSED_S}
