"""What a raw file gave, kept so that it is read once: in memory, or wherever the engine keeps it from run to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import pyarrow as pa

Make = Callable[[], Any]
"""Gives (name, batch) pairs, and returns facts that are plain data."""


class Kept(Protocol):
    """Facts, and batches by name, none for a name that never came; `digest` tells those of a name from any others."""

    facts: dict[str, Any]

    def batches(self, name: str) -> Iterator[pa.RecordBatch]: ...

    def batch(self, name: str, number: int) -> pa.RecordBatch: ...

    def digest(self, name: str) -> str: ...


Keep = Callable[[str, Make], Kept]
"""What `make` gives: from where it was kept under this key by the same code, else made now and kept."""


class InMemory:
    """Kept as long as it is in use."""

    def __init__(self, make: Make) -> None:
        self._batches: dict[str, list[pa.RecordBatch]] = {}
        self.facts = self._drain(make())

    def _drain(self, made: Any) -> dict[str, Any]:
        while True:
            try:
                name, batch = next(made)
            except StopIteration as end:
                return end.value
            self._batches.setdefault(name, []).append(batch)

    def batches(self, name: str) -> Iterator[pa.RecordBatch]:
        return iter(self._batches.get(name, ()))

    def batch(self, name: str, number: int) -> pa.RecordBatch:
        return self._batches[name][number]

    def digest(self, name: str) -> str:
        return ""  # nothing is kept of what is made of them


def keeper(inputs: Mapping[str, Any]) -> Keep:
    """The engine's, if `inputs` come from it."""
    keep: Keep = getattr(inputs, "keep", lambda key, make: InMemory(make))
    return keep
