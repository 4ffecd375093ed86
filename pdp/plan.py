"""What a run would do, stage by stage, without running anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pdp.identity import Plan, plan_stage
from pdp.ingest import plan_ingest
from pdp.session import Session
from pdp.stage import Pipeline, Stage


@dataclass
class Forecast:
    """One task's future: current, restore, build, maybe (its inputs may come out as they were) or fail."""

    task: str
    verdict: str
    reasons: list[str] = field(default_factory=list)


def forecast(session: Session, pipeline: Pipeline) -> list[Forecast]:
    """Every task's future, in the order in which they would run."""
    current: dict[str, Any] = dict(session.registry.current())
    moving: dict[str, str] = {}  # artifact -> verdict of the task that would make it anew
    found = []
    for source in pipeline.sources:
        plan, _ = plan_ingest(session, pipeline, source)
        one = Forecast(plan.stage, _verdict(plan), [plan.problem] if plan.problem else plan.reasons)
        found.append(one)
        if one.verdict != "current":
            moving[source.name] = one.verdict
    for stage in pipeline.stages:
        one = _forecast_stage(session, pipeline, stage, current, moving)
        found.append(one)
    return found


def _forecast_stage(
    session: Session, pipeline: Pipeline, stage: Stage, current: dict[str, Any], moving: dict[str, str]
) -> Forecast:
    waiting = [name for name in stage.inputs if name in moving]
    plan = plan_stage(session, pipeline, stage, current)
    if not waiting:
        one = Forecast(stage.name, _verdict(plan), [plan.problem] if plan.problem else plan.reasons)
    elif any(moving[name] in ("fail", "blocked") for name in waiting):
        one = Forecast(stage.name, "blocked", [f"{pipeline.maker[waiting[0]]} would fail"])
    else:
        because = [f"its input {name} {_would(moving[name])} change ({pipeline.maker[name]})" for name in waiting]
        # A stage whose own code or config changed is built whatever its inputs come out as.
        own = [reason for reason in plan.reasons if not plan.problem and not reason.startswith("input ")]
        one = Forecast(stage.name, "build" if own else "maybe", own + because)
    for output in stage.outputs:
        if one.verdict == "restore" and plan.restore:
            current |= {o["name"]: o for o in plan.restore["outputs"]}
        elif one.verdict not in ("current", "restore"):
            moving[output.name] = one.verdict
    return one


def _would(verdict: str) -> str:
    return "may" if verdict == "maybe" else "would"


def _verdict(plan: Plan) -> str:
    if plan.problem:
        return "fail"
    if not plan.reasons:
        return "current"
    return "restore" if plan.restore else "build"
