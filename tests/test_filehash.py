from __future__ import annotations

import os
from pathlib import Path

from pdp.filehash import FileHashes, Stat, sha256_of


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
