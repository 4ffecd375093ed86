"""Where things lie: the project around a folder, an object in the store. Light: a command that only looks is soon done."""

from __future__ import annotations

import os

from pdp.errors import PdpError, SettingsError


def project_root(start: str) -> str:
    """The folder of dodo.py: above `start`, else the checkout that this package was installed from.

    Raises:
        SettingsError: neither holds one.
    """
    folder, parent = start, os.path.dirname(start)
    while not _is_root(folder) and folder != parent:
        folder, parent = parent, os.path.dirname(parent)
    if not _is_root(folder):
        folder = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    if not _is_root(folder):
        raise SettingsError("no pdp project here", hint="go to the folder that holds dodo.py and configs")
    return folder


def _is_root(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "dodo.py")) and os.path.isdir(os.path.join(folder, "configs"))


def object_name(digest: str) -> str:
    """The file of an object, below the store's folder."""
    return f"{digest[:2]}/{digest[2:]}"


def nothing_built(root: str, data: str) -> PdpError:
    """The error of who looks before the first run."""
    return PdpError(f"nothing is built yet in {os.path.relpath(data, root)}", hint="run doit")
