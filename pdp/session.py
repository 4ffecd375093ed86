"""Session: what one process works with — the project's folder, its config, registry, store and code."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdp import __version__, config, repairs
from pdp.chain import Chain
from pdp.filehash import RACY_NS, FileHashes, Stat, is_settled, stamp, stat_of
from pdp.lock import RunLock
from pdp.registry import Registry, dump
from pdp.repairs import Repairs
from pdp.stage import Pipeline
from pdp.store import Store

if TYPE_CHECKING:
    from pdp.fingerprint.answers import Answers
    from pdp.fingerprint.files import Files, State

# How tables are read and written shapes every result as much as the stage itself.
ENGINE = tuple(Path(__file__).with_name(name) for name in ("tables.py", "parquet.py"))
TABLES = ENGINE[0].stem
LIBRARIES = ("pandas", "pyarrow")


@dataclass(frozen=True)
class Code:
    """The code identity of a function: one digest, and what could not be resolved."""

    digest: str
    warnings: tuple[str, ...]


class Session:
    """Opened once per process. A forked worker may read its paths and its config, never its registry."""

    # `doit -a`: build, whatever the store holds.
    always = False

    def __init__(self, root: Path, environ: Mapping[str, str], *, read_only: bool = False) -> None:
        self.root = root
        self.read_only = read_only
        self.pipeline: Pipeline | None = None
        self._registry: Registry | None = None
        self._learned: dict[tuple[str, str], Any] = {}
        self.outcomes: dict[str, tuple[str, dict[str, Any]]] = {}
        self.told: list[str] = []
        self.unpublished = False  # a named file could not be put in place: it is older than what is committed
        self.lock: RunLock | None = None
        self.asking = False  # whether sources are asked what they have: only while `doit run` is at work
        self.offline = False  # `doit offline=1`: not even then
        self.stale: dict[str, str] = {}  # task of a source that did not answer -> what to say
        self.config = config.load(root, environ, self._open_memo)
        self._unremembered = {} if self._has_registry() else dict(environ)
        self.data = self.config.data_dir
        self.store = Store(self.data / "store")
        self.hashes = FileHashes(self.data, self._file_stats, lambda: None if read_only else stamp(self.data))
        self.walks: dict[
            str, dict[str, str]
        ] = {}  # source -> what was seen of its folder, to be kept; see `pdp.ingest`

    def _open_memo(self, data_dir: Path) -> Registry | None:
        """The registry, if there is one: settings that turn out to be wrong must not leave a data folder behind."""
        path = data_dir / "registry.db"
        if path.is_file():
            self._registry = Registry(path, read_only=self.read_only)
        return self._registry

    def _has_registry(self) -> bool:
        return self._registry is not None

    def _file_stats(self, raw: bool) -> dict[str, tuple[Stat, str]]:
        return self.registry.file_stats(raw=raw)

    @property
    def registry(self) -> Registry:
        if self._registry is None:
            self._registry = Registry(self.data / "registry.db", read_only=self.read_only)
        return self._registry

    @cached_property
    def chain(self) -> Chain:
        return Chain(self.registry, self.store)

    @property
    def has_written(self) -> bool:
        """Whether this process changed anything in the registry."""
        return self._registry is not None and self._registry.db.total_changes > 0

    def close(self) -> None:
        if self._registry is not None:
            self._registry.close()
            self._registry = None
            self.__dict__.pop("chain", None)

    def path(self, relative: str) -> Path:
        return self.data / relative

    def shown(self, relative: str) -> str:
        """A path as doit and people see it: relative to the project where it lies in it."""
        path = self.data / relative
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def settings(self, sections: Iterable[str]) -> dict[str, Any]:
        """These sections of the config, as a stage declares them."""
        return config.slice(self.config.values, sections)

    def is_enabled(self, source: str) -> bool:
        """Whether the source is read at all; one whose section has no such key, or that has no section, is."""
        return bool(self.config.values.get(source, {}).get("enabled", True))

    @cached_property
    def repairs(self) -> Repairs:
        return Repairs(self.path(repairs.FILE))

    def code_of(self, function: str, scheme: int) -> Code:
        """The code identity of a function by a scheme of fingerprints, from the cache while no project file changed."""
        return self._codes.get(_kept_as(function, scheme)) or self._fingerprint(function, scheme)

    def engine(self, scheme: int) -> str:
        """The identity of the engine's own part in every result: how tables become bytes, and bytes tables."""
        return self.code_of(TABLES, scheme).digest

    @cached_property
    def _files(self) -> Files:
        from pdp.fingerprint.files import Files

        return Files(self.root)

    @cached_property
    def _answers(self) -> Answers:
        from pdp.fingerprint.answers import Answers

        return Answers(self.root, self._files)

    @cached_property
    def project_state(self) -> State:
        """The stats of all files that can matter for any code identity, as they were at the first look."""
        from pdp.fingerprint.files import state

        return state(self.root, self._remembered("code", "resources") or (), self._files)

    @cached_property
    def code_state(self) -> tuple[str, bool]:
        """A digest of the stats of all project files, and whether they have settled enough to be trusted next time."""
        import time

        state = self.project_state + tuple((path.name, *(stat_of(path) or ())) for path in ENGINE)
        newest = max((max(entry[2:4], default=0) for entry in state), default=0)
        digest = hashlib.sha256(dump([list(entry) for entry in state]).encode()).hexdigest()
        return digest, time.time_ns() - newest >= RACY_NS

    @cached_property
    def _codes(self) -> dict[str, Code]:
        kept = self.registry.get("code", self.code_state[0]) or {}
        return {ref: Code(digest, tuple(warnings)) for ref, (digest, warnings) in kept.items()}

    def _fingerprint(self, ref: str, scheme: int) -> Code:
        if ref == TABLES:
            found = self._answers.of_files(*ENGINE, scheme=scheme)
        else:
            found = self._answers.of(ref, scheme)
            # What a code digest stands for, so that a later run can say which statement changed.
            self._remember("statements", found.digest, found.record)
            self._remember_resources(found.resources)
        code = Code(found.digest, found.warnings)
        self._codes[_kept_as(ref, scheme)] = code
        state, settled = self.code_state
        if settled:
            self._remember("code", state, {name: [c.digest, c.warnings] for name, c in self._codes.items()})
        return code

    def _remember_resources(self, paths: Iterable[str]) -> None:
        """Data files that code reads: their stats are part of the state that the cache is keyed by."""
        known = self._remembered("code", "resources") or []
        if set(paths) <= set(known):
            return
        self._remember("code", "resources", sorted({*known, *paths}))
        self.__dict__.pop("project_state", None)
        self.__dict__.pop("code_state", None)

    def statements(self, digest: str) -> dict[str, str]:
        """The digest of each statement that a code digest stands for; empty where that is not known."""
        return self._remembered("statements", digest) or {}

    def _remember(self, kind: str, key: str, value: Any) -> None:
        """It is written down with the next transaction, or at the end."""
        self._learned[kind, key] = value

    def _remembered(self, kind: str, key: str) -> Any:
        return self._learned.get((kind, key)) or self.registry.get(kind, key)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction of the history, that also remembers what this process learned about code and libraries."""
        with self.chain.transaction():
            yield
            for (kind, key), value in self._learned.items():
                self.registry.put(kind, key, value)
        self._learned = {}

    # Runs

    @property
    def is_locked(self) -> bool:
        return self.lock is not None and self.lock.is_held

    def reopen(self) -> bool:
        """Opens the registry as it is now: it may be another file than before the lock was waited for. Whether there was one."""
        path = self.data / "registry.db"
        there = path.is_file() and path.stat().st_size > 0
        if self._registry is not None and self._registry.is_replaced():
            self.close()
        return there

    def ensure_run(self) -> None:
        """Opens the run's record with the first thing to record. Within the caller's transaction."""
        if self.registry.run is None:
            self.registry.begin_run(" ".join(["doit", *sys.argv[1:]]), self.versions())

    def end_run(self, *, ok: bool, current: int) -> None:
        """Closes the run's record, and makes what it left the release if that is a whole."""
        release = self._release() if ok else None
        if self.registry.run is None and (release is None or release == self.registry.release()):
            return
        with self.transaction():
            self.ensure_run()
            self.chain.end_run("ok" if ok else "failed", current, release)

    def _release(self) -> dict[str, int] | None:
        """The current version of all that the pipeline makes, if each was made from the current version of its inputs."""
        if self.pipeline is None:
            return None
        names = self.pipeline.outputs.keys()
        current = {name: row["version"] for name, row in self.registry.current().items() if name in names}
        return current if current.keys() == names and not self.registry.outdated() & names else None

    def flush(self) -> None:
        """Keeps what this process learned: hashes of files, and what the pipeline is, for those who only look."""
        if self._unremembered and self._has_registry():
            # A first run had nowhere to remember its settings when it read them.
            config.load(self.root, self._unremembered, lambda _: self._registry)
            self._unremembered = {}
        stages = None
        if self.pipeline:
            dodo = hashlib.sha256((self.root / "dodo.py").read_bytes()).hexdigest()
            stages = {"dodo": dodo} | self.pipeline.as_data()
            if stages == self.registry.get("pipeline", "stages"):
                stages = None
        if self.read_only or not (self.hashes.changed or self.walks or stages or self._learned):
            return
        with self.transaction():
            self.registry.put_file_stats(self.hashes.changed)
            for source, seen in self.walks.items():
                self.registry.put("walk", source, seen)
            if stages:
                self.registry.put("pipeline", "stages", stages)
        self.hashes.changed, self.walks = {}, {}

    @cached_property
    def libraries(self) -> dict[str, str]:
        """Versions of the libraries that results are made with.

        They are remembered while the folders that hold them stay as they are: an installation changes a folder's names,
        and to read a package's metadata takes longer than all else that a run with nothing to do does.
        """
        places = [place for place in sys.path if any((Path(place) / name).is_dir() for name in LIBRARIES)]
        stats = [[place, *(stat_of(Path(place)) or ())] for place in places]
        kept = self.registry.get("libraries", "installed") or {}
        if kept.get("stats") == stats:
            versions: dict[str, str] = kept["versions"]
            return versions
        from importlib.metadata import version

        versions = {name: version(name) for name in LIBRARIES}
        settled = all(is_settled(stat) for place in places if (stat := stat_of(Path(place))))
        if settled:
            self._remember("libraries", "installed", {"stats": stats, "versions": versions})
        return versions

    def versions(self) -> dict[str, str]:
        """What a run was made with, for its record."""
        python = ".".join(str(part) for part in sys.version_info[:3])
        return {"pdp": __version__, "python": python} | self.libraries


def _kept_as(function: str, scheme: int) -> str:
    return f"{scheme} {function}"
