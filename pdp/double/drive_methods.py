"""The methods of Drive v3 and v2 that pdp uses, on `Drive`. A declared method that is not here answers 501."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pdp.double import fields, query
from pdp.double.api import ApiError, Call, document
from pdp.double.drive import FOLDER, NATIVE, SHORTCUT, Drive, File, as_v2, as_v3

DEFAULT = {
    "drive.files.list": "kind,incompleteSearch,nextPageToken,files(kind,id,name,mimeType)",
    "drive.files.generateIds": "",
    "drive.about.get": "",
}
Answer = dict[str, Any] | bytes | None
"""JSON, content, or nothing (204)."""


class DriveMethods:
    """One request at a time: what is read and what is written belong together."""

    def __init__(self, drive: Drive) -> None:
        self.drive = drive
        self.pages: dict[str, tuple[str, list[str]]] = {}
        self.answers: dict[str, Callable[[Call, bytes | None], Answer]] = {
            "drive.files.list": self.list_files, "drive.files.get": self.get, "drive.files.export": self.export,
            "drive.files.create": self.create, "drive.files.insert": self.create, "drive.files.update": self.update,
            "drive.files.patch": self.update, "drive.files.delete": self.delete,
            "drive.files.generateIds": self.generate_ids, "drive.about.get": self.about,
        }  # fmt: skip

    def answer(self, call: Call, media: bytes | None) -> Answer:
        """The answer, cut to the fields that were asked for. `media` is uploaded content.

        Raises:
            ApiError: the request is refused.
        """
        method = self.answers.get(call.method.id)
        if method is None:
            raise ApiError(501, "notImplemented", f"the double does not know {call.method.id}")
        mask = self._mask(call)
        with self.drive.lock:
            self._check_match(call)
            found = method(call, media)
        return fields.apply(mask, found) if isinstance(found, dict) else found

    def _mask(self, call: Call) -> fields.Mask:
        text = call.query.get("fields", "")
        if call.method.id == "drive.about.get" and not text:
            raise ApiError(400, "required", "The 'fields' parameter is required for this method.")
        mask = fields.parse(text)
        fields.check(mask, document(*call.method.api), call.method.schema)
        if not text and call.method.api[1] == "v3":
            return fields.parse(DEFAULT.get(call.method.id, "kind,id,name,mimeType"))
        return mask

    def _check_match(self, call: Call) -> None:
        """v2 honours If-Match when it writes; v3 does not look at it."""
        wanted = call.headers.get("If-Match")
        if wanted and call.method.api[1] == "v2" and call.method.verb in ("PUT", "PATCH", "DELETE"):
            file = self._visible(call)
            if wanted not in ("*", file.etag):
                raise ApiError(412, "conditionNotMet", "Precondition Failed")

    def _told(self, call: Call, file: File) -> dict[str, Any]:
        """The file as the call's version tells of it, with what the caller may do."""
        may = self.drive.role(file, call.email) in ("owner", "writer")
        can = {"canEdit": may, "canDownload": True, "canAddChildren": may and file.mime == FOLDER}
        return (as_v2 if call.method.api[1] == "v2" else as_v3)(file) | {"capabilities": can}

    def _visible(self, call: Call) -> File:
        return self.drive.visible(call.path["fileId"], call.email, _all_drives(call))

    def list_files(self, call: Call, media: bytes | None) -> Answer:
        asked = {name: value for name, value in call.query.items() if name not in ("pageToken", "fields")}
        if asked.get("includeItemsFromAllDrives") and not _all_drives(call):
            raise ApiError(403, "teamDrivesNotSupported", "supportsAllDrives is needed too")
        token = call.query.get("pageToken")
        if token is None:
            ids = self._found(call)
        elif token in self.pages and self.pages[token][0] == repr(asked):
            ids = self.pages[token][1]
        else:
            raise ApiError(400, "invalid", "Invalid Value")
        size = min(call.query.get("pageSize", 100), self.drive.max_page)
        page, rest = ids[:size], ids[size:]
        told = [self._told(call, self.drive.files[each]) for each in page if each in self.drive.files]
        found: dict[str, Any] = {"kind": "drive#fileList", "incompleteSearch": self.drive.incomplete, "files": told}
        if rest:
            found["nextPageToken"] = f"~!!~{len(self.pages)}"
            self.pages[found["nextPageToken"]] = (repr(asked), rest)
        return found

    def _found(self, call: Call) -> list[str]:
        """Ids in an order that nobody may count on, or in the one asked for."""
        test, folders = query.parse(call.query.get("q", ""))
        for folder in folders:
            if folder != "root":
                self.drive.visible(folder, call.email, _all_drives(call))
        with_drives = bool(call.query.get("includeItemsFromAllDrives"))
        meant = [
            file for file in self.drive.files.values()
            if test(file) and self.drive.role(file, call.email) and (with_drives or not file.drive)
        ]  # fmt: skip
        meant.sort(key=lambda file: file.id)
        for part in reversed(call.query.get("orderBy", "").split(",")):
            name, _, direction = part.strip().partition(" ")
            if name not in ("", "name", "createdTime", "modifiedTime", "folder"):
                raise ApiError(400, "invalid", "Invalid Value")
            if name:
                meant.sort(key=lambda file, by=name: _order(file, by), reverse=direction == "desc")  # type: ignore[misc]
        return [file.id for file in meant]

    def get(self, call: Call, media: bytes | None) -> Answer:
        file = self._visible(call)
        if call.query.get("alt") != "media":
            return self._told(call, file)
        if file.content is None:
            message = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
            raise ApiError(403, "fileNotDownloadable", message)
        return file.content

    def export(self, call: Call, media: bytes | None) -> Answer:
        file = self._visible(call)
        if not file.mime.startswith(NATIVE) or file.mime in (FOLDER, SHORTCUT):
            raise ApiError(403, "fileNotExportable", "Export only supports Docs Editors files.")
        content = file.exports.get(call.query["mimeType"])
        if content is None:
            raise ApiError(400, "badRequest", "The requested conversion is not supported.")
        if len(content) > 10 * 2**20:
            raise ApiError(403, "exportSizeLimitExceeded", "This file is too large to be exported.")
        return content

    def create(self, call: Call, media: bytes | None) -> Answer:
        body = call.json
        file_id = body.get("id", "")
        if file_id and file_id in self.drive.files:
            raise ApiError(409, "fileIdInUse", "A file already exists with the provided ID.")
        if file_id and file_id not in self.drive.reserved:
            raise ApiError(400, "invalid", "The provided file ID is not usable.")
        parents = [p["id"] if isinstance(p, dict) else p for p in body.get("parents", ())]
        drive = ""
        for parent in parents:
            drive = self.drive.writable(parent, call.email, _all_drives(call)).drive
        name = body.get("name") or body.get("title") or "Untitled"
        mime = body.get("mimeType") or call.headers.get("X-Upload-Content-Type") or "application/octet-stream"
        file = File(
            file_id or self.drive.new_id(), name, mime, "" if drive else call.email, parents=parents, drive=drive
        )
        self._describe(file, body)
        if media is not None or not mime.startswith(NATIVE):
            self.drive.store(file, media or b"")
        self.drive.files[file.id] = file
        return self._told(call, file)

    def update(self, call: Call, media: bytes | None) -> Answer:
        file = self.drive.writable(call.path["fileId"], call.email, _all_drives(call))
        if media is not None:
            self.drive.store(file, media)
        self._describe(file, call.json)
        for change, parents in (("addParents", file.parents.append), ("removeParents", file.parents.remove)):
            for parent in filter(None, call.query.get(change, "").split(",")):
                parents(parent)
        file.touch()
        return self._told(call, file)

    def _describe(self, file: File, body: dict[str, Any]) -> None:
        file.name = body.get("name") or body.get("title") or file.name
        file.mime = body.get("mimeType") or file.mime
        file.trashed = bool(body.get("trashed", file.trashed))
        for kind in ("appProperties", "properties"):
            if isinstance(body.get(kind), dict):
                own = file.properties(kind)
                own |= {name: value for name, value in body[kind].items() if value is not None}
                for name in [name for name, value in body[kind].items() if value is None]:
                    own.pop(name, None)

    def delete(self, call: Call, media: bytes | None) -> Answer:
        file = self._visible(call)
        role = self.drive.role(file, call.email)
        if role != "owner" and not (file.drive and role == "writer"):
            raise ApiError(
                403, "insufficientFilePermissions", "The user does not have sufficient permissions for this file."
            )
        del self.drive.files[file.id]
        return None

    def generate_ids(self, call: Call, media: bytes | None) -> Answer:
        ids = [self.drive.new_id() for _ in range(call.query.get("count") or call.query.get("maxResults") or 10)]
        self.drive.reserved.update(ids)
        return {"kind": "drive#generatedIds", "space": "drive", "ids": ids}

    def about(self, call: Call, media: bytes | None) -> Answer:
        used, limit = self.drive.used(call.email), self.drive.limit(call.email)
        return {
            "kind": "drive#about", "user": {"kind": "drive#user", "emailAddress": call.email},
            "storageQuota": {"limit": str(limit), "usage": str(used), "usageInDrive": str(used)},
        }  # fmt: skip


def _all_drives(call: Call) -> bool:
    return bool(call.query.get("supportsAllDrives") or call.query.get("supportsTeamDrives"))


def _order(file: File, by: str) -> Any:
    return {
        "name": file.name, "createdTime": file.created, "modifiedTime": file.modified, "folder": file.mime != FOLDER
    }[by]  # fmt: skip


def ranged(content: bytes, wanted: str) -> tuple[bytes, str]:
    """(the part that a Range header names, its Content-Range; '' for all).

    Raises:
        ApiError: 416, it begins behind the end.
    """
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    if not match:
        return content, ""
    first, last = int(match[1]), min(int(match[2] or len(content)), len(content) - 1)
    if first >= len(content):
        raise ApiError(416, "requestedRangeNotSatisfiable", "Request range not satisfiable")
    return content[first : last + 1], f"bytes {first}-{last}/{len(content)}"
