"""`pdp why`: what a run would do and why, down to the first cause."""

from __future__ import annotations

from pdp.look import outlook, parse, print_json, unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

USAGE = """pdp why [STAGE] [--json]
  What a run would do and why; with a STAGE, what would become of it and of all that it stands on."""
FUTURE = {
    "current": "is current",
    "build": "would be built",
    "restore": "would be restored",
    "maybe": "may be built",
    "fail": "would fail",
    "blocked": "would not be reached",
}


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--json",))
    tasks = outlook()["tasks"]
    wanted = select(tasks, *arguments.words(0, 1))
    found = [task for task in tasks if task["task"] in wanted and (task["verdict"] != "current")]
    if "--json" in arguments.flags:
        print_json([{name: task[name] for name in ("task", "verdict", "reasons")} for task in found])
    elif found:
        print("\n".join(sentence(task) for task in found))
    else:
        print(
            " and ".join(arguments.rest) + " is current."
            if arguments.rest
            else "A run would do nothing: all is current."
        )
    return 0


def select(tasks: list[dict[str, Any]], name: str = "") -> set[str]:
    """The stage or group that `name` names, and all that it stands on; everything without a name.

    Raises:
        PdpError: there is none of that name.
    """
    needs = {task["task"]: task["needs"] for task in tasks}
    groups = list(dict.fromkeys(task.partition(":")[0] for task in needs))
    todo = [task for task in needs if name in ("", task, task.partition(":")[0])]
    if not todo:
        raise unknown("stage", name, [*needs, *(group for group in groups if group not in needs)])
    found = set()
    while todo:
        task = todo.pop()
        found.add(task)
        todo += needs[task]
    return found


def sentence(task: dict[str, Any]) -> str:
    """One task's future and its reasons, the first on its line, the others below it."""
    head = f"{task['task']} {FUTURE[task['verdict']]}, because "
    return head + ("\n" + " " * (len(head) - 4) + "and ").join(task["reasons"])
