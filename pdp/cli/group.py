"""The commands as a click group that imports a command only when it runs."""

from __future__ import annotations

from difflib import get_close_matches

import click

from pdp import __version__
from pdp.cli import COMMANDS, resolve
from pdp.errors import UsageError


class Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            near = get_close_matches(cmd_name, COMMANDS, 1)
            tip = f"; did you mean {near[0]}?" if near else "; pdp --help lists them"
            raise click.UsageError(f"there is no command {cmd_name}{tip}")
        command: click.Command = resolve(COMMANDS[cmd_name].target)  # type: ignore[assignment]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


@click.command(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="What changed is built by `doit`; `doit list --all` shows the pipeline.",
)
@click.version_option(__version__, message="pdp %(version)s")
def group() -> None:
    """A person's health exports, one trustworthy row per day."""


def run(arguments: list[str]) -> int:
    """Runs `arguments`; a wrong use is one line and the exit code 2."""
    try:
        return int(group.main(arguments or ["--help"], prog_name="pdp", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:  # `pdp vault` alone: its message is the help
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"pdp: {error.format_message()}", err=True)
        return error.exit_code
    except click.Abort as error:
        if isinstance(error.__context__, EOFError):
            hint = "answer at a terminal; pdp COMMAND --help says whether there is a way without one"
            raise UsageError("the input ended where an answer was wanted", hint=hint) from None
        # click made it of an interrupt, which knows what signal it was.
        raise error.__cause__ if isinstance(error.__cause__, KeyboardInterrupt) else KeyboardInterrupt from None
