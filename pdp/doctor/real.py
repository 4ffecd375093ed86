"""`pdp doctor --real`: what no document says of Google Drive for sure, tried once in the state folder.

Each question is answered by requests on files made for it, which are removed again. The answers to the first and the
last decide how safe remote state on Drive is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from googleapiclient.http import MediaInMemoryUpload

from pdp.doctor import Finding
from pdp.errors import RemoteError
from pdp.google.access import STATE, Access
from pdp.google.clients import drive, execute, upload

FILE_SCOPE = "https://www.googleapis.com/auth/drive.file"
OWN, THEIRS = "pdp-doctor-real.txt", "pdp-doctor-probe.txt"
ALL = {"supportsAllDrives": True}


class Real:
    """The questions, in the folder `folder_id`. A file that a person made there, `pdp-doctor-probe.txt`, is used if there."""

    def __init__(self, access: Access, folder_id: str) -> None:
        self.access, self.folder_id = access, folder_id
        self.three, self.two = drive(access, (STATE,)).files(), drive(access, (STATE,), "v2").files()

    def findings(self) -> Iterator[Finding]:
        """An answer to each question."""
        q = f"'{self.folder_id}' in parents and name = '{THEIRS}' and trashed = false"
        listed = execute(self.three.list(q=q, includeItemsFromAllDrives=True, **ALL), "the folder")["files"]
        questions: list[tuple[str, Callable[[str], str]]] = [
            ("v2 refuses an old etag (If-Match)", self._if_match),
            ("v2 looks at If-Match again when a resumable upload ends", self._resumable),
            ("v3 looks at If-Match", self._v3),
            ("scope drive.file may update the file", self._file_scope),
        ]
        made = ""
        try:
            file_id = listed[0]["id"] if listed else ""
            if not file_id:
                file_id = made = self._create(OWN)
            yield Finding(
                "file", "ok", f"a person's file {THEIRS}" if listed else f"none named {THEIRS}: one of its own"
            )
            for what, question in questions:
                yield _answer(what, lambda question=question: question(file_id))  # type: ignore[misc]
            yield _answer("a reserved id is given once", self._reserved)
            yield _answer("a folder that is not shared cannot be listed", self._unshared)
        except RemoteError as error:
            yield Finding("file", "fail", error.message, f"make an empty {THEIRS} in the folder by hand; {error.hint}")
        finally:
            if made:
                execute(self.three.delete(fileId=made, **ALL), "the file")

    def _create(self, name: str, **body: str) -> str:
        body_ = {"name": name, "parents": [self.folder_id], **body}
        request = self.three.create(body=body_, media_body=_content("1"), fields="id", **ALL)
        return str(execute(request, "a file")["id"])

    def _etag(self, file_id: str) -> str:
        return str(execute(self.two.get(fileId=file_id, **ALL), "the file")["etag"])

    def _write(self, file_id: str, etag: str, text: str) -> Any:
        request = self.two.update(fileId=file_id, media_body=_content(text), **ALL)
        request.headers["If-Match"] = etag
        return execute(request, "the file")

    def _if_match(self, file_id: str) -> str:
        etag = self._etag(file_id)
        self._write(file_id, etag, "2")
        return _refusal(lambda: self._write(file_id, etag, "3"))

    def _resumable(self, file_id: str) -> str:
        etag = self._etag(file_id)
        media = MediaInMemoryUpload(b"4" * (2 * 256 * 1024), "text/plain", 256 * 1024, resumable=True)
        request = self.two.update(fileId=file_id, media_body=media, **ALL)
        request.headers["If-Match"] = etag
        request.next_chunk()
        self._write(file_id, etag, "5")
        return _refusal(lambda: upload(request, "the file"))

    def _v3(self, file_id: str) -> str:
        etag = self._etag(file_id)
        self._write(file_id, etag, "6")
        request = self.three.update(fileId=file_id, media_body=_content("7"), **ALL)
        request.headers["If-Match"] = etag
        return _refusal(lambda: execute(request, "the file"))

    def _file_scope(self, file_id: str) -> str:
        files = drive(self.access, (FILE_SCOPE,)).files()
        refused = _refusal(lambda: execute(files.update(fileId=file_id, media_body=_content("8"), **ALL), "the file"))
        return "yes" if refused.startswith("no") else f"no, {refused}"

    def _reserved(self) -> str:
        reserved = execute(self.three.generateIds(count=1), "an id")["ids"][0]
        made = self._create(OWN, id=reserved)
        try:
            return _refusal(lambda: self._create(OWN, id=reserved))
        finally:
            execute(self.three.delete(fileId=made, **ALL), "the file")

    def _unshared(self) -> str:
        q = "'1pdpDoctorAsksForAFolderThatIsNotThere0' in parents"
        return _refusal(lambda: execute(self.three.list(q=q, includeItemsFromAllDrives=True, **ALL), "a folder"))


def _answer(what: str, question: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", question())
    except RemoteError as error:
        return Finding(what, "look", f"could not be tried: {error.message}", error.hint)


def _refusal(request: Callable[[], Any]) -> str:
    """'yes, 412 conditionNotMet' if the request is refused, 'no: ...' if it is done."""
    try:
        request()
    except RemoteError as error:
        return f"yes, {getattr(error, 'status', 0)} {getattr(error, 'reason', '')}"
    return "no: it was done"


def _content(text: str) -> MediaInMemoryUpload:
    return MediaInMemoryUpload(text.encode(), "text/plain")
