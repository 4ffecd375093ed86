"""The client builder: credentials from every place, an address only on this machine, patience with measure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.errors import PdpError, SettingsError
from pdp.google import faults, keys
from pdp.google.access import DRIVE, Access, access_of, loopback
from pdp.google.clients import Pace, execute
from pdp.google.faults import GoogleError, Patience, call
from tests.google import Google, running

SECTION = {"credentials": "", "timeout_s": 600}


@pytest.fixture
def google() -> Iterator[Google]:
    with running() as found:
        yield found


@pytest.mark.parametrize("root", ["http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:80"])
def test_the_address_may_name_this_machine(root: str) -> None:
    assert loopback(root) == root.rstrip("/")


@pytest.mark.parametrize(
    "root",
    [
        "http://127.0.0.1", "https://127.0.0.1:80", "http://10.0.0.1:80", "http://example.org:80", "127.0.0.1:80",
        "http://127.0.0.1.example.org:80", "http://127.0.0.1:80@example.org:80", "http://127.0.0.1:80/path", "http://[",
        "http://127.0.0.1:80?x", "http://127.0.0.1:99999", "file:///etc", "http://0.0.0.0:80",
    ],
)  # fmt: skip
def test_any_other_address_is_refused(root: str) -> None:
    """PDP_GOOGLE_ROOT sends credentials and readings somewhere: never beyond this machine."""
    with pytest.raises(SettingsError, match="may only name a server on this machine"):
        access_of(SECTION, {"PDP_GOOGLE_ROOT": (root, "environment variable PDP_GOOGLE_ROOT")}, Path())


def test_a_key_comes_from_a_file_or_from_memory(google: Google, tmp_path: Path) -> None:
    """Both reach the same account; what comes as base64 is written nowhere."""
    (tmp_path / "key.json").write_text(json.dumps(google.key))
    before = sorted(tmp_path.iterdir())
    root = {"PDP_GOOGLE_ROOT": (google.double.root, "")}
    file = access_of({**SECTION, "credentials": "key.json"}, root, tmp_path)
    memory = access_of(SECTION, {**root, "GOOGLE_CREDENTIALS_BASE64": (google.base64, "")}, tmp_path)
    wrapped = Access(base64="\n".join(google.base64[at : at + 76] for at in range(0, len(google.base64), 76)))
    for access in (file, memory):
        found = keys.load(access, [DRIVE])
        assert getattr(found, "service_account_email", "") == google.email
    assert keys.read(wrapped)[0] == google.key
    assert sorted(tmp_path.iterdir()) == before
    assert google.base64 not in repr(memory)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is no key of a service account"),
        (b"{}", "is no key of a service account"),
        (b'{"installed": {}}', "is an OAuth client, not a token"),
        (b'{"type": "service_account", "private_key": "SECRET", "client_email": "a@b", "token_uri": ""}', "is no key"),
    ],
)
def test_what_is_no_key_is_refused_without_its_content(content: bytes, words: str, tmp_path: Path) -> None:
    """One sentence, and nothing of what stands in the file."""
    path = tmp_path / "key.json"
    path.write_bytes(content)
    for access in (Access(file=path), Access(base64=base64.b64encode(content).decode())):
        with pytest.raises(SettingsError, match=words) as error:
            keys.load(access, [DRIVE])
        assert "SECRET" not in str(error.value)


def test_missing_credentials_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there are no Google credentials; set GOOGLE_APPLICATION_CREDENTIALS"):
        keys.load(Access(), [DRIVE])
    with pytest.raises(SettingsError, match=r"the credentials file none.json cannot be read: No such file"):
        keys.load(Access(file=tmp_path / "none.json"), [DRIVE])
    with pytest.raises(SettingsError, match="is not base64"):
        keys.load(Access(base64="é"), [DRIVE])


@pytest.mark.parametrize(
    "uri", ["https://evil.example/token", "http://oauth2.googleapis.com/token", "https://127.0.0.1/"]
)
def test_a_key_that_sends_its_tokens_elsewhere_is_refused(uri: str, google: Google) -> None:
    """A key file is input: it may not name a stranger's server."""
    key = base64.b64encode(json.dumps({**google.key, "token_uri": uri}).encode()).decode()
    with pytest.raises(SettingsError, match="names a server for tokens that is not Google's"):
        keys.load(Access(base64=key), [DRIVE])


# Patience


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def attempt(google: Google, request: Any, **patience: Any) -> tuple[Any, list[float]]:
    """(the answer or the error of a request, the waits)."""
    clock = Clock()
    try:
        return call(
            request.execute, "the file", patience=Patience(**patience), sleep=clock.sleep, clock=clock
        ), clock.slept
    except GoogleError as error:
        return error, clock.slept


@pytest.mark.parametrize(("status", "reason"), [(429, ""), (500, ""), (503, ""), (403, "userRateLimitExceeded")])
def test_what_may_pass_is_tried_again(status: int, reason: str, google: Google) -> None:
    """Each wait is about twice the one before, with a part by chance."""
    google.double.fail(4, "drive.files.list", status, reason=reason)
    answer, slept = attempt(google, google.drive().files().list())
    assert "files" in answer
    assert all(least <= wait <= least + 1 for wait, least in zip(slept, (1, 2, 4, 8), strict=True))
    assert len({wait % 1 for wait in slept}) == 4


def test_patience_outlasts_a_minute_and_ends(google: Google) -> None:
    """A quota is refilled each minute; beyond, the error is told."""
    google.double.fail(99, "drive.files.list", 429)
    error, slept = attempt(google, google.drive().files().list())
    assert str(error) == "Google's quota for the file is used up; try again in some minutes"
    assert 60 < sum(slept) < 180
    assert google.double.counts["drive.files.list"] == 7


def test_the_wait_that_google_asks_for_is_kept(google: Google) -> None:
    google.double.fail(1, "drive.files.list", 503, headers={"Retry-After": "17"})
    assert attempt(google, google.drive().files().list())[1] == [17.0]


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (400, "badRequest", "does not understand the request for the file"),
        (403, "storageQuotaExceeded", "no room left for the file; a service account has no storage"),
        (403, "accessNotConfigured", "the API for the file is not enabled"),
        (403, "forbidden", "does not let these credentials at the file"),
        (403, "insufficientPermissions", "were not made for the file"),
        (404, "notFound", "the file is not there, or is not shared"),
        (409, "fileIdInUse", "the file is there already"),
        (412, "conditionNotMet", "the file was changed meanwhile"),
    ],
)
def test_what_will_not_pass_is_told_at_once(status: int, reason: str, words: str, google: Google) -> None:
    """A sentence with what to do, never Google's own text; no second request."""
    google.double.fail(1, "drive.files.list", status, reason=reason)
    error, slept = attempt(google, google.drive().files().list())
    assert words in str(error) and error.hint
    assert (error.status, error.reason, slept) == (status, reason, [])


def test_who_is_offline_waits_for_a_moment_only() -> None:
    """Three tries: a laptop without a network is not kept waiting."""
    tries, clock = [], Clock()

    def request() -> None:
        tries.append(1)
        raise ConnectionRefusedError

    with pytest.raises(GoogleError, match=r"Google cannot be reached for the file; .*offline=1"):
        call(request, "the file", sleep=clock.sleep, clock=clock)
    assert len(tries) == 3


def test_a_fault_of_our_own_is_not_google_s() -> None:
    """A programming error is no reason to try again, nor to blame anyone."""

    def request() -> None:
        raise TypeError

    with pytest.raises(TypeError):
        call(request, "the file")


def test_a_withdrawn_key_is_told(google: Google) -> None:
    drive = google.drive()
    google.double.accounts.withdraw(google.email)
    with pytest.raises(GoogleError, match="Google no longer takes these credentials"):
        execute(drive.files().list(), "the folder")


def test_a_token_that_expires_meanwhile_is_renewed(google: Google) -> None:
    """One 401, one new token, and the request again, by google-auth itself."""
    drive = google.drive()
    execute(drive.files().list(), "the folder")
    google.double.accounts.tokens.clear()
    execute(drive.files().list(), "the folder")
    assert google.double.counts["token"] == 2


@pytest.mark.parametrize("kind", ["drop", "truncate", "error"])
def test_a_sheet_is_asked_for_again(kind: Any, google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """gspread's requests have the same patience."""
    clock = Clock()
    monkeypatch.setitem(call.__kwdefaults__, "sleep", clock.sleep)  # type: ignore[arg-type]
    sheet = google.double.sheets.add("BP", {"BP": [["a"]]}, readers=[google.email])
    google.double.fail(1, "sheets.spreadsheets.get", kind, status=429)
    assert google.sheets().open_by_key(sheet.file.id).title == "BP"
    assert len(clock.slept) == 1


def test_reads_keep_to_the_quota() -> None:
    """The 61st within a minute waits for the first to be a minute old."""
    clock = Clock()
    pace = Pace(60, clock, clock.sleep)
    for _ in range(60):
        clock.now += 0.5
        pace.keep()
    assert clock.slept == []
    pace.keep()
    assert clock.slept == [30.5]


def test_errors_survive_the_way_from_a_worker() -> None:
    """`doit -n` sends them pickled."""
    import pickle

    error = faults.sentence(faults.Fault(404, "notFound", False), "the sheet")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, PdpError) and str(again) == str(error)
