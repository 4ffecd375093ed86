"""Zips as downloaded, and zips that should not be opened."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from pdp.errors import InputError
from pdp.labels import label
from pdp.snapshot import RawFile
from stages.normalize import archive
from tests.hostile_names import names
from tests.mi_export import raw_file


def zipped(folder: Path, members: list[tuple[str, bytes]], name: str = "a.zip") -> RawFile:
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as out:
        for member, data in members:
            out.writestr(member, data)
    return raw_file(folder / name, folder)


def encrypted(raw: RawFile) -> RawFile:
    """The same zip with the bit set that says a member is encrypted."""
    data = bytearray(Path(raw.path).read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    Path(raw.path).write_bytes(data)
    return raw_file(Path(raw.path), Path(raw.path).parent)


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
    data = Path(whole.path).read_bytes()
    for damage in (b"hello", data[:100], data[:60] + b"\0\0\0\0" + data[64:]):
        (tmp_path / "a.zip").write_bytes(damage)
        raw = raw_file(tmp_path / "a.zip", tmp_path)
        with pytest.raises(InputError, match=r"a\.zip is damaged or not a zip; download it again"):
            list(archive.read(raw, archive.contents(raw)))


def test_a_zip_that_lies_about_its_sizes_is_counted(tmp_path: Path) -> None:
    """Members that share their bytes, a size that is told too small: what is read counts, not what is told."""
    data = b"\0" * (archive.RATIO_MATTERS_FROM - 1)
    raw = zipped(tmp_path, [("a.csv", data)])
    (tmp_path / "b.zip").write_bytes(overlapping(Path(raw.path).read_bytes(), 3000))
    shared = raw_file(tmp_path / "b.zip", tmp_path)
    assert len(archive.contents(shared)) == 3000
    with pytest.raises(InputError, match=r"b\.zip (unpacks to more than 200 times its size|is damaged)"):
        list(archive.read(shared, archive.contents(shared)))
    lying = bytearray(Path(zipped(tmp_path, [("a.csv", data + data)]).path).read_bytes())
    for signature, size in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = lying.index(signature) + size
        lying[at : at + 4] = (10).to_bytes(4, "little")
    (tmp_path / "c.zip").write_bytes(lying)
    raw = raw_file(tmp_path / "c.zip", tmp_path)
    with pytest.raises(InputError, match=r"c\.zip is damaged"):
        list(archive.read(raw, archive.contents(raw)))


def overlapping(data: bytes, count: int) -> bytes:
    """The zip of one member `a.csv` with `count` names for it: 00000, 00001, ... in place of it."""
    directory = data.index(b"PK\x01\x02")
    entry, end = data[directory : data.index(b"PK\x05\x06")], data[data.index(b"PK\x05\x06") :]
    local = data[:directory]
    entries = b"".join(entry.replace(b"a.csv", f"{n:05}".encode()) for n in range(count))
    counts = count.to_bytes(2, "little") * 2 + len(entries).to_bytes(4, "little")
    return local + entries + end[:8] + counts + end[16:]


def test_a_link_and_an_unusual_packing_are_refused(tmp_path: Path) -> None:
    """A link's bytes are a path; LZMA may ask for four gigabytes before its first byte."""
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr(info, "/etc/passwd")
    raw = raw_file(tmp_path / "a.zip", tmp_path)
    with pytest.raises(InputError, match=r"a\.zip holds a link instead of a file; zip the file itself"):
        list(archive.read(raw, archive.contents(raw)))
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_LZMA) as out:
        out.writestr("a.csv", "1")
    raw = raw_file(tmp_path / "b.zip", tmp_path)
    with pytest.raises(InputError, match=r"b\.zip is packed in an unusual way; if you trust it"):
        list(archive.read(raw, archive.contents(raw)))


def test_hostile_names_of_members_are_labels(tmp_path: Path) -> None:
    """Ten thousand names that try to leave: all are read, none is written anywhere, each is one visible line."""
    found = names()
    folder = tmp_path / "in" / "raw"
    folder.mkdir(parents=True)
    read = 0
    for start in range(0, len(found), 5000):
        raw = zipped(folder, [(name, b"x") for name in unique([name[:3000] for name in found[start : start + 5000]])])
        members = list(archive.read(raw, archive.contents(raw)))
        read += len(members)
        assert all(member.name.isprintable() and len(member.name) < 250 for member in members)
    assert len(found) > 10_000 and read > 6_000, "the others are folders, litter or alike once shown"
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "in", folder, folder / "a.zip"]


def unique(found: list[str]) -> list[str]:
    """Those that a zip can hold and whose labels differ: two of one label are refused, which another test shows."""
    by_label = {label(zipfile.ZipInfo(name).filename): name for name in found if name.isascii() or _is_text(name)}
    return [name for name in by_label.values() if name and not name.endswith("/")]


def _is_text(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def test_a_file_that_is_no_size_for_an_export_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a byte of it is in memory."""
    monkeypatch.setattr(archive, "MAX_BYTES", 2**20)
    for name in ("a.csv", "a.zip"):
        (tmp_path / name).write_bytes(b"x" * 2**20 + b"y")
        raw = raw_file(tmp_path / name, tmp_path)
        with pytest.raises(InputError, match="has more than 1 MiB"):
            list(archive.read(raw, archive.contents(raw)))
