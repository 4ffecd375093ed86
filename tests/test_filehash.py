from __future__ import annotations

import os
from itertools import repeat
from pathlib import Path

import pytest

from pdp.filehash import FileHashes, Stat, sha256_of, stamp, stat_of


def test_a_settled_file_is_hashed_once(tmp_path: Path, monkeypatch) -> None:
    """The second look at an untouched file reads its stat only."""
    path = tmp_path / "a"
    path.write_bytes(b"one")
    monkeypatch.setattr("pdp.filehash.RACY_NS", 0)
    hashes = FileHashes(tmp_path, lambda raw: {})
    assert hashes.sha256("a") == sha256_of(path)
    assert hashes.sha256("a") == sha256_of(path)
    assert hashes.hashed_bytes == 3


def test_a_fresh_file_is_not_trusted(tmp_path: Path) -> None:
    """A file touched within the last two seconds is hashed again: a later write could leave the same stat."""
    (tmp_path / "a").write_bytes(b"one")
    hashes = FileHashes(tmp_path, lambda raw: {})
    hashes.sha256("a")
    hashes.sha256("a")
    assert hashes.hashed_bytes == 6
    assert hashes.changed == {}


def test_an_old_file_whose_mode_was_touched_is_trusted_once_the_clock_of_stamps_moved_on(tmp_path: Path) -> None:
    """Then no later write can leave its stat behind; before that it could, and on another device nobody knows."""
    (tmp_path / "a").write_bytes(b"one")
    os.utime(tmp_path / "a", (0, 0))
    stat, device = stat_of(tmp_path / "a"), tmp_path.stat().st_dev
    assert stat
    for clock, kept in [
        (None, False), ((device, stat[2] - 1), False), ((device, stat[2]), False), ((device + 1, stat[2] + 1), False),
        ((device, stat[2] + 1), True),
    ]:  # fmt: skip
        hashes = FileHashes(tmp_path, lambda raw: {}, repeat(clock).__next__)
        hashes.sha256("a")
        hashes.sha256("a")
        assert (hashes.hashed_bytes, "a" in hashes.changed) == ((3, True) if kept else (6, False))


def test_a_file_that_was_just_written_is_not_trusted_though_the_clock_moved_on(tmp_path: Path) -> None:
    """A long write stamps it when it begins, and may still go on."""
    (tmp_path / "a").write_bytes(b"one")
    hashes = FileHashes(tmp_path, lambda raw: {}, lambda: (tmp_path.stat().st_dev, 2**63))
    hashes.sha256("a")
    assert hashes.changed == {}


def test_a_write_while_a_file_is_hashed_is_seen(tmp_path: Path, monkeypatch) -> None:
    """Its stamp is later than the clock that was asked before the hashing."""
    path = tmp_path / "a"
    path.write_bytes(b"one")
    os.utime(path, (0, 0))
    while (stamp(tmp_path) or (0, 2**63))[1] <= path.stat().st_ctime_ns:
        pass

    def hashed(name: str) -> str:
        digest = sha256_of(name)
        path.write_bytes(b"two")
        return digest

    monkeypatch.setattr("pdp.filehash.sha256_of", hashed)
    hashes = FileHashes(tmp_path, lambda raw: {}, lambda: stamp(tmp_path))
    hashes.sha256("a")
    assert hashes.changed == {}


def test_a_stamp_is_no_earlier_than_that_of_any_file_before(tmp_path: Path) -> None:
    """And it leaves nothing behind; where no file can be made there is none."""
    path = tmp_path / "a"
    for _ in range(20):
        path.write_bytes(b"one")
        now = stamp(tmp_path)
        if now is None:
            pytest.skip("this file system makes no files without names")
        assert now >= (path.stat().st_dev, path.stat().st_ctime_ns)
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert stamp(tmp_path / "gone") is None


def test_an_edit_that_keeps_size_and_mtime_is_seen(tmp_path: Path, monkeypatch) -> None:
    """ctime gives away what size and mtime hide."""
    monkeypatch.setattr("pdp.filehash.RACY_NS", 0)
    path = tmp_path / "a"
    path.write_bytes(b"one")
    hashes = FileHashes(tmp_path, lambda raw: {})
    before, stat = hashes.sha256("a"), path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size and path.stat().st_mtime_ns == stat.st_mtime_ns
    assert hashes.sha256("a") != before


def test_what_was_kept_is_used_by_the_next_process(tmp_path: Path, monkeypatch) -> None:
    """An entry of an earlier run answers without a read."""
    monkeypatch.setattr("pdp.filehash.RACY_NS", 0)
    (tmp_path / "a").write_bytes(b"one")
    first = FileHashes(tmp_path, lambda raw: {})
    digest = first.sha256("a")
    kept: dict[str, tuple[Stat, str]] = first.changed
    second = FileHashes(tmp_path, {False: kept}.__getitem__)
    assert second.sha256("a") == digest
    assert second.hashed_bytes == 0


def test_no_file_has_no_hash(tmp_path: Path) -> None:
    """Missing, below a missing folder, or a folder itself: None, not an error."""
    hashes = FileHashes(tmp_path, lambda raw: {})
    (tmp_path / "folder").mkdir()
    assert [hashes.sha256(name) for name in ("gone", "no/where", "folder")] == [None, None, None]
