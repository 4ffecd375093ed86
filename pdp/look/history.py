"""`pdp history`: what runs did, to a stage, to an artifact."""

from __future__ import annotations

from pdp.look import count, open_history, parse, print_json, table, unknown
from pdp.look.versions import is_held, label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pdp.registry.history import History

USAGE = """pdp history [STAGE|ARTIFACT] [--last N] [--json]
  Runs, newest first: when, what became of each stage and why, rows, seconds, versions made. Of a stage the times that it
  did something, of an artifact its versions. --last N shows N of them (default 10)."""


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--json",), options=("--last",))
    last = arguments.number("--last", 10)
    history, data = open_history()
    name = "".join(arguments.words(0, 1))
    stages = [stage for stage in history.stages() if name in (stage, stage.partition(":")[0])]
    if not name:
        found, show = history.runs(last), runs
    elif stages:
        found, show = history.stage_runs(stages, last), stage_runs
    else:
        found, show = _versions(history, data, name, last), versions
    if "--json" in arguments.flags:
        print_json(found)
    elif found:
        print(show(found))
    return 0


def _versions(history: History, data: str, name: str, last: int) -> list[dict[str, Any]]:
    if not history.latest(name):
        raise unknown("stage or artifact", name, [*history.stages(), *history.artifacts()])
    return [version | {"collected": not is_held(data, version)} for version in history.versions(name, last)]


def runs(found: list[dict[str, Any]]) -> str:
    """A line per run, and below it one for each stage that did something."""
    return "\n\n".join(_run(run) for run in found)


def _run(run: dict[str, Any]) -> str:
    head = f"run {run['run']}  {run['started_at']}  {run['status']}, {run['current']} current  {run['command']}"
    return "\n".join([head, *([_indented(run["stages"])] if run["stages"] else [])])


def _indented(stages: list[dict[str, Any]]) -> str:
    rows = [["  " + stage["stage"], *_cells(stage)] for stage in stages]
    return table(rows, frozenset({2, 3}))


def stage_runs(found: list[dict[str, Any]]) -> str:
    rows = [[f"run {one['run']}", one["at"], one["stage"], *_cells(one)] for one in found]
    return table(rows, frozenset({4, 5}))


def _cells(stage: dict[str, Any]) -> list[str]:
    """Outcome, rows, seconds, reasons, and the versions: those made, or those brought back."""
    versions = stage["outputs"] if stage["outcome"] == "restored" else stage["made"]
    rows = "" if stage["rows"] is None else count(stage["rows"], "row")
    seconds = "" if stage["seconds"] is None else f"{stage['seconds']:.2f} s"
    gave = f" -> {', '.join(versions)}" if versions else ""
    return [stage["outcome"], rows, seconds, "; ".join(stage["reasons"]) + gave]


def versions(found: list[dict[str, Any]]) -> str:
    rows = []
    for one in found:
        marks = [mark for mark in ("current", "pinned", "collected") if one[mark]]
        size = "" if one["rows"] is None else count(one["rows"], "row")
        rows.append(
            [label(one), one["created_at"], size, ", ".join(marks), f"{one['stage']}: {'; '.join(one['reasons'])}"]
        )
    return table(rows, frozenset({2}))
