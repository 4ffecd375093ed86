"""Boxes and arrows as Mermaid text or as an SVG, layered from left to right."""

from __future__ import annotations

import os
import sys

from pdp.errors import PdpError

# Fill and border by state. The state also stands in words in the box: colour alone tells not everybody.
COLOURS = {
    "current": ("#e3f4e6", "#2e7d43"),
    "build": ("#dcebfb", "#1f5fa8"),
    "restore": ("#d9f2f2", "#19777a"),
    "maybe": ("#fff3cf", "#9a7400"),
    "fail": ("#fbdfdd", "#b3261e"),
    "blocked": ("#f3e4e3", "#8c5a56"),
    "absent": ("#f1f1f1", "#8a8a8a"),
    "file": ("#ffffff", "#6b6b6b"),
    "old": ("#f1f1f1", "#6b6b6b"),
    "self": ("#dcebfb", "#1f5fa8"),
}
CHARACTER, BOX, GAP_X, GAP_Y, EDGE = 7.3, 44, 56, 14, 16


class Box:
    """A node: two lines of text, and the state that gives its colour."""

    def __init__(self, name: str, title: str, subtitle: str, state: str) -> None:
        self.name, self.title, self.subtitle, self.state = name, title, subtitle, state
        self.x = self.y = self.width = 0.0


def mermaid(boxes: list[Box], edges: list[list[str]]) -> str:
    number = {box.name: f"n{i}" for i, box in enumerate(boxes)}
    lines = ["flowchart LR"]
    for box in boxes:
        text = f"{box.title}<br/>{box.subtitle}".replace('"', "#quot;")
        lines.append(f'  {number[box.name]}["{text}"]:::{box.state}')
    lines += [f"  {number[source]} --> {number[target]}" for source, target in edges]
    for state in dict.fromkeys(box.state for box in boxes):
        fill, border = COLOURS[state]
        lines.append(f"  classDef {state} fill:{fill},stroke:{border},color:#1a1a1a")
    return "\n".join(lines)


def svg(boxes: list[Box], edges: list[list[str]]) -> str:
    """The whole picture as one self-contained SVG; the same boxes and arrows give the same text."""
    layers = _layers(boxes, edges)
    width, height = _place(layers)
    by_name = {box.name: box for box in boxes}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"',
        f'width="{width:.0f}" height="{height:.0f}" font-family="system-ui, sans-serif" font-size="12">',
        '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path d="M0 0 8 4 0 8z" fill="#6b6b6b"/></marker>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        *(_arrow(by_name[source], by_name[target]) for source, target in edges),
        *(_drawn(box) for box in boxes),
        "</svg>",
    ]
    return "\n".join(parts)


def _layers(boxes: list[Box], edges: list[list[str]]) -> list[list[Box]]:
    """Each box right of all that point to it; within a layer near those that it is tied to."""
    before: dict[str, list[str]] = {box.name: [] for box in boxes}
    for source, target in edges:
        before[target].append(source)
    depth: dict[str, int] = {}

    def depth_of(name: str) -> int:
        if name not in depth:
            depth[name] = max((1 + depth_of(one) for one in before[name]), default=0)
        return depth[name]

    after: dict[str, list[str]] = {}
    for source, target in edges:
        after.setdefault(source, []).append(target)
    deepest = {name: depth_of(name) for name in before}
    # What nothing points to stands beside what it goes into, so that its arrow crosses no box.
    depth |= {
        name: min(deepest[one] for one in after[name]) - 1 for name in before if not before[name] and name in after
    }

    layers: list[list[Box]] = [[] for _ in range(max(map(depth_of, before), default=0) + 1)]
    for box in boxes:
        layers[depth[box.name]].append(box)
    neighbours = {box.name: set(before[box.name]) | {t for s, t in edges if s == box.name} for box in boxes}
    for sweep in range(6):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            row = {box.name: (i + 0.5) / len(one) for one in layers for i, box in enumerate(one)}
            layer.sort(key=lambda box: _mean([row[n] for n in neighbours[box.name]], row[box.name]))
    return layers


def _mean(values: list[float], default: float) -> float:
    return sum(sorted(values)) / len(values) if values else default


def _place(layers: list[list[Box]]) -> tuple[float, float]:
    """Gives every box its place; gives the size of the whole."""
    tallest = max(len(layer) for layer in layers)
    height = tallest * (BOX + GAP_Y) - GAP_Y
    x = float(EDGE)
    for layer in layers:
        width = 24 + CHARACTER * max(max(len(box.title), len(box.subtitle)) for box in layer)
        top = EDGE + (height - (len(layer) * (BOX + GAP_Y) - GAP_Y)) / 2
        for i, box in enumerate(layer):
            box.x, box.y, box.width = x, top + i * (BOX + GAP_Y), width
        x += width + GAP_X
    return x - GAP_X + EDGE, height + 2 * EDGE


def _arrow(source: Box, target: Box) -> str:
    x1, y1, x2, y2 = source.x + source.width, source.y + BOX / 2, target.x, target.y + BOX / 2
    bend = (x2 - x1) / 2
    return (
        f'<path d="M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}" '
        'fill="none" stroke="#6b6b6b" stroke-opacity="0.6" marker-end="url(#tip)"/>'
    )


def _drawn(box: Box) -> str:
    fill, border = COLOURS[box.state]
    return (
        f"<g><title>{_escaped(box.name if box.state != 'file' else box.title)}</title>"
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.width:.0f}" height="{BOX}" rx="6" fill="{fill}" '
        f'stroke="{border}"/>'
        f'<text x="{box.x + 12:.0f}" y="{box.y + 18:.0f}" font-weight="600" fill="#1a1a1a">{_escaped(box.title)}</text>'
        f'<text x="{box.x + 12:.0f}" y="{box.y + 34:.0f}" fill="#4a4a4a">{_escaped(box.subtitle)}</text></g>'
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write(file: str, content: str) -> None:
    """Writes a picture to `file`, or to standard output where that is `-`.

    Raises:
        PdpError: the file cannot be written.
    """
    if file == "-":
        sys.stdout.write(content + "\n")
        return
    temp = f"{file}.{os.getpid()}.pdp-tmp"
    try:
        with open(temp, "w", encoding="utf-8") as out:
            out.write(content + "\n")
        os.replace(temp, file)
    except OSError as error:
        raise PdpError(f"{file} cannot be written: {error.strerror}") from error
    print(f"wrote {file}")
