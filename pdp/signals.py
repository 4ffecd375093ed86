"""Ctrl-C and SIGTERM end a run in order: what is being committed is finished, what is half made is cleared away.

Nothing relies on it: a run that is killed is mended by the next start. A second signal ends the process at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

SENTENCE = "pdp: interrupted; what was committed stays, the next doit goes on from there"


class _State:
    """How deep the process is in what must not be cut short, and the signal that came meanwhile."""

    depth = 0
    waiting: int | None = None


class Interrupted(KeyboardInterrupt):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def install() -> None:
    """Takes both signals over, and says one sentence where nobody else catches what they raise."""
    signal.signal(signal.SIGINT, _arrived)
    signal.signal(signal.SIGTERM, _arrived)
    sys.excepthook = _last_words


def exit_code(error: KeyboardInterrupt) -> int:
    return error.exit_code if isinstance(error, Interrupted) else 128 + signal.SIGINT


@contextmanager
def held() -> Iterator[None]:
    """A signal that arrives within the block takes effect at its end. By a flag: a mask would hold for one thread only."""
    _State.depth += 1
    try:
        yield
    finally:
        _State.depth -= 1
        if _State.waiting is not None and not _State.depth:
            number, _State.waiting = _State.waiting, None
            raise Interrupted(number)


def _arrived(number: int, frame: FrameType | None) -> None:
    if not _State.depth:
        raise Interrupted(number)
    if _State.waiting is not None:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    _State.waiting = number


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        print(SENTENCE, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
