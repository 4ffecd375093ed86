"""Treatments: the days on which one began, changed its dose or ended, as the private config lists them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

WORDS = {"start": "start", "dose": "dose change", "stop": "stop"}


@dataclass(frozen=True, order=True)
class Treatment:
    """One event of a treatment; `kind` is start, dose or stop."""

    date: date
    label: str
    kind: str = "start"

    @property
    def text(self) -> str:
        """`start: label`."""
        return f"{WORDS[self.kind]}: {self.label}"


def treatments(values: Mapping[str, Any]) -> tuple[Treatment, ...]:
    """Those of the settings (`[[treatments]]`), by date."""
    listed: Iterable[Mapping[str, str]] = values.get("treatments", ())
    return tuple(sorted(Treatment(date.fromisoformat(t["date"]), t["label"], t["kind"]) for t in listed))
