"""`pdp vault`: an encrypted copy of the current generation, for a dashboard on a machine that is not one's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from pdp import config
from pdp.errors import UsageError

FOLDER = click.argument("folder", type=click.Path(path_type=Path), required=False)
STDIN = click.option("--password-stdin", is_flag=True, help="Read the password's line from standard input.")


@click.group()
def vault() -> None:
    """Make, write and re-key the encrypted copy that a dashboard elsewhere shows to you alone."""


@vault.command()
@FOLDER
@STDIN
def init(folder: Path | None, password_stdin: bool) -> None:
    """Make a vault and its password; print the recovery key, once.

    The folder is that of PDP_VAULT, or `vault` in the data folder.
    """
    from pdp.dashboard.vault import create

    place, name = _place(folder)
    key = create(place, _new_password(password_stdin))
    click.echo(f"made the vault {name}", err=True)
    click.echo("this recovery key opens it without the password; write it on paper, it is not shown again:", err=True)
    click.echo(key.secret)
    click.echo("next: pdp vault write", err=True)


@vault.command()
@FOLDER
def write(folder: Path | None) -> None:
    """Put the current generation into the vault. Needs no password."""
    from pdp.dashboard.vault import carried
    from pdp.dashboard.vault import write as put

    place, name = _place(folder)
    found = config.load(config.project_root(Path.cwd()), os.environ)
    size = put(found.data_dir, place, carried(found.values))
    click.echo(f"wrote {name}/data.age, {size / 1e6:,.1f} MB")


@vault.command()
@FOLDER
@STDIN
@click.option("--recovery", is_flag=True, help="The old password is forgotten: read the recovery key instead.")
def password(folder: Path | None, password_stdin: bool, recovery: bool) -> None:
    """Give the vault another password. The data is left as it is.

    With --password-stdin, standard input holds the old password (or the recovery key) and the new one, a line each.
    """
    from pdp.dashboard.key import RECIPIENT, Key, read_key, unwrap
    from pdp.dashboard.vault import create

    place, name = _place(folder)
    kept = read_key(place)
    old = _secret("recovery key" if recovery else "old password", password_stdin)
    key = Key.recovered(old) if recovery else unwrap(kept, old)
    if key.recipient != (place / RECIPIENT).read_text(encoding="ascii").strip():
        raise UsageError("that recovery key belongs to another vault")
    create(place, _new_password(password_stdin), key)
    click.echo(f"{name} has another password; copies of the old key.json still open with the old one")


def _place(folder: Path | None) -> tuple[Path, str]:
    """The vault's folder, and how a person sees it."""
    root = config.project_root(Path.cwd())
    place = folder or Path(os.environ.get("PDP_VAULT") or config.load(root, os.environ).data_dir / "vault")
    place = place.expanduser() if folder else root / place.expanduser()
    return place, config.display(place.absolute(), root)


def _secret(what: str, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt(what.capitalize(), hide_input=True))


def _new_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt("New password (at least 16 characters)", hide_input=True, confirmation_prompt=True))
