"""A project of which only the settings count, for their tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BERLIN = 'timezone = "Europe/Berlin"\n'


def bare(folder: Path) -> Path:
    """A project with the demo's config alone."""
    (folder / "configs").mkdir()
    (folder / "configs/demo.toml").write_text(BERLIN + 'data_dir = "data-demo"\n')
    return folder


def write(project: Path, text: str | bytes) -> Path:
    path = project / "configs/pdp.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class Memory(dict[tuple[str, str], dict[str, Any]]):
    def put(self, kind: str, key: str, values: dict[str, Any]) -> None:
        self[kind, key] = values

    def get(self, kind: str, key: str) -> dict[str, Any] | None:  # type: ignore[override]
        return super().get((kind, key))
