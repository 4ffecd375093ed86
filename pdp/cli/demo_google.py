"""`pdp demo --google`: the whole way from a sheet and a Drive folder to one row per day, without an account.

A double of Google runs on this machine for as long as the command does; the pipeline is the unchanged one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import click

from pdp import config
from pdp.cli.next import RESULT
from pdp.demo import generate
from pdp.demo.google import Seeded, seed
from pdp.errors import StageError
from pdp.google.access import BASE64, ROOT, clients

DATA = "data-demo-google"
ASKED = {
    "sheets.spreadsheets.values.batchGet": "sheet read", "drive.files.list": "folder listed",
    "drive.files.get media": "pieces of files downloaded",
}  # fmt: skip


def run(root: Path, days: int, serve: bool) -> None:
    """Runs doit twice against the double; with `serve` it then stays until it is interrupted.

    Raises:
        SettingsError: Google's client libraries are not installed.
        StageError: a run failed.
    """
    clients()
    from pdp.double import Double

    with Double() as double:
        account = double.service_account()
        seeded = seed(double, generate(days).files, account["client_email"])
        environ = _environ(double.root, _write_key(root / DATA / "google", account), seeded)
        click.echo(
            f"a double of Google answers at {double.root}: a sheet with {len(seeded.tabs)} tabs, a Drive folder\n"
        )
        for number in ("first", "second"):
            before = Counter(double.counts)
            click.echo(f"$ doit        # the {number} run")
            sys.stdout.flush()
            done = subprocess.run([sys.executable, "-m", "doit"], cwd=root, env={**os.environ, **environ}, check=False)
            if done.returncode:
                raise StageError(f"the {number} run failed", hint="what it said stands above")
            asked = double.counts - before
            click.echo(f"asked: {', '.join(f'{words} {asked[name]}×' for name, words in ASKED.items())}\n")
        click.echo(f"result: {DATA}/{RESULT}, the same days as from the demo's files")
        if serve:
            _serve(environ)
    if not serve:
        click.echo("next: pdp demo --google --serve keeps the double running; docs/google.md sets up your own account")


def _write_key(folder: Path, account: dict[str, str]) -> Path:
    """The account's key, readable by its owner only. It opens nothing but this run's double."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "service-account.json"
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(account, file, indent=1)
    return path


def _environ(root: str, key: Path, seeded: Seeded) -> dict[str, str]:
    """What leads the pipeline to the double, and away from anything of a person's own."""
    return {
        "PDP_CONFIG": config.DEMO, "PDP_DATA_DIR": DATA, ROOT: root, "PDP_GOOGLE_CREDENTIALS": str(key),
        "PDP_FETCH_GOOGLE_SHEETS_ID": seeded.sheet, "PDP_FETCH_GOOGLE_SHEETS_TABS": ",".join(seeded.tabs),
        "PDP_FETCH_MI_BAND_ID": seeded.folder, "PDP_OFFLINE": "0", BASE64: "",
    }  # fmt: skip


def _serve(environ: dict[str, str]) -> None:
    click.echo("\nthe double stays until Ctrl-C; in another shell:\n")
    for name, text in environ.items():
        click.echo(f"  export {name}={text!r}" if " " in text else f"  export {name}={text}")
    click.echo("\nthen: doit, pdp doctor, pdp status")
    sys.stdout.flush()
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
