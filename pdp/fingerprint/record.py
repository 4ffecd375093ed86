"""What a fingerprint says: plain values, and the words for a difference between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pdp.fingerprint.canon import digest


@dataclass(frozen=True)
class Statement:
    """One top-level statement that a function reaches."""

    module: str
    names: tuple[str, ...]  # what it binds; "(import)" for a side effect, "(order)" for the order of some
    line: int
    file: str  # posix, relative to the root
    digest: str
    reached: str  # "stages.merge:daily -> stages.days.local_date"


@dataclass(frozen=True)
class Fingerprint:
    """The identity of the code (and the data files beside it) that a function reaches."""

    ref: str
    digest: str
    statements: tuple[Statement, ...]
    resources: tuple[tuple[str, str], ...]  # (path relative to the root, sha256 or "missing")
    warnings: tuple[str, ...]

    def record(self) -> dict[str, str]:
        """``{"module:name,name": digest, "file path": sha256}``: small, JSON-able, for ``explain_difference``."""
        grouped: dict[str, list[str]] = {}
        for statement in self.statements:
            grouped.setdefault(f"{statement.module}:{','.join(statement.names)}", []).append(statement.digest)
        short = {key: digest(*digests)[:16] for key, digests in grouped.items()}
        return short | {f"file {path}": sha[:16] for path, sha in self.resources}


def explain_difference(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Say what changed between two ``Fingerprint.record()``: ``["code: stages.units.SCALE changed", ...]``.

    Empty when nothing differs. Changes come first, then what was added, then what is no longer reached.
    """
    changed = [f"{_label(key)} changed" for key in sorted(old.keys() & new.keys()) if old[key] != new[key]]
    added = [f"{_label(key)} added" for key in sorted(new.keys() - old.keys())]
    gone = [f"{_label(key)} no longer reached" for key in sorted(old.keys() - new.keys())]
    return changed + added + gone


def _label(key: str) -> str:
    if key.startswith("file "):
        return f"code: {key}"
    module, _, names = key.partition(":")
    if names == "(order)":
        return f"code: order of statements in {module}"
    if names == "(import)":
        return f"code: what importing {module} does"
    if names.startswith("("):
        return f"code: {module} {names}"
    return f"code: {module}.{names}" if names else f"code: {module}"
