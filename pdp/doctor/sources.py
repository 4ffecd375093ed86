"""Whether the sources on Google can be reached: credentials, then the sheet, then the Drive folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from pdp.config import Config
from pdp.doctor import Finding, Tried
from pdp.errors import InputError, PdpError, RemoteError
from pdp.google.access import DRIVE, SHEETS, STATE, Access, clients

CONSOLE = "https://console.cloud.google.com"
APIS = {"sheet": "sheets.googleapis.com", "folder": "drive.googleapis.com", "state": "drive.googleapis.com"}
NOT_ENABLED = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
FOLDER = "application/vnd.google-apps.folder"


class Doctor:
    """One look at all; `findings` is to be read to its end."""

    def __init__(self, config: Config, access: Access) -> None:
        self.values, self.access = config.values, access
        self.who = "these credentials"
        self.project = ""

    def findings(self) -> Iterator[Finding]:
        fetch = self.values["fetch"]
        sheet, folder, state = fetch["google_sheets"], fetch["mi_band"]["id"], state_id(self.values)
        if not (sheet["id"] or folder or state):
            yield Finding("sources", "skip", "no sheet, no Drive folder and no state folder is named", "docs/google.md")
            return
        tried = Tried()
        yield from tried.once("credentials", self._credentials)
        if tried.failed:
            return
        yield from self._file_mode()
        if sheet["id"]:
            yield from self._sheet(sheet)
        if folder:
            yield from self._folder(folder)
        if state:
            yield from self._state(state)

    # Credentials

    def _credentials(self) -> str:
        clients()
        from pdp.google import keys

        info, where = keys.read(self.access)
        keys.load(self.access, (SHEETS,))
        self.who = str(info.get("client_email") or "your own account")
        self.project = str(info.get("project_id", ""))
        kind = "a service account's key" if info.get("type") == "service_account" else "a person's token"
        return f"{kind} in {where}, for {self.who}"

    def _file_mode(self) -> Iterator[Finding]:
        path = self.access.file
        if path is not None and not self.access.base64 and path.stat().st_mode & 0o077 and os.name == "posix":
            yield Finding("key file", "look", f"others on this machine can read {path.name}", f"chmod 600 {path}")

    def _token(self, scope: str) -> str:
        clients().token(self.access, (scope,))
        return "granted"

    def _token_todo(self, error: RemoteError) -> str:
        return f"{error.hint}; keys are made at {CONSOLE}/iam-admin/serviceaccounts{self._of_project()}"

    # Places

    def _sheet(self, wanted: Mapping[str, Any]) -> Iterator[Finding]:
        tried, seen = Tried(), dict[str, Any]()

        def metadata() -> str:
            http = clients().sheets(self.access, (SHEETS,)).http_client
            fields = "properties(locale,timeZone),sheets.properties(sheetId,title)"
            seen.update(self._reached(lambda: http.fetch_sheet_metadata(wanted["id"], {"fields": fields}), seen))
            return "answers"

        yield from tried.once("sheet: token", lambda: self._token(SHEETS), self._token_todo)
        yield from tried.once("sheet: Sheets API", metadata, lambda error: self._enable("sheet"))
        yield from tried.once("sheet: shared", lambda: self._shared(seen), self._share("the sheet", "Viewer"))
        yield from tried.once("sheet: tabs", lambda: _tabs(seen["sheets"], wanted["tabs"]))
        if not tried.failed:
            yield self._zone(seen["properties"])

    def _folder(self, folder_id: str) -> Iterator[Finding]:
        tried, seen = Tried(), dict[str, Any]()
        yield from tried.once("Drive folder: token", lambda: self._token(DRIVE), self._token_todo)
        yield from tried.once(
            "Drive folder: Drive API", lambda: self._get(folder_id, DRIVE, seen), lambda error: self._enable("folder")
        )
        yield from tried.once("Drive folder: shared", lambda: self._shared(seen), self._share("the folder", "Viewer"))
        yield from tried.once("Drive folder: exports", lambda: self._exports(folder_id, seen))

    def _state(self, state: str) -> Iterator[Finding]:
        tried, seen = Tried(), dict[str, Any]()
        yield from tried.once("state: token", lambda: self._token(STATE), self._token_todo)
        yield from tried.once(
            "state: Drive API", lambda: self._get(state, STATE, seen), lambda error: self._enable("state")
        )
        yield from tried.once("state: shared", lambda: self._shared(seen), self._share("it", "Editor"))
        yield from tried.once("state: writable", lambda: _writable(seen), self._share("it", "Editor"))
        if seen.get("mimeType") == FOLDER:
            yield from tried.once("state: room", lambda: self._probe(state), _room)

    def _get(self, file_id: str, scope: str, seen: dict[str, Any]) -> str:
        google = clients()
        fields = "id,mimeType,driveId,capabilities(canEdit,canAddChildren)"
        request = google.drive(self.access, (scope,)).files().get(fileId=file_id, supportsAllDrives=True, fields=fields)
        seen.update(self._reached(lambda: google.execute(request, "it"), seen))
        return "answers"

    def _reached(self, request: Any, seen: dict[str, Any]) -> dict[str, Any]:
        """The answer; a refusal that shows the API to be enabled is kept for the next question."""
        try:
            answer: dict[str, Any] = request()
            return answer
        except RemoteError as error:
            if getattr(error, "status", 0) in (403, 404) and getattr(error, "reason", "") not in NOT_ENABLED:
                seen["refused"] = error
                return {}
            raise

    def _shared(self, seen: dict[str, Any]) -> str:
        if "refused" in seen:
            raise seen["refused"]
        return f"{self.who} may see it"

    def _exports(self, folder_id: str, seen: dict[str, Any]) -> str:
        if seen["mimeType"] != FOLDER:
            raise InputError("the id is that of a file", hint="copy the address of the folder that holds the exports")
        google = clients()
        request = google.drive(self.access, (DRIVE,)).files().list(
            q=f"'{folder_id}' in parents and trashed = false", pageSize=1000, supportsAllDrives=True,
            includeItemsFromAllDrives=True, fields="files(name,mimeType)",
        )  # fmt: skip
        files = google.execute(request, "the Drive folder")["files"]
        exports = [one for one in files if one["name"].lower().endswith((".csv", ".zip")) or one["mimeType"] == FOLDER]
        if not exports:
            raise InputError(f"it holds {len(files)} files, and no CSV, zip or folder", hint="put the exports there")
        return f"{len(exports)} CSV files, zips and folders"

    def _probe(self, folder_id: str) -> str:
        """A file of a few bytes, made and removed again: only that shows whether there is room."""
        from googleapiclient.http import MediaInMemoryUpload

        google = clients()
        files = google.drive(self.access, (STATE,)).files()
        body = {"name": "pdp-doctor.txt", "parents": [folder_id]}
        media = MediaInMemoryUpload(b"pdp doctor was here; this file may be deleted\n", "text/plain")
        made = google.execute(files.create(body=body, media_body=media, supportsAllDrives=True, fields="id"), "a file")
        google.execute(files.delete(fileId=made["id"], supportsAllDrives=True), "the file")
        return "a file was made and removed"

    def _zone(self, properties: Mapping[str, str]) -> Finding:
        zone, own = properties["timeZone"], self.values["timezone"]
        if zone == own:
            return Finding("sheet: time zone", "ok", f"{zone}, as in the settings; locale {properties['locale']}")
        todo = "if you did not mean it, set it in the sheet: File, Settings, Time zone"
        return Finding("sheet: time zone", "look", f"the sheet's is {zone}, the settings' is {own}", todo)

    # What to click

    def _enable(self, what: str) -> str:
        return f"open {CONSOLE}/apis/library/{APIS[what]}{self._of_project()} and click Enable; it takes some minutes"

    def _share(self, what: str, role: str) -> str:
        return f"open {what} in the browser, click Share, enter {self.who}, choose {role}, and click Send"

    def _of_project(self) -> str:
        return f"?project={self.project}" if self.project else ""


def state_id(values: Mapping[str, Any]) -> str:
    """The id of the state on Drive, '' if it is not there."""
    scheme, _, rest = str(values.get("state", {}).get("remote", "")).partition("://")
    return rest.strip("/") if scheme == "gdrive" else str(values["google"]["state_folder_id"])


def _tabs(sheets: list[dict[str, Any]], wanted: list[str]) -> str:
    titles = [sheet["properties"]["title"] for sheet in sheets]
    ids = [str(sheet["properties"]["sheetId"]) for sheet in sheets]
    for name in wanted:
        if name not in titles and name not in ids:
            raise InputError(f"there is no tab {name}", hint=f"fetch.google_sheets.tabs may name {', '.join(titles)}")
    return ", ".join(wanted) if wanted else f"the first one, {titles[0]}"


def _writable(seen: Mapping[str, Any]) -> str:
    can = seen.get("capabilities", {})
    if not can.get("canAddChildren" if seen["mimeType"] == FOLDER else "canEdit"):
        raise PdpError("these credentials may only read it")
    return "yes"


def _room(error: RemoteError) -> str:
    if getattr(error, "reason", "") != "storageQuotaExceeded":
        return error.hint
    return (
        "a service account owns no storage: move the folder into a shared drive, or make an empty file yourself, share it as "
        "Editor and name it as state.remote = gdrive://ID, or use your own OAuth token"
    )
