"""One run at a time: a lock that the operating system takes back when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import sys
import time
from pathlib import Path

from pdp.disk import make_folder, told
from pdp.errors import PdpError, SettingsError
from pdp.registry import now

SAY_AFTER_S = 1.0
LOOK_EVERY_S = 0.05
PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a process gets when its parent ends


class Busy(PdpError):
    """Another run is at work, and this one was not to wait."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: try again later


class RunLock:
    """Held from a run's first word to its end. The text in the file only serves the message."""

    # How long to wait, in seconds; None: as `PDP_WAIT` says, or for as long as it takes.
    wait: float | None = None

    def __init__(self, path: Path) -> None:
        """Takes the lock; waits for whoever has it, and says after a second who that is.

        Raises:
            Busy: the time to wait is over.
            DiskError: the data folder cannot be written.
        """
        self._owner = os.getpid()
        try:
            make_folder(path.parent)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self.waited = self._take(_patience(self.wait))
            os.ftruncate(self._file, 0)
            command = shlex.join([Path(sys.argv[0]).stem.replace("__main__", "doit"), *sys.argv[1:]])
            words = f"pid {os.getpid()} on {socket.gethostname()}, {command}, since {now()}\n"
            os.pwrite(self._file, words.encode(errors="replace"), 0)
        except OSError as error:
            self._close()
            raise told(error, f"the lock {path.name} cannot be taken") from error
        except BaseException:
            self._close()
            raise
        os.register_at_fork(after_in_child=self._leave_to_parent)

    _file = -1

    def _take(self, patience: float) -> bool:
        began, said = time.monotonic(), False
        while not self._try():
            waited = time.monotonic() - began
            holder = os.pread(self._file, 500, 0).decode(errors="replace").strip() or "unknown"
            if waited >= patience:
                raise Busy(f"another run is at work ({holder})", hint="try again when it has ended")
            if waited >= min(SAY_AFTER_S, patience) and not said:
                print(f"pdp: another run is at work ({holder}); waiting for it to end", file=sys.stderr, flush=True)
                said = True
            time.sleep(LOOK_EVERY_S)
        return time.monotonic() - began >= LOOK_EVERY_S

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _leave_to_parent(self) -> None:
        """In a worker: it must neither keep the lock alive after the run that started it, nor outlive that run."""
        if self._file < 0:
            return
        self._close()
        if sys.platform == "linux":
            import ctypes
            import signal

            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self._owner:
                os._exit(1)  # the run ended before this was in force

    @property
    def is_held(self) -> bool:
        return self._file >= 0

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def release(self) -> None:
        if self._file >= 0 and self._owner == os.getpid():
            os.ftruncate(self._file, 0)
        self._close()


def _patience(wait: float | None) -> float:
    if wait is not None:
        return wait
    text = os.environ.get("PDP_WAIT", "")
    try:
        found = float(text or "inf")
    except ValueError:
        found = -1
    if not found >= 0:
        raise SettingsError("PDP_WAIT must be a number of seconds, 0 for not at all", hint="PDP_WAIT=30 doit")
    return found
