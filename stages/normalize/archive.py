"""A raw file as the files in it: itself, or the members of a zip, read one at a time and within limits.

Nothing is unpacked to disk, so that a member's path can do no harm, and a member that nobody asks for is never read.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from functools import partial

from pdp.errors import InputError
from pdp.labels import label
from pdp.snapshot import RawFile

MAX_BYTES = 2**30  # of one file, or of the members read from one zip, counted while reading: a zip's figures may lie
MAX_RATIO = 200  # uncompressed to compressed; CSV full of JSON comes to 10 to 30
MAX_MEMBERS = 10_000
RATIO_MATTERS_FROM = 2**20  # bytes; a smaller member is no danger whatever its ratio
_ENTRY = b"PK\x01\x02"  # begins each entry of a zip's directory
_LINK = 0o120000  # the file type of a symbolic link, in the upper half of a member's attributes
_CHUNK = 2**20
_BROKEN = (  # all that zipfile raises on damaged or unknown archives
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, ValueError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """One file: its name (`<zip>!<member>` within a zip), its bytes and their SHA-256."""

    name: str
    sha256: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Part:
    """One file that is not read yet: its name, what stands for its bytes (the zip and the member's name within it will
    do), their SHA-256 or '' where it is not known before they are read, and the bytes in blocks."""

    name: str
    key: str
    sha256: str
    blocks: Callable[[], Iterator[bytes]]


@dataclass
class _Unpacked:
    """How many bytes came out of a zip."""

    bytes: int = 0


def is_zip(raw: RawFile) -> bool:
    return raw.name.lower().endswith(".zip")


def contents(raw: RawFile) -> list[str]:
    """The names of the files in `raw`, sorted: its own name, or those of a zip's members.

    What a Mac or a PC adds by itself (`__MACOSX`, `.DS_Store`, ...) is left out.

    Raises:
        InputError: the zip is damaged, holds too many members, or two of one name.
    """
    if not is_zip(raw):
        return [] if _is_litter(raw.name) else [raw.name]
    with _opened(raw) as archive:
        return sorted(_members(raw, archive))


def read(raw: RawFile, wanted: Container[str]) -> Iterator[Member]:
    """Those files in `raw` whose names are `wanted`, sorted by name, each whole.

    Raises:
        InputError: the zip is damaged, protected by a password, or beyond a limit.
    """
    for part in parts(raw, wanted):
        data = b"".join(part.blocks())
        yield Member(part.name, part.sha256 or hashlib.sha256(data).hexdigest(), data)


def parts(raw: RawFile, wanted: Container[str]) -> Iterator[Part]:
    """As `read`, each to be read block by block; a part is readable until the next one is asked for.

    Raises:
        InputError: as `read`, some of it only while the blocks are read.
    """
    if not is_zip(raw):
        if raw.name in wanted:
            _refuse_huge(raw)
            yield Part(raw.name, raw.sha256, raw.sha256, raw.blocks)
        return
    with _opened(raw) as archive:
        count = _Unpacked()
        for name, info in sorted(_members(raw, archive).items()):
            if name in wanted:
                key = f"{raw.sha256}!{info.filename}"
                yield Part(name, key, "", partial(_unpacked, raw, archive, info, count))


def _opened(raw: RawFile) -> zipfile.ZipFile:
    _refuse_huge(raw)
    data = raw.read_bytes()
    if data.count(_ENTRY) > MAX_MEMBERS:  # before zipfile makes an object of each
        raise InputError(f"{raw.name} holds more than {MAX_MEMBERS} files", hint="is it an export? take it away")
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except _BROKEN as error:
        raise _damaged(raw) from error


def _refuse_huge(raw: RawFile) -> None:
    if raw.size > MAX_BYTES:
        raise InputError(f"{raw.name} has more than {MAX_BYTES // 2**20} MiB", hint="is it an export? take it away")


def _members(raw: RawFile, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """By name; a member's own name is a label here, no path, whatever it looks like, and may be empty."""
    infos = [info for info in archive.infolist() if not info.filename.endswith("/") and not _is_litter(info.filename)]
    members = {f"{raw.name}!{label(info.filename)}": info for info in infos}
    if len(members) < len(infos):
        raise InputError(f"{raw.name} holds two files of one name", hint="download it again")
    return members


def _unpacked(raw: RawFile, archive: zipfile.ZipFile, info: zipfile.ZipInfo, count: _Unpacked) -> Iterator[bytes]:
    """The member's bytes. Members may overlap, so those of all that were read before count too."""
    if info.flag_bits & 0x1:
        raise InputError(
            f"{raw.name} is protected by a password",
            hint="unpack it with its password and put the folder there instead",
        )
    if info.external_attr >> 16 & 0o170000 == _LINK:
        raise InputError(f"{raw.name} holds a link instead of a file", hint="zip the file itself")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{raw.name} is packed in an unusual way", hint=_UNPACK)
    size = 0
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                count.bytes += len(chunk)
                if count.bytes > MAX_BYTES:
                    raise InputError(f"{raw.name} unpacks to more than {MAX_BYTES // 2**20} MiB", hint=_UNPACK)
                if _is_bomb(size, info.compress_size) or _is_bomb(count.bytes, raw.size):
                    raise InputError(f"{raw.name} unpacks to more than {MAX_RATIO} times its size", hint=_UNPACK)
                yield chunk
    except _BROKEN as error:
        raise _damaged(raw) from error


def _is_bomb(size: int, packed: int) -> bool:
    return size > max(RATIO_MATTERS_FROM, MAX_RATIO * packed)


_UNPACK = "if you trust it, unpack it yourself and put the folder there instead"


def _damaged(raw: RawFile) -> InputError:
    return InputError(f"{raw.name} is damaged or not a zip", hint="download it again")


def _is_litter(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1].lower() in ("thumbs.db", "desktop.ini")
