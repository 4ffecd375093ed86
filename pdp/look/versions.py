"""`ARTIFACT@vN`: from what a person typed to a version, and to its bytes."""

from __future__ import annotations

import os

from pdp.errors import PdpError, UsageError
from pdp.look import unknown
from pdp.places import object_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pdp.registry.history import History


def pick(history: History, text: str, *, explicit: bool = False) -> dict[str, Any]:
    """The version that `text` names; the current one, or else the newest, where it names none.

    Raises:
        PdpError: there is no such artifact, or no such version of it.
        UsageError: it does not name a version, and must (`explicit`).
    """
    name, at, number = text.partition("@")
    if not history.latest(name):
        raise unknown("artifact", name, history.artifacts())
    if not at and not explicit:
        version = history.latest(name)
    elif number[:1] == "v" and number[1:].isascii() and number[1:].isdigit():
        version = int(number[1:])
    else:
        raise UsageError(f"{text} names no version", hint=f"write it like {name}@v{history.latest(name)}")
    found = history.version(name, version) if version else None
    if found is None:
        newest = history.versions(name, 1)[0]["version"]
        has = "it has v1 only" if newest == 1 else f"it has v1 to v{newest}"
        raise PdpError(f"{name} has no version {version}", hint=has)
    return found


def label(version: dict[str, Any]) -> str:
    return f"{version['artifact']}@v{version['version']}"


def is_held(data: str, version: dict[str, Any]) -> bool:
    """Whether its bytes are in the store."""
    return os.path.isfile(f"{data}/store/{object_name(version['hash'])}")


def assert_held(data: str, version: dict[str, Any]) -> None:
    """Its bytes are in the store, and whole.

    Raises:
        PdpError: they were collected, or are damaged.
    """
    from pathlib import Path

    from pdp.store import Store, lost

    if Store(Path(data, "store")).has(version["hash"]):
        return
    if is_held(data, version) or version["current"]:
        raise lost(version["hash"])
    raise PdpError(
        f"{label(version)} was collected; only its record is left", hint="a run builds it again when it is needed"
    )
