"""What `pdp report` and `pdp export` share: the generation, the period that was asked for, a file written whole."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from pdp import config, generation
from pdp.errors import InputError, PdpError, UsageError, mask
from pdp.period import days_back
from pdp.registry.history import History


class Day(click.ParamType[date]):
    """A date, written 2025-09-01."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            raise UsageError(f"{value} is no date", hint="write it like 2025-09-01") from None


class Length(click.ParamType[int]):
    """A number of days, written 28d, 12w, 6m or 1y."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return value if isinstance(value, int) else days_back(value)


FILE = click.Path(dir_okay=False, path_type=Path)
STDOUT = Path("-")


def period_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--from, --to and --last."""
    for option in (
        click.option("--last", "back", type=Length(), help="The last so many days: 28d, 12w, 6m, 1y."),
        click.option("--to", "last", type=Day(), help="Last date, such as 2025-09-30."),
        click.option("--from", "first", type=Day(), help="First date, such as 2025-09-01."),
    ):
        command = option(command)
    return command


def check_period(first: date | None, back: int | None) -> None:
    """Raises:
    UsageError: a first date and a length contradict each other.
    """
    if first and back:
        raise UsageError("--from and --last contradict each other", hint="give one of them, with or without --to")


def opened() -> tuple[Path, config.Config, generation.Generation]:
    """The project's folder, its settings, and the current generation. What its stages have to say is said: the next reader is
    another person, or another program.

    Raises:
        PdpError: nothing is built yet, or the config is wrong.
    """
    root = config.project_root(Path.cwd())
    found = config.load(root, os.environ)
    result = generation.current(found.data_dir)
    history = History.open(found.data_dir / "registry.db")
    try:
        notes = [note for told in history.facts().values() for note in told.get("notes", ())]
    finally:
        history.db.close()
    for note in notes:
        click.echo(f"note: {mask(note)}", err=True)
    return root, found, result


def require(module: str, extra: str) -> None:
    """Raises:
    PdpError: an optional library is not installed.
    """
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise PdpError(f"this needs {error.name or module}", hint=f"pip install 'pdp[{extra}]'") from error


def write_whole(target: Path, content: bytes, data: Path) -> None:
    """Puts a file in place all at once, readable by its owner only: it holds health data. `-` is the standard output.

    Raises:
        InputError: the place is in the data folder, or cannot be written.
    """
    if target == STDOUT:
        sys.stdout.buffer.write(content)
        return
    if target.resolve().is_relative_to(data.resolve()):
        raise InputError(f"{target} lies in the data folder, which is pdp's own", hint="name a file elsewhere")
    put_whole(target, content)


def wrote(target: Path, what: str) -> None:
    """Says so, but not in the midst of what was written."""
    click.echo(f"wrote {target}: {what}", err=target == STDOUT)


def put_whole(target: Path, content: bytes) -> None:
    """The same, wherever the place is.

    Raises:
        InputError: it cannot be written.
    """
    if target.exists() and not target.is_file():  # a rename would put a file in the place of /dev/stdout
        raise InputError(f"{target} is no file", hint="name one that is not there yet, or - for the standard output")
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise InputError(f"{target} cannot be written: {error.strerror}") from error
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
