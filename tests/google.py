"""The double of Google with one service account, and how to reach it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pdp.double import Double
from pdp.google.access import DRIVE, SHEETS, Access, clients
from tests.project import PATIENCE_S


@dataclass
class Google:
    """The double, the account's key, and its address (to share things with)."""

    double: Double
    key: dict[str, str]

    @property
    def email(self) -> str:
        return self.key["client_email"]

    @property
    def base64(self) -> str:
        return base64.b64encode(json.dumps(self.key).encode()).decode()

    def access(self, timeout_s: float = PATIENCE_S) -> Access:
        return Access(base64=self.base64, root=self.double.root, timeout_s=timeout_s)

    def drive(self, *scopes: str, version: str = "v3", timeout_s: float = PATIENCE_S):
        return clients().drive(self.access(timeout_s), scopes or (DRIVE,), version)

    def sheets(self) -> Any:
        return clients().sheets(self.access(), (SHEETS,))


@contextmanager
def running() -> Iterator[Google]:
    """A double of one's own."""
    with Double() as double:
        yield Google(double, double.service_account())
