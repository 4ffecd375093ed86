"""doit's database, in the registry: what doit remembers of a task is committed with what pdp does, in one transaction.

doit calls `set` several times for a finished task; `deps:` is the last key of its `save_success`
(tests/test_doit_contract.py holds that), and so the moment to commit. All of it happens in the parent process, in order.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pdp.registry import Registry
from pdp.start import writing
from pdp.tasks import finish, session_at


class RegistryBackend:
    """The interface that doit wants of a database."""

    desc = "pdp's registry"
    # Set by the reporter while `doit run` is at work: a failed task then keeps its last good state.
    running = False

    def __init__(self, name: str, codec: Any, module_name: str | None = None) -> None:
        self.name = name
        self.session = session_at(Path(name))
        self.pid = os.getpid()
        self._pending: dict[str, dict[str, Any]] = {}

    @property
    def registry(self) -> Registry:
        return self.session.registry

    def get(self, task: str, key: str) -> Any:
        # A file that the task depends on: whether it changed is the identity's affair, doit may know it was there.
        return self._state(task).get(key) if key.endswith(":") else True

    def in_(self, task: str) -> bool:
        return bool(self._state(task))

    def _state(self, task: str) -> dict[str, Any]:
        return self._pending.get(task) or self.registry.doit_state(task)

    def set(self, task: str, key: str, value: Any) -> None:
        state = self._pending.setdefault(task, self.registry.doit_state(task))
        state[key] = value
        if key in ("deps:", "ignore:"):
            self._commit(task, self._pending.pop(task))

    def _commit(self, task: str, state: dict[str, Any]) -> None:
        values = state.pop("_values_:", None) or {}
        state.pop("result:", None)
        # Only identity decides: which files doit last saw would be a second opinion.
        state["deps:"] = None
        with writing(self.session):  # `doit ignore` is no run that has the lock
            finish(self.session, task, values.get("pdp"), state)

    def remove(self, task: str) -> None:
        if not self.running:
            self._forget(task)

    def remove_all(self) -> None:
        self._forget(None)

    def _forget(self, task: str | None) -> None:
        with writing(self.session), self.session.chain.transaction():
            self.session.chain.forget(task)

    def dump(self) -> None:
        """doit is done. A forked worker must leave the parent's connection alone."""
        if os.getpid() == self.pid:
            self.session.flush()
