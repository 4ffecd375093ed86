"""Identity: all that a result depends on, and what a run would do about it.

`plan_stage` compares what is with what was recorded, and gives reasons in words. It takes the hashes of the inputs from
the registry, before the run: inputs are read out of the store, so that they cannot move meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pdp import fingerprint
from pdp.errors import PdpError, sentence
from pdp.registry import Registry, damaged, dump
from pdp.repairs import Repair
from pdp.session import Code, Session
from pdp.stage import Pipeline, Stage

SCHEME = 2  # how an identity is put together: see `SCHEMES`, which keeps all that records were ever made by


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
        return dict(vars(self))


def key_of(identity: dict[str, Any]) -> str:
    """One name for one identity."""
    return hashlib.sha256(dump(identity).encode()).hexdigest()


def recorded_by(registry: Registry, stage: str, last: Any) -> dict[str, Any]:
    """The identity of the stage's last good record, a row of `Registry.last()`.

    Raises:
        RegistryError: it is not the one that its key was made from.
    """
    identity = registry.identity(last["id"])
    if key_of(identity) != last["key"]:
        raise damaged(f"the last record of {stage} is not what was written", "registry.db")
    return identity


# A row of `Registry.current()`, or what a forecast puts in its place.
Current = Mapping[str, Any]


def plan_stage(session: Session, pipeline: Pipeline, stage: Stage, current: Current) -> Plan:
    """The plan for one stage, given the current artifacts. Never raises what a person can mend."""
    try:
        return _plan(session, pipeline, stage, current)
    except PdpError as error:
        return Plan(stage.name, reasons=["cannot tell"], problem=sentence(error))


def _plan(session: Session, pipeline: Pipeline, stage: Stage, current: Current) -> Plan:
    missing = [name for name in stage.inputs if name not in current]
    if missing:
        maker = pipeline.maker[missing[0]]
        return Plan(stage.name, reasons=["never built"], problem=f"{missing[0]} was never built; run doit {maker}")
    identity = identity_of(session, pipeline, stage, {name: current[name]["hash"] for name in stage.inputs})
    plan = Plan(stage.name, key_of(identity), identity)
    last = session.registry.last(stage.name)
    key = plan.key
    if last is None:
        plan.reasons.append("never built")
    elif last["key"] != plan.key:
        recorded = recorded_by(session.registry, stage.name, last)
        same = in_scheme(session, stage, identity, _scheme_of(recorded))
        key = key_of(same) if same else ""
        if key != last["key"]:
            plan.reasons += changes(session, stage, recorded, same) if same else ["recorded by a newer pdp"]
    plan.reasons += output_changes(session, stage, current)
    if session.registry.is_forgotten(stage.name, key):
        plan.reasons.append("forgotten")
    if plan.reasons:
        plan.restore = held(session, stage, identity)
    return plan


def held(session: Session, stage: Stage, identity: dict[str, Any]) -> dict[str, Any] | None:
    """What this identity gave, in whatever scheme it was recorded, if the store still has it: `pdp gc` may have collected it."""
    for scheme in [_scheme_of(identity), *session.registry.schemes(stage.name)]:
        same = in_scheme(session, stage, identity, scheme)
        given = session.registry.trace(stage.name, key_of(same)) if same else None
        if given and all(session.store.path(output["hash"]).is_file() for output in given["outputs"]):
            return given
    return None


def identity_of(session: Session, pipeline: Pipeline, stage: Stage, inputs: dict[str, str]) -> dict[str, Any]:
    """All that the stage's result depends on, as plain data; `inputs` maps each input to its hash, in declared order.

    Repairs, and the config that only they want, are in it only where there are some.
    """
    repairs = session.repairs.of(stage.repairs, pipeline.repaired) if stage.repairs else []
    majors = {name: number.partition(".")[0] for name, number in session.libraries.items()}
    identity = {
        "inputs": inputs,
        "order": list(inputs),
        "config": session.settings(stage.config),
        "libraries": majors if session.config.values["identity"]["library_majors"] else {},
        "outputs": [[output.name, output.path] for output in stage.outputs],
    } | (_repairs(session, stage, repairs) if repairs else {})
    return SCHEMES[SCHEME](session, stage, identity, fingerprint.SCHEME)


# Schemes. An upgrade of pdp that puts identities together in another way must not build the world anew: what was recorded
# by an older scheme is compared in that scheme. So none of these is ever changed, and a new one gets a new number.

Scheme = tuple[int, int]  # how the identity is put together, how its code was fingerprinted


def _first(session: Session, stage: Stage, identity: dict[str, Any], code: int) -> dict[str, Any]:
    """Code and engine in one digest; the scheme of fingerprints, there was but one, is not told."""
    both = dump([session.code_of(stage.function, code).digest, session.engine(code)])
    return identity | {"scheme": 1, "code": hashlib.sha256(both.encode()).hexdigest()}


def _second(session: Session, stage: Stage, identity: dict[str, Any], code: int) -> dict[str, Any]:
    """Code and engine apart, and by which scheme of fingerprints."""
    digest, engine = session.code_of(stage.function, code).digest, session.engine(code)
    return identity | {"scheme": 2, "fingerprint": code, "code": digest, "engine": engine}


SCHEMES = {1: _first, 2: _second}
OF_SCHEME = frozenset(("scheme", "fingerprint", "code", "engine"))


def _scheme_of(identity: dict[str, Any]) -> Scheme:
    return identity["scheme"], identity.get("fingerprint", 1)


def in_scheme(session: Session, stage: Stage, identity: dict[str, Any], scheme: Scheme) -> dict[str, Any] | None:
    """The identity as another scheme puts it; None for one that this pdp does not know: a newer one made it."""
    number, code = scheme
    if number not in SCHEMES or code not in fingerprint.SCHEMES:
        return None
    rest = {name: value for name, value in identity.items() if name not in OF_SCHEME}
    return SCHEMES[number](session, stage, rest, code)


def _repairs(session: Session, stage: Stage, repairs: list[Repair]) -> dict[str, Any]:
    rows = [repair.as_data() for repair in repairs]
    return {"repairs": {"rows": rows, "config": session.settings(stage.repairs_config)}}


def config_of(session: Session, identity: dict[str, Any]) -> dict[str, Any]:
    """What a stage of this identity is given as its config. Repairs come with their lines, for what is wrong with one."""
    if "repairs" not in identity:
        return dict(identity["config"])
    rows = [row | {"lines": session.repairs.lines_of(row["id"])} for row in identity["repairs"]["rows"]]
    return identity["config"] | identity["repairs"]["config"] | {"repairs": rows}


def changes(session: Session, stage: Stage, before: dict[str, Any], identity: dict[str, Any]) -> list[str]:
    """Why an identity is not the one before, which was recorded by the same scheme; a sentence each."""
    found = _input_changes(session, before["inputs"], identity["inputs"])
    if before["code"] != identity["code"]:
        found += _code_changes(session, before["code"], session.code_of(stage.function, _scheme_of(identity)[1]))
    if before.get("engine") != identity.get("engine"):
        found.append("how pdp reads and writes tables changed")
    found += [f"config {key} changed" for key in _differing("", before["config"], identity["config"])]
    found += _repair_changes(before.get("repairs"), identity.get("repairs"))
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


def _code_changes(session: Session, before: str, now: Code) -> list[str]:
    old, new = session.statements(before), session.statements(now.digest)
    old = {
        name: digest for name, digest in old.items() if name != "pdp.tables"
    }  # the first scheme took the engine for code
    return (fingerprint.explain_difference(old, new) if old else []) or ["code changed"]


def _repair_changes(before: dict[str, Any] | None, now: dict[str, Any] | None) -> list[str]:
    """What became of the lines of repairs.csv: counts, no values."""
    old, new = ({row["id"]: row for row in repairs["rows"]} if repairs else {} for repairs in (before, now))
    counts = {
        "added": len(new.keys() - old.keys()),
        "changed": sum(old[name] != new[name] for name in new.keys() & old.keys()),
        "withdrawn": len(old.keys() - new.keys()),
    }
    found = [f"{number} repair{'s' if number > 1 else ''} {word}" for word, number in counts.items() if number]
    keys = _differing("", before["config"], now["config"]) if before and now else []
    return found + [f"config {key} changed" for key in keys]


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
            # A run that could not put its file in place left the one before; nobody edited that.
            other = session.registry.version_of(output.name, digest)
            found.append(f"output {output.name} holds v{other}" if other else f"output {output.name} was edited")
    return found
