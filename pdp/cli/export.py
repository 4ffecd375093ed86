"""`pdp export`: the result in formats that other programs read."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pdp.cli import takeaway
from pdp.errors import UsageError

if TYPE_CHECKING:
    from pdp.generation import Generation
    from pdp.period import Period


@click.command()
@click.option("--fhir", type=takeaway.FILE, help="FHIR R4 Bundle (JSON), with LOINC and UCUM codes.")
@click.option("--omh", type=takeaway.FILE, help="Open mHealth data points (JSON).")
@click.option("--csv", type=takeaway.FILE, help="One table as CSV that is safe to open in a spreadsheet.")
@click.option("--parquet", type=takeaway.FILE, help="One table as Parquet.")
@click.option("--table", default="daily_metrics", show_default=True, help="Which table --csv and --parquet write.")
@takeaway.period_options
def export(
    fhir: Path | None, omh: Path | None, csv: Path | None, parquet: Path | None, table: str,
    first: date | None, last: date | None, back: int | None,
) -> None:  # fmt: skip
    """Write the current result, of all days or of a period. No name, account id or raw file's name goes with it.

    \b
    pdp export --fhir bundle.json --last 90d
    pdp export --csv readings.csv --table blood_pressure
    pdp export --csv - | less
    """
    wanted = {"fhir": fhir, "omh": omh, "csv": csv, "parquet": parquet}
    if not any(wanted.values()):
        raise UsageError("export wants --fhir, --omh, --csv or --parquet FILE", hint="pdp export --help shows how")
    takeaway.check_period(first, back)
    _, found, generation = takeaway.opened()
    period = _period(generation, first, last, back)
    for name, target in wanted.items():
        if target is not None:
            content, said = MAKERS[name](generation, period, table)
            takeaway.write_whole(target, content, found.data_dir)
            takeaway.wrote(target, said)


def _period(generation: Generation, first: date | None, last: date | None, back: int | None) -> Period | None:
    """None for all days.

    Raises:
        InputError: no day lies in what was asked for.
    """
    if not (first or last or back):
        return None
    from pdp import frames
    from pdp.period import period_of

    return period_of(frames.days(generation), frames.readings(generation), first, last, back)


def _fhir(generation: Generation, period: Period | None, table: str) -> tuple[bytes, str]:
    from pdp.export.fhir import bundle
    from pdp.export.moments import measured

    made = bundle(measured(generation, period))
    return _json(made), f"{len(made['entry']) - 1:,} observations"


def _omh(generation: Generation, period: Period | None, table: str) -> tuple[bytes, str]:
    from pdp.export.moments import measured
    from pdp.export.omh import documents

    made = documents(measured(generation, period))
    return _json(made), f"{len(made):,} data points"


def _csv(generation: Generation, period: Period | None, table: str) -> tuple[bytes, str]:
    from pdp.export import tabular

    rows = tabular.table(generation, table, period)
    return tabular.csv(rows), f"{rows.num_rows:,} rows of {generation.label(table)}"


def _parquet(generation: Generation, period: Period | None, table: str) -> tuple[bytes, str]:
    from pdp.export import tabular

    rows = tabular.table(generation, table, period)
    return tabular.parquet(rows), f"{rows.num_rows:,} rows of {generation.label(table)}"


MAKERS: dict[str, Callable[[Generation, Period | None, str], tuple[bytes, str]]] = {
    "fhir": _fhir, "omh": _omh, "csv": _csv, "parquet": _parquet,
}  # fmt: skip


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
