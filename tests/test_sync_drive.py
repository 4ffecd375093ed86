"""State in Google Drive, with Google's real client against the double: layouts, faults, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pdp.errors import PdpError, SyncError, Untrusted
from pdp.sync import bundle
from pdp.sync.drive import DriveFolder, open_drive
from pdp.sync.engine import Remote, pull, push
from pdp.sync.vault import Plain
from tests.google import Google, running
from tests.sync_doubles import Machine, sha

INSERT, UPDATE, CREATE = "v2 drive.files.insert upload", "v2 drive.files.update upload", "drive.files.create upload"


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    monkeypatch.setattr("pdp.google.faults.time.sleep", lambda seconds: None)
    with running() as google:
        yield google


@pytest.fixture
def folder(google: Google) -> str:
    """A shared drive, where the account may make files."""
    return google.double.drive.shared_drive("state", {google.email: "writer"}).id


def remote(google: Google, place: str) -> Remote:
    return Remote(open_drive(google.access(), place), Plain())


def machine(*contents: bytes) -> Machine:
    one = Machine()
    for content in contents:
        one.commit("merge", total=content)
    return one


def arrived(google: Google, place: str, one: Machine) -> None:
    other = Machine()
    pull(other, remote(google, place))
    assert other.chain == one.chain and other.contents() == one.contents()


def heads(google: Google) -> int:
    return sum(file.name == "pdp-state-head" for file in google.double.drive.files.values())


def test_a_second_push_sends_only_what_is_new(google: Google, folder: str) -> None:
    """One object, one segment, the head; the folder is listed once, and nothing is downloaded again."""
    one = machine(b"first" * 100)
    push(one, remote(google, folder))
    one.commit("merge", total=b"second" * 100)
    google.double.counts.clear()
    push(one, remote(google, folder))
    counts = google.double.counts
    assert (counts[CREATE], counts[UPDATE], counts[INSERT]) == (2, 1, 0)
    assert counts["drive.files.get media"] == 1  # the head
    google.double.counts.clear()
    push(one, remote(google, folder))
    assert counts[CREATE] == counts[UPDATE] == counts["drive.files.generateIds"] == 0
    arrived(google, folder, one)


@pytest.mark.parametrize(
    ("what", "how"),
    [
        *((what, how) for what in (INSERT, UPDATE, CREATE) for how in ("lose", 503)),
        (UPDATE, "drop"), (CREATE, 429), ("drive.files.get media", "drop"), ("drive.files.list", 503), ("token", 503),
    ],
)  # fmt: skip
def test_a_fault_on_the_way_costs_nothing(google: Google, folder: str, what: str, how: str | int) -> None:
    """Lost answers, dropped connections, a server's own faults: after the push or the next one all is there, once."""
    one = machine(b"first")
    google.double.fail(1, what, how)  # type: ignore[arg-type]
    deliver(one, google, folder)
    one.commit("merge", total=b"second")
    google.double.fail(1, what, how)  # type: ignore[arg-type]
    deliver(one, google, folder)
    assert heads(google) == 1
    google.double.faults.clear()
    arrived(google, folder, one)
    names = [file.name for file in google.double.drive.files.values() if len(file.name) == 64]
    assert len(names) == len(set(names)), "an object is there twice"


def deliver(one: Machine, google: Google, place: str) -> None:
    for _ in range(3):
        try:
            push(one, remote(google, place))
            return
        except SyncError:
            continue
    pytest.fail("three pushes did not get through")


@pytest.mark.parametrize("how", ["truncate", "corrupt"])
def test_a_garbled_download_is_asked_for_again(google: Google, folder: str, how: str) -> None:
    one = machine(b"first" * 1000)
    push(one, remote(google, folder))
    google.double.fail(1, "drive.files.get media", how, after=1)  # type: ignore[arg-type]
    arrived(google, folder, one)


def test_a_service_account_uses_the_file_that_a_person_made(google: Google) -> None:
    """It has no storage in a person's Drive: an empty `pdp-state` in the shared folder takes the whole state."""
    drive = google.double.drive
    folder = drive.folder("health", writers={google.email})
    one = machine(b"old", b"new")
    with pytest.raises(PdpError, match="no storage of its own"):
        push(one, remote(google, folder.id))
    head = drive.file("pdp-state", b"", parent=folder.id)
    push(one, remote(google, folder.id))
    assert isinstance(remote(google, folder.id).backend, bundle.Bundle)
    assert head.content and head.content.startswith(b"pdp-bundle 1\n")
    arrived(google, folder.id, one)
    assert sha(b"old") not in bundle.unpack(head.content)[1]  # only what is current
    one.commit("merge", total=b"newer")
    push(one, remote(google, head.id))
    arrived(google, head.id, one)


def test_a_state_too_large_for_one_file_says_so(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LARGEST", 1000)
    file = google.double.drive.file("pdp-state", b"", writers={google.email})
    with pytest.raises(SyncError, match="too large for one file"):
        push(machine(b"x" * 2000), remote(google, file.id))
    assert file.content == b""


def test_two_heads_made_at_once_leave_one(google: Google, folder: str) -> None:
    """Drive takes one name twice: who sees another one's head beside its own takes its own back and joins."""
    one, two = remote(google, folder), remote(google, folder)
    assert isinstance(two.backend, DriveFolder)
    make = two.backend._make_head

    def late(content: bytes) -> None:
        first = machine(b"faster")
        push(first, one)
        make(content)

    two.backend._make_head = late  # type: ignore[method-assign]
    slower = machine(b"slower")
    with pytest.raises(PdpError, match="another history"):
        push(slower, two)
    assert heads(google) == 1
    pull(slower, two, merge=True, unrelated=True)
    push(slower, two)
    arrived(google, folder, slower)


def test_a_stray_second_head_is_told(google: Google, folder: str) -> None:
    push(machine(b"first"), remote(google, folder))
    google.double.drive.file("pdp-state-head", b"planted", parent=folder)
    with pytest.raises(SyncError, match="2 files called pdp-state-head"):
        push(machine(b"second"), remote(google, folder))


@pytest.mark.parametrize("content", [b"not ours", b"pdp-bundle 1\n", b'pdp-bundle 1\n{"head": 5, "objects": []}\nab'])
def test_a_foreign_file_is_refused(google: Google, content: bytes) -> None:
    file = google.double.drive.file("letter.txt", content, writers={google.email})
    with pytest.raises(Untrusted):
        pull(Machine(), remote(google, file.id))
    assert file.content == content


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n", b""])
def test_the_last_byte_of_an_object_survives(google: Google, folder: str, end: bytes) -> None:
    """The library parts an upload from its description by a bare line feed."""
    place = remote(google, folder).backend
    content = b"abc" + end
    assert place.get(place.create_if_absent(sha(content), content)) == content


def test_what_is_not_shared_is_a_sentence_without_its_id(google: Google) -> None:
    with pytest.raises(PdpError, match="not shared with these credentials") as told:
        remote(google, "1NobodyKnowsThis")
    assert "1NobodyKnowsThis" not in str(told.value)


def test_a_folder_that_is_gone_meanwhile_is_a_sentence(google: Google, folder: str) -> None:
    there = remote(google, folder)
    google.double.drive.remove(folder)
    with pytest.raises(SyncError, match="is not there, or not shared"):
        push(machine(b"first"), there)
