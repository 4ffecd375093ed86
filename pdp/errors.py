"""Every error that a person may meet: one base, one sentence, a hint.

Errors say what, where and what to do. The door (the reporter of doit, the `pdp` command) prints them as one line and
exits non-zero; nothing else catches them.
"""

from __future__ import annotations

from pdp.redact import redact


class PdpError(Exception):
    """Something a person can mend. `message` says what and where, `hint` what to do."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        # Not masked here but by `sentence`, at the doors: a stage raises errors, and its identity must not hold who registers
        # a secret where.
        return f"{self.message}; {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        # The default would drop the keyword, and a worker of `doit -n` sends its errors pickled.
        return (_rebuild, (type(self), self.message, self.hint))


class SettingsError(PdpError):
    """A config file, an environment variable or a `.env` line is wrong."""

    exit_code = 2


class UsageError(PdpError):
    """A command cannot be understood as it was typed."""

    exit_code = 2


class InputError(PdpError):
    """A raw file cannot be used as it is."""


class StageError(PdpError):
    """A stage cannot give a result that would be trusted."""


class RegistryError(PdpError):
    """The registry or the store cannot be read or written."""


class SyncError(PdpError):
    """The remote state cannot be reached or used as asked."""


class Untrusted(SyncError):
    """What lies in the remote is not what was put there: tampered with, cut short, older than seen, or another's."""

    exit_code = 4


class Diverged(SyncError):
    """Two machines ran apart; joining them is a person's word."""

    exit_code = 5
    sides: object = None
    """Both histories, for the door to show."""


class RemoteError(PdpError):
    """A place beyond this machine (a source, remote state) cannot be reached, or refuses."""


def fault(error: BaseException) -> str:
    """What is told of an exception that nobody foresaw: its kind and its place. Its own words may hold a reading."""
    if isinstance(error, OSError) and error.strerror:
        return mask(f"{error.strerror}: {error.filename or 'a file'}")
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {place.tb_frame.f_code.co_filename.rpartition('/')[2]}:{place.tb_lineno}" if place else ""
    return f"fault of pdp: {type(error).__name__}{where}"


def _rebuild(kind: type[PdpError], message: str, hint: str) -> PdpError:
    return kind(message, hint=hint)


def sentence(error: PdpError) -> str:
    """What a door shows and records of an error."""
    return mask(str(error))


def mask(text: str) -> str:
    """`text` as one line without secrets and account ids: that in `20251103_<id>_MiFitness…` becomes `…`."""
    import re  # here, since a command that finds no error is done before re is loaded

    if not text.isprintable():  # what a file or a config holds must not move a terminal's cursor
        text = "".join(sign if sign.isprintable() else " " if sign.isspace() else "\ufffd" for sign in text)
    return redact(re.sub(r"(?<=\d{8}_)\d{4,}(?=_)", "…", text))
