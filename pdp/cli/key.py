"""`pdp key`: the key of an encrypted state."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pdp import config
from pdp.cli.state import synced
from pdp.errors import SettingsError, Untrusted
from pdp.sync import keys
from pdp.sync.engine import Remote
from pdp.sync.keys import Keys
from pdp.sync.rotate import reencrypt
from pdp.sync.state import Synced
from pdp.sync.vault import Plain, Sealed


@click.group()
def key() -> None:
    """Make or change the key of an encrypted state; see docs/state.md."""


@key.command()
def init() -> None:
    """Make a key file, readable by you alone, and print the key for paper once.

    A key file that is there is never overwritten.
    """
    path, name = _place()
    made, paper = _new()
    keys.write(made, path)
    click.echo(f"wrote {name}: what is pushed from now on can be read with it, or from the paper, and by nobody else")
    _print(made, paper)
    click.echo("\nA state that is in its remote already is encrypted by: pdp key rotate")


@key.command()
def rotate() -> None:
    """Make a new key, and encrypt all that is in the remote anew for it.

    The old key file is kept beside the new one. After a kill, the same command goes on where it was.
    """
    path, name = _place()
    if os.environ.get(keys.IDENTITY_VARIABLE):
        raise SettingsError(f"{keys.IDENTITY_VARIABLE} is set", hint="unset it: rotate changes the key file")
    fresh = path.with_name(f"{path.name}.new")
    with synced() as state:
        if not fresh.is_file():
            made, paper = _new()
            keys.write(made, fresh)
            _print(made, paper)
            click.echo("")
        _move_to(state, fresh)
    _put_in_place(fresh, path)
    click.echo(
        f"{name} is the new key; put the new recipients into the config, and the new secrets where CI keeps them"
    )


def _new() -> tuple[Keys, str]:
    """A key for the machine and an identity for paper; both may read."""
    identity, paper = keys.new_identity(), keys.new_identity()
    return Keys((identity,), keys.new_seal(), (keys.public(identity), keys.public(paper))), paper


def _move_to(state: Synced, fresh: Path) -> None:
    found = keys.parse(fresh.read_text(encoding="ascii"), f"the key file {fresh.name}")
    new = Remote(state.remote.backend, Sealed(found))
    try:
        new.look(state.local)
        return  # a rotation that was killed had come so far
    except Untrusted:
        pass
    new.vault.recipients = keys.recipients_in(fresh)
    generation = reencrypt(state.local, _readable(state), new, click.echo)
    click.echo(f"generation {generation} in {state.remote.backend.where} is encrypted with the new key")


def _readable(state: Synced) -> Remote:
    """The remote as it is now: with the key in force, or plain."""
    cell = state.remote.backend.read_head()
    if cell and cell.content.startswith(b"pdp-state 1 plain\n"):
        return Remote(state.remote.backend, Plain())
    return state.remote


def _put_in_place(fresh: Path, path: Path) -> None:
    number = 1
    while (old := path.with_name(f"{path.name}.old-{number}")).exists():
        number += 1
    if path.exists():
        os.replace(path, old)
    os.replace(fresh, path)


def _place() -> tuple[Path, str]:
    root = config.project_root(Path.cwd())
    found = config.load(root, os.environ)
    name = found.values["state"]["identity"]
    return root / os.path.expanduser(name), name


def _print(made: Keys, paper: str) -> None:
    recipients = ", ".join(f'"{recipient}"' for recipient in made.recipients)
    click.echo(f"\nPut this under [state] in your config:\n  recipients = [{recipients}]")
    click.echo("\nWrite these two lines on paper; they are kept nowhere else, and restore all if this machine is gone:")
    click.echo(f"  {paper}\n  {made.seal}")
