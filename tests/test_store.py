from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from pdp import signals
from pdp.errors import RegistryError
from pdp.store import Store
from tests.project import held_open


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


def test_a_signal_at_the_moment_at_which_a_temp_file_is_made_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that comes to its named file, and a record, as a pull makes them."""
    make = tempfile.mkstemp
    store = Store(tmp_path / "store")
    digest = put(store, b"one")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signals.install()

    def made(**where: object) -> tuple[int, str]:
        found = make(**where)  # type: ignore[call-overload]
        os.kill(os.getpid(), signal.SIGTERM)
        return found

    monkeypatch.setattr(tempfile, "mkstemp", made)
    try:
        for work in (lambda: store.copy_out(digest, tmp_path / "out/a.csv"), lambda: store.put_records([b"{}"])):
            with pytest.raises(signals.Interrupted):
                work()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [store.path(digest)]


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


def test_the_sweep_takes_what_a_killed_run_left_and_nothing_else(tmp_path: Path) -> None:
    """Where there is no store yet there is nothing to do."""
    store = Store(tmp_path / "store")
    store.sweep()
    digest, left = put(store, b"kept"), store.temp()
    other = left.with_name("not ours")
    other.touch()
    store.sweep()
    assert not left.exists() and other.exists() and store.has(digest)


def test_a_copy_that_is_no_longer_wanted_is_not_made(tmp_path: Path) -> None:
    """And says so; a wanted one says so too."""
    store, target = Store(tmp_path / "store"), tmp_path / "out.csv"
    digest = put(store, b"new")
    target.write_bytes(b"a person's")
    assert store.copy_out(digest, target, lambda: False) is False
    assert target.read_bytes() == b"a person's"
    assert store.copy_out(digest, target) is True
    assert target.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "store"]


def test_only_a_missing_object_is_called_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the object is there, what is missing is something else, and the disk's own words are told."""
    store = Store(tmp_path / "store")
    digest = put(store, b"x")
    seen = list[str]()

    def vanish(source: Path, temp: Path) -> None:
        seen.append(temp.name)
        raise FileNotFoundError(2, "gone", str(temp))

    monkeypatch.setattr(shutil, "copyfile", vanish)
    with pytest.raises(FileNotFoundError):
        store.copy_out(digest, tmp_path / "out.csv")
    assert seen[0].startswith(".out.csv.") and seen[0].endswith(".pdp-tmp")  # a name that the next start sweeps


def test_no_handle_stays_open(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    digest = put(store, b"x")
    store.copy_out(digest, tmp_path / "out.csv")
    store.put_record(b"{}")
    store.put_records([b"1", b"2"])
    assert held_open(tmp_path) == []


def test_of_records_that_follow_one_another_the_first_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others, and their names, are on the disk before the one that makes them count; nothing temporary is left."""
    done, store = list[str](), Store(tmp_path / "store")
    place = store._place

    def noted(temp: Path, target: Path) -> None:
        done.append(target.name)
        place(temp, target)

    monkeypatch.setattr(store, "_place", noted)
    monkeypatch.setattr("pdp.store.sync", lambda path: done.append(f"sync {path.name}") if path.is_dir() else None)
    first, second, third = digests = store.put_records([b"1", b"2", b"3"])
    assert done == [third, second, "sync records", first, "sync records"]
    assert store.records() == set(digests) and not list((store.folder / "tmp").iterdir())


def test_a_record_that_cannot_be_placed_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")

    def refuse(source: object, target: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "replace", refuse)
    for put_one in (lambda: store.put_record(b"1"), lambda: store.put_records([b"1"])):
        with pytest.raises(OSError, match="full"):
            put_one()
    assert not list((store.folder / "tmp").iterdir()) and store.records() == set()


def test_what_is_put_is_on_the_disk_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object's bytes before its name, then the folders of all names, those of objects that were there before too."""
    done, store = list[str](), Store(tmp_path / "store")
    first = put(store, b"x")
    replace = os.replace

    def placed(source: Path, target: Path) -> None:
        done.append(f"rename {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "replace", placed)
    monkeypatch.setattr(
        "pdp.store.sync", lambda path: done.append("temp" if path.name.startswith("new-") else path.name)
    )
    temps = [store.temp(), store.temp()]
    for temp, content in zip(temps, (b"x", b"y"), strict=True):
        temp.write_bytes(content)
    second = store.put(*temps)[1]
    assert done == ["temp", f"rename {second[2:]}", *sorted([first[:2], second[:2]]), "store"]
    done.clear()
    record = store.put_record(b"{}")
    assert done == ["temp", f"rename {record}", "records"]
    done.clear()
    store.sweep()
    assert done == ["store", "records"]
    done.clear()
    store.remove_record(record)
    store.remove_record(record)  # one that is gone is no error
    assert done == ["records", "records"]
    done.clear()
    store.copy_out(first, tmp_path / "out.csv")
    assert done == [done[0], "rename out.csv"] and done[0].startswith(".out.csv.")


def test_objects_of_one_folder_stand_beside_each_other(tmp_path: Path) -> None:
    """A folder that is there already is no error."""
    store = Store(tmp_path / "store")
    by_folder: dict[str, int] = {}
    for number in range(300):
        by_folder.setdefault(hashlib.sha256(str(number).encode()).hexdigest()[:2], number)
    one = next(n for n in range(300) if by_folder[hashlib.sha256(str(n).encode()).hexdigest()[:2]] != n)
    other = by_folder[hashlib.sha256(str(one).encode()).hexdigest()[:2]]
    digests = [put(store, str(number).encode()) for number in (other, one)]
    assert digests[0][:2] == digests[1][:2] and all(store.has(digest) for digest in digests)
