"""The double of Google, through Google's own clients: what it accepts, refuses and breaks."""

from __future__ import annotations

import http.client
import io
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from google.auth.exceptions import RefreshError
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaInMemoryUpload, MediaIoBaseUpload
from gspread.exceptions import APIError

from pdp.google.access import DRIVE, STATE, clients
from tests.google import Google, running

ALL = {"supportsAllDrives": True}
CASSETTES = Path(__file__).parents[2] / "shared/samples/gspread_cassettes"


@pytest.fixture
def google() -> Iterator[Google]:
    with running() as found:
        yield found


def refused(call: Any) -> tuple[int, str]:
    """(status, reason) of a request that Google refuses."""
    with pytest.raises(HttpError) as error:
        call.execute()
    return error.value.resp.status, json.loads(error.value.content)["error"]["errors"][0]["reason"]


def upload(content: bytes, resumable: bool = False) -> MediaInMemoryUpload:
    return MediaInMemoryUpload(content, mimetype="application/octet-stream", resumable=resumable)


# Who asks


def test_a_key_of_a_stranger_gets_no_token(google: Google) -> None:
    """The signature is verified: another key for the same address is refused."""
    other = google.double.service_account("other")
    google.key["private_key"] = other["private_key"]
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        google.drive().files().list().execute()


def test_a_withdrawn_account_is_refused_at_once(google: Google) -> None:
    """Its tokens are void, and it gets no new one."""
    drive = google.drive()
    drive.files().list().execute()
    google.double.accounts.withdraw(google.email)
    with pytest.raises(RefreshError):
        drive.files().list().execute()


def test_a_scope_must_cover_the_method(google: Google) -> None:
    """Who may only read cannot write."""
    assert refused(google.drive(DRIVE).files().create(body={"name": "a"})) == (403, "insufficientPermissions")


def test_a_person_signs_in_with_a_refresh_token(google: Google) -> None:
    """As Google's own tools leave it in a file."""
    google.key = google.double.accounts.person("me@example.org")
    made = google.drive(STATE).files().create(body={"name": "a"}, media_body=upload(b"mine")).execute()
    assert google.double.drive.files[made["id"]].owner == "me@example.org"


# The contract


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/drive/v3/files?pagesize=3", 400),
        ("/drive/v3/files?pageSize=many", 400),
        ("/drive/v3/files?pageSize=0", 400),
        ("/drive/v3/files?corpora=mine", 200),
        ("/drive/v3/files?q=name+is+'a'", 400),
        ("/drive/v3/files?q=trashed=false+and", 400),
        ("/drive/v3/files?q=trashed=false+or+trashed=true", 400),
        ("/drive/v3/files?fields=files(id,etag)", 400),
        ("/drive/v3/files?fields=files(id", 400),
        ("/drive/v3/file", 404),
        ("/drive/v3/drives", 501),
        ("/drive/v3/about", 400),
        ("/v4/spreadsheets", 404),
        ("/v4/spreadsheets/x?fields=properties(colour)", 400),
    ],
)
def test_what_is_not_declared_is_refused(path: str, status: int, google: Google) -> None:
    """Unknown methods, parameters, types and fields, by the documents that Google publishes."""
    google.drive().files().list().execute()
    token = next(iter(google.double.accounts.tokens))
    request = urllib.request.Request(google.double.root + path, headers={"Authorization": f"Bearer {token}"})
    try:
        answer = urllib.request.urlopen(request)
    except HTTPError as error:
        answer = error
    assert answer.status == status


def test_a_request_without_a_token_is_refused(google: Google) -> None:
    with pytest.raises(HTTPError, match="401"):
        urllib.request.urlopen(google.double.root + "/drive/v3/files")


# Drive


def test_a_folder_is_listed_page_by_page(google: Google) -> None:
    """Pages may be short; trash is there unless it is asked away; names come twice."""
    folder = google.double.drive.folder("exports", readers=[google.email])
    for number in range(5):
        google.double.drive.file("same.csv", str(number).encode(), parent=folder.id)
    google.double.drive.file("gone.csv", b"", parent=folder.id, trashed=True)
    google.double.drive.max_page = 2
    found, token = [], None
    while True:
        q = f"'{folder.id}' in parents and trashed = false"
        page = (
            google.drive()
            .files()
            .list(q=q, pageToken=token, fields="nextPageToken,files(name,sha256Checksum)")
            .execute()
        )
        found += page["files"]
        token = page.get("nextPageToken")
        if not token:
            break
    assert [one["name"] for one in found] == ["same.csv"] * 5
    assert len({one["sha256Checksum"] for one in found}) == 5
    assert google.double.counts["drive.files.list"] == 3


def test_what_is_not_shared_is_not_there(google: Google) -> None:
    """A file, and a folder whose content is asked for."""
    secret = google.double.drive.folder("secret")
    files = google.drive().files()
    assert refused(files.get(fileId=secret.id)) == (404, "notFound")
    assert refused(files.list(q=f"'{secret.id}' in parents")) == (404, "notFound")


def test_shared_drives_have_to_be_asked_about(google: Google) -> None:
    """Without supportsAllDrives their files are not there."""
    shared = google.double.drive.shared_drive("family", {google.email: "reader"})
    google.double.drive.file("a.csv", b"a", parent=shared.id)
    files = google.drive().files()
    q = f"'{shared.id}' in parents"
    assert refused(files.list(q=q)) == (404, "notFound")
    assert refused(files.list(q=q, includeItemsFromAllDrives=True)) == (403, "teamDrivesNotSupported")
    found = files.list(q=q, includeItemsFromAllDrives=True, **ALL).execute()["files"]
    assert [one["name"] for one in found] == ["a.csv"]


def test_content_comes_in_ranges_and_documents_only_as_exports(google: Google) -> None:
    """A document of Google's own has no content and no checksum."""
    file = google.double.drive.file("a.csv", b"0123456789", readers=[google.email])
    sheet = google.double.drive.document("b.csv", {"text/csv": b"x,y"}, readers=[google.email])
    files = google.drive().files()
    request = files.get_media(fileId=file.id)
    request.headers["range"] = "bytes=4-6"
    assert request.execute() == b"456"
    assert refused(files.get_media(fileId=sheet.id)) == (403, "fileNotDownloadable")
    assert files.export_media(fileId=sheet.id, mimeType="text/csv").execute() == b"x,y"
    assert "sha256Checksum" not in files.get(fileId=sheet.id, fields="*").execute()


@pytest.mark.parametrize("content", [b"", b"a\r\nb\n", bytes(range(256)), b"x" * 700_000])
@pytest.mark.parametrize("resumable", [False, True])
def test_what_is_uploaded_is_what_is_there(content: bytes, resumable: bool, google: Google) -> None:
    """In one request and in pieces, byte for byte, and again for other content."""
    folder = google.double.drive.shared_drive("state", {google.email: "writer"})
    files = google.drive(STATE).files()
    media = MediaIoBaseUpload(io.BytesIO(content), "application/octet-stream", 256 * 1024, resumable)
    if resumable and not content:
        return  # the library does not upload nothing in pieces
    made = files.create(body={"name": "s", "parents": [folder.id]}, media_body=media, **ALL).execute()
    assert google.double.drive.files[made["id"]].content == content
    files.update(fileId=made["id"], media_body=upload(content + b"!", resumable), **ALL).execute()
    assert files.get_media(fileId=made["id"], **ALL).execute() == content + b"!"


def test_a_service_account_has_no_room_of_its_own(google: Google) -> None:
    """It may write into a person's file, and into a shared drive."""
    files = google.drive(STATE).files()
    assert refused(files.create(body={"name": "a"}, media_body=upload(b"a"))) == (403, "storageQuotaExceeded")
    theirs = google.double.drive.file("theirs", b"", writers={google.email})
    files.update(fileId=theirs.id, media_body=upload(b"new")).execute()
    assert theirs.content == b"new"
    google.double.drive.room["person@example.org"] = 5
    assert refused(files.update(fileId=theirs.id, media_body=upload(b"123456"))) == (403, "storageQuotaExceeded")
    assert theirs.content == b"new"


def test_one_id_is_taken_once(google: Google) -> None:
    """Of eight writers with the same reserved id one succeeds."""
    folder = google.double.drive.shared_drive("state", {google.email: "writer"})
    reserved = google.drive(STATE).files().generateIds(count=1).execute()["ids"][0]
    results = []

    def write(number: int) -> None:
        body = {"id": reserved, "name": "head", "parents": [folder.id]}
        request = google.drive(STATE).files().create(body=body, media_body=upload(b"%d" % number), **ALL)
        try:
            request.execute()
            results.append(200)
        except HttpError as error:
            results.append(error.resp.status)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [200] + [409] * 7


def test_v2_compares_and_v3_does_not(google: Google) -> None:
    """If-Match with an old etag: 412 in v2, for content and for metadata; v3 writes all the same."""
    file = google.double.drive.file("head", b"1", writers={google.email})
    two, three = google.drive(STATE, version="v2").files(), google.drive(STATE).files()
    etag = two.get(fileId=file.id).execute()["etag"]

    def write(content: bytes, match: str) -> Any:
        request = two.update(fileId=file.id, media_body=upload(content))
        request.headers["If-Match"] = match
        return request

    newer = write(b"2", etag).execute()["etag"]
    assert newer != etag
    assert refused(write(b"3", etag)) == (412, "conditionNotMet")
    assert file.content == b"2"
    old = three.update(fileId=file.id, media_body=upload(b"4"))
    old.headers["If-Match"] = etag
    old.execute()
    assert file.content == b"4"
    assert "etag" not in three.get(fileId=file.id, fields="*").execute()


# Faults


def test_each_fault_breaks_an_answer_in_its_way(google: Google) -> None:
    """Status, dropped, truncated, other bytes, too slow; then all is well again."""
    file = google.double.drive.file("a.csv", b"0123456789", readers=[google.email])
    media = google.drive().files().get_media(fileId=file.id)
    name = "drive.files.get media"
    media.execute()
    google.double.fail(1, name, 429, headers={"Retry-After": "7"})
    assert refused(media) == (429, "rateLimitExceeded")
    google.double.fail(1, name, 403, reason="userRateLimitExceeded")
    assert refused(media) == (403, "userRateLimitExceeded")
    google.double.fail(2, name, "drop")  # httplib2 itself tries a dropped connection again
    with pytest.raises((OSError, http.client.HTTPException)):
        media.execute()
    google.double.fail(1, name, "truncate")
    with pytest.raises(http.client.IncompleteRead):
        media.execute()
    google.double.fail(1, name, "corrupt")
    assert media.execute() == b"0123456788"
    google.double.fail(1, name, "slow")
    there = media.http.http
    patient, there.timeout = there.timeout, 0.3  # only now: of the answers before, none is too late
    there.connections.clear()
    with pytest.raises(TimeoutError):
        media.execute()
    there.timeout = patient
    there.connections.clear()
    assert media.execute() == b"0123456789"


def test_a_lost_answer_leaves_the_work_done(google: Google) -> None:
    """The outcome is unknown to the client, and can be read back."""
    file = google.double.drive.file("head", b"1", writers={google.email})
    request = google.drive(STATE).files().update(fileId=file.id, media_body=upload(b"2"))
    google.double.fail(2, "drive.files.update upload", "lose")
    with pytest.raises((OSError, http.client.HTTPException)):
        request.execute()
    assert file.content == b"2"


def test_an_upload_in_pieces_goes_on_after_a_fault(google: Google) -> None:
    """What the library itself would send empty: the server is asked how far it got, and the rest follows."""
    file = google.double.drive.file("state", b"", writers={google.email})
    content = bytes(range(256)) * 4096
    media = MediaIoBaseUpload(io.BytesIO(content), "application/octet-stream", 256 * 1024, True)
    google.double.fail(1, "drive.files.update upload piece", 503, after=2, headers={"Retry-After": "0"})
    clients().upload(google.drive(STATE).files().update(fileId=file.id, media_body=media), "the state")
    assert file.content == content


# Sheets


def test_a_sheet_that_is_not_shared_is_refused(google: Google) -> None:
    """403 with Sheets' own kind of body."""
    sheet = google.double.sheets.add("BP", {"BP": []})
    with pytest.raises(Exception, match="does not let these credentials") as error:
        google.sheets().http_client.fetch_sheet_metadata(sheet.file.id)
    assert isinstance(error.value.__cause__, APIError)
    assert error.value.__cause__.response.json()["error"]["status"] == "PERMISSION_DENIED"


def shape(value: Any) -> Any:
    """Names and types, without what they hold."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def recorded(test: str, method: str, part: str) -> tuple[int, Any]:
    """(status, body) of the first recorded answer to a request whose address has `part`."""
    path = CASSETTES / f"{test}.json"
    if not path.is_file():
        pytest.skip(f"no recorded answers at {CASSETTES}")
    for one in json.loads(path.read_text())["interactions"]:
        if one["request"]["method"] == method and part in one["request"]["uri"]:
            return one["response"]["status"]["code"], json.loads(one["response"]["body"]["string"])
    raise AssertionError(f"{path.name} has no {method} {part}")


def test_values_come_as_recorded(google: Google) -> None:
    """The recorded sheet, put into the double, is answered as Google did: rows ragged, blank ones kept, types kept."""
    _, wanted = recorded("WorksheetTest.test_get_all_records", "GET", "/values/")
    sheet = google.double.sheets.add("t", {"Sheet1": wanted["values"]}, readers=[google.email])
    found = google.sheets().http_client.values_get(sheet.file.id, "'Sheet1'")
    assert (found["majorDimension"], found["values"]) == (wanted["majorDimension"], wanted["values"])
    assert found["range"].partition(":")[0] == wanted["range"].partition(":")[0]

    _, wanted = recorded("WorksheetTest.test_get_all_values_date_time_render_options", "GET", "UNFORMATTED_VALUE&dat")
    sheet = google.double.sheets.add("t", {"Sheet1": wanted["values"]}, readers=[google.email])
    params = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "SERIAL_NUMBER"}
    assert google.sheets().http_client.values_get(sheet.file.id, "'Sheet1'", params)["values"] == wanted["values"]

    _, wanted = recorded("WorksheetTest.test_get_all_values_date_time_render_options", "GET", "%27Sheet1%27%21A1%3AD2")
    sheet = google.double.sheets.add("t", {"Sheet1": []}, readers=[google.email])
    assert google.sheets().http_client.values_get(sheet.file.id, "'Sheet1'!A1:D2") == wanted, "empty: no values at all"


def test_metadata_and_errors_have_the_recorded_shape(google: Google) -> None:
    """All that the double tells of a spreadsheet, Google tells too, with the same names and types."""
    _, wanted = recorded("SpreadsheetTest.test_timezone_and_locale", "GET", "/v4/spreadsheets/")
    sheet = google.double.sheets.add("t", {"Sheet1": []}, readers=[google.email])
    found = google.sheets().http_client.fetch_sheet_metadata(sheet.file.id)
    told, real = shape(found), shape(wanted)
    assert told["properties"].items() <= real["properties"].items()
    assert told["sheets"] == real["sheets"]
    assert told.keys() == real.keys()

    status, wanted = recorded("ClientTest.test_access_private_spreadsheet", "GET", "1jIKzPs8LsiZZdLdeMEP")
    private = google.double.sheets.add("p", {"Sheet1": []})
    with pytest.raises(Exception, match="does not let") as error:
        google.sheets().http_client.fetch_sheet_metadata(private.file.id)
    answer = error.value.__cause__.response  # type: ignore[union-attr]
    assert (answer.status_code, answer.json()) == (status, wanted)


def test_a_list_of_files_has_the_recorded_shape(google: Google) -> None:
    """gspread's own request for all spreadsheets."""
    _, wanted = recorded("ClientTest.test_list_spreadsheet_files", "GET", "/drive/v3/files?q=")
    google.double.sheets.add("t", {"Sheet1": []}, readers=[google.email])
    q = 'mimeType="application/vnd.google-apps.spreadsheet"'
    fields = "kind,nextPageToken,files(id,name,createdTime,modifiedTime)"
    request = google.drive().files().list(q=q, pageSize=1000, includeItemsFromAllDrives=True, fields=fields, **ALL)
    assert shape(request.execute()) == shape(wanted)
