from __future__ import annotations

from pathlib import Path

import pytest

from pdp.errors import RegistryError
from pdp.store import Store


def put(store: Store, content: bytes) -> str:
    temp = store.temp()
    temp.write_bytes(content)
    return store.put(temp)[0]


def test_an_object_is_named_by_its_bytes_and_kept_once(tmp_path: Path) -> None:
    """Equal bytes are one object; nothing is left in tmp."""
    store = Store(tmp_path)
    assert put(store, b"rows") == put(store, b"rows")
    assert sorted(p.name for p in (tmp_path / "tmp").iterdir()) == []
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


def test_editing_a_copy_leaves_the_object_alone(tmp_path: Path) -> None:
    """Copies are copies, never links into the store."""
    store, copy = Store(tmp_path / "store"), tmp_path / "out" / "copy.csv"
    digest = put(store, b"one")
    store.copy_out(digest, copy)
    copy.write_bytes(b"two")
    assert store.read(digest) == b"one"


def test_a_damaged_object_counts_as_missing_and_is_mended_by_the_next_put(tmp_path: Path) -> None:
    """What was damaged on the disk is never served, and does not stay."""
    store = Store(tmp_path)
    digest = put(store, b"whole")
    store.path(digest).chmod(0o600)
    store.path(digest).write_bytes(b"hole")
    assert not store.has(digest)
    with pytest.raises(RegistryError, match="lost the object"):
        store.read(digest)
    assert put(store, b"whole") == digest
    assert store.has(digest)


def test_objects_are_for_their_owner_only(tmp_path: Path) -> None:
    """No other user of the machine reads an object; nobody writes one."""
    store = Store(tmp_path / "store")
    digest = put(store, b"x")
    assert store.path(digest).stat().st_mode & 0o777 == 0o400
    assert store.path(digest).parent.stat().st_mode & 0o077 == 0


def test_a_missing_object_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    """Restoring what is not there changes nothing and leaves no temp file."""
    store, target = Store(tmp_path / "store"), tmp_path / "out.csv"
    target.write_bytes(b"old")
    with pytest.raises(RegistryError):
        store.copy_out("0" * 64, target)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["out.csv"]
