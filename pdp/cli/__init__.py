"""The `pdp` command: a table of names, and the one door at which errors become a line."""

from __future__ import annotations

import importlib
import os
import sys

from pdp.errors import PdpError, fault, sentence

# A light command is done in the time that typing takes to load.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class Entry:
    """A command: where it lives, its one line of help, and whether it runs without click.

    A light command is a function `main(argv: list[str]) -> int` that reads its own arguments; the others are click's.
    """

    def __init__(self, target: str, help: str, light: bool = False) -> None:
        self.target, self.help, self.light = target, help, light


COMMANDS = {
    "init": Entry("pdp.cli.init:init", "Write configs/pdp.toml and the folders for your own exports."),
    "demo": Entry("pdp.cli.demo:demo", "Write the demo's invented exports into its raw folder."),
    "status": Entry(
        "pdp.look.status:main", "Show what is built, how fresh it is, and what a run would do.", light=True
    ),
    "why": Entry("pdp.look.why:main", "Say what a run would do and why, down to the first cause.", light=True),
    "history": Entry(
        "pdp.look.history:main", "Show past runs, of all or of one stage, or an artifact's versions.", light=True
    ),
    "lineage": Entry("pdp.look.lineage:main", "Trace a version up to raw files and down to what used it.", light=True),
    "trace": Entry("pdp.look.trace:main", "Explain one number down to its readings.", light=True),
    "rejected": Entry("pdp.look.rejected:main", "Show the rows that were set aside, and what to do.", light=True),
    "why-changed": Entry("pdp.look.why_changed:main", "Say what moved one number of one day.", light=True),
    "show": Entry("pdp.look.show:main", "Show the rows of a version.", light=True),
    "diff": Entry("pdp.look.diff:main", "Show rows and cells that differ between two versions.", light=True),
    "graph": Entry("pdp.look.graph:main", "Draw the pipeline, coloured by state.", light=True),
    "restore": Entry("pdp.look.restore:main", "Write an old version's bytes to a file of your own.", light=True),
    "pin": Entry("pdp.look.gc:pin", "Keep a version from being collected.", light=True),
    "unpin": Entry("pdp.look.gc:unpin", "Let a version be collected again.", light=True),
    "gc": Entry("pdp.look.gc:main", "Collect old versions that the settings do not keep.", light=True),
    "verify": Entry("pdp.cli.keep:verify", "Check every object, every record, and the registry against them."),
    "backup": Entry("pdp.cli.keep:backup", "Copy the registry to a file, whole and checked."),
    "recover": Entry("pdp.cli.keep:recover", "Make a lost or damaged registry again from the store."),
    "fingerprint": Entry("pdp.look.code:main", "Print the identity of a function's code, and explain it.", light=True),
    "doctor": Entry("pdp.cli.doctor:doctor", "Check the way to Google, and say what to click."),
    "push": Entry("pdp.cli.state:push", "Send the state to its remote: only what is missing, the head last."),
    "pull": Entry("pdp.cli.state:pull", "Bring the state here from its remote, whole or not at all."),
    "sync": Entry("pdp.cli.state:sync", "Pull, then push; --dry-run says what would travel."),
    "key": Entry("pdp.cli.key:key", "Make or change the key of an encrypted state."),
    "report": Entry("pdp.cli.report:report", "Write a doctor's page (PDF) or all charts in one file (HTML)."),
    "export": Entry("pdp.cli.export:export", "Write the result as FHIR, Open mHealth, CSV or Parquet."),
    "dashboard": Entry("pdp.cli.dashboard:dashboard", "Show the charts in a browser."),
    "vault": Entry("pdp.cli.vault:vault", "Make and write the encrypted copy that a dashboard elsewhere shows you."),
    "next": Entry("pdp.cli.next:main", "Say where the result is and what to do next.", light=True),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; gives the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if sys.stdout is None:  # `pdp status >&-`: there is nobody to tell
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - stays open to the end of the process
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except PdpError as error:
        if os.environ.get("PDP_DEBUG"):
            raise
        print(f"pdp: {sentence(error)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as error:
        print("pdp: interrupted", file=sys.stderr)
        return getattr(error, "exit_code", 130)
    except BrokenPipeError:
        # The reader has seen enough; without this the interpreter complains when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("PDP_DEBUG"):
            raise
        if known := _refused(error):
            print(f"pdp: {known}", file=sys.stderr)
            return known.exit_code
        # Its place and not its words: these may hold a reading.
        print(f"pdp: {fault(error)}; PDP_DEBUG=1 shows more", file=sys.stderr)
        return 1


def _refused(error: Exception) -> PdpError | None:
    """The sentence for what the disk or SQLite refused. sqlite3 is not loaded to ask."""
    if isinstance(error, OSError):
        from pdp.disk import told

        return told(error, "the disk refused a file")
    if type(error).__module__ == "sqlite3":
        from pdp.registry import sqlite_told

        return sqlite_told(error, "registry.db")  # type: ignore[arg-type]
    return None


def resolve(target: str) -> Callable[..., Any]:
    """The function or command that "module:name" names."""
    module, _, name = target.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def _dispatch(arguments: list[str]) -> int:
    entry = COMMANDS.get(arguments[0]) if arguments else None
    if entry and entry.light:
        return int(resolve(entry.target)(arguments[1:]) or 0)
    from pdp.cli.group import run

    return run(arguments)
