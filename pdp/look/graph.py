"""`pdp graph`: the pipeline as a picture, coloured by what a run would do with each stage."""

from __future__ import annotations

from pdp.look import outlook, parse, print_json
from pdp.look.picture import Box, mermaid, svg, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

USAGE = """pdp graph [--svg FILE | --json]
  The pipeline as a picture, coloured by state; Mermaid text unless --svg is given. --svg - writes to standard output."""
WORDS = {
    "current": "current",
    "build": "would be built",
    "restore": "would be restored",
    "maybe": "may be built",
    "fail": "would fail",
    "blocked": "would not be reached",
    "absent": "absent",
}


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--json",), options=("--svg",))
    arguments.words(0, 0)
    tasks = outlook()["tasks"]
    edges = [[need, task["task"]] for task in tasks for need in task["needs"]]
    if "--json" in arguments.flags:
        print_json({"stages": [{"stage": task["task"], "state": state(task)} for task in tasks], "edges": edges})
        return 0
    boxes = [Box(task["task"], task["task"], WORDS[state(task)], state(task)) for task in tasks]
    if "--svg" in arguments.options:
        write(arguments.options["--svg"], svg(boxes, edges))
    else:
        print(mermaid(boxes, edges))
    return 0


def state(task: dict[str, Any]) -> str:
    """The verdict; a source without files that is as it should be is `absent`."""
    return "absent" if task["absent"] and task["verdict"] == "current" else str(task["verdict"])
