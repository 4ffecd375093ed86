"""The outlook: what is, and what a run would do. A run leaves it for those who look; it is made anew when a file moved."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pdp import config, kept
from pdp.ask import last_asked, remote
from pdp.errors import PdpError, mask
from pdp.gc import leftovers
from pdp.places import nothing_built
from pdp.plan import forecast
from pdp.registry import Registry
from pdp.registry.history import History
from pdp.repairs import FILE
from pdp.resolve import resolve
from pdp.session import Session
from pdp.stage import Pipeline, Source

NO_CODE = frozenset({"__pycache__", "node_modules", "site-packages"})


def look(root: str) -> dict[str, Any]:
    """The outlook of the project in `root`: `status` is what `pdp status` shows, `tasks` every task in order of a run.

    A task: task, verdict, reasons, needs (tasks whose outputs it reads), absent (a source without files).

    Raises:
        PdpError: nothing was built yet, or the config is wrong.
    """
    began, clocks = time.time_ns(), kept.clock(root)
    session = Session(Path(root), os.environ, read_only=True)
    if not session.path("registry.db").is_file():
        raise nothing_built(root, str(session.data))
    try:
        pipeline = pipeline_of(session)
        found = _outlook(session, pipeline)
        # A source that is fetched from elsewhere may hold something new without any file having moved here.
        if all(source.fetch == Source.fetch for source in pipeline.sources):
            kept.keep(root, "outlook", found, watched(session, pipeline), began, clocks)
        kept.keep(root, "data", str(session.data), config.sources(root, str(session.config.path)), began, clocks)
    finally:
        session.close()
    return found


def pipeline_of(session: Session) -> Pipeline:
    """The pipeline that dodo.py declares: as it was recorded, while the file is the same."""
    import hashlib

    recorded = session.registry.get("pipeline", "stages")
    dodo = (session.root / "dodo.py").read_bytes()
    if recorded and recorded["dodo"] == hashlib.sha256(dodo).hexdigest():
        return Pipeline.from_data(recorded)
    sys.path.insert(0, str(session.root))
    try:
        pipeline: Pipeline = resolve("dodo:PIPELINE")  # the slow way: dodo.py was edited since the last run
    except Exception as error:
        raise PdpError(f"dodo.py cannot be read: {type(error).__name__}: {error}", hint="mend it") from error
    return pipeline


def watched(session: Session, pipeline: Pipeline) -> set[str]:
    """All files and folders whose stat must stay what it is for the outlook to stay true."""
    root = str(session.root)
    paths = set(config.sources(root, str(session.config.path)))
    paths |= {
        f"{root}/dodo.py",
        str(session.path(FILE)),
        str(session.path("registry.db")),
        str(session.path("registry.db-journal")),
    }
    paths |= {f"{root}/{entry[0]}" for entry in session.project_state}
    paths |= {str(session.path(path)) for path, _ in History(session.registry.db).paths()}
    paths |= {str(session.path(output.path)) for output in pipeline.outputs.values()}
    for source in pipeline.sources:
        paths |= set(_tree(str(session.path(source.folder))))
    # What the store holds decides between restoring and building, and pdp gc writes nothing into the registry.
    paths |= {str(session.store.folder), *(place for place, _, _ in os.walk(session.store.folder))}
    paths |= set(_folders(root, str(session.data)))
    # The code that gave the outlook, and where the versions of the libraries are read from.
    paths |= {
        module.__file__ for name, module in list(sys.modules.items()) if name.split(".")[0] == "pdp" and module.__file__
    }
    paths |= {path or os.getcwd() for path in sys.path}
    return paths


def _tree(folder: str) -> Iterator[str]:
    """A folder, and every folder and file below it."""
    yield folder
    for place, folders, files in os.walk(folder):
        yield from (os.path.join(place, name) for name in (*folders, *files))


def _folders(root: str, data: str) -> Iterator[str]:
    """The folders in which a new file could be a module; those behind links too, each once."""
    seen: set[str] = set()
    for place, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(place)
        if real in seen or place == data or "pyvenv.cfg" in files:
            folders.clear()
            continue
        seen.add(real)
        yield place
        folders[:] = [name for name in folders if not name.startswith(".") and name not in NO_CODE]


def _outlook(session: Session, pipeline: Pipeline) -> dict[str, Any]:
    status = _status(session, pipeline)
    files = {one["source"]: one["files"] if one["enabled"] else 0 for one in status["sources"]}
    needs: dict[str, list[str]] = {f"ingest:{source.name}": [] for source in pipeline.sources} | {
        stage.name: list(dict.fromkeys(pipeline.maker[name] for name in stage.inputs)) for stage in pipeline.stages
    }
    tasks = [
        {
            "task": one.task, "verdict": one.verdict, "reasons": list(one.reasons), "needs": needs[one.task],
            "absent": one.task.startswith("ingest:") and not files[one.task.partition(":")[2]],
        }
        for one in forecast(session, pipeline)
    ]  # fmt: skip
    ahead = [
        {name: one[name] for name in ("task", "verdict", "reasons")} for one in tasks if one["verdict"] != "current"
    ]
    return {"status": status | {"run_would": ahead}, "tasks": tasks}


def _state(registry: Registry) -> dict[str, Any] | None:
    """The remote state as it was last seen, and how many records it did not have; None if there is none."""
    seen = registry.get("sync", "last")
    return seen and {**seen, "not_pushed": max(0, len(registry.chain()) - seen["records"])}


def _status(session: Session, pipeline: Pipeline) -> dict[str, Any]:
    registry = session.registry
    current = registry.current()
    facts = registry.facts()
    return {
        "config": session.config.path.name if not session.config.is_demo else "demo",
        "data": session.shown("."),
        "last_run": registry.last_run(),
        "failing": [one for one in registry.failing() if one["stage"] in pipeline.maker.values()],
        "state": _state(registry),
        "sources": [
            {
                "source": source.name,
                "files": facts.get(f"ingest:{source.name}", {}).get("files", 0),
                "enabled": session.is_enabled(source.name),
                "changed_at": current[source.name]["created_at"] if source.name in current else None,
                **_asked(session, source),
            }
            for source in pipeline.sources
        ],
        "tables": [_counts(stage.name, facts[stage.name]) for stage in pipeline.group("validate") if stage.name in facts],
        "outputs": [
            {
                "artifact": row["name"], "version": row["version"], "rows": row["rows"], "path": row["path"],
                "built_at": row["created_at"],
            }
            for row in current.values()
            if row["path"].startswith("merged/") and row["name"] in pipeline.outputs
        ],
        "days": facts.get("merge", {}),
        "notes": [mask(note) for stage in pipeline.stages for note in facts.get(stage.name, {}).get("notes", ())],
        "repairs": History(registry.db).repaired(),
        "leftovers": [session.shown(path) for path, _ in leftovers(session, pipeline)],
    }  # fmt: skip


def _asked(session: Session, source: Source) -> dict[str, Any]:
    """When a source that is fetched last answered, and if it did not since: why, and since when."""
    if remote(session, source) is None:
        return {"answered_at": None, "stale": "", "stale_since": None}
    last = last_asked(session, source)
    return {"answered_at": last.get("at"), "stale": last.get("stale", ""), "stale_since": last.get("since")}


def _counts(stage: str, facts: dict[str, Any]) -> dict[str, Any]:
    names = ("read", "accepted", "superseded", "quarantined")
    counts = {name: facts.get(name, 0) for name in names}
    return {"table": stage.partition(":")[2], **counts}
