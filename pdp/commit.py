"""Commit: runs a stage into temp files, puts them into the store, and hands over one record.

Nothing that a reader can see changes here. The record is committed by the parent process in one transaction (the commit
point); only then are the named paths brought in line with it (`publish`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pdp.disk import make_folder, sync
from pdp.errors import InputError, StageError
from pdp.filehash import stat_of
from pdp.identity import Plan, config_of
from pdp.registry import dump
from pdp.session import Session
from pdp.signals import held
from pdp.snapshot import Snapshot, is_snapshot
from pdp.stage import Pipeline, Stage
from pdp.store import lost

if TYPE_CHECKING:
    from pdp.tables import Inputs, Writers


def execute(session: Session, pipeline: Pipeline, stage: Stage, plan: Plan) -> dict[str, Any]:
    """Restores what the store holds for this identity, or builds it; gives the record to commit.

    Raises:
        StageError: the stage gave what cannot be trusted.
        InputError: a raw file moved while it was read.
    """
    began = time.perf_counter()
    held = None if session.always else plan.restore
    if held and all(session.store.has(output["hash"]) for output in held["outputs"]):
        # Today's paths: the same bytes may have been made for a file of another name.
        paths = {output.name: output.path for output in stage.outputs}
        outcome, facts = "restored", held["facts"]
        outputs = [output | {"path": paths[output["name"]]} for output in held["outputs"]]
    else:
        outcome, (outputs, facts) = "built", build(session, pipeline, stage, plan)
    record = {
        "stage": stage.name, "outcome": outcome, "reasons": plan.reasons, "key": plan.key, "identity": plan.identity,
        "facts": facts, "outputs": outputs, "seconds": round(time.perf_counter() - began, 3),
    }  # fmt: skip
    dump(record)  # What cannot be recorded must fail here, not within the transaction.
    return record


def build(
    session: Session, pipeline: Pipeline, stage: Stage, plan: Plan, *, afresh: bool = False
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Runs the stage's function; its outputs are in the store when this returns. `afresh`: with nothing that is kept."""
    from pdp.lean import lean_arrow
    from pdp.pieces import Pieces
    from pdp.readings import KeptReadings
    from pdp.resolve import resolve
    from pdp.tables import Inputs, Writers

    lean_arrow()
    function = resolve(stage.function)
    snapshots: list[Snapshot] = []
    hashes = plan.identity["inputs"]
    code = dump([plan.identity["code"], plan.identity["libraries"]])
    kept, reuse = session.path("kept") / stage.name.replace(":", "-"), not (session.always or afresh)
    readings = KeptReadings(kept, code, reuse)
    openers = {name: partial(_open, session, pipeline, name, hashes[name], snapshots) for name in stage.inputs}
    temps: dict[str, Path] = {}
    writers = Writers(stage.name, {})
    try:
        for output in stage.outputs:
            with held():
                temps[output.name] = session.store.temp()
        kinds = {output.name: PurePosixPath(output.path).suffix[1:] for output in stage.outputs}
        writers = Writers(stage.name, {name: (temp, kinds[name]) for name, temp in temps.items()})
        config = config_of(session, plan.identity)
        rest = _all_but_inputs(session, plan, config)
        pieces = Pieces(kept.with_suffix(".pieces"), rest, writers, session.store.read, reuse=reuse)
        inputs = Inputs(openers, readings.keep, pieces.piece)
        facts = _drain(function(inputs, config), writers)
        writers.close()
        _assert_conserved(stage, inputs, writers, facts)
        for snapshot in snapshots:
            _assert_unmoved(snapshot)
        readings.sweep()
        sizes = [temps[output.name].stat().st_size for output in stage.outputs]
        digests = session.store.put(*temps.values())
        outputs = [
            {"name": one.name, "path": one.path, "size": size, "rows": writers.rows[one.name], "hash": digest}
            for one, size, digest in zip(stage.outputs, sizes, digests, strict=True)
        ]
        pieces.save({output.name: digest for output, digest in zip(stage.outputs, digests, strict=True)})
    finally:
        writers.abandon()
        for temp in temps.values():
            temp.unlink(missing_ok=True)
    return outputs, facts


def _all_but_inputs(session: Session, plan: Plan, config: dict[str, Any]) -> str:
    """All that a stage's rows depend on but for its inputs, and their bytes: every number of the libraries' versions counts."""
    identity = plan.identity
    return dump([identity["code"], identity.get("engine"), identity["order"], session.libraries, config])


def _open(session: Session, pipeline: Pipeline, name: str, digest: str, snapshots: list[Snapshot]) -> Any:
    """An input out of the store, by the hash that the identity names: what lies at its named path does not count."""
    output = pipeline.outputs[name]
    if is_snapshot(output.path):
        folder = next(source.folder for source in pipeline.sources if source.name == name)
        snapshot = Snapshot.parse(
            session.store.read(digest), session.path(folder), lambda file: session.hashes.known(f"{folder}/{file}")
        )
        snapshots.append(snapshot)
        return snapshot
    from pdp.tables import Stored

    if not session.store.has(digest):
        raise lost(digest)
    return Stored(session.store.path(digest))


def _drain(chunks: Any, writers: Writers) -> dict[str, Any]:
    """Writes what the stage yields; gives the facts that it returns at its end."""
    while True:
        try:
            name, table = next(chunks)
        except StopIteration as end:
            return end.value or {}
        writers.write(name, table)


def _assert_conserved(stage: Stage, inputs: Inputs, writers: Writers, facts: dict[str, Any]) -> None:
    """Nothing lost: a stage that sorts rows tells how many it superseded; the engine counts the others itself."""
    if "superseded" not in facts:
        return
    out = sum(writers.rows.values())
    if inputs.rows != out + facts["superseded"]:
        raise StageError(
            f"stage {stage.name} read {inputs.rows} rows, but accounts for {out + facts['superseded']}",
            hint="this is a fault of pdp; nothing was changed",
        )


def _assert_unmoved(snapshot: Snapshot) -> None:
    for file in snapshot:
        if file.moved():
            raise InputError(
                f"raw file {snapshot.source}/{file.name} changed while it was being read", hint="run again"
            )


def publish(session: Session, outputs: list[dict[str, Any]], known: Callable[[str, str], int | None]) -> list[str]:
    """Brings the named paths in line with the registry; gives what a person should be told.

    A file that a person edited (its bytes are no version of the artifact) is moved aside, never overwritten.
    """
    folders: set[Path] = set()
    try:
        return [sentence for output in outputs for sentence in _publish(session, output, known, folders)]
    finally:
        for folder in sorted(folders):
            sync(folder)


def _publish(
    session: Session, output: dict[str, Any], known: Callable[[str, str], int | None], folders: set[Path]
) -> Iterator[str]:
    """Adds the folder of what it puts in place to `folders`, to be synced once for all."""
    path = session.path(output["path"])
    while True:
        seen = stat_of(path)
        digest = session.hashes.sha256(output["path"])
        if digest == output["hash"]:
            return
        if digest is not None and known(output["name"], digest) is None:
            yield f"the edited {path.name} was moved to {session.shown(_put_aside(session, path, digest))}"
            seen = None
        # An edit that comes while the copy is made is seen, and looked at again.
        if session.store.copy_out(output["hash"], path, lambda: stat_of(path) == seen):  # noqa: B023 - called at once
            folders.add(path.parent)
            return


def _put_aside(session: Session, path: Path, digest: str) -> str:
    """Moves a person's file; it is on the disk at its new place before anything is put in its old one."""
    name = f"edited/{path.stem}.{digest[:8]}{path.suffix}"
    aside = session.path(name)
    make_folder(aside.parent)
    sync(path)
    path.replace(aside)
    sync(aside.parent)
    return name
