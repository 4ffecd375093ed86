"""The door of doit's commands: whatever ends one is one sentence, and an exit code that is not zero."""

from __future__ import annotations

import importlib.metadata
import os
import sqlite3
import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TextIO

import doit.doit_cmd
import doit.plugin
from doit.cmdparse import CmdParseError
from doit.exceptions import InvalidCommand

from pdp.disk import told
from pdp.errors import PdpError, SettingsError, UsageError
from pdp.labels import label
from pdp.registry import sqlite_told
from pdp.signals import SENTENCE, exit_code

FIXED = {
    "dep_file": "--db-file", "backend": "--backend", "check_file_uptodate": "--check_file_uptodate", "reporter": "--reporter",
}  # fmt: skip
"""Options of doit that would take a run's lock, its record or its identities away."""


@cache
def plug_ins() -> Any:
    """All that is installed: doit looks through it for each kind of plug-in, and took this module from such a look."""
    found = importlib.metadata.entry_points()
    return lambda group: found.select(group=group)


class Output:
    """Standard output; when its reader leaves (`doit forget | head -1`) the command goes on to its end, unheard."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        try:
            self.stream.write(text)
        except BrokenPipeError:
            self._leave()

    def flush(self) -> None:
        try:
            self.stream.flush()
        except BrokenPipeError:
            self._leave()

    def is_unheard(self) -> bool:
        """Whether its reader has left."""
        import select

        poll = select.poll()
        poll.register(self.stream.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))

    def _leave(self) -> None:
        # Without this the interpreter complains when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())


class AtTheDoor:
    """A command of doit for which no error and no closed output ends in a traceback."""

    name: str
    task_list: list[Any]
    refusal: UsageError | None = None
    """What the command line asks of doit and no pipeline of pdp can give; a dodo.py that is none may."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if sys.stdout is None:  # `doit list >&-`: there is nobody to tell
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - stays open to the end of the process
        doit.plugin.entry_points_impl = plug_ins
        super().__init__(*args, **kwargs)
        self.outstream = Output(sys.stdout)

    def parse_execute(self, in_args: Any) -> Any:
        try:
            return at_the_door(lambda: super(AtTheDoor, self).parse_execute(in_args))  # type: ignore[misc]
        except CmdParseError as error:
            # What doit says goes on with the insides of all options that there are.
            said = str(error).partition(" (parsing options: ")[0].removeprefix("Error parsing Command: ")
            told = f"{' '.join(said.split())}; doit help {self.name} lists what doit understands, pdp --help the rest"
        except InvalidCommand as error:
            text = str(error)
            missing = error.not_found or text.partition("'")[2].removesuffix("' is not a task.")
            if not error.not_found and text != f"'{missing}' is not a task.":
                raise
            told = self._unknown(missing)
        print(f"pdp: {told}", file=sys.stderr)
        return 3

    def _unknown(self, name: str) -> str:
        near = close(name, (task.name for task in self.task_list))
        hint = f"did you mean {' or '.join(near)}?" if near else "doit list --all names the tasks, pdp --help the rest"
        return f"there is no task, file or command {label(name)}; {hint}"

    def execute(self, params: Any, args: Any) -> Any:
        # Before dodo.py is loaded, which tells whether this is a pipeline of pdp.
        AtTheDoor.refusal = self.refused(params)
        return super().execute(params, args)  # type: ignore[misc]

    def refused(self, params: Any) -> UsageError | None:
        for name, option in FIXED.items():
            if name in params._non_default_keys:
                hint = "PDP_DATA_DIR names another data folder; doit -o FILE keeps what a run says"
                return UsageError(f"{option} cannot be chosen: pdp keeps its own registry and reports to it", hint=hint)
        return None


def refuse_misuse() -> None:
    """To be asked by a pipeline when it is loaded.

    Raises:
        UsageError: the command has no meaning for a pipeline of pdp, or an option of it has not.
        SettingsError: a variable on the command line is misspelt: `doit ofline=1` would ask Google all the same.
    """
    if AtTheDoor.refusal:
        raise AtTheDoor.refusal
    # A variable unlike pdp's own may be one that a dodo.py of yours reads.
    for name in doit.doit_cmd._CMDLINE_VARS or ():
        if name != "offline" and close(name, ["offline"]):
            raise SettingsError(f"there is no variable {name}", hint="did you mean offline=1?")


def at_the_door(command: Callable[[], Any]) -> Any:
    """Runs a command of doit; what ends it is one sentence, and an exit code that is not zero."""
    output = Output(sys.stdout)
    try:
        code = command()
        output.flush()
        return code
    except KeyboardInterrupt as error:
        print(SENTENCE, file=sys.stderr)
        return exit_code(error)
    except PdpError as error:
        known = error
    except sqlite3.Error as error:
        known = sqlite_told(error, "registry.db")
    except OSError as error:
        if isinstance(error, BrokenPipeError) and output.is_unheard():  # by what prints by itself, as doit help
            output.flush()
            return 0
        known = told(error, "the disk refused a file; what was committed stays")
    print(f"pdp: {known}", file=sys.stderr)
    return known.exit_code


def close(word: str, known: Iterable[str]) -> list[str]:
    """Names that may have been meant."""
    from difflib import get_close_matches

    return get_close_matches(word, list(known), 3, 0.7)
