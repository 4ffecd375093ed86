"""`pdp init`: a config of one's own, with every setting explained."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from pdp import config
from pdp.cli.next import RAW
from pdp.errors import SettingsError
from pdp.resolve import resolve
from pdp.settings import Key, Section, Settings, as_toml, is_zone

ORDERS = {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year first only"}

HEADER = """\
# The settings of pdp. What is commented out shows the default; remove the "#" to change it.
# Each setting can also be given by environment or in .env: PDP_TIMEZONE, PDP_MI_BAND_ACCOUNT, ...
"""


@click.command()
def init() -> None:
    """Write configs/pdp.toml, with a comment for every setting, and the folders for your exports.

    The time zone and the order of dates are guessed from this machine. A config that is there is never overwritten.
    """
    root = config.project_root(Path.cwd())
    given = config.variables(root, os.environ)
    path = config.own_config(root, given)
    name = config.display(path, root)
    zone, zone_from = guess_timezone(os.environ)
    order, order_from = guess_date_order(os.environ)
    chosen = {("timezone",): (zone, zone_from), ("google_sheets", "date_order"): (order, order_from)}
    data = config.data_folder(root, given.get("PDP_DATA_DIR", (config.DEFAULT_DATA_DIR, ""))[0])
    try:
        _write_new(path, render(chosen))
        _make_folders(data)
    except FileExistsError:
        raise SettingsError(f"{name} is there already and was left as it is", hint="edit it, or move it away") from None
    except OSError as error:
        raise SettingsError(f"{error.filename} cannot be written: {error.strerror}") from error
    click.echo(f"wrote {name}; please check its two guesses:")
    click.echo(f'  timezone = "{zone}"  ({zone_from})')
    click.echo(f'  date_order = "{order}", {ORDERS[order]}  ({order_from})')
    click.echo("next, put your exports into these folders (either may stay empty), then run doit:")
    for source, what in RAW.items():
        click.echo(f"  {config.display(data / 'raw' / source, root)}  {what}")
    click.echo("or let doit fetch them from Google Sheets and Drive: docs/google.md says how, pdp doctor checks it")


def render(chosen: Mapping[Key, tuple[Any, str]]) -> str:
    """A config with every setting explained: the `chosen` ones set, with a reason; the others commented out."""
    return "\n".join([HEADER, *_lines(Settings, (), chosen)])


def guess_timezone(environ: Mapping[str, str], etc: Path = Path("/etc")) -> tuple[str, str]:
    """The machine's IANA zone and where it was found. UTC is a server's habit, not a place: it counts as none."""
    for name, place in _zone_candidates(environ, etc):
        if is_zone(name) and name.removeprefix("Etc/") not in {"UTC", "UCT", "GMT", "Universal", "Zulu"}:
            return name, f"guessed from {place}"
    return "UTC", "this machine tells no zone: set your own"


def guess_date_order(environ: Mapping[str, str]) -> tuple[str, str]:
    """The order of numeric dates in the region of the locale, and where it was found."""
    name = next((name for name in ("LC_ALL", "LC_TIME", "LANG") if environ.get(name)), "")
    _, *parts = environ.get(name, "").partition(".")[0].partition("@")[0].split("_")
    if not parts:
        return "ymd", "this machine tells no region: set your own"
    region = parts[-1].upper()
    # By name: a stage uses the function too, and its identity must not hold what a command does with the answer.
    return resolve("pdp.regions:date_order")(region), f"guessed from {name}={environ[name]}"


def _lines(model: type[Section], parent: Key, chosen: Mapping[Key, tuple[Any, str]]) -> Iterator[str]:
    sections = []
    for name, field in model.model_fields.items():
        key = (*parent, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            sections.append((key, field.annotation))
            continue
        yield textwrap.fill(field.description or "", 100, initial_indent="# ", subsequent_indent="# ")
        if key in chosen:
            value, reason = chosen[key]
            yield f"{name} = {as_toml(value)}  # {reason}\n"
        else:
            yield f"# {name} = {as_toml(field.get_default(call_default_factory=True))}\n"
    for key, section in sections:
        yield f"# {section.__doc__}\n[{'.'.join(key)}]"
        yield from _lines(section, key, chosen)


def _write_new(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def _make_folders(data: Path) -> None:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for source in RAW:
        (data / "raw" / source).mkdir(parents=True, exist_ok=True)


def _zone_candidates(environ: Mapping[str, str], etc: Path) -> Iterator[tuple[str, str]]:
    yield environ.get("TZ", "").lstrip(":"), "TZ"
    timezone = etc / "timezone"
    if timezone.is_file():
        yield timezone.read_text(encoding="utf-8", errors="replace").strip(), str(timezone)
    link = etc / "localtime"
    if link.is_symlink():
        yield str(link.readlink()).partition("zoneinfo/")[2], str(link)
