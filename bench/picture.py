"""Cost against size, as SVG: two small plots, time and memory, with the figures beside the points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Cost

WIDTH, HEIGHT, LEFT, TOP, GAP = 280, 200, 60, 40, 110


@dataclass(frozen=True)
class Point:
    """A cold run: rows and megabytes read, and what it took."""

    rows: int
    megabytes: float
    cost: Cost


def draw(points: Sequence[Point], path: Path) -> None:
    """Writes the picture of cold runs of several sizes."""
    whole = 2 * WIDTH + GAP + LEFT + 40
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {HEIGHT + TOP + 60}" font-family="sans-serif" '
            'font-size="11"><rect width="100%" height="100%" fill="white"/>'
        ),
        *_plot(points, "CPU seconds of a first run", lambda point: point.cost.cpu, LEFT),
        *_plot(points, "peak memory, MB", lambda point: point.cost.peak_mb, LEFT + WIDTH + GAP),
        "</svg>\n",
    ]
    path.write_text("\n".join(parts))


def _plot(points: Sequence[Point], title: str, figure: Callable[[Point], float], left: int) -> Iterator[str]:
    most_rows, most = max(point.rows for point in points), 1.25 * max(map(figure, points))
    bottom = TOP + HEIGHT
    yield f'<text x="{left}" y="{TOP - 14}" font-weight="bold">{title}</text>'
    yield f'<path d="M{left},{TOP}V{bottom}H{left + WIDTH}" fill="none" stroke="black"/>'
    places = [(left + WIDTH * p.rows / most_rows, bottom - HEIGHT * figure(p) / most, p) for p in points]
    yield f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)}" fill="none" stroke="#1f6fb4"/>'
    for x, y, point in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1f6fb4"/>'
        yield f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{figure(point):.3g}</text>'
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{point.rows / 1e6:.2g}</text>'
    yield f'<text x="{left + WIDTH / 2}" y="{bottom + 36}" text-anchor="middle">million rows</text>'
