"""A folder on Google Drive: its CSV files and zips, each downloaded once, verified, and kept where nothing overwrites it.

A file lies at `drive/<start of its checksum>/<its name>`; `drive/.index.json` says which of them the folder holds now. The
index is written last: a fetch that breaks off leaves the snapshot before it whole, and its own pieces for the next one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdp import fetched
from pdp.errors import InputError, RemoteError
from pdp.fetched import Fetched
from pdp.google.access import DRIVE, Access, clients
from pdp.google.progress import Downloads
from pdp.labels import safe_name
from stages.ingest.whole import UNFINISHED, put_in_place, write_whole

WHAT = "the Drive folder"
FOLDER, SHORTCUT = "application/vnd.google-apps.folder", "application/vnd.google-apps.shortcut"
SHEET, NATIVE = "application/vnd.google-apps.spreadsheet", "application/vnd.google-apps."
SUFFIXES = (".csv", ".zip")
# Drive's MIME types are what some browser once said: a name counts for more.
MIMES = {
    "text/csv": ".csv", "text/comma-separated-values": ".csv", "application/csv": ".csv",
    "application/zip": ".zip", "application/x-zip-compressed": ".zip", "application/x-zip": ".zip",
}  # fmt: skip
FIELDS = "id,name,mimeType,size,version,md5Checksum,sha256Checksum,shortcutDetails(targetId)"
MAX_DEPTH, MAX_FILES = 8, 20_000
CHUNK = 8 * 2**20

Sha256 = Callable[[str], str | None]


@dataclass(frozen=True)
class Item:
    """A file of the folder. `checksum` is (algorithm, hex digest); none for a document, which `stamp` identifies."""

    id: str
    name: str
    size: int
    checksum: tuple[str, str] | None
    stamp: str


def ask(folder: Path, settings: Mapping[str, Any], access: Access, sha256: Sha256) -> dict[str, Any]:
    """Brings `folder`/drive up to date. Gives {files, downloaded, not_taken}.

    `sha256` gives the hash of a file named relative to `folder`, None where there is none.

    Raises:
        RemoteError: the folder cannot be reached, or a file does not arrive as it should.
        InputError: the folder holds more than an export's folder does.
    """
    google = clients()
    drive = google.drive(access, (DRIVE,))
    items, not_taken = _listed(google, drive, settings["id"])
    before = {one.stamp: one for one in fetched.read_index(folder, broken_is_none=True) or ()}
    missing = [item for item in items if not _is_here(before.get(item.stamp), sha256)]
    entries = {item.stamp: before[item.stamp] for item in items if item not in missing}
    with Downloads("mi_band", len(missing), sum(item.size for item in missing)) as progress:
        for item in missing:
            entries[item.stamp] = _known(item, before, folder, sha256) or _fetch(google, drive, item, folder, progress)
    write_whole(fetched.index_path(folder), fetched.index_of(entries.values()))
    return {"files": len(entries), "downloaded": progress.done, "not_taken": not_taken}


# What the folder holds


def _listed(google: Any, drive: Any, folder_id: str) -> tuple[list[Item], int]:
    """(the files to take, how many others there are), in folders within the folder too."""
    taken: dict[str, Item] = {}
    others = 0
    seen = {folder_id}
    todo = [(folder_id, "", 0)]
    while todo:
        parent, below, depth = todo.pop()
        children = list(_children(google, drive, parent))
        titles = {child["name"] for child in children}
        for child in (_target(google, drive, child) for child in children):
            name = below + safe_name(child["name"])
            if child["mimeType"] == FOLDER and depth < MAX_DEPTH and child["id"] not in seen:
                seen.add(child["id"])
                todo.append((child["id"], f"{name}/", depth + 1))
            elif item := _item(child, name, titles):
                taken[item.stamp] = item  # the same name and content twice is one file
            else:
                others += 1
        if len(taken) + len(todo) > MAX_FILES:
            raise InputError(f"the Drive folder holds more than {MAX_FILES:,} files", hint="is it the right one?")
    if not taken and not others:
        # An empty list is what an unshared folder gives too, at times: this asks for the folder itself.
        google.execute(drive.files().get(fileId=folder_id, supportsAllDrives=True, fields="id"), WHAT)
    return [taken[key] for key in sorted(taken)], others


def _children(google: Any, drive: Any, parent: str) -> Iterator[dict[str, Any]]:
    """Every page: Drive may give fewer than it was asked for."""
    token = None
    while True:
        request = drive.files().list(
            q=f"'{parent}' in parents and trashed = false", fields=f"nextPageToken,incompleteSearch,files({FIELDS})",
            pageSize=1000, pageToken=token, supportsAllDrives=True, includeItemsFromAllDrives=True,
        )  # fmt: skip
        page = google.execute(request, WHAT)
        if page.get("incompleteSearch"):
            raise RemoteError("Google could list only a part of the Drive folder", hint="try again later")
        yield from page.get("files", ())
        token = page.get("nextPageToken")
        if not token:
            return


def _target(google: Any, drive: Any, child: dict[str, Any]) -> dict[str, Any]:
    """What a shortcut leads to; anything else as it is."""
    if child["mimeType"] != SHORTCUT:
        return child
    target = child.get("shortcutDetails", {}).get("targetId", "")
    return google.execute(
        drive.files().get(fileId=target, supportsAllDrives=True, fields=FIELDS), "a shortcut's file in the Drive folder"
    )


def _item(child: Mapping[str, Any], name: str, titles: set[str]) -> Item | None:
    """The file as one to take; None for what is neither a CSV file nor a zip."""
    mime, title = child["mimeType"], child["name"]
    if mime.startswith(NATIVE):
        # A CSV file that Drive converted. Beside the file itself it is only a second view of it.
        if mime != SHEET or f"{title}.csv" in titles:
            return None
        named = name if name.lower().endswith(".csv") else f"{name}.csv"
        return Item(child["id"], named, 0, None, f"{child['id']}@{child.get('version', '')} {named}")
    suffix = "" if title.lower().endswith(SUFFIXES) else MIMES.get(mime)
    if suffix is None:
        return None
    checksum = next(
        ((kind, child[f"{kind}Checksum"]) for kind in ("sha256", "md5") if child.get(f"{kind}Checksum")), None
    )
    if checksum is None:
        raise RemoteError("Google tells no checksum of a file in the Drive folder", hint="upload it again")
    name += suffix
    return Item(child["id"], name, int(child.get("size", 0)), checksum, fetched.stamp(checksum[1], name))


# How it gets here


def _is_here(one: Fetched | None, sha256: Sha256) -> bool:
    return one is not None and sha256(one.name) == one.sha256


def _known(item: Item, before: Mapping[str, Fetched], folder: Path, sha256: Sha256) -> Fetched | None:
    """A file that is here already: pulled, of a fetch that broke off later, or under the name that it had before."""
    if item.checksum is None:
        return None
    place = _place(item, item.checksum[1])
    here = sha256(place)
    if here and (here if item.checksum[0] == "sha256" else _digest("md5", folder / place)) == item.checksum[1]:
        return Fetched(place, here, item.size, item.stamp)
    same = (one for stamp, one in before.items() if stamp.startswith(f"{item.checksum[1]} ") and _is_here(one, sha256))
    one = next(same, None)
    if one is None:
        return None
    write_whole(folder / place, (folder / one.name).read_bytes())
    return Fetched(place, one.sha256, one.size, item.stamp)


def _place(item: Item, key: str) -> str:
    return f"{fetched.FOLDER}/{key[:12]}/{item.name}"


def _fetch(google: Any, drive: Any, item: Item, folder: Path, progress: Downloads) -> Fetched:
    """Downloads the file beside its place, checks it, and puts it there."""
    place = folder / fetched.FOLDER
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = place / f".{item.checksum[1] if item.checksum else 'document'}{UNFINISHED}"
    if item.checksum is None:
        part.write_bytes(google.execute(drive.files().export_media(fileId=item.id, mimeType="text/csv"), "a document"))
    elif not _download_whole(google, drive, item, part, progress):
        raise RemoteError("a file of the Drive folder arrived damaged twice", hint="run again; is it being changed?")
    digest = _digest("sha256", part)
    name = _place(item, item.checksum[1] if item.checksum else digest)
    _sync(part)
    (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = part.stat().st_size
    put_in_place(part, folder / name)
    progress.advance_file()
    return Fetched(name, digest, size, item.stamp)


def _download_whole(google: Any, drive: Any, item: Item, part: Path, progress: Downloads) -> bool:
    """Whether the file is in `part` as its checksum says. What an earlier fetch left there is gone on with, once."""
    assert item.checksum is not None
    for _ in range(2):
        _download(google, drive, item, part, progress)
        if part.stat().st_size == item.size and _digest(item.checksum[0], part) == item.checksum[1]:
            return True
        part.unlink()
    return False


def _download(google: Any, drive: Any, item: Item, part: Path, progress: Downloads) -> None:
    """Appends what is missing, piece by piece: after a fault only one piece travels again."""
    request = drive.files().get_media(fileId=item.id, supportsAllDrives=True)
    with part.open("ab") as file:
        progress.advance(file.tell())
        while (have := file.tell()) < item.size:
            piece, is_all = google.piece(request, have, CHUNK, "a file of the Drive folder")
            if is_all:
                file.truncate(0)
                file.seek(0)
            if not piece:
                return
            file.write(piece)
            progress.advance(len(piece))


def _digest(kind: str, path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
