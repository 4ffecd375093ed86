"""The vault: the current generation as one encrypted file, so that the machine which shows it cannot read it by itself.

    key.json        the age identity, wrapped by the owner's password
    recipient.txt   its public half: the pipeline writes with it, and cannot read back
    data.age        a tar of registry.db, the objects of the current artifacts, and view.json (what the pages need of the
                    config), encrypted with age (X25519)

The file is replaced at once: a reader has the old generation or the new one. age proves that the file is whole, not who
wrote it: who may write into the folder may plant data (docs/dashboard.md).
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from pdp.dashboard import memory
from pdp.dashboard.key import KEY, RECIPIENT, Key, read_key, unwrap, wrap
from pdp.disk import sync
from pdp.errors import PdpError, UsageError
from pdp.registry.history import History
from pdp.store import Store

DATA = "data.age"
VIEW = "view.json"
CARRIED = ("timezone", "treatments", "guideline")


@dataclass(frozen=True)
class Opened:
    """An unlocked vault: `folder` is a data folder in memory, `config` what the pages need of the config."""

    folder: Path
    config: Mapping[str, Any] = field(repr=False)

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def create(folder: Path, password: str, key: Key | None = None) -> Key:
    """Makes a vault, or gives one another password when `key` is the one it has; gives the key.

    Raises:
        UsageError: the password is too short, or there is a vault already.
    """
    if key is None and (folder / KEY).exists():
        raise UsageError(f"{folder.name} is a vault already", hint="pdp vault password gives it another password")
    made = key or Key.new()
    wrapped = wrap(made, password)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(folder / RECIPIENT, f"{made.recipient}\n".encode())
    replace(folder / KEY, wrapped)
    return made


def carried(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the pages need of the config: never a source's ids."""
    found = {name: values[name] for name in CARRIED if name in values}
    return found | {"report": values["report"]} if "report" in values else found


def write(data: Path, folder: Path, config: Mapping[str, Any]) -> int:
    """Puts the current generation of a data folder into the vault; gives the bytes of the encrypted file.

    Raises:
        PdpError: there is no vault, nothing is built yet, or the store lost an object.
    """
    import pyrage

    try:
        recipient = pyrage.x25519.Recipient.from_str((folder / RECIPIENT).read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError, pyrage.RecipientError) as error:
        raise PdpError(f"there is no vault in {folder.name}", hint="make one: pdp vault init") from error
    with _beside(folder / DATA) as temp:
        plain = data / f"{temp.name}.tar"  # beside the data that it is made of, and no more private
        try:
            with os.fdopen(os.open(plain, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as tar:
                _pack(data, tar, config)
                tar.seek(0)
                with temp.open("wb") as sealed:
                    pyrage.encrypt_io(tar, sealed, [recipient])
        finally:
            plain.unlink(missing_ok=True)
    return (folder / DATA).stat().st_size


def unlock(folder: Path, password: str) -> Opened:
    """The vault's content, in memory.

    Raises:
        WrongPassword: the password does not open it.
        PdpError: there is no vault, it holds nothing yet, or it was altered.
    """
    return unpack(folder, unwrap(read_key(folder), password))


def unpack(folder: Path, key: Key) -> Opened:
    """The vault's content, in memory, opened with its key.

    Raises:
        PdpError: the vault holds nothing yet, it was altered, or it is another key's.
    """
    if not (folder / DATA).is_file():
        raise PdpError("the vault holds nothing yet", hint="pdp vault write, where the pipeline runs")
    place = memory.fresh()
    try:
        tar = place / "data.tar"
        with (folder / DATA).open("rb") as sealed, tar.open("wb") as plain:
            _decrypt(sealed, plain, key)
        with tarfile.open(tar) as packed:
            packed.extractall(place, filter="data")
        tar.unlink()
        return Opened(place, json.loads((place / VIEW).read_bytes()))
    except (Damaged, tarfile.TarError, KeyError, ValueError) as error:
        shutil.rmtree(place, ignore_errors=True)
        raise PdpError(
            f"{DATA} of the vault is damaged, or not its own", hint="write it again: pdp vault write"
        ) from error
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise PdpError(
            f"the vault cannot be unlocked into memory: {error.strerror}", hint="give it more memory"
        ) from error
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


class Damaged(Exception):
    """What was decrypted is not what was encrypted."""


def _decrypt(sealed: IO[bytes], plain: IO[bytes], key: Key) -> None:
    import pyrage

    try:
        pyrage.decrypt_io(sealed, plain, [key.identity])
    except pyrage.DecryptError as error:
        raise Damaged from error
    except OSError as error:
        if error.errno is None:  # the stream's own word for a tag that does not fit
            raise Damaged from error
        raise


def _pack(data: Path, file: Any, config: Mapping[str, Any]) -> None:
    """One generation: the registry's copy says which objects belong to it."""
    if not (data / "registry.db").is_file():
        raise PdpError(f"nothing is built yet in {data.name}", hint="run doit")
    content = _registry(data / "registry.db")
    store = Store(data / "store")
    with tarfile.open(fileobj=file, mode="w") as tar:
        _add(tar, "registry.db", content)
        _add(tar, VIEW, json.dumps(dict(config), sort_keys=True).encode())
        for digest in _current(content):
            _add(tar, f"store/{store.path(digest).relative_to(store.folder).as_posix()}", store.read(digest))


def _registry(path: Path) -> bytes:
    """A copy of the registry as it stood at one moment."""
    with closing(History.open(path).db) as source, closing(sqlite3.connect(":memory:")) as copy:
        source.backup(copy)
        return copy.serialize()


def _current(registry: bytes) -> list[str]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(registry)
        db.row_factory = sqlite3.Row
        return sorted(History(db).current_hashes())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    tar.addfile(entry, io.BytesIO(content))


def replace(path: Path, content: bytes) -> None:
    """Puts a private file in place, all at once."""
    with _beside(path) as temp:
        temp.write_bytes(content)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """An empty private file beside `path` that takes its place when all went well."""
    temp = path.with_name(f".{path.name}.{os.getpid()}.new")
    os.close(os.open(temp, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    try:
        yield temp
        sync(temp)
        temp.replace(path)
        sync(path.parent)
    finally:
        temp.unlink(missing_ok=True)
