"""Collecting old versions: the settings say how many are kept and for how long, and how large the store may be.

What is current, pinned or of the release, and all that it was made from, is never collected. Records stay: a version
without its bytes is still in the history, and is built again when it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pdp.registry.history import History
from pdp.session import Session
from pdp.stage import Pipeline

MEGABYTE = 1_000_000


@dataclass
class Report:
    """What was collected, or would be. Bytes are those of objects; `removed` names versions, oldest first."""

    removed: list[str] = field(default_factory=list)
    removed_objects: int = 0
    removed_bytes: int = 0
    kept_objects: int = 0
    kept_bytes: int = 0
    leftovers: int = 0
    leftover_bytes: int = 0
    limit_bytes: int = 0

    @property
    def fits(self) -> bool:
        return self.kept_bytes <= self.limit_bytes


@dataclass
class Object:
    """Bytes in the store, and the versions that they are. `born`: the latest stage run that first gave such a version."""

    digest: str
    size: int
    versions: list[str] = field(default_factory=list)
    born: int = 0
    needed: bool = False
    wanted: bool = False


def is_full(session: Session) -> bool:
    """Whether the store may be larger than it should. Cheap while all that was ever recorded would fit."""
    history, limit = History(session.registry.db), _limit(session)
    return history.recorded_bytes() > limit and sum(one.size for one in _objects(session, history)) > limit


def collect(session: Session, dry_run: bool = False) -> Report:
    """Removes the bytes of versions that no setting keeps; then, while the store is too large, those of the oldest others.

    Call it under the run's lock and outside a transaction: what no record names is then what a killed run left.
    """
    if dry_run:
        return _collect(session, dry_run=True)
    with session.registry.transaction():
        return _collect(session, dry_run=False)


def _collect(session: Session, *, dry_run: bool) -> Report:
    objects = _objects(session, History(session.registry.db))
    report = Report(limit_bytes=_limit(session))
    doomed = _doomed(objects, report.limit_bytes)
    names = {one.digest for one in doomed}
    kept = [one for one in objects if one.digest not in names]
    report.removed = [version for one in doomed for version in one.versions]
    report.removed_objects, report.removed_bytes = len(doomed), sum(one.size for one in doomed)
    report.kept_objects, report.kept_bytes = len(kept), sum(one.size for one in kept)
    strays = list(_strays(session, {one.digest for one in objects}))
    report.leftovers, report.leftover_bytes = len(strays), sum(size for _, size in strays)
    if not dry_run:
        for path in [*(session.store.path(one.digest) for one in doomed), *(path for path, _ in strays)]:
            path.unlink(missing_ok=True)
    return report


def _doomed(objects: list[Object], limit: int) -> list[Object]:
    """What no setting keeps; and, oldest first, as much more as the size limit asks for."""
    oldest = sorted((one for one in objects if not one.needed), key=lambda one: one.born)
    doomed = [one for one in oldest if not one.wanted]
    size = sum(one.size for one in objects) - sum(one.size for one in doomed)
    for one in oldest:
        if one.wanted and size > limit:
            doomed.append(one)
            size -= one.size
    return sorted(doomed, key=lambda one: one.born)


def _objects(session: Session, history: History) -> list[Object]:
    """Every recorded object that is in the store. One that several versions share is kept if one of them is."""
    settings = session.config.values["store"]
    since = datetime.now(UTC) - timedelta(days=settings["keep_days"])
    needed = history.needed()
    found: dict[str, Object] = {}
    rank: dict[str, int] = {}
    for row in history.all_versions():
        rank[row["artifact"]] = rank.get(row["artifact"], 0) + 1
        if row["hash"] not in found:
            found[row["hash"]] = Object(row["hash"], row["size"])
        one = found[row["hash"]]
        one.versions.append(f"{row['artifact']}@v{row['version']}")
        one.born = max(one.born, row["stage_run"])
        one.needed |= (row["artifact"], row["version"]) in needed
        recent = datetime.fromisoformat(row["created_at"]) > since
        one.wanted |= recent or rank[row["artifact"]] <= settings["keep_versions"]
    return [one for one in found.values() if session.store.path(one.digest).is_file()]


def _strays(session: Session, known: set[str]) -> Iterator[tuple[Path, int]]:
    """Files that a run which was killed left in the store: temp files, and objects that were never recorded."""
    for place, folders, names in os.walk(session.store.folder):
        folders[:] = [name for name in folders if Path(place, name) != session.store.records_folder]
        for name in names:
            path = Path(place, name)
            if path.parent.name + name not in known:
                yield path, path.stat().st_size


def _limit(session: Session) -> int:
    return int(session.config.values["store"]["max_size_mb"]) * MEGABYTE


def leftovers(session: Session, pipeline: Pipeline) -> list[tuple[str, str]]:
    """Files that a stage once wrote and that belong to none of today's: path below the data folder, and artifact.

    Only bytes that pdp itself wrote: what a person put there since is theirs. Raw data never counts.
    """
    todays = {output.path for output in pipeline.outputs.values()}
    found = []
    for path, artifact in History(session.registry.db).paths():
        if path in todays or path.startswith("raw/"):
            continue
        digest = session.hashes.sha256(path)
        if digest and session.registry.version_of(artifact, digest):
            found.append((path, artifact))
    return found
