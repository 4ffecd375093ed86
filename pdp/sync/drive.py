"""Google Drive as the remote. Objects are files of a folder; the head is one file, moved with v2's If-Match.

v3 has no write on condition. Names are not unique in Drive, so objects are found by id; ids are drawn beforehand, so that
an upload whose answer was lost can be sent again and is there once.

Where the credentials may not make files (a service account and a person's folder), the person makes an empty file
`pdp-state` and shares it: then the whole state lies in it (`pdp.sync.bundle`).
"""

from __future__ import annotations

import hashlib
import random
import re
import time
from functools import cached_property
from typing import Any

from pdp.errors import SyncError, Untrusted
from pdp.google.access import STATE, Access, clients
from pdp.sync import bundle
from pdp.sync.backend import NAME, Backend, Cell, Conflict, Missing, Token, Unreachable, checked

WHOLE, HEAD = "pdp-state", "pdp-state-head"
FOLDER = "application/vnd.google-apps.folder"
REF = re.compile(r"[A-Za-z0-9_-]{8,100}")
WHERE = "Google Drive"
TRIES = 5


def open_drive(access: Access, file_id: str) -> Backend:
    """The place with this id: a folder, or the one file that holds all.

    Raises:
        PdpError: it is not there, or not shared with these credentials.
    """
    drive = Client(access)
    try:
        request = drive.v3.files().get(fileId=file_id, fields="id,mimeType", supportsAllDrives=True)
        if drive.ask(request, "the state")["mimeType"] != FOLDER:
            return bundle.Bundle(OnlyFile(drive, file_id))
        found = drive.files(file_id, f" and name contains '{WHOLE}'")
    except Missing:
        raise gone() from None
    wholes = [file for file in found if file["name"] == WHOLE]
    if not wholes:
        return DriveFolder(drive, file_id)
    if len(wholes) > 1 or any(file["name"] == HEAD for file in found):
        raise SyncError(f"the state's folder in {WHERE} holds two states", hint=f"remove one {WHOLE}, or {HEAD}")
    return bundle.Bundle(OnlyFile(drive, wholes[0]["id"]))


def gone() -> SyncError:
    return SyncError(
        f"the state's place in {WHERE} is not there, or not shared with these credentials",
        hint="check its id, and share it as Editor; pdp doctor shows with whom",
    )


class Client:
    """Both versions of the API, and their faults as the backend's."""

    def __init__(self, access: Access) -> None:
        self._access, self._google = access, clients()

    @cached_property
    def v3(self) -> Any:
        return self._google.drive(self._access, (STATE,), "v3")

    @cached_property
    def v2(self) -> Any:
        return self._google.drive(self._access, (STATE,), "v2")

    def ask(self, request: Any, what: str, *, once: bool = False) -> Any:
        """The answer; tried again where that helps, unless `once`.

        Raises:
            Conflict, Missing, Unreachable: as the backend knows them.
            PdpError: Google refuses.
        """
        from pdp.google.faults import GoogleError, Patience, call

        try:
            if request.resumable:
                return self._google.upload(request, what)
            patience = Patience(attempts=1, unreachable=1) if once else Patience()
            return call(lambda: request.execute(num_retries=0), what, patience=patience)
        except GoogleError as error:
            if error.status in (409, 412):
                raise Conflict from error
            if error.status == 404:
                raise Missing from error
            if error.status == 0 or error.status == 429 or error.status >= 500:
                raise Unreachable(error.message, hint=error.hint) from error
            raise

    def heads(self, folder: str) -> list[dict[str, Any]]:
        return self.files(folder, f" and name = '{HEAD}'")

    def files(self, folder: str, more: str = "") -> list[dict[str, Any]]:
        """All files of a folder: id, name and size."""
        found: list[dict[str, Any]] = []
        token = None
        while True:
            request = self.v3.files().list(
                q=f"'{folder}' in parents and trashed = false{more}", fields="nextPageToken,files(id,name,size)",
                pageSize=1000, pageToken=token, supportsAllDrives=True, includeItemsFromAllDrives=True,
            )  # fmt: skip
            try:
                page = self.ask(request, "the state's folder")
            except Missing:
                raise gone() from None
            found += page["files"]
            token = page.get("nextPageToken")
            if not token:
                return found

    def media(self, content: bytes, *, alone: bool = False) -> Any:
        """Content to upload, `alone` or beside a description of it.

        The library parts the two by a bare line feed: a carriage return at the end of the content could be taken for
        a part of that, and be lost. Then the content goes alone, as a second request.
        """
        from googleapiclient.http import MediaInMemoryUpload

        return MediaInMemoryUpload(
            content, mimetype="application/octet-stream", resumable=not alone and content.endswith(b"\r")
        )


class HeadFile:
    """One file, replaced on condition of its etag."""

    where = WHERE

    def __init__(self, client: Client, file_id: str) -> None:
        self.client, self.id = client, file_id

    def read(self) -> Cell | None:
        """The content and the etag of one moment: the checksum that came with the etag says so."""
        fields = "etag,md5Checksum,fileSize"
        for tried in range(2 * TRIES):
            about = self.client.v2.files().get(fileId=self.id, fields=fields, supportsAllDrives=True)
            request = self.client.v3.files().get_media(fileId=self.id, supportsAllDrives=True)
            told = self.client.ask(about, "the state")
            content = self.client.ask(request, "the state") if told.get("fileSize", "0") != "0" else b""
            if hashlib.md5(content, usedforsecurity=False).hexdigest() == told.get("md5Checksum", EMPTY):
                return Cell(content, told["etag"])
            time.sleep(random.random() * 0.05 * 2**tried)  # noqa: S311 - others are writing: let them
        raise Unreachable(f"the state in {WHERE} changes all the time, or comes garbled", hint="try again later")

    def write(self, token: Token | None, content: bytes) -> None:
        request = self.client.v2.files().update(
            fileId=self.id, media_body=self.client.media(content, alone=True), supportsAllDrives=True, fields="id"
        )
        request.headers["If-Match"] = token
        try:
            self.client.ask(request, "the state", once=True)
        except Missing:
            raise Conflict from None  # taken back by who made it, see _make_head


class OnlyFile(HeadFile):
    """The same, where no other one could take its place."""

    def read(self) -> Cell | None:
        try:
            return super().read()
        except Missing:
            raise gone() from None


EMPTY = hashlib.md5(b"", usedforsecurity=False).hexdigest()


class DriveFolder:
    everything = True
    where = WHERE

    def __init__(self, client: Client, folder: str) -> None:
        self.client, self.folder = client, folder
        self._ids: list[str] = []

    def read_head(self) -> Cell | None:
        for _ in range(TRIES):
            file = self._head()
            try:
                return file.read() if file else None
            except Missing:
                continue  # taken back just now, see _make_head
        raise Unreachable(f"the state in {WHERE} comes and goes", hint="try again later")

    def _head(self) -> HeadFile | None:
        for tried in range(TRIES):
            heads = self.client.heads(self.folder)
            if len(heads) < 2:
                return HeadFile(self.client, heads[0]["id"]) if heads else None
            time.sleep(0.2 * 2**tried)  # one of them may be about to be taken back
        raise SyncError(
            f"the state's folder in {WHERE} holds {len(heads)} files called {HEAD}",
            hint="two machines made one at the same moment: keep the one that was changed last",
        )

    def move_head(self, token: Token | None, content: bytes, named: list[str]) -> None:
        file = self._head()
        if token is None and file is None:
            self._make_head(content)
        elif token is None or file is None:
            raise Conflict
        else:
            file.write(token, content)

    def _make_head(self, content: bytes) -> None:
        """The first head. Drive lets two machines make one name at once: who then sees both takes its own back."""
        request = self.client.v2.files().insert(
            body={"title": HEAD, "parents": [{"id": self.folder}]}, media_body=self.client.media(content),
            supportsAllDrives=True, fields="id,etag",
        )  # fmt: skip
        made = self.client.ask(request, "the state", once=True)
        if len(self.client.heads(self.folder)) == 1:
            return
        back = self.client.v2.files().delete(fileId=made["id"], supportsAllDrives=True)
        back.headers["If-Match"] = made["etag"]  # unless somebody has gone on from it already
        self.client.ask(back, "the state", once=True)
        raise Conflict

    def get(self, ref: str) -> bytes:
        if not REF.fullmatch(ref):
            raise Untrusted("the remote state names an object as pdp never would", hint="do not use this remote")
        return self.client.ask(self.client.v3.files().get_media(fileId=ref, supportsAllDrives=True), "an object")

    @cached_property
    def _listed(self) -> dict[str, tuple[str, int]]:
        """Name -> (id, size) of the objects that are there: one look, and only by who has something to send."""
        files = (file for file in self.client.files(self.folder) if NAME.fullmatch(file["name"]))
        return {file["name"]: (file["id"], int(file.get("size", 0))) for file in files}

    def find(self, name: str, least: int) -> str | None:
        ref, size = self._listed.get(checked(name), ("", -1))
        return ref if size >= least else None

    def create_if_absent(self, name: str, content: bytes) -> str:
        there = self.find(name, len(content))
        if there is not None:
            return there
        if not self._ids:
            request = self.client.v3.files().generateIds(count=100, space="drive", type="files")
            self._ids = list(self.client.ask(request, "new ids")["ids"])
        file_id = self._ids.pop()
        body = {"id": file_id, "name": checked(name), "parents": [self.folder]}
        request = self.client.v3.files().create(
            body=body, media_body=self.client.media(content), supportsAllDrives=True, fields="id,size,sha256Checksum"
        )
        try:
            made = self.client.ask(request, "an object")
        except Missing:
            raise gone() from None
        except Conflict:  # sent twice: the first answer was lost, not the bytes
            request = self.client.v3.files().get(
                fileId=file_id, supportsAllDrives=True, fields="id,size,sha256Checksum"
            )
            made = self.client.ask(request, "an object")
        digest = hashlib.sha256(content).hexdigest()
        if int(made["size"]) != len(content) or made.get("sha256Checksum", digest) != digest:
            self.delete(file_id)
            raise Unreachable(f"an upload to {WHERE} arrived damaged", hint="try again")
        self._listed[name] = (file_id, len(content))
        return file_id

    def delete(self, ref: str) -> None:
        self.__dict__.pop("_listed", None)
        try:
            self.client.ask(self.client.v3.files().delete(fileId=ref, supportsAllDrives=True), "an object")
        except Missing:
            return

    def refs(self) -> list[str]:
        return sorted(file["id"] for file in self.client.files(self.folder) if NAME.fullmatch(file["name"]))
