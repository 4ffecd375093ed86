"""Where the data folder lies: on a disk whose locks and syncs mean something, or on what only looks like one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pdp.errors import SettingsError

NETWORK = ("nfs", "cifs", "smb", "afs", "ceph", "davfs", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.google-drive")
SYNCED = ("dropbox", "onedrive", "google drive", "googledrive", "icloud drive", "mobile documents", "nextcloud")
OVERRIDE = "PDP_ALLOW_SHARED_FOLDER"


def refuse_network_folder(data: Path, given: Mapping[str, object]) -> None:
    """A registry on a shared or synced folder is sooner or later a broken one: locks do not hold, half files travel.

    Raises:
        SettingsError: the data folder lies on one, and nobody said that this is meant.
    """
    if OVERRIDE in given:
        return
    kind = file_system(os.path.realpath(data))
    synced = next((part for part in data.parts if part.lower().startswith(SYNCED)), "")
    if kind.startswith(NETWORK) or synced:
        raise SettingsError(
            f"the data folder lies in {synced or f'a network folder ({kind})'}, where a registry does not stay whole",
            hint=f"set data_dir to a folder on a local disk, and share by pdp push; {OVERRIDE}=1 if you must",
        )


def file_system(path: str) -> str:
    """The kind of file system that holds `path`, as Linux names it; nothing where that is not known."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            mounts = [line.split(" ")[1:3] for line in file]
    except OSError:
        return ""
    best, found = "", ""
    for place, kind in mounts:
        folder = place.replace("\\040", " ").rstrip("/")
        if (path == folder or path.startswith(f"{folder}/")) and len(folder) >= len(best):
            best, found = folder, kind
    return found
