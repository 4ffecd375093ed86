"""A bar while files are downloaded: on a terminal only, and only if there are any. Rich is imported only then."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any


class Downloads:
    """Files and bytes so far; names stay out of it, since they hold account ids."""

    def __init__(self, title: str, files: int, size: int) -> None:
        self.title, self.files, self.size = title, files, size
        self.done = 0
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Downloads:
        if self.files and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._text(), total=self.size)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, size: int) -> None:
        """So many bytes more."""
        if self._bar:
            self._bar.advance(self._task, size)

    def advance_file(self) -> None:
        """One file more."""
        self.done += 1
        if self._bar:
            self._bar.update(self._task, description=self._text())

    def _text(self) -> str:
        return f"{self.title}: {self.done} of {self.files} files"
