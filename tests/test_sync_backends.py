"""Every place that keeps a state, held to the same promises."""

from __future__ import annotations

import base64
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pdp.errors import Diverged, SettingsError, SyncError, Untrusted
from pdp.sync.backend import Backend, Cell, Conflict, Missing, Unreachable
from pdp.sync.bundle import Bundle
from pdp.sync.drive import open_drive
from pdp.sync.engine import Remote, pull, push
from pdp.sync.folder import Folder
from pdp.sync.state import open_backend
from pdp.sync.vault import Plain
from tests.google import Google, running
from tests.sync_doubles import Machine, Place, sha
from tests.sync_gcs import Gcs

WRITERS, COMMITS = 6, 10
Opener = Callable[[], Backend]


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 that honours If-Match: moto's, on this machine."""
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def at(url: str, **environ: str) -> Backend:
    return open_backend(url, environ, {}, {}, Path("/"))


def s3_opener(address: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Opener:
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    urllib.request.urlopen(urllib.request.Request(f"{address}/{bucket}", method="PUT")).close()
    return lambda: at(f"s3://{bucket}/health/state", AWS_ENDPOINT_URL=address)


@pytest.fixture(params=["folder", "s3", "gcs", "obstore-memory", "memory", "bundle", "drive", "drive-file"])
def opener(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens the same place anew for each machine."""
    if request.param == "folder":
        return lambda: at(f"file://{tmp_path}/with%20space/state")
    if request.param == "s3":
        bucket = f"b{sha(str(tmp_path).encode())[:20]}"
        return s3_opener(request.getfixturevalue("s3"), bucket, monkeypatch)
    if request.param == "gcs":
        key = request.getfixturevalue("gcs").key
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", key)
        return lambda: at("gs://bucket/health/state", GOOGLE_SERVICE_ACCOUNT_KEY=key)
    if request.param == "obstore-memory":
        store = pytest.importorskip("obstore.store").MemoryStore()
        from pdp.sync.cloud import Cloud

        return lambda: Cloud(store, "memory")
    place = Place()
    if request.param == "bundle":
        return lambda: Bundle(InPlace(place))
    if request.param.startswith("drive"):
        google = request.getfixturevalue("google")
        return drive_opener(google, request.param)
    return lambda: place


class InPlace:
    """One file in memory, for a bundle."""

    where = "memory"

    def __init__(self, place: Place) -> None:
        self.read = place.read_head
        self.write = lambda token, content: place.move_head(token, content, [])


@pytest.fixture
def gcs() -> Iterator[Gcs]:
    """Google Cloud Storage, on this machine."""
    server = Gcs()
    yield server
    server.close()


@pytest.fixture
def google() -> Iterator[Google]:
    """Google, on this machine."""
    with running() as google:
        yield google


def drive_opener(google: Google, kind: str) -> Opener:
    """A shared drive's folder, or a person's file that is shared with a service account, which may make nothing itself."""
    if kind == "drive":
        folder = google.double.drive.shared_drive("state", {google.email: "writer"})
        return lambda: open_drive(google.access(), folder.id)
    file = google.double.drive.file("pdp-state", b"", writers={google.email})
    return lambda: open_drive(google.access(), file.id)


def test_a_head_moves_only_from_what_was_seen(opener: Opener) -> None:
    one, two = opener(), opener()
    none = one.read_head() or Cell(b"", None)
    assert none.content == b""
    one.move_head(none.token, b"1", [])
    with pytest.raises(Conflict):
        two.move_head(none.token, b"2", [])
    seen = two.read_head()
    assert seen and seen.content == b"1"
    two.move_head(seen.token, b"2", [])
    with pytest.raises(Conflict):
        one.move_head(seen.token, b"3", [])
    assert one.read_head().content == b"2"  # type: ignore[union-attr]


def test_objects_are_found_again_and_lost_ones_are_missing(opener: Opener) -> None:
    place = opener()
    if not place.everything:
        pytest.skip("one file holds its objects only together with a head")
    name, other = sha(b"a"), sha(b"b")
    assert place.find(name, 1) is None
    ref = place.create_if_absent(name, b"content")
    assert place.create_if_absent(name, b"content") == ref
    assert opener().find(name, 7) == ref and place.find(name, 8) is None
    assert opener().get(ref) == b"content"
    assert place.refs() == [ref]
    with pytest.raises(Missing):
        place.get(other)
    place.delete(ref)
    place.delete(ref)
    assert place.find(name, 0) is None and place.refs() == []


@pytest.mark.parametrize("name", ["../../dodo.py", "/etc/passwd", "a" * 63, "A" * 64, "", "ab/" + "c" * 61])
def test_names_from_a_remote_never_become_paths(tmp_path: Path, name: str) -> None:
    place = Folder(tmp_path)
    for call in (place.get, place.delete, lambda name: place.find(name, 0)):
        with pytest.raises(Untrusted, match="names an object as pdp never would"):
            call(name)


def commits(writer: int, place: Backend, failed: list[BaseException]) -> None:
    """A machine that makes its commits and pushes each; it joins where another one was faster."""
    there, machine = Remote(place, Plain()), Machine(f"machine {writer}")
    try:
        for number in range(COMMITS):
            machine.commit(f"stage:{writer}", {}, **{f"out{writer}": b"%d %d" % (writer, number)})
            while True:
                try:
                    push(machine, there)
                    break
                except Diverged:
                    pull(machine, there, merge=True, unrelated=True)
                except SyncError as error:
                    if isinstance(error, Untrusted | Unreachable):
                        raise
    except BaseException as error:
        failed.append(error)


def test_sixty_commits_of_six_writers_are_all_kept(opener: Opener) -> None:
    """At once, on one place: each is there once, in one history that all machines agree on."""
    failed: list[BaseException] = []
    threads = [threading.Thread(target=commits, args=(n, opener(), failed)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
    last = Machine()
    pull(last, Remote(opener(), Plain()), everything=True)
    assert len(last.chain) == WRITERS * COMMITS
    first = 0 if opener().everything else COMMITS - 1  # one file holds what is current
    expected = {sha(b"%d %d" % (writer, number)) for writer in range(WRITERS) for number in range(first, COMMITS)}
    assert expected == set(last.store)


def test_a_bucket_of_google_s_opens_with_the_key_as_base64(gcs: Gcs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one name that a runner has for Google's credentials is enough; what is no base64 is told without it."""
    monkeypatch.delenv("GOOGLE_SERVICE_ACCOUNT_KEY", raising=False)

    def opened(text: str) -> Backend:
        given = {"GOOGLE_CREDENTIALS_BASE64": (text, "the environment")}
        return open_backend("gs://bucket/health", {}, given, {}, Path("/"))

    place = opened(base64.b64encode(gcs.key.encode()).decode())
    place.move_head(None, b"one", [])
    cell = place.read_head()
    assert cell and cell.content == b"one"
    with pytest.raises(SettingsError, match=r"^GOOGLE_CREDENTIALS_BASE64 is not base64; make it"):
        opened("CANARY!")


def test_a_folder_shows_only_whole_files_and_clears_up_after_a_day(tmp_path: Path) -> None:
    """What a machine that was switched off left is removed later; what is being written now is not."""
    import os
    import time

    place = Folder(tmp_path / "state")
    place.create_if_absent(sha(b"a"), b"content")
    old, new = tmp_path / "state/tmp/new-old", tmp_path / "state/tmp/new-now"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * 86_400,) * 2)
    place.create_if_absent(sha(b"b"), b"content")
    assert not old.exists() and new.exists()
    assert place.refs() == sorted([sha(b"a"), sha(b"b")])
    new.unlink()
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "state").rglob("*"))


def test_what_a_head_names_is_on_the_disk_before_it_though_a_killed_push_put_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written again that is found; its folder is synced all the same."""
    place = Folder(tmp_path / "remote")
    place.create_if_absent(sha(b"one"), b"one")
    synced: list[str] = []
    monkeypatch.setattr("pdp.sync.folder.sync", lambda path: synced.append(path.name))
    monkeypatch.setattr(place, "_write", lambda target, content: synced.append(target.name))
    place.move_head(None, b"head", [])
    assert synced == [sha(b"one")[:2], "remote", "head"]


def test_a_head_that_is_read_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a push that was killed there and repeated says that there is nothing to push, and a power cut takes it."""
    place = Folder(tmp_path / "remote")
    place.move_head(None, b"head", [])
    synced: list[str] = []
    monkeypatch.setattr("pdp.sync.folder.sync", lambda path: synced.append(path.name))
    assert place.read_head() is not None
    assert synced == ["remote"]


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SyncError, match=r"the folder .* cannot be (read|written)"):
        push_one(Folder(tmp_path / "file"))


def push_one(place: Backend) -> None:
    machine = Machine()
    machine.commit("merge", total=b"1")
    push(machine, Remote(place, Plain()))


def test_a_server_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the address, the request or a key in it."""
    pytest.importorskip("obstore")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    from obstore.store import S3Store

    from pdp.sync.cloud import Cloud

    store = S3Store("bucket", client_options={"allow_http": True}, retry_config={"max_retries": 0})
    with pytest.raises(Unreachable) as told:
        push_one(Cloud(store, "S3"))
    assert str(told.value).startswith("S3 does not answer as it should; ")


def test_a_bucket_that_is_not_there_is_a_sentence(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s3_opener(s3, "another", monkeypatch)
    with pytest.raises(SyncError, match="S3 has no such bucket"):
        push_one(at("s3://nowhere/state", AWS_ENDPOINT_URL=s3))


def test_a_folder_that_is_a_file_is_a_sentence_whatever_is_asked(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    place, name = Folder(tmp_path / "state"), sha(b"a")
    calls: list[Callable[[], object]] = [
        place.read_head, lambda: place.get(name), lambda: place.create_if_absent(name, b"a"),
        lambda: place.move_head(None, b"a", []), lambda: place.delete(name),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(SyncError, match=r"cannot be (read|written): "):
            call()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://host/x", "names no place"),
        ("data/state", "names no place"),
        ("file://host/share", "names no place"),
        ("s3://key:secret@bucket/x", "holds credentials"),
    ],
)
def test_a_url_that_is_none_is_a_sentence(url: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as error:
        at(url)
    assert "secret" not in str(error.value)
