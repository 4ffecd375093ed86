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

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.facts = facts
        self._folder = folder

    def batches(self, name: str) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        path = self._folder / name
        if path.is_file():
            with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
                yield from stream


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
        return KeptReading(path, record["facts"])

    def _make(self, path: Path, make: Callable[[], Any]) -> dict[str, Any]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temp = Path(tempfile.mkdtemp(dir=self.folder, prefix="new-"))
        try:
            facts = _write(temp, make())
            files = {file.name: sha256_of(file) for file in sorted(temp.iterdir())}
            record = {"facts": facts, "files": files}
            (temp / FACTS).write_text(json.dumps(record))
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


def _write(folder: Path, made: Any) -> dict[str, Any]:
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="lz4")
    writers: dict[str, Any] = {}
    with ExitStack() as stack:
        while True:
            try:
                name, batch = next(made)
            except StopIteration as end:
                return end.value
            if name not in writers:
                file = stack.enter_context(pa.OSFile(str(folder / name), "wb"))
                writers[name] = stack.enter_context(pa.ipc.new_stream(file, batch.schema, options=options))
            writers[name].write_batch(batch)


def _whole(path: Path) -> dict[str, Any] | None:
    """The record of a reading whose files are as they were written."""
    try:
        record: dict[str, Any] = json.loads((path / FACTS).read_bytes())
        files = record["files"]
        return record if all(sha256_of(path / name) == digest for name, digest in files.items()) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
