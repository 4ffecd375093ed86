"""Zips as downloaded, and zips that should not be opened."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from pdp.errors import InputError
from pdp.snapshot import RawFile
from stages.normalize import archive
from tests.mi_export import raw_file


def zipped(folder: Path, members: list[tuple[str, bytes]], name: str = "a.zip") -> RawFile:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as out:
        for member, data in members:
            out.writestr(member, data)
    return raw_file(folder / name, folder)


def encrypted(raw: RawFile) -> RawFile:
    """The same zip with the bit set that says a member is encrypted."""
    data = bytearray(raw.path.read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    raw.path.write_bytes(data)
    return raw_file(raw.path, raw.path.parent)


def test_a_lone_file_is_itself(tmp_path: Path) -> None:
    """Its name and its hash are those of the snapshot."""
    (tmp_path / "a.csv").write_bytes(b"x")
    raw = raw_file(tmp_path / "a.csv", tmp_path)
    assert archive.contents(raw) == ["a.csv"]
    assert list(archive.read(raw, ["a.csv"])) == [archive.Member("a.csv", raw.sha256, b"x")]
    assert list(archive.read(raw, [])) == []


def test_members_are_named_after_their_zip(tmp_path: Path) -> None:
    """Sorted, whatever their order in the zip, and hashed by their own bytes; what a Mac adds is no member."""
    raw = zipped(
        tmp_path, [("d/z.csv", b"2"), ("d/a.csv", b"1"), ("d/", b""), ("__MACOSX/d/._a.csv", b"-"), (".DS_Store", b"-")]
    )
    assert archive.contents(raw) == ["a.zip!d/a.csv", "a.zip!d/z.csv"]
    members = list(archive.read(raw, archive.contents(raw)))
    assert [(m.name, m.data) for m in members] == [("a.zip!d/a.csv", b"1"), ("a.zip!d/z.csv", b"2")]
    assert members[0].sha256 == hashlib.sha256(b"1").hexdigest()


def test_only_what_is_wanted_is_unpacked(tmp_path: Path) -> None:
    """A zip within the zip, or a bomb, that nobody asks for is not looked into."""
    bomb = b"\0" * (2 * archive.RATIO_MATTERS_FROM)
    raw = zipped(tmp_path, [("a.csv", b"1"), ("bomb.csv", bomb), ("inner.zip", b"PK")])
    assert [m.name for m in archive.read(raw, ["a.zip!a.csv"])] == ["a.zip!a.csv"]


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its ratio, and by its size in all, counted while reading."""
    raw = zipped(tmp_path, [("bomb.csv", b"\0" * (2 * archive.RATIO_MATTERS_FROM))])
    with pytest.raises(InputError, match=r"a\.zip unpacks to more than 200 times its size; .*unpack it yourself"):
        list(archive.read(raw, archive.contents(raw)))
    monkeypatch.setattr(archive, "MAX_BYTES", 2**20)
    raw = zipped(tmp_path, [("a.csv", bytes(range(256)) * 2500), ("b.csv", bytes(range(256)) * 2500)])
    with pytest.raises(InputError, match="unpacks to more than 1 MiB"):
        list(archive.read(raw, archive.contents(raw)))


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is ten thousand."""
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    raw = zipped(tmp_path, [(f"{n}.csv", b"") for n in range(3)])
    with pytest.raises(InputError, match=r"a\.zip holds more than 2 files"):
        archive.contents(raw)


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    """A row's file and line would not name it any more."""
    with pytest.warns(UserWarning, match="Duplicate"):
        raw = zipped(tmp_path, [("a.csv", b"1"), ("a.csv", b"2")])
    with pytest.raises(InputError, match=r"a\.zip holds two files of one name"):
        archive.contents(raw)


def test_a_password_is_one_sentence(tmp_path: Path) -> None:
    """It says what to do."""
    raw = encrypted(zipped(tmp_path, [("a.csv", b"1")]))
    with pytest.raises(InputError, match=r"a\.zip is protected by a password; unpack it with its password and put"):
        list(archive.read(raw, archive.contents(raw)))


def test_a_damaged_zip_is_one_sentence(tmp_path: Path) -> None:
    """Be it no zip at all, cut short, or changed within."""
    whole = zipped(tmp_path, [("a.csv", bytes(range(256)) * 40)])
    data = whole.path.read_bytes()
    for damage in (b"hello", data[:100], data[:60] + b"\0\0\0\0" + data[64:]):
        (tmp_path / "a.zip").write_bytes(damage)
        raw = raw_file(tmp_path / "a.zip", tmp_path)
        with pytest.raises(InputError, match=r"a\.zip is damaged or not a zip; download it again"):
            list(archive.read(raw, archive.contents(raw)))
