"""What reading one raw file gave, kept from run to run: a new file beside it does not make pdp read it again.

It is a convenience and no record: nothing refers to it, it is checked before it is used, and whatever a stage did not use
when it was built last is removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdp.filehash import sha256_of

if TYPE_CHECKING:
    import pyarrow as pa

FACTS = "facts.json"


class KeptReading:
    """Facts, and batches by name in the order in which they came, none for a name that never came."""

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.facts = record["facts"]
        self._folder = folder
        self._places: dict[str, list[tuple[int, int]]] = record["places"]
        self._files: dict[str, str] = record["files"]

    def digest(self, name: str) -> str:
        """Of all batches of a name."""
        return self._files[name]

    def batches(self, name: str) -> Iterator[pa.RecordBatch]:
        return (self.batch(name, number) for number in range(len(self._places.get(name, ()))))

    def batch(self, name: str, number: int) -> pa.RecordBatch:
        """One of them, without reading those before it."""
        import pyarrow as pa

        at, size = self._places[name][number]
        with (self._folder / name).open("rb") as file:
            file.seek(at)
            return pa.ipc.open_stream(file.read(size)).read_next_batch()


class KeptReadings:
    """Those of one stage, below one folder. `code` is the identity of all that reads."""

    def __init__(self, folder: Path, code: str, reuse: bool = True) -> None:
        self.folder = folder
        self._code = code
        self._reuse = reuse
        self._used: set[str] = set()

    def keep(self, key: str, make: Callable[[], Any]) -> KeptReading:
        """What `make` gives, kept under `key`: it gives (name, batch) pairs and returns facts that are plain data."""
        name = hashlib.sha256(f"{self._code}\n{key}".encode()).hexdigest()
        path = self.folder / name
        if name not in self._used:
            record = _whole(path) if self._reuse else None
            if record is None:
                record = self._make(path, make)
            self._used.add(name)
        else:
            record = json.loads((path / FACTS).read_bytes())
        return KeptReading(path, record)

    def _make(self, path: Path, make: Callable[[], Any]) -> dict[str, Any]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temp = Path(tempfile.mkdtemp(dir=self.folder, prefix="new-"))
        try:
            facts, places = _write(temp, make())
            files = {file.name: sha256_of(file) for file in sorted(temp.iterdir())}
            record = json.loads(json.dumps({"facts": facts, "places": places, "files": files}))
            (temp / FACTS).write_text(json.dumps(record | {"seal": _seal(record)}))
            shutil.rmtree(path, ignore_errors=True)
            os.replace(temp, path)
        finally:
            shutil.rmtree(temp, ignore_errors=True)
        return record

    def sweep(self) -> None:
        """Removes what was not used, and what a killed run left behind."""
        for left in self.folder.iterdir() if self._used else ():
            if left.name not in self._used:
                shutil.rmtree(left, ignore_errors=True)


def _write(folder: Path, made: Any) -> tuple[dict[str, Any], dict[str, list[tuple[int, int]]]]:
    """(the facts, where each batch stands in the file of its name: a stream of its own, since batches share no dictionary)."""
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="lz4")
    places: dict[str, list[tuple[int, int]]] = {}
    files: dict[str, Any] = {}
    with ExitStack() as stack:
        while True:
            try:
                name, batch = next(made)
            except StopIteration as end:
                return end.value, places
            if name not in files:
                files[name] = stack.enter_context((folder / name).open("wb"))
            begin = files[name].tell()
            with pa.ipc.new_stream(files[name], batch.schema, options=options) as writer:
                writer.write_batch(batch)
            places.setdefault(name, []).append((begin, files[name].tell() - begin))


def _seal(record: dict[str, Any]) -> str:
    """A digest of what a record tells, which no other file vouches for."""
    told = json.dumps([record["facts"], record["places"], record["files"]])
    return hashlib.sha256(told.encode()).hexdigest()


def _whole(path: Path) -> dict[str, Any] | None:
    """The record of a reading whose files are as they were written."""
    try:
        record: dict[str, Any] = json.loads((path / FACTS).read_bytes())
        if record["seal"] != _seal(record):
            return None
        return record if all(sha256_of(path / name) == digest for name, digest in record["files"].items()) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
