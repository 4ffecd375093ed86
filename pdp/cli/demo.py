"""`pdp demo`: the demo's exports, where the demo's config looks for them."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pdp import config
from pdp.cli.next import raw_files
from pdp.demo import Demo, generate, write
from pdp.errors import InputError

PUBLIC_PAGE = "public.html"


@click.command()
@click.option("--days", default=180, show_default=True, help="How many days the invented person lives.")
@click.option("--if-needed", is_flag=True, help="Do nothing if you have a config of your own or the exports are there.")
@click.option("--google", is_flag=True, help="Run the pipeline on a double of Google instead: no account is needed.")
@click.option("--public-page", is_flag=True, help="Make the page that pdp dashboard --public shows first; after doit.")
@click.option("--serve", is_flag=True, help="With --google: keep the double running, to try things with.")
def demo(days: int, if_needed: bool, google: bool, public_page: bool, serve: bool) -> None:
    """Write an invented person's exports, in the real formats, into the demo's raw folder.

    The same days give the same bytes on every machine. A folder that holds other files is left alone.
    """
    root = config.project_root(Path.cwd())
    if google:
        from pdp.cli import demo_google

        demo_google.run(root, days, serve)
        return
    if public_page:
        _public_page(root)
        return
    if if_needed and not config.load(root, os.environ).is_demo:
        return
    found = config.load(root, {**os.environ, "PDP_CONFIG": config.DEMO})
    if if_needed and raw_files(found.data_dir):
        return
    made = generate(days)
    raw = found.data_dir / "raw"
    shown = config.display(raw, root)
    refuse_strangers(made, raw, shown)
    written = write(made, raw)
    click.echo(f"wrote {len(written)} files to {shown}" if written else f"the demo's exports are in {shown} already")
    if not if_needed:
        click.echo("next: doit" if config.load(root, os.environ).is_demo else f"next: PDP_CONFIG={config.DEMO} doit")


def _public_page(root: Path) -> None:
    """Of the demo's config and its current generation, whatever else there is: nobody's data can come into it."""
    from pdp import generation, thresholds
    from pdp.cli import takeaway

    for module in ("altair", "vl_convert"):
        takeaway.require(module, "report")
    from pdp.report import html
    from pdp.report.facts import facts
    from pdp.treatments import treatments

    found = config.demo(root, os.environ)
    known = thresholds.load(root)
    guideline = known[found.values["report"]["guideline"]]
    current = generation.current(found.data_dir)
    told = facts(current, guideline, known.severe, treatments(found.values), is_demo=True)
    page = found.data_dir / PUBLIC_PAGE
    takeaway.put_whole(page, html.html(told))
    page.chmod(0o644)
    click.echo(f"wrote {config.display(page, root)}")


def refuse_strangers(made: Demo, raw: Path, shown: str) -> None:
    """An invented person's numbers must never mix with a real one's.

    Raises:
        InputError: the raw folder holds a file that this demo would not write.
    """
    strangers = [path for path in raw_files(raw.parent) if path.relative_to(raw).as_posix() not in made.files]
    if strangers:
        name = strangers[0].relative_to(raw).as_posix()
        raise InputError(
            f"{shown} holds {name}, which is not of this demo", hint="name an empty folder: PDP_DATA_DIR=..."
        )
