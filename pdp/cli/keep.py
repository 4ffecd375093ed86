"""`pdp verify`, `pdp backup`, `pdp recover`: keeping what was recorded."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pdp import config
from pdp.errors import PdpError, UsageError
from pdp.lock import RunLock
from pdp.recover import Recovered

if TYPE_CHECKING:
    from pdp.session import Session


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
    """Make the registry again from the records in the store, and lost objects from the outputs in place.

    For a registry that is gone or damaged. The old file is put aside, never deleted. Runs, versions, lineage and pins come
    back; doit then finds everything current that was.
    """
    from pdp.recover import put_back
    from pdp.recover import recover as make_again

    data, _ = data_folder()
    with locked(data):
        found = make_again(data)
        again = put_back(data)
    for line in sentences(found):
        click.echo(line)
    for path in again:
        click.echo(f"the object of {path} was lost or damaged, and is made again from the file")
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


def _session() -> Session:
    from pdp.session import Session

    session = Session(config.project_root(Path.cwd()), os.environ)
    if not session.path("registry.db").is_file():
        raise PdpError("nothing is built yet", hint="run doit")
    return session


@click.command()
@click.option("--rerun", metavar="SHARE", help="Also run this share of the stages again, such as 5%: at least one.")
@click.option("--seed", default=None, type=int, help="Choose the same stages again.")
def verify(rerun: str | None, seed: int | None) -> None:
    """Check everything: each object, each record, the registry against the records, rows read against rows kept.

    One sentence per finding, and an exit code that is not zero if there is one.
    """
    from pdp.outlook import pipeline_of
    from pdp.verify import findings, impure

    session = _session()
    with locked(session.data):
        found = list(findings(session))
        if rerun is not None:
            chosen = secrets.randbelow(1_000_000) if seed is None else seed
            names, other = impure(session, pipeline_of(session), share_of(rerun), chosen)
            click.echo(f"run again: {', '.join(names)} (--seed {chosen})")
            found += other
    for sentence in found:
        click.echo(sentence)
    if found:
        raise PdpError(f"{len(found)} finding{'s' if len(found) > 1 else ''}, see above")
    click.echo("all is well: every object and record is whole, and the registry says what the records say")


def share_of(text: str) -> float:
    """`5%` as 0.05.

    Raises:
        UsageError: it is no share.
    """
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1
    if not 0 < share <= 1:
        raise UsageError(f"--rerun wants a share such as 5%, not {text}")
    return share


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
def backup(target: Path) -> None:
    """Copy the registry to a file that is not there yet: whole, checked, and on the disk. A run may be at work."""
    from pdp.registry import connect
    from pdp.registry.migrate import copy

    session = _session()
    if target.exists():
        raise PdpError(f"{target} is there already", hint="name another file")
    if not target.absolute().parent.is_dir():
        raise PdpError(f"there is no folder {target.parent}", hint="make it first")
    registry = connect(session.data / "registry.db", read_only=True)
    copy(registry, str(target.absolute()))
    registry.close()
    click.echo(f"wrote {target}; the bytes of the versions are in {session.shown('store')}, which pdp push copies too")
