"""The start of everything that writes: the lock, then whatever an earlier process left undone, then the work."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pdp.commit import publish
from pdp.disk import sync, told
from pdp.errors import PdpError, sentence
from pdp.lock import RunLock
from pdp.mounts import refuse_network_folder
from pdp.registry import now
from pdp.session import Session
from pdp.signals import held, install

CHECKED_UP_TO = 4_000_000  # bytes of registry that are looked through at each start: some milliseconds


def start(session: Session) -> None:
    """Takes the run's lock, and mends what a run that was killed left behind. What it did is in `session.told`.

    Raises:
        PdpError: another run is at work; the data folder cannot be used; the registry is damaged.
    """
    install()
    refuse_network_folder(session.data, session.config.given)
    os.umask(0o077)
    session.lock = RunLock(session.data / ".lock")
    try:
        with held():
            _mend(session)
    except OSError as error:
        session.lock.release()
        raise told(error, "the data folder cannot be used") from error
    except BaseException:
        session.lock.release()
        raise


@contextmanager
def writing(session: Session) -> Iterator[None]:
    """For a change of the history outside a run: alone, and on top of all that was recorded. Within a run, as it is."""
    if session.is_locked:
        yield
        return
    with held():
        start(session)
        try:
            yield
        finally:
            if session.lock:
                session.lock.release()


def _mend(session: Session) -> None:
    _tighten(session.data)
    had_registry = session.reopen()
    _sweep(session)
    # Before anything is said to be done already: what a killed run did may not be on the disk yet.
    for folder in (session.data.parent, session.data, session.data / "edited"):
        if folder.is_dir():
            sync(folder)
    session.store.sweep()
    registry = session.registry
    was_killed = registry.is_open()
    registry.clear_journal()
    if was_killed or registry.path.stat().st_size <= CHECKED_UP_TO:
        registry.check()
    applied = session.chain.catch_up()
    if applied and not had_registry:
        session.told.append(f"the registry was gone; it is made again from {applied} records of the store")
    if not session.chain.has_last_record():
        session.told.append("the store lacks the last record of the history; pdp verify says what is missing")
    newest = registry.newest()
    if newest > now():
        session.told.append(f"the clock goes back: the last record is of {newest}; nothing is ordered by it")
    if applied or was_killed:
        _republish(session)


def _republish(session: Session) -> None:
    """The named files follow the registry again."""
    outputs = session.pipeline.outputs if session.pipeline else {}
    rows = [row for name, row in session.registry.current().items() if name in outputs]
    wanted = [
        {"name": row["name"], "path": outputs[row["name"]].path, "hash": row["hash"]}
        for row in rows
        if session.store.has(row["hash"])
    ]
    try:
        session.told += publish(session, wanted, session.registry.version_of)
    except (OSError, PdpError) as error:
        reason = sentence(error) if isinstance(error, PdpError) else told(error, "")
        session.unpublished = True
        session.told.append(f"some files could not be put in place ({reason})")


def _sweep(session: Session) -> None:
    """Temp files beside named ones: a run that was killed did not come to rename or to remove them."""
    if session.pipeline:
        folders = {session.path(output.path).parent for output in session.pipeline.outputs.values()}
    else:  # a pull, say: it puts files in place without knowing the pipeline
        folders = {path for pattern in ("*/", "raw/*/") for path in session.data.glob(pattern) if path.is_dir()}
    for folder in folders | {session.data}:
        for left in [*folder.glob(".*.pdp-tmp"), *folder.glob("registry.db*.pdp-tmp*")]:
            left.unlink(missing_ok=True)
    # What is kept for a stage that need not run again: its input may be as it was before.
    for half in session.data.glob("kept/*/new-*"):
        shutil.rmtree(half)
    for half in session.data.glob("kept/new-*"):
        half.unlink()


def _tighten(data: Path) -> None:
    """Everything below the data folder is its owner's alone; where it was not, it is made so once."""
    if not data.stat().st_mode & 0o077:
        return
    for place, _, names in os.walk(data):
        if Path(place).is_symlink():
            continue
        os.chmod(place, stat.S_IMODE(os.stat(place).st_mode) & ~0o077 | 0o700)
        for name in names:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o077)
    # Last: until then the next start would go over it again.
    data.chmod(0o700)
