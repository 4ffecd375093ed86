"""What is to be on the disk is put there, and what the disk refuses is a sentence that helps."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from pdp import disk
from pdp.disk import DiskError, flush, free, make_folder, told

HELPS = {
    errno.ENOSPC: "make room (", errno.EDQUOT: "make room (", errno.EACCES: "make that folder writable for you",
    errno.EPERM: "make that folder writable for you", errno.EROFS: "make that folder writable for you",
    errno.EMFILE: "close other programs or raise the limit of open files",
    errno.ENFILE: "close other programs or raise the limit of open files",
    errno.ENOENT: "is the data folder still there?", errno.EIO: "check the disk",
}  # fmt: skip


@pytest.mark.parametrize("number", HELPS, ids=errno.errorcode.get)
def test_what_the_disk_refused_says_what_to_do(tmp_path: Path, number: int) -> None:
    """What was being done, why it failed, to which file; and a hint for this error and no other."""
    error = told(OSError(number, os.strerror(number), str(tmp_path / "file")), "nothing was recorded")
    assert error.message == f"nothing was recorded ({os.strerror(number)}: {tmp_path / 'file'})"
    assert error.hint.startswith(HELPS[number])
    assert error.hint.endswith(", then run doit again") or error.hint.endswith("? then run doit again")
    assert error.exit_code == 3


def test_an_error_without_a_file_or_a_reason_is_a_sentence_too() -> None:
    assert told(OSError("odd"), "it failed").message == "it failed (odd)"
    assert (
        str(told(OSError(errno.EIO, "no", b"raw\xff"), "it failed").message)
        == "it failed (no: raw\N{REPLACEMENT CHARACTER})"
    )


def test_free_space_is_that_of_the_nearest_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a place that is not there yet, too; where nothing can be asked that is said, and the search ends."""
    found = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda folder: found if Path(folder) == tmp_path else _refuse(folder))
    assert free(str(tmp_path / "not/yet")) == f"{found.f_bavail * found.f_frsize / 1_000_000:,.1f} MB"
    monkeypatch.setattr(os, "statvfs", _refuse)
    assert free(str(tmp_path)) == "nobody knows how much space is"


def _refuse(folder: object) -> os.statvfs_result:
    raise OSError(errno.EIO, "no", str(folder))


def test_a_folder_is_made_with_all_above_it_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each new name is put on the disk; one that another process made meanwhile is taken as it is."""
    synced = list[str]()
    monkeypatch.setattr(disk, "sync", lambda place: synced.append(os.fspath(place)))
    make_folder(tmp_path / "a/b")
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a/b")] == [0o700] * 2
    assert synced == [str(tmp_path), str(tmp_path / "a")]
    monkeypatch.setattr(os.path, "isdir", lambda place: Path(place) == tmp_path / "a")
    make_folder(tmp_path / "a/b")
    assert synced[2:] == [str(tmp_path / "a")]


@pytest.mark.parametrize("number", [None, errno.ENOTSUP, errno.EINVAL, errno.ENOTTY, errno.EIO])
def test_on_macos_the_drive_is_told_to_keep_what_it_caches(monkeypatch: pytest.MonkeyPatch, number: int | None) -> None:
    """F_FULLFSYNC, where there is one; where a file system has none an fsync; any other error is one."""
    asked = list[str]()

    def control(handle: int, command: int) -> None:
        asked.append("full")
        if number:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", control)
    monkeypatch.setattr(os, "fsync", lambda handle: asked.append("fsync"))
    if number == errno.EIO:
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            flush(0)
    else:
        flush(0)
    assert asked == (["full"] if number in (None, errno.EIO) else ["full", "fsync"])


def test_the_exit_code_of_a_refusing_disk_is_its_own() -> None:
    assert DiskError("x").exit_code == 3
