"""The report as one HTML file: opens offline, asks nobody for anything.

A content policy forbids every request and every script but the file's own, which are named by their hashes; what is data
is either escaped text or JSON that cannot end its element.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from pdp import __version__
from pdp.charts import blood_pressure as charts
from pdp.charts import coverage, daily, heart, sleep, style
from pdp.report import pdf
from pdp.report.facts import NOT_A_DEVICE, Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

PRESETS = ((7, "7 days"), (28, "28 days"), (90, "90 days"), (365, "1 year"), (0, "all"))


def html(facts: Facts) -> bytes:
    """The whole page. The same facts give the same bytes."""
    import vl_convert

    figures = dict(drawn(facts))
    script = vl_convert.javascript_bundle(_text("page.js")).replace("</script", "<\\/script")
    css = _text("page.css")
    specs = {name: _without_config(chart) for name, chart in figures.items()}
    data = {
        "specs": specs, "last": facts.period.last.isoformat(), "light": style.config(style.LIGHT),
        "dark": style.config(style.DARK),
    }  # fmt: skip
    policy = f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(css)}'; base-uri 'none'; form-action 'none'"
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">',
            f"<title>Health report</title><style>{css}</style></head><body>",
            *_top(facts),
            *(_figure(name, chart) for name, chart in figures.items()),
            *_readings(facts),
            f'<footer class="muted">{escape(NOT_A_DEVICE)} Made by pdp {__version__} from {escape(facts.made_from)}.</footer>',
            '<dl id="tip" role="tooltip" hidden></dl>',
            f'<script type="application/json" id="charts">{_json(data)}</script>',
            f"<script>{script}</script></body></html>\n",
        ]
    ).encode()


def drawn(facts: Facts) -> Iterator[tuple[str, Any]]:
    """Name and chart of every figure that has data."""
    days, period, events, made_from = facts.days, facts.period, facts.treatments, facts.made_from
    yield "blood-pressure", charts.blood_pressure(
        facts.all_days, facts.readings, facts.sessions, facts.guideline, facts.severe, events,
        period=period, made_from=made_from, overview=True,
    )  # fmt: skip
    if facts.pressure.days:
        yield (
            "morning-evening",
            charts.morning_evening(days, facts.guideline, events, period=period, made_from=made_from),
        )
        yield "pulse-pressure", charts.pulse_pressure(days, events, period=period, made_from=made_from)
        yield "mean-arterial-pressure", charts.mean_arterial_pressure(days, events, period=period, made_from=made_from)
    if days["has_hr"].any() or days["resting_hr"].notna().any():
        yield "heart-rate", heart.heart_rate(days, events, period=period, made_from=made_from)
    if days["has_sleep"].any():
        yield "sleep", sleep.sleep_stages(days, period=period, made_from=made_from)
    if len(facts.segments):
        yield "sleep-times", sleep.sleep_times(facts.segments, period=period, made_from=made_from)
        yield "sleep-regularity", sleep.sleep_regularity(facts.segments, period=period)
    for column in ("steps", "avg_spo2", "avg_stress", "weight_kg"):
        if days[column].notna().any():
            yield column.replace("_", "-"), daily.daily(days, column, events, period=period, made_from=made_from)
    yield "coverage", coverage.coverage(days, period=period)


def _top(facts: Facts) -> Iterator[str]:
    said = pdf.content(facts)
    named = f" · {escape(facts.name)}" if facts.name else ""
    yield f'<header><h1>Health report{named}</h1><p class="muted">{escape(said["subtitle"])}</p></header><main>'
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in said["table"]["head"])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in said["table"]["rows"]
    )
    terms = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in said["lines"])
    yield '<h2>Blood pressure in numbers</h2><div class="facts"><div class="scroll">'
    yield f'<table class="numbers"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    yield f'<p class="muted">mmHg and bpm; means of days, a day being the mean of its sessions</p></div><dl>{terms}</dl></div>'


def _figure(name: str, chart: Any) -> str:
    title, lines = style.caption(chart)
    buttons = ""
    if hasattr(chart, "vconcat"):  # with a strip on which a period is chosen
        buttons = "".join(
            f'<button type="button" data-days="{days}" aria-pressed="{str(not days).lower()}">{words}</button>'
            for days, words in PRESETS
        )
        buttons = f'<nav aria-label="period">{buttons}</nav>'
    words = "<br>".join(escape(line) for line in lines)
    return (
        f'<h2>{escape(title)}</h2>{buttons}<figure id="{name}">'
        f'<figcaption>{words}</figcaption><div class="chart"></div></figure>'
    )


def _readings(facts: Facts) -> Iterator[str]:
    yield "</main><section><h2>Readings</h2>"
    yield '<p class="muted">systolic/diastolic (pulse); marked: at or above the threshold</p>'
    yield '<details><summary>all readings of the period</summary><div class="scroll"><table><thead><tr>'
    yield '<th scope="col">Date</th><th scope="col">Morning</th><th scope="col">Evening</th></tr></thead><tbody>'
    for row in pdf.readings(facts):
        cells = (_cells(row["morning"]), _cells(row["evening"]))
        yield f"<tr><td>{escape(row['date'])}</td><td>{cells[0]}</td><td>{cells[1]}</td></tr>"
    yield "</tbody></table></div></details></section>"


def _cells(cells: list[dict[str, Any]]) -> str:
    return ", ".join(
        f'<span class="high">{escape(cell["text"])}</span>' if cell["high"] else escape(cell["text"]) for cell in cells
    )


def _without_config(chart: Any) -> dict[str, Any]:
    """The specification without title and config: the page has words of its own, and adds the colours."""
    spec = style.spec(chart, titled=False)
    del spec["config"]
    return spec


def _json(value: Any) -> str:
    """JSON that holds no `</`, `<!--` or `<script` and so cannot leave its element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _text(name: str) -> str:
    return resources.files("pdp.report").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
