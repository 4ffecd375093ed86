"""A real project with a remote, for the tests of push and pull."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

from pdp.chain import Chain
from pdp.fetched import Fetched, index_of, index_path, stamp
from pdp.registry import Registry
from pdp.registry.apply import history
from pdp.store import Store
from tests.look import pdp
from tests.project import Project

KEPT = ("raw", "normalized", "validated", "quarantine", "merged")


class Machine(Project):
    """A project with a remote. Its commands know where the remote and the key are."""

    def __init__(self, root: Path, remote: Path, seed: Path | None) -> None:
        super().__init__(root)
        shutil.rmtree(self.data)
        if seed:
            shutil.copytree(seed / "data", self.data)
        self.remote = remote
        self.environ = {
            "PDP_STATE_REMOTE": f"file://{remote}", "PDP_STATE_IDENTITY": str(root / "key.txt"),
        }  # fmt: skip

    def command(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return super().command(*words, **self.environ | environ)

    def pdp(self, *words: str, code: int = 0, **environ: str) -> str:
        return pdp(self, *words, code=code, **environ)

    def become(self, seed: Path) -> None:
        """What doit did there has happened here."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(seed / "data", self.data)

    def triggers(self) -> list[str]:
        """What holds the history to growing only: a merge writes it anew and must leave them."""
        registry = Registry(self.data / "registry.db", read_only=True)
        rows = registry.db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name").fetchall()
        registry.close()
        return [row["name"] for row in rows]

    def history(self) -> dict[str, Any]:
        registry = Registry(self.data / "registry.db", read_only=True)
        try:
            assert Chain(registry, Store(self.data / "store")).has_last_record()
            return history(registry.db)
        finally:
            registry.close()


def files(machine: Machine) -> dict[str, bytes]:
    found = (path for folder in KEPT for path in (machine.data / folder).rglob("*") if path.is_file())
    return {path.relative_to(machine.data).as_posix(): path.read_bytes() for path in found}


def built_from(root: Path, only: str = "") -> dict[str, Path]:
    """Four projects that doit ran in: a base, the base with one file more, b or c, or two fetched ones (d); or only the base."""
    base = Project(root / "base")
    assert base.doit().returncode == 0
    made = {"base": base.root}
    for name, texts in () if only else (("b", ["4 5"]), ("c", ["7"]), ("d", ["8", "9 10"])):
        project = Project(root / name)
        shutil.rmtree(project.data)
        shutil.copytree(base.data, project.data)
        if name == "d":
            fetch(project, texts)
        else:
            project.raw(f"{name}.txt", texts[0])
        assert project.doit().returncode == 0
        made[name] = project.root
    return made


def fetch(project: Project, texts: list[str]) -> None:
    """What asking a Drive folder that holds these files would leave."""
    files = []
    for text in texts:
        digest = hashlib.sha256(text.encode()).hexdigest()
        name = f"drive/{digest[:12]}/{len(text)}.txt"
        project.raw(name, text)
        files.append(Fetched(name, digest, len(text), stamp(digest, f"{len(text)}.txt")))
    index_path(project.data / "raw/mi_band").write_bytes(index_of(files))
