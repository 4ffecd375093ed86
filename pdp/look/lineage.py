"""`pdp lineage`: what a version was made from, up to the raw files, and what was made from it."""

from __future__ import annotations

from pdp.look import count, open_history, parse, print_json
from pdp.look.versions import label, pick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pdp.look.picture import Box
    from pdp.registry.history import History

USAGE = """pdp lineage ARTIFACT[@vN] [--json | --mermaid | --svg FILE]
  What a version was made from, up to the raw files, and what was made from it; the current version if none is named.
  --svg - writes the picture to standard output."""


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--json", "--mermaid"), options=("--svg",))
    name = arguments.words(1, 1)[0]
    history, _ = open_history()
    found = lineage(history, pick(history, name))
    if "--json" in arguments.flags:
        print_json(found)
    elif "--mermaid" in arguments.flags or "--svg" in arguments.options:
        draw(found, arguments.options.get("--svg"))
    else:
        print(text(found))
    return 0


def lineage(history: History, version: dict[str, Any]) -> dict[str, Any]:
    """`artifact`: whose lineage it is; `nodes`: versions and raw files by id, each with its `side`: up, self or down;
    `edges`: pairs of ids, what went into what."""
    root = label(version)
    nodes: dict[str, dict[str, Any]] = {root: _node(version, "self")}
    edges: dict[tuple[str, str], None] = {}
    todo = [version]
    while todo:
        one = todo.pop(0)
        for file in history.raw_files(one["made_by"]):
            place = f"raw/{one['artifact']}/{file['name']}"
            nodes[place] = {"kind": "file", "side": "up", "sha256": file["sha256"], "size": file["size"]}
            edges[place, label(one)] = None
        if rows := history.repairs(one["made_by"]):
            place = f"repairs.csv for {one['stage'].rpartition(':')[2]}"
            nodes[place] = {"kind": "repairs", "side": "up", "rows": rows}
            edges[place, label(one)] = None
        for name, number in history.made_from(one["made_by"]):
            source = f"{name}@v{number}"
            if source not in nodes:
                made_from = history.version(name, number) or {}
                nodes[source] = _node(made_from, "up")
                todo.append(made_from)
            edges[source, label(one)] = None
    todo = [version]
    while todo:
        one = todo.pop(0)
        for name, number in history.used_by(one["artifact"], one["version"]):
            result = f"{name}@v{number}"
            if result not in nodes:
                used_by = history.version(name, number) or {}
                nodes[result] = _node(used_by, "down")
                todo.append(used_by)
            edges[label(one), result] = None
    return {"artifact": root, "nodes": nodes, "edges": [list(edge) for edge in edges]}


def _node(version: dict[str, Any], side: str) -> dict[str, Any]:
    names = ("artifact", "version", "stage", "rows", "created_at", "current", "hash")
    return {"kind": "version", "side": side} | {name: version[name] for name in names}


def text(found: dict[str, Any]) -> str:
    root, nodes = found["artifact"], found["nodes"]
    up: dict[str, list[str]] = {}
    down: dict[str, list[str]] = {}
    for source, result in found["edges"]:
        up.setdefault(result, []).append(source)
        down.setdefault(source, []).append(result)
    made_from, used_by = _tree(root, up, nodes), _tree(root, down, nodes)
    lines = [f"{root}  {_about(nodes[root])}, {nodes[root]['created_at']}"]
    lines += ["made from", *(made_from or ["  nothing"]), "used by", *(used_by or ["  nothing"])]
    return "\n".join(lines)


def _tree(root: str, below: dict[str, list[str]], nodes: dict[str, Any]) -> list[str]:
    """What lies below `root`, indented; what was shown before is only named again."""
    lines: list[str] = []
    shown: set[str] = set()

    def add(name: str, depth: int) -> None:
        for one in below.get(name, ()):
            again = one in shown and one in below
            lines.append(f"{'  ' * depth}{one}  {'as above' if again else _about(nodes[one])}")
            if one not in shown:
                shown.add(one)
                add(one, depth + 1)

    add(root, 1)
    return lines


def _about(node: dict[str, Any]) -> str:
    if node["kind"] == "file":
        return f"{count(node['size'], 'byte')}, sha256 {node['sha256'][:12]}"
    if node["kind"] == "repairs":
        return f"{count(node['rows'], 'row')} repaired by hand"
    rows = "" if node["rows"] is None else f", {count(node['rows'], 'row')}"
    return f"{node['stage']}{rows}{', current' if node['current'] else ''}"


def draw(found: dict[str, Any], file: str | None) -> None:
    """The lineage as an SVG in `file`, or printed as Mermaid where none is named."""
    from pdp.look.picture import mermaid, svg, write

    if file:
        write(file, svg(boxes(found), found["edges"]))
    else:
        print(mermaid(boxes(found), found["edges"]))


def boxes(found: dict[str, Any]) -> list[Box]:
    """The nodes as boxes. A picture may be passed on: account ids in the names of files are masked."""
    from pdp.errors import mask
    from pdp.look.picture import Box

    drawn = []
    for name, node in found["nodes"].items():
        if node["kind"] == "file":
            drawn.append(Box(name, mask(name.rpartition("/")[2]), f"sha256 {node['sha256'][:12]}", "file"))
        elif node["kind"] == "repairs":
            drawn.append(Box(name, name, _about(node), "file"))
        else:
            state = "self" if node["side"] == "self" else "current" if node["current"] else "old"
            rows = "" if node["rows"] is None else f", {count(node['rows'], 'row')}"
            drawn.append(Box(name, name, node["stage"] + rows, state))
    return drawn
