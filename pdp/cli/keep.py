"""`pdp recover`: keeping what was recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from pdp import config
from pdp.errors import PdpError
from pdp.lock import RunLock
from pdp.recover import Recovered


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """No run meanwhile."""
    lock = RunLock(data / ".lock")
    try:
        yield
    finally:
        lock.release()


def data_folder() -> tuple[Path, str]:
    """The project's data folder, and how it is shown.

    Raises:
        PdpError: nothing is there yet, or the config is wrong.
    """
    root = config.project_root(Path.cwd())
    data = config.load(root, os.environ).data_dir
    shown = config.display(data, root)
    if not data.is_dir():
        raise PdpError(f"there is no data folder {shown}", hint="run doit")
    return data, shown


@click.command()
def recover() -> None:
    """Make the registry again from the records in the store.

    For a registry that is gone or damaged. The old file is put aside, never deleted. Runs, versions, lineage and pins come
    back; doit then finds everything current that was.
    """
    from pdp.recover import recover as make_again

    data, _ = data_folder()
    with locked(data):
        found = make_again(data)
    for line in sentences(found):
        click.echo(line)
    if found.damaged or found.holes:
        raise PdpError("the history has holes, see above", hint="a backup may still hold what is missing")


def sentences(found: Recovered) -> Iterator[str]:
    """What was done, and what could not be."""
    count = f"{found.records:,} record{'s' if found.records != 1 else ''}"
    if found.changed:
        yield f"the registry is made again from {count} of the store"
    else:
        yield f"the registry says what the {count} of the store say; nothing was changed"
    if found.aside:
        yield f"the old one is {found.aside.name} beside it"
    yield from (f"record {digest[:12]} is damaged and was left out" for digest in found.damaged)
    yield from (f"record {digest[:12]} is missing" for digest in found.holes)
