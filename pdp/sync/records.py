"""What a chain of records says about bytes: which are needed, which raw files a source had, and how one chain is set
on top of another.

A record is the canonical JSON that `pdp.chain` writes; here it is text that is never changed, only written anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pdp.errors import Untrusted
from pdp.registry import dump

Files = dict[str, tuple[str, int]]
"""File name -> (SHA-256, size) of a source's raw files."""


class Given(NamedTuple):
    """A version of an artifact as the last record that gave it says: its bytes, and what it was made from."""

    digest: str
    size: int
    inputs: dict[str, str]


class State:
    """What a chain leaves: versions, what is current, pinned or of the release, the raw files of each source."""

    def __init__(self, records: Iterable[str]) -> None:
        self.versions: dict[tuple[str, int], Given] = {}
        self.numbers: dict[tuple[str, str], int] = {}
        self.latest: dict[str, int] = {}
        self.current: dict[str, tuple[str, int]] = {}
        self.pinned: set[tuple[str, int]] = set()
        self.release: dict[str, int] = {}
        self.raw: dict[str, Files] = {}
        self.runs: set[int] = set()
        for text in records:
            try:
                self.take(json.loads(text))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise Untrusted("a record of the history is not of its form", hint="run pdp verify") from error

    def take(self, record: dict[str, Any]) -> None:
        if record["run"]:
            self.runs.add(record["run"]["id"])
        if record["kind"] == "stage":
            self._stage(record)
        elif record["kind"] == "drop":
            self.current = {name: at for name, at in self.current.items() if name not in record["artifacts"]}
        elif record["kind"] == "pin":
            self.pinned.add((record["artifact"], record["version"]))
        elif record["kind"] == "unpin":
            self.pinned.discard((record["artifact"], record["version"]))
        elif record["kind"] == "end" and record.get("release"):
            self.release = {name: int(version) for name, version in record["release"].items()}

    def _stage(self, record: dict[str, Any]) -> None:
        stage, identity = record["stage"], record["identity"]
        for one in record["outputs"]:
            _assert_below(one["path"])
        self.current = {name: at for name, at in self.current.items() if at[0] != stage}
        for one in record["outputs"]:
            name, version = one["name"], one["version"]
            self.versions[name, version] = Given(one["hash"], one["size"], identity["inputs"])
            self.numbers[name, one["hash"]] = version
            self.latest[name] = max(version, self.latest.get(name, 0))
            self.current[name] = (stage, version)
        if stage.startswith("ingest:"):
            files = {_assert_below(file["name"]): (file["sha256"], file["size"]) for file in identity["snapshot"]}
            self.raw[stage.partition(":")[2]] = files

    def number(self, name: str, digest: str) -> int:
        """The version of these bytes: the one they have, or the next."""
        return self.numbers.get((name, digest)) or self.latest.get(name, 0) + 1

    def needed(self) -> dict[str, int]:
        """The bytes of all that is current, pinned or of the release, and of all that those were made from: SHA-256 -> size."""
        todo = [(name, version) for name, (_, version) in self.current.items()]
        todo += [*sorted(self.pinned), *sorted(self.release.items())]
        found: dict[str, int] = {}
        while todo:
            given = self.versions.get(todo.pop())
            if given is None or given.digest in found:
                continue
            found[given.digest] = given.size
            known = ((name, self.numbers.get((name, digest))) for name, digest in given.inputs.items())
            todo += [(name, version) for name, version in known if version]
        return found

    def raw_needed(self) -> set[str]:
        """The bytes of the raw files that the sources have now."""
        return {digest for files in self.raw.values() for digest, _ in files.values()}


def hash_of(record: str) -> str:
    return hashlib.sha256(record.encode()).hexdigest()


def rebase(onto: Sequence[str], common: int, mine: Sequence[str]) -> list[str]:
    """The records of `mine` that are not among the first `common`, written anew to follow `onto`.

    Nothing of them is dropped. A version keeps its number where the same bytes have it there already, and gets the next
    one where not; runs that both counted alike get the next numbers too; `rebased` names the record that each one was.
    """
    below, before = State(onto), State(mine)
    free = max(below.runs, default=0) + 1
    shared = State(mine[:common]).runs
    runs = {run: free + place for place, run in enumerate(sorted(before.runs - shared))}
    moved: dict[tuple[str, int], int] = {
        (name, version): below.numbers[name, given.digest]
        for (name, version), given in before.versions.items()
        if (name, given.digest) in below.numbers
    }
    result: list[str] = []
    previous = hash_of(onto[-1]) if onto else ""
    for text in mine[common:]:
        record = json.loads(text)
        _renumber(record, below, runs, moved)
        if record["kind"] == "pin" and (record["artifact"], record["version"]) in below.pinned:
            continue  # both sides pinned it
        record |= {"previous": previous, "rebased": record.get("rebased", hash_of(text))}
        below.take(record)
        result.append(dump(record))
        previous = hash_of(result[-1])
    return result


def _renumber(record: dict[str, Any], below: State, runs: dict[int, int], moved: dict[tuple[str, int], int]) -> None:
    if record["run"]:
        record["run"]["id"] = runs.get(record["run"]["id"], record["run"]["id"])
    for one in record.get("outputs", ()):
        old, one["version"] = one["version"], below.number(one["name"], one["hash"])
        moved[one["name"], old] = one["version"]
    if record.get("release"):
        record["release"] = {name: moved.get((name, at), at) for name, at in record["release"].items()}
    if record["kind"] in ("pin", "unpin"):
        at = (record["artifact"], record["version"])
        record["version"] = moved.get(at, at[1])


def _assert_below(path: str) -> str:
    """A path that stays below its folder.

    Raises:
        ValueError: it would leave it.
    """
    if not path or path.startswith("/") or ".." in path.split("/") or "\0" in path or "\\" in path:
        raise ValueError("a path that leaves its folder")
    return path
