"""The bar of downloads: on a terminal only, and only for downloads."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from pdp.google.progress import Downloads


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, files: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with Downloads("mi_band", files, 2000) as progress:
        for _ in range(files):
            progress.advance(1000)
            progress.advance_file()
    return stream.getvalue()


def test_a_bar_counts_files_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and bytes, no names: they hold account ids."""
    assert "mi_band: 2 of 2 files" in shown(Terminal(), 2, monkeypatch)


def test_no_bar_where_nobody_looks_or_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(io.StringIO(), 2, monkeypatch) == ""
    assert shown(Terminal(), 0, monkeypatch) == ""


def test_rich_is_imported_for_a_bar_only() -> None:
    code = (
        "import sys; from pdp.google.progress import Downloads\n"
        "with Downloads('x', 3, 9) as bar: bar.advance(9); bar.advance_file()\n"
        "assert 'rich' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
