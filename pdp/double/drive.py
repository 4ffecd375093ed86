"""Drive: files, folders, who may see them, how much room there is; and how v3 and v2 tell of a file."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pdp.double.api import ApiError

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
SHEET = "application/vnd.google-apps.spreadsheet"
NATIVE = "application/vnd.google-apps."
PERSON = "person@example.org"
ROOM = 15 * 2**30


@dataclass
class File:
    """A file, a folder, a shortcut or a document of Google's own (`content` None, `exports` by MIME type)."""

    id: str
    name: str
    mime: str
    owner: str
    content: bytes | None = None
    parents: list[str] = field(default_factory=list)
    readers: set[str] = field(default_factory=set)
    writers: set[str] = field(default_factory=set)
    exports: dict[str, bytes] = field(default_factory=dict)
    drive: str = ""
    target: str = ""
    trashed: bool = False
    version: int = 1
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)
    app_properties: dict[str, str] = field(default_factory=dict)
    own_properties: dict[str, str] = field(default_factory=dict)

    def people(self, place: str) -> list[str]:
        """The ids or addresses that `in` asks about."""
        owners = [self.owner]
        return {
            "parents": self.parents, "owners": owners, "writers": [*owners, *self.writers],
            "readers": [*owners, *self.writers, *self.readers],
        }[place]  # fmt: skip

    def properties(self, kind: str) -> dict[str, str]:
        return self.app_properties if kind == "appProperties" else self.own_properties

    def told(self, name: str) -> str:
        return self.mime if name == "mimeType" else self.name

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(f"{self.id}/{self.version}".encode()).hexdigest()[:22]}"'

    def touch(self) -> None:
        self.version += 1
        self.modified = time.time()


class Drive:
    """All files of everyone. What tests and the demo do to it needs no permission."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.members: dict[str, dict[str, str]] = {}  # shared drive -> e-mail -> reader or writer
        self.room: dict[str, int] = {}
        self.reserved: set[str] = set()
        self.lock = threading.RLock()
        self.max_page = 1000
        self.incomplete = False
        self._numbers = itertools.count(1)

    def new_id(self) -> str:
        """Unlike its neighbours, and the same in every run of a test."""
        return "1" + hashlib.sha256(str(next(self._numbers)).encode()).hexdigest()[:32]

    def file(self, name: str, content: bytes, mime: str = "text/csv", **more: Any) -> File:
        """Puts a file there, or a second one of the same name. `parent` is the id of its folder."""
        return self._add(name, mime, content=content, **more)

    def folder(self, name: str, **more: Any) -> File:
        return self._add(name, FOLDER, **more)

    def document(self, name: str, exports: Mapping[str, bytes], mime: str = SHEET, **more: Any) -> File:
        """What Drive made of an upload that it converted."""
        return self._add(name, mime, exports=dict(exports), **more)

    def shortcut(self, name: str, target: str, **more: Any) -> File:
        return self._add(name, SHORTCUT, target=target, **more)

    def shared_drive(self, name: str, members: Mapping[str, str]) -> File:
        """A shared drive; its id is also that of its topmost folder."""
        root = self._add(name, FOLDER, owner="")
        root.drive = root.id
        self.members[root.id] = dict(members)
        return root

    def change(self, file_id: str, content: bytes) -> None:
        """Another person, or the phone, writes the file anew."""
        with self.lock:
            self.files[file_id].content = content
            self.files[file_id].touch()

    def remove(self, file_id: str) -> None:
        with self.lock:
            del self.files[file_id]

    def _add(self, name: str, mime: str, *, parent: str = "", readers: Iterable[str] = (), **more: Any) -> File:
        with self.lock:
            file_id = more.pop("id", "") or self.new_id()
            file = File(file_id, name, mime, more.pop("owner", PERSON), readers=set(readers), **more)
            if parent:
                file.parents.append(parent)
                file.drive = self.files[parent].drive
            self.files[file_id] = file
            return file

    def role(self, file: File, email: str, below: frozenset[str] = frozenset()) -> str:
        """owner, writer, reader or '': one's own, or that of a folder above."""
        if file.drive:
            return self.members[file.drive].get(email, "")
        if email == file.owner:
            return "owner"
        if email in file.writers:
            return "writer"
        seen = below | {file.id}
        above = [
            self.role(self.files[id_], email, seen) for id_ in file.parents if id_ in self.files and id_ not in seen
        ]
        if "owner" in above or "writer" in above:
            return "writer"
        return "reader" if email in file.readers or "reader" in above else ""

    def visible(self, file_id: str, email: str, all_drives: bool) -> File:
        """The file.

        Raises:
            ApiError: 404, it is not there, not shared, or in a shared drive that was not asked about.
        """
        file = self.files.get(file_id)
        if file is None or not self.role(file, email) or (file.drive and not all_drives):
            raise ApiError(404, "notFound", f"File not found: {file_id}.")
        return file

    def writable(self, file_id: str, email: str, all_drives: bool) -> File:
        file = self.visible(file_id, email, all_drives)
        if self.role(file, email) not in ("owner", "writer"):
            raise ApiError(
                403, "insufficientFilePermissions", "The user does not have sufficient permissions for this file."
            )
        return file

    def store(self, file: File, content: bytes) -> None:
        """Gives the file other content, on its owner's account.

        Raises:
            ApiError: 403, there is no room.
        """
        if not file.drive and self.used(file.owner) - len(file.content or b"") + len(content) > self.limit(file.owner):
            raise ApiError(
                403, "storageQuotaExceeded",
                "Service Accounts do not have storage quota. Leverage shared drives, or use OAuth delegation instead.",
            )  # fmt: skip
        file.content = content

    def limit(self, email: str) -> int:
        """Bytes: a service account has none of its own."""
        return self.room.get(email, 0 if email.endswith(".gserviceaccount.com") else ROOM)

    def used(self, email: str) -> int:
        return sum(len(file.content or b"") for file in self.files.values() if file.owner == email and not file.drive)


def as_v3(file: File) -> dict[str, Any]:
    """The file as v3 tells of it; it has no `etag`."""
    told: dict[str, Any] = {
        "kind": "drive#file", "id": file.id, "name": file.name, "mimeType": file.mime, "trashed": file.trashed,
        "parents": file.parents, "version": str(file.version), "createdTime": _time(file.created),
        "modifiedTime": _time(file.modified), "ownedByMe": False, "appProperties": file.app_properties,
        "properties": file.own_properties,
    }  # fmt: skip
    if file.drive:
        told["driveId"] = file.drive
    else:
        told["owners"] = [{"kind": "drive#user", "emailAddress": file.owner, "displayName": file.owner.split("@")[0]}]
    if file.target:
        told["shortcutDetails"] = {"targetId": file.target}
    return told | dict(_of_content(file, "size"))


def as_v2(file: File) -> dict[str, Any]:
    """The file as v2 tells of it."""
    return {
        "kind": "drive#file", "id": file.id, "etag": file.etag, "title": file.name, "mimeType": file.mime,
        "labels": {"trashed": file.trashed}, "parents": [{"kind": "drive#parentReference", "id": p} for p in file.parents],
        "createdDate": _time(file.created), "modifiedDate": _time(file.modified), "version": str(file.version),
    } | dict(_of_content(file, "fileSize"))  # fmt: skip


def _of_content(file: File, size: str) -> Iterator[tuple[str, str]]:
    """Only files with binary content have these."""
    if file.content is None:
        return
    yield size, str(len(file.content))
    yield "md5Checksum", hashlib.md5(file.content, usedforsecurity=False).hexdigest()
    yield "sha1Checksum", hashlib.sha1(file.content, usedforsecurity=False).hexdigest()
    yield "sha256Checksum", hashlib.sha256(file.content).hexdigest()
    yield "headRevisionId", hashlib.sha256(file.id.encode() + file.content).hexdigest()[:24]


def _time(seconds: float) -> str:
    millis = int(seconds * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03}Z"
