"""`pdp push`, `pdp pull`, `pdp sync`: the state in another place, and back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from pdp import config
from pdp.disk import told
from pdp.errors import Diverged, Untrusted
from pdp.look.gc import size
from pdp.registry import sqlite_told
from pdp.session import Session
from pdp.start import start
from pdp.sync.engine import Report, View
from pdp.sync.mend import Mended
from pdp.sync.show import histories
from pdp.sync.state import Keep, Synced

merge_option = click.option("--merge", is_flag=True, help="Join two histories that ran apart; nothing is dropped.")
keep_option = click.option(
    "--keep", type=click.Choice(["mine", "theirs"]), help="Which raw file stays where both sides changed it."
)
unrelated_option = click.option("--unrelated", is_flag=True, help="Join even what has no record in common.")


@contextmanager
def synced() -> Iterator[Synced]:
    """The project's state and its remote, and no run meanwhile. Both histories are shown where they ran apart."""
    session = Session(config.project_root(Path.cwd()), os.environ)
    start(session)
    try:
        state = Synced(session, os.environ)
        yield state
        for line in state.told:
            click.echo(line)
    except Diverged as error:
        if isinstance(error.sides, View):
            for line in histories(error.sides, state.local):
                click.echo(line, err=True)
        raise
    except OSError as error:
        raise told(error, "the state could not be read or written") from error
    except sqlite3.OperationalError as error:
        raise sqlite_told(error, str(session.data / "registry.db")) from error
    finally:
        session.flush()
        if session.lock:
            session.lock.release()
        session.close()


@click.command()
@click.option("--anew", is_flag=True, help="Start a new state where the old one is gone for good.")
@click.option("--mend", is_flag=True, help="Read all that is there, and send anew what is damaged.")
def push(anew: bool, mend: bool) -> None:
    """Send what the remote lacks, then move its head. Only what is missing travels.

    Refused where another machine has pushed what is not here: pdp pull comes first.
    """
    with synced() as state:
        if anew:
            state.forget()
        if mend:
            click.echo(mended(state.mend()))
        click.echo(pushed(state, state.push()))


@click.command()
@merge_option
@keep_option
@unrelated_option
@click.option("--all", "everything", is_flag=True, help="Fetch the bytes of old versions too.")
def pull(merge: bool, keep: Keep, unrelated: bool, everything: bool) -> None:
    """Bring here what the remote has, whole or not at all, and put the named files in line with it."""
    with synced() as state:
        report = state.pull(merge=merge, unrelated=unrelated, everything=everything, keep=keep)
        click.echo(pulled(state, report))


@click.command()
@merge_option
@keep_option
@click.option("--dry-run", is_flag=True, help="Only say what would travel.")
def sync(merge: bool, keep: Keep, dry_run: bool) -> None:
    """Pull, then push. With --dry-run only say what would travel."""
    with synced() as state:
        if dry_run:
            for line in state.outlook():
                click.echo(line)
            return
        if state.exists():
            report = state.pull(merge=merge, unrelated=False, everything=False, keep=keep)
            click.echo(pulled(state, report))
        click.echo(pushed(state, state.push()))


def pushed(state: Synced, report: Report) -> str:
    where = state.remote.backend.where
    if report.behind:
        return f"nothing to push; generation {report.generation} in {where} has {report.behind} records more: pdp pull"
    if not report.records and not report.objects:
        return f"nothing to push: generation {report.generation} in {where} has all"
    return f"pushed generation {report.generation} to {where}: {travelled(report)}"


def mended(found: Mended) -> str:
    """What came of reading all.

    Raises:
        Untrusted: something is damaged that is not here.
    """
    line = f"read {found.read:,} objects and packs: {found.mended or 'nothing'} mended"
    if found.lost:
        names = ", ".join(digest[:12] for digest in found.lost[:3])
        raise Untrusted(
            f"{line}, {len(found.lost)} are damaged and not here ({names})", hint="mend it from another machine"
        )
    return line


def pulled(state: Synced, report: Report) -> str:
    where = state.remote.backend.where
    if not report.records and not report.objects:
        return f"nothing to pull: all of generation {report.generation} in {where} is here"
    line = f"pulled generation {report.generation} from {where}: {travelled(report)}"
    if report.merged:
        line += f"; {report.merged} records of your own follow, and go with the next push"
    if report.lacking:
        line += f"; {len(report.lacking)} objects are not there, the next doit makes them again"
    return line


def travelled(report: Report) -> str:
    return f"{report.records:,} records, {report.objects:,} objects, {size(report.size)}"
