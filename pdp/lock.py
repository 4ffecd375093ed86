"""One run at a time: a lock that the operating system takes back when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from pathlib import Path

from pdp.registry import now


class RunLock:
    """Held from a run's first word to its end. The text in the file only serves the message."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        # A worker must not keep the lock alive after the run that started it.
        os.register_at_fork(after_in_child=self._close)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 200, 0).decode(errors="replace").strip() or "unknown"
            print(f"pdp: another run is at work ({holder}); waiting for it to end", file=sys.stderr, flush=True)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"pid {os.getpid()} on {socket.gethostname()} since {now()}\n".encode(), 0)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def release(self) -> None:
        if self._file >= 0:
            os.ftruncate(self._file, 0)
        self._close()
