"""A stage as a doit task: dependencies, targets, the identity that decides, the action that commits."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pdp import signals
from pdp.commit import execute, publish
from pdp.disk import told
from pdp.errors import PdpError, fault, mask, sentence
from pdp.identity import Plan, plan_stage
from pdp.ingest import plan_ingest, write_manifest
from pdp.registry import sqlite_told
from pdp.repairs import FILE
from pdp.session import Session
from pdp.stage import Pipeline, Source, Stage

_sessions: dict[Path, Session] = {}


def open_session(root: Path) -> Session:
    """The session of this process for the project at `root`; an error of the config ends it with one sentence."""
    signals.install()
    try:
        session = Session(root, os.environ)
    except (PdpError, OSError) as error:
        known = error if isinstance(error, PdpError) else told(error, "the project cannot be read")
        print(f"pdp: {known}", file=sys.stderr)
        raise SystemExit(known.exit_code) from None
    _sessions[session.data / "registry.db"] = session
    return session


def session_at(registry: Path) -> Session:
    """The open session whose registry this is."""
    return _sessions[registry]


def refused(session: Session, error: OSError | sqlite3.Error) -> PdpError:
    """The sentence for what the disk or the registry refused."""
    if isinstance(error, OSError):
        return told(error, "the disk refused a file")
    return sqlite_told(error, str(session.path("registry.db")))


def ingest_tasks(session: Session, pipeline: Pipeline) -> Iterator[dict[str, Any]]:
    """One task per source. It has no `clean`: nothing below raw/ is ever removed."""
    for source in pipeline.sources:
        yield {
            "name": source.name,
            "targets": [session.shown(source.manifest.path)],
            "uptodate": [AskSource(session, pipeline, source)],
            "actions": [Action(session, pipeline, source)],
            "doc": f"{source.name}: what {source.folder} holds now",
        }


def stage_task(session: Session, pipeline: Pipeline, stage: Stage) -> dict[str, Any]:
    needs = [pipeline.outputs[name].path for name in stage.inputs]
    if stage.repairs and session.path(FILE).exists():
        needs.append(FILE)
    task = {
        "file_dep": [session.shown(path) for path in needs],
        "targets": [session.shown(output.path) for output in stage.outputs],
        "uptodate": [Identity(session, pipeline, stage)],
        "actions": [Action(session, pipeline, stage)],
        "clean": True,
        "doc": stage.doc,
    }
    if ":" in stage.name:
        task["name"] = stage.name.partition(":")[2]
    return task


def stage_tasks(session: Session, pipeline: Pipeline, group: str) -> Iterator[dict[str, Any]]:
    """The tasks of one group of stages."""
    return (stage_task(session, pipeline, stage) for stage in pipeline.group(group))


class Identity:
    """doit's `uptodate` object: whether the stage is current; its text is the reason that `doit info` shows.

    It never raises: doit would end the whole run. What is wrong becomes the action's sentence.
    """

    def __init__(self, session: Session, pipeline: Pipeline, stage: Stage) -> None:
        self.session, self.pipeline, self.stage = session, pipeline, stage
        self.plan = Plan(stage.name)

    def __call__(self, task: Any, values: dict[str, Any]) -> bool:
        try:
            task.pdp = self.look()
        except (OSError, sqlite3.Error) as error:
            self.plan = Plan(self.plan.stage, reasons=["cannot tell"], problem=str(refused(self.session, error)))
            task.pdp = {"plan": self.plan.as_dict()}
        except Exception as error:
            self.plan = Plan(self.plan.stage, reasons=["cannot tell"], problem=fault(error))
            task.pdp = {"plan": self.plan.as_dict()}
        return not self.plan.reasons

    def look(self) -> dict[str, Any]:
        """Makes the plan; gives what the action, maybe in a worker, is to know of it."""
        self.plan = plan_stage(self.session, self.pipeline, self.stage, self.session.registry.current())
        if self.plan.reasons:
            self.session.hashes.recall(raw=True)  # a worker may not ask the registry
        return {"plan": self.plan.as_dict()}

    def __str__(self) -> str:
        return self.plan.problem or "; ".join(self.plan.reasons)


class AskSource(Identity):
    """The same for a source: it is asked each time."""

    def __init__(self, session: Session, pipeline: Pipeline, source: Source) -> None:
        self.session, self.pipeline, self.source = session, pipeline, source
        self.plan = Plan(f"ingest:{source.name}")

    def look(self) -> dict[str, Any]:
        self.plan, snapshot = plan_ingest(self.session, self.pipeline, self.source)
        content = snapshot.to_bytes().decode() if snapshot else ""
        return {"plan": self.plan.as_dict(), "manifest": content}


class Action:
    """The one action of every task. It may run in a worker: it touches files and the store, never the registry."""

    def __init__(self, session: Session, pipeline: Pipeline, what: Stage | Source) -> None:
        self.session, self.pipeline, self.what = session, pipeline, what
        self.__name__ = what.name

    def __call__(self, task: Any) -> Any:
        from doit.exceptions import TaskFailed

        plan = Plan(**task.pdp["plan"])
        if plan.problem:
            return TaskFailed(plan.problem)
        if not plan.reasons:
            plan.reasons = ["asked for with doit -a" if self.session.always else "asked for"]
        try:
            if isinstance(self.what, Source):
                content = task.pdp["manifest"].encode()
                return {"pdp": write_manifest(self.session, self.what, plan, content)}
            return {"pdp": execute(self.session, self.pipeline, self.what, plan)}
        except PdpError as error:
            return TaskFailed(sentence(error))
        except OSError as error:
            return TaskFailed(str(told(error, "nothing was changed: the disk refused a file")))


def finish(session: Session, task: str, record: dict[str, Any] | None, state: dict[str, Any]) -> None:
    """Commits a finished task, then publishes what it made. The commit is the point of no return."""
    if not record and state == session.registry.doit_state(task):
        return  # a group of tasks, which doit saves each time
    with signals.held():
        with session.transaction():
            if record:
                session.ensure_run()
                session.outcomes[task] = (session.chain.commit_stage(record), record)
            session.registry.put_doit_state(task, state)
        if record:
            session.told += [mask(note) for note in record["facts"].get("notes", ())]
            session.told += _unmatched(session, record["facts"].get("repairs"))
            session.told += _published(session, task, record)


def _published(session: Session, task: str, record: dict[str, Any]) -> list[str]:
    try:
        return publish(session, record["outputs"], session.registry.version_of)
    except (OSError, PdpError, sqlite3.Error) as error:
        reason = sentence(error) if isinstance(error, PdpError) else refused(session, error)
        session.unpublished = True
        return [f"{task} is committed; its visible files will be repaired on the next start ({reason})"]


def _unmatched(session: Session, repairs: dict[str, Any] | None) -> list[str]:
    """A repair whose row is gone is not silently lost."""
    lines = [line for name in (repairs or {}).get("unmatched", ()) for line in session.repairs.lines_of(name)]
    what = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, sorted(lines)))}"
    return [f"{FILE} {what}: no raw row is what it repairs any more; see pdp rejected"] if lines else []
