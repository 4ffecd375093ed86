"""A remote by its URL: file:///folder, gdrive://ID, s3://bucket/folder, gs://bucket/folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pdp.errors import SettingsError
from pdp.sync.backend import Backend
from pdp.sync.folder import Folder

WAYS = "file:///folder, gdrive://ID, s3://bucket/folder or gs://bucket/folder"


def open_backend(url: str, environ: Mapping[str, str]) -> Backend:
    """The place that `url` names. Nothing is asked of it yet.

    Raises:
        SettingsError: it names none.
    """
    parts = urlsplit(url)
    if parts.username or parts.password or "@" in parts.netloc:
        raise SettingsError(
            "state.remote holds credentials", hint="leave them out: they belong into the environment, see docs/state.md"
        )
    if parts.scheme == "file" and parts.path.startswith("/") and parts.netloc in ("", "localhost"):
        return Folder(Path(unquote(parts.path)))
    if parts.scheme in ("s3", "gs") and parts.netloc:
        from pdp.sync.cloud import Cloud

        return Cloud.open(url, dict(environ))
    raise SettingsError("state.remote names no place that pdp knows", hint=f"write {WAYS}")
