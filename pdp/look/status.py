"""`pdp status`: what is built, how fresh, rows, quarantined rows, what a run would do."""

from __future__ import annotations

from pdp.look import count, outlook, parse, print_json, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

USAGE = """pdp status [--json]
  What is built and how fresh it is, rows read, accepted, superseded and quarantined, and what a run would do."""
VERBS = {"build": "build", "restore": "restore", "maybe": "look again at", "fail": "fail at", "blocked": "not reach"}


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--json",))
    arguments.words(0, 0)
    found = outlook()["status"]
    if "--json" in arguments.flags:
        print_json(found)
    else:
        print(text(found))
    return 0


def text(found: dict[str, Any]) -> str:
    """The status as a person reads it."""
    parts = [
        _head(found),
        _sources(found),
        _tables(found),
        "\n".join(found["notes"]),
        _repairs(found),
        _outputs(found),
        _leftovers(found),
        _ahead(found),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(found: dict[str, Any]) -> str:
    run = found["last_run"]
    demo = "the demo (pdp init writes your own configs/pdp.toml)"
    lines = [f"config    {demo if found['config'] == 'demo' else found['config']}", f"data      {found['data']}"]
    if run:
        lines.append(f"last run  {run['at']}, {run['status']}: {run['summary']}")
    if state := found["state"]:
        waiting = f"; {state['not_pushed']} records are not pushed" if state["not_pushed"] else ""
        lines.append(f"state     generation {state['generation']}, seen {state['seen_at']}{waiting}")
    lines += [f"failing   {one['stage']}: {one['reason']}" for one in found["failing"]]
    return "\n".join(lines)


def _sources(found: dict[str, Any]) -> str:
    fetched = any(one["answered_at"] or one["stale"] for one in found["sources"])
    rows = [["source", "files", "last change", *(["last answer"] if fetched else [])]]
    for one in found["sources"]:
        state = one["changed_at"] or "never fetched"
        state = "disabled" if not one["enabled"] else "absent: its raw folder is empty" if not one["files"] else state
        rows.append([one["source"], str(one["files"]), state, *([one["answered_at"] or ""] if fetched else [])])
    stale = [
        f"{one['source']} is stale since {one['stale_since']}: {one['stale']}"
        for one in found["sources"]
        if one["stale"]
    ]
    return "\n".join([table(rows, frozenset({1})), *stale])


def _tables(found: dict[str, Any]) -> str:
    if not found["tables"]:
        return ""
    rows = [["table", "read", "=", "accepted", "+", "superseded", "+", "quarantined"]]
    for one in found["tables"]:
        numbers = [f"{one[name]:,}" for name in ("read", "accepted", "superseded", "quarantined")]
        rows.append([one["table"], numbers[0], "=", numbers[1], "+", numbers[2], "+", numbers[3]])
    return table(rows, frozenset({1, 3, 5, 7}))


def _repairs(found: dict[str, Any]) -> str:
    applied = sum(one["applied"] for one in found["repairs"])
    gone = sum(len(one["unmatched"]) for one in found["repairs"])
    ending = f", {count(gone, 'repair')} without a row (pdp rejected names them)" if gone else ""
    return f"repairs.csv: {count(applied, 'row')} repaired{ending}" if found["repairs"] else ""


def _outputs(found: dict[str, Any]) -> str:
    lines = [
        f"{one['artifact']}@v{one['version']}  {one['rows']:,} rows  {found['data']}/{one['path']}  built {one['built_at']}"
        for one in found["outputs"]
    ]
    days = found["days"]
    if days.get("first_date"):
        lines.append(f"from {days['first_date']} to {days['last_date']}")
    return "\n".join(lines)


def _leftovers(found: dict[str, Any]) -> str:
    if not found["leftovers"]:
        return ""
    files = "\n".join(f"  {path}" for path in found["leftovers"])
    return f"Left over from stages that are gone (doit clean removes them too)\n{files}"


def _ahead(found: dict[str, Any]) -> str:
    if not found["run_would"]:
        return "A run would do nothing: all is current."
    rows = [[f"  {VERBS[one['verdict']]}", one["task"], "; ".join(one["reasons"])] for one in found["run_would"]]
    return "A run would\n" + table(rows)
