"""`pdp report`: the doctor's page, and one file of all charts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from pdp import thresholds
from pdp.cli import takeaway
from pdp.errors import UsageError
from pdp.treatments import treatments

DOCTOR_DAYS = 28


@click.command()
@click.option("--pdf", "pdf_file", type=takeaway.FILE, help="One page for a doctor (28 days unless told otherwise).")
@click.option(
    "--html", "html_file", type=takeaway.FILE, help="One file with all charts, which opens offline (all days)."
)
@takeaway.period_options
@click.option("--guideline", help="Thresholds by id, such as esc-2024-home; configs/thresholds.toml lists them.")
@click.option("--name", default="", help="Whose readings these are; without it the page has a line to write on.")
def report(
    pdf_file: Path | None, html_file: Path | None, first: date | None, last: date | None, back: int | None,
    guideline: str | None, name: str,
) -> None:  # fmt: skip
    """Write a report of the current result: no run, no network, the same bytes for the same data.

    \b
    pdp report --pdf page.pdf --last 28d
    pdp report --html report.html --from 2025-09-01 --to 2025-12-31
    """
    if not (pdf_file or html_file):
        raise UsageError("report wants --pdf FILE or --html FILE", hint="pdp report --help shows how")
    takeaway.check_period(first, back)
    for module in ("altair", "vl_convert", *(["typst"] if pdf_file else [])):
        takeaway.require(module, "report")
    from pdp.report import html, pdf
    from pdp.report.facts import facts

    root, found, generation = takeaway.opened()
    known = thresholds.load(root)
    chosen = known[guideline or found.values["report"]["guideline"]]
    events = treatments(found.values)
    wanted = [(pdf_file, pdf.pdf, back if back or first or last else DOCTOR_DAYS), (html_file, html.html, back)]
    for target, make, days in wanted:
        if target is None:
            continue
        told = facts(
            generation,
            chosen,
            known.severe,
            events,
            first=first,
            last=last,
            back=days,
            is_demo=found.is_demo,
            name=name,
        )
        takeaway.write_whole(target, make(told), found.data_dir)
        takeaway.wrote(target, f"{told.period.first} to {told.period.last}, {chosen.label}")
