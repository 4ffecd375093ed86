"""Identity: all that a result depends on, and what a run would do about it.

`plan_stage` compares what is with what was recorded, and gives reasons in words. It takes the hashes of the inputs from
the registry, before the run: inputs are read out of the store, so that they cannot move meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pdp.errors import PdpError
from pdp.registry import dump
from pdp.session import Session
from pdp.stage import Pipeline, Stage

SCHEME = 1


@dataclass
class Plan:
    """What a run would do with one stage. No reasons: it is current. `restore` names what the store may hold."""

    stage: str
    key: str = ""
    identity: dict[str, Any] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    restore: dict[str, Any] | None = None
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def key_of(identity: dict[str, Any]) -> str:
    """One name for one identity."""
    return hashlib.sha256(dump(identity).encode()).hexdigest()


# A row of `Registry.current()`, or what a forecast puts in its place.
Current = Mapping[str, Any]


def plan_stage(session: Session, pipeline: Pipeline, stage: Stage, current: Current) -> Plan:
    """The plan for one stage, given the current artifacts. Never raises what a person can mend."""
    try:
        return _plan(session, pipeline, stage, current)
    except PdpError as error:
        return Plan(stage.name, reasons=["cannot tell"], problem=str(error))


def _plan(session: Session, pipeline: Pipeline, stage: Stage, current: Current) -> Plan:
    missing = [name for name in stage.inputs if name not in current]
    if missing:
        maker = pipeline.maker[missing[0]]
        return Plan(stage.name, reasons=["never built"], problem=f"{missing[0]} was never built; run doit {maker}")
    identity = identity_of(session, stage, {name: current[name]["hash"] for name in stage.inputs})
    plan = Plan(stage.name, key_of(identity), identity)
    last = session.registry.last(stage.name)
    if last is None:
        plan.reasons.append("never built")
    elif last["key"] != plan.key:
        plan.reasons += changes(session, last["identity"], identity)
    plan.reasons += output_changes(session, stage, current)
    if session.registry.is_forgotten(stage.name, plan.key):
        plan.reasons.append("forgotten")
    if plan.reasons:
        plan.restore = held(session, stage.name, plan.key)
    return plan


def held(session: Session, stage: str, key: str) -> dict[str, Any] | None:
    """What this identity gave, if the store still has it: `pdp gc` may have collected it."""
    given = session.registry.trace(stage, key)
    if given and all(session.store.path(output["hash"]).is_file() for output in given["outputs"]):
        return given
    return None


def identity_of(session: Session, stage: Stage, inputs: dict[str, str]) -> dict[str, Any]:
    """All that the stage's result depends on, as plain data; `inputs` maps each input to its hash, in declared order."""
    majors = {name: number.partition(".")[0] for name, number in session.libraries.items()}
    return {
        "scheme": SCHEME,
        "inputs": inputs,
        "order": list(inputs),
        "code": session.code_of(stage).digest,
        "config": session.settings_of(stage),
        "libraries": majors if session.config.values["identity"]["library_majors"] else {},
        "outputs": [[output.name, output.path] for output in stage.outputs],
    }


def changes(session: Session, recorded: str, identity: dict[str, Any]) -> list[str]:
    """Why an identity is not the recorded one, a sentence each."""
    before = json.loads(recorded)
    found = _input_changes(session, before["inputs"], identity["inputs"])
    if before["code"] != identity["code"]:
        found += _code_changes(session, before["code"], identity["code"])
    found += [f"config {key} changed" for key in _differing("", before["config"], identity["config"])]
    for name in sorted(before["libraries"].keys() | identity["libraries"].keys()):
        old, new = before["libraries"].get(name), identity["libraries"].get(name)
        if old != new:
            found.append(f"{name} {old or 'any'} became {new or 'any'}")
    if before["outputs"] != identity["outputs"]:
        found.append("its outputs are named otherwise")
    return found or ["the order of its inputs changed"]


def _input_changes(session: Session, before: dict[str, str], now: dict[str, str]) -> list[str]:
    found = []
    for name, digest in now.items():
        if name not in before:
            found.append(f"input {name} is new")
        elif before[name] != digest:
            old, new = session.registry.version_of(name, before[name]), session.registry.version_of(name, digest)
            found.append(f"input {name} changed (v{old} to v{new})")
    return found + [f"input {name} is no longer used" for name in before if name not in now]


def _code_changes(session: Session, before: str, now: str) -> list[str]:
    from pdp.fingerprint import explain_difference

    old, new = session.registry.get("statements", before), session.registry.get("statements", now)
    if not new:
        new = next((code.statements for code in session._codes.values() if code.digest == now), None)
    if not old or not new:
        return ["code changed"]
    return explain_difference(old, new) or ["code changed"]


def _differing(prefix: str, before: Any, now: Any) -> list[str]:
    """Dotted keys that differ. Keys only: values may be private."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [] if before == now else [prefix]
    keys = sorted(before.keys() | now.keys())
    return [found for key in keys for found in _differing(f"{prefix}.{key}".lstrip("."), before.get(key), now.get(key))]


def output_changes(session: Session, stage: Stage, current: Current) -> list[str]:
    """Which of the stage's named files are not what was last recorded."""
    found = []
    for output in stage.outputs:
        row = current.get(output.name)
        if row is None:
            continue  # never made: the identity says so
        digest = session.hashes.sha256(output.path)
        if digest is None:
            found.append(f"output {output.name} is missing")
        elif digest != row["hash"]:
            found.append(f"output {output.name} was edited")
    return found
