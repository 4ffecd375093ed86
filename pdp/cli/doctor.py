"""`pdp doctor`: whether Google lets pdp in, one permission after the other, and what to click."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click

from pdp import config
from pdp.doctor import Finding
from pdp.doctor.sources import Doctor, state_id
from pdp.errors import SettingsError
from pdp.google.access import ROOT, access_of

SIGNS = {"ok": "ok", "look": "look", "fail": "FAIL", "skip": "-"}


@click.command()
@click.option(
    "--real", is_flag=True, help="Also try once, in the state folder, what no document says of Drive for sure."
)
def doctor(real: bool) -> None:
    """Check the sources and the state folder on Google, one permission after the other.

    It reads what pdp reads, and makes and removes one small file in the state folder. The exit code is 1 if anything fails.
    """
    root = config.project_root(Path.cwd())
    found = config.load(root, os.environ)
    if found.is_demo and ROOT not in found.given:
        click.echo(
            "this is the demo, which asks nobody; pdp init writes a config of your own, docs/google.md says the rest"
        )
        return
    access = access_of(found.values["google"], found.given, root)
    bad = show(Doctor(found, access).findings())
    if real:
        state = state_id(found.values)
        if not state:
            raise SettingsError("--real needs a state folder", hint="set GOOGLE_DRIVE_STATE_FOLDER_ID")
        from pdp.doctor.real import Real

        click.echo()
        bad += show(Real(access, state).findings())
    if bad:
        raise click.exceptions.Exit(1)


def show(findings: Iterable[Finding]) -> int:
    """Prints each finding as it comes; gives the number of those that failed."""
    bad = 0
    for one in findings:
        click.echo(f"{SIGNS[one.state]:5} {one.what}: {one.said}")
        if one.todo and one.state != "ok":
            click.echo(f"        {one.todo}")
        bad += one.state == "fail"
    return bad
