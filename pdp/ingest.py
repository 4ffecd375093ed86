"""Ingest: asks a source what it has, and keeps the answer as its snapshot, `snapshots/<source>.json`.

Everything after it depends on the manifest alone, so a file that vanished is noticed as surely as one that came.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from typing import Any

from pdp import __version__
from pdp.ask import ask, remote
from pdp.errors import InputError, PdpError, sentence
from pdp.identity import SCHEME, Plan, key_of, recorded_by
from pdp.resolve import resolve
from pdp.session import Session
from pdp.signals import held
from pdp.snapshot import MANIFEST, Snapshot
from pdp.stage import Pipeline, Source
from pdp.walk import Walk, walk


def plan_ingest(session: Session, pipeline: Pipeline, source: Source) -> tuple[Plan, Snapshot | None]:
    """What the source has now, and how that differs from its last snapshot.

    Where nothing has moved since a look that all is known of, the snapshot is not put together: there is none beside the plan.
    """
    name = f"ingest:{source.name}"
    try:
        ask(session, source)
        seen = _look(session, source)
        if seen and (known := _plan_as_before(session, name, source, seen.digest)):
            return known, None
        snapshot = _fetch(session, source)
        plan = _plan(session, name, source, snapshot)
        _refuse_vanished(session, pipeline, source, snapshot)
        if seen and _is_known(session, source, seen.walk, snapshot):
            session.walks[source.name] = {"seen": seen.digest, "key": plan.key}
    except PdpError as error:
        return Plan(name, reasons=["cannot tell"], problem=sentence(error)), None
    return plan, snapshot


def _fetch(session: Session, source: Source) -> Snapshot:
    if not session.is_enabled(source.name):
        return Snapshot(source.name, ())
    return resolve(source.fetch)(session.path(source.folder), source.name, session.hashes.sha256)


@dataclass(frozen=True)
class Look:
    """What lies in a raw folder, and one digest of it and of all else that the snapshot is made from."""

    walk: Walk
    digest: str


def _look(session: Session, source: Source) -> Look | None:
    """None where the snapshot is made from something else too, or the folder cannot be read."""
    if source.fetch != Source.fetch or not session.is_enabled(source.name):
        return None
    seen = walk(str(session.path(source.folder)))
    if seen is None:
        return None
    code, _ = session.code_state  # what counts as a raw file is code, too
    return Look(seen, hashlib.sha256(f"{seen.digest()} {code} {__version__}".encode()).hexdigest())


def _plan_as_before(session: Session, name: str, source: Source, digest: str) -> Plan | None:
    """The plan of a source that is current, told by the look alone; None where more has to be known."""
    kept = session.registry.get("walk", source.name)
    last, row = session.registry.last(name), session.registry.current().get(source.name)
    if not kept or kept["seen"] != digest or last is None or row is None or last["key"] != kept["key"]:
        return None
    is_whole = session.hashes.sha256(source.manifest.path) == row["hash"]
    return Plan(name, kept["key"]) if is_whole and not session.registry.is_forgotten(name, kept["key"]) else None


def _is_known(session: Session, source: Source, seen: Walk, snapshot: Snapshot) -> bool:
    """Whether the same look again would mean the same snapshot: each of its files, as it was seen, is one whose bytes the
    cache of hashes vouches for, and nothing was touched so lately that a further touch might not show."""
    if session.read_only or not (snapshot.files and session.code_state[1] and seen.is_settled()):
        return False
    stats = seen.stats()
    return all(
        session.hashes.known(f"{source.folder}/{file.name}") == (stats.get(str(file.path)), file.sha256)
        for file in snapshot
    )


def _identity(snapshot: Snapshot) -> dict[str, Any]:
    return {"scheme": SCHEME, "inputs": {}, "snapshot": snapshot.manifest()["files"]}


def _plan(session: Session, name: str, source: Source, snapshot: Snapshot) -> Plan:
    identity = _identity(snapshot)
    plan = Plan(name, key_of(identity), identity)
    last = session.registry.last(name)
    row = session.registry.current().get(source.name)
    if last is None or row is None:
        plan.reasons.append("never built")
        return plan
    plan.reasons += file_changes(recorded_by(session.registry, name, last)["snapshot"], identity["snapshot"])
    on_disk = session.hashes.sha256(source.manifest.path)
    if on_disk != row["hash"] and not plan.reasons:
        plan.reasons.append(f"its snapshot is {'missing' if on_disk is None else 'not the recorded one'}")
        plan.restore = {"hash": row["hash"]}
    if session.registry.is_forgotten(name, plan.key):
        plan.reasons.append("forgotten")
    return plan


def file_changes(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[str]:
    """How two lists of files differ: counts, not names."""
    old, new = ({file["name"]: file["sha256"] for file in files} for files in (before, now))
    counts = {
        "new": len(new.keys() - old.keys()),
        "changed": sum(1 for name in new.keys() & old.keys() if old[name] != new[name]),
        "gone": len(old.keys() - new.keys()),
    }
    return [f"{count} file{'s' if count > 1 else ''} {word}" for word, count in counts.items() if count]


def _refuse_vanished(session: Session, pipeline: Pipeline, source: Source, snapshot: Snapshot) -> None:
    """A folder that is suddenly empty is a lost mount more often than a wish."""
    if snapshot.files:
        return
    had = _had_files(session, source)
    if had and session.is_enabled(source.name):
        what = session.shown(source.folder) if remote(session, source) is None else f"the place of {source.name}"
        raise InputError(
            f"{what} is empty, but held {had} file{'s' if had > 1 else ''} before",
            hint=f"put them back, or set enabled = false under [{source.name}] in {session.config.path.name}",
        )
    enabled = [other for other in pipeline.sources if session.is_enabled(other.name)]
    if not any(_has_files(session, other) or _had_files(session, other) for other in enabled):
        folders = " or ".join(session.shown(other.folder) for other in pipeline.sources)
        raise InputError(
            "no source has a file yet",
            hint=f"put exports into {folders}, name a sheet or Drive folder (docs/google.md), or run pdp demo",
        )


def _had_files(session: Session, source: Source) -> int:
    """How many files its last snapshot holds."""
    name = f"ingest:{source.name}"
    last = session.registry.last(name)
    return len(recorded_by(session.registry, name, last)["snapshot"]) if last else 0


def _has_files(session: Session, source: Source) -> bool:
    return any(name != MANIFEST for _, _, names in os.walk(session.path(source.folder)) for name in names)


def write_manifest(session: Session, source: Source, plan: Plan, content: bytes) -> dict[str, Any]:
    """Puts the manifest into the store; gives the record to commit. Without `content` it is the one in place."""
    began = time.perf_counter()
    output = source.manifest
    content = content or _in_place(session, source, plan)
    size = len(content)
    with held(), session.store.fresh() as temp:
        temp.write_bytes(content)
        (digest,) = session.store.put(temp)
    outputs = [{"name": output.name, "path": output.path, "hash": digest, "size": size, "rows": None}]
    outcome = "restored" if plan.restore == {"hash": digest} else "built"
    return {
        "stage": plan.stage, "outcome": outcome, "reasons": plan.reasons, "key": plan.key, "identity": plan.identity,
        "facts": {"files": len(plan.identity["snapshot"])}, "outputs": outputs, "seconds": time.perf_counter() - began,
    }  # fmt: skip


def _in_place(session: Session, source: Source, plan: Plan) -> bytes:
    """The manifest of a source that is as before, for a run that was asked to take it again; completes the plan's identity.

    Raises:
        InputError: it is not what the plan was made from.
    """
    content = session.path(source.manifest.path).read_bytes()
    plan.identity = _identity(Snapshot.parse(content, session.path(source.folder)))
    if key_of(plan.identity) != plan.key:
        raise InputError(f"the snapshot of {source.name} was edited while it was being read", hint="run again")
    return content
