"""The doctor's page as PDF: typeset by typst, the chart drawn by vl-convert; no browser, no network, the same bytes again."""

from __future__ import annotations

import json
import math
from importlib import resources
from typing import TYPE_CHECKING, Any

from pdp import __version__
from pdp.charts import blood_pressure as charts
from pdp.charts import style
from pdp.report.facts import NOT_A_DEVICE, Facts
from pdp.statistics.blood_pressure import PROTOCOL

if TYPE_CHECKING:
    from pdp.statistics.summary import Summary

FONT = "Libertinus Serif"  # comes with typst, so that every machine sets the same page
CHART = {"width": 640, "height": 240}


def pdf(facts: Facts) -> bytes:
    """One A4 page for up to about 30 days; of a longer period the list of readings goes on."""
    import typst

    page = resources.files("pdp.report").joinpath("page.typ").read_bytes()
    inputs = {"facts": json.dumps(content(facts), ensure_ascii=False), "chart": chart_svg(facts)}
    made: bytes = typst.compile(page, sys_inputs=inputs, format="pdf", timestamp=0)
    return made


def chart_svg(facts: Facts) -> str:
    """The chart of blood pressure over the period."""
    import vl_convert

    chart = charts.blood_pressure(
        facts.all_days, facts.readings, facts.sessions, facts.guideline, facts.severe, facts.treatments,
        period=facts.period, show=shown(facts),
    )  # fmt: skip
    spec = style.spec(chart, titled=False, font=FONT) | CHART
    svg: str = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return svg


def shown(facts: Facts) -> tuple[str, ...]:
    """Readings and means; rings and thin lines only where there is room for them."""
    return ("readings", "days", "mean") if facts.period.days <= 100 else ("readings", "mean")


def content(facts: Facts) -> dict[str, Any]:
    """All texts and numbers of the page as plain data."""
    period, found = facts.period, facts.pressure
    span = f"{period.first:%d %b %Y} to {period.last:%d %b %Y} · {period.days} days"
    legend = " · ".join(charts.WORDS[name] for name in ("colours", *shown(facts)))
    return {
        "title": "Blood pressure at home",
        "subtitle": f"{span} · invented data" if facts.is_demo else span,
        "name": facts.name,
        "table": {"head": ["", "Systolic", "Diastolic", "Pulse", "Days"], "rows": rows(facts)},
        "lines": [list(line) for line in lines(facts)],
        "chart": f"Blood pressure in mmHg over time, {span}",
        "legend": f"mmHg; {legend}; dashed: {found_threshold(facts)}"
        + (f"; ▲ {facts.severe.advice}" if found.severe else ""),
        "readings": {
            "title": "Readings", "note": "systolic/diastolic (pulse); bold: at or above the threshold; the evening "
            "begins at noon unless set otherwise", "rows": readings(facts),
        },
        "footer": f"{NOT_A_DEVICE} Made by pdp {__version__} from {facts.made_from}.",
    }  # fmt: skip


def rows(facts: Facts) -> list[list[str]]:
    """Mean ± SD (mmHg, bpm): of all days, of mornings, of evenings; then least to largest."""
    found = facts.pressure
    pairs = (
        ("Mean of days ± SD", (found.systolic, found.diastolic)),
        ("Morning", found.morning),
        ("Evening", found.evening),
    )
    table = []
    for name, (systolic, diastolic) in pairs:
        pulse = _spread(found.pulse) if name.startswith("Mean") else ""
        table.append([name, _spread(systolic), _spread(diastolic), pulse, str(systolic.n)])
    extremes = [
        f"{facts.readings[name].min():.0f}–{facts.readings[name].max():.0f}"
        if facts.readings[name].notna().any()
        else "–"
        for name in ("systolic", "diastolic", "pulse")
    ]
    return [*table, ["Readings, least–largest", *extremes, ""]]


def lines(facts: Facts) -> list[tuple[str, str]]:
    """Label and value of what is not in the table."""
    found = facts.pressure
    variability = (
        f"CV {_number(found.systolic.cv)} / {_number(found.diastolic.cv)} %, "
        f"ARV {_number(found.systolic.arv)} / {_number(found.diastolic.arv)} mmHg"
    )
    told = [
        ("Measured", f"{found.readings} readings on {found.days} of {facts.period.days} days, {found.sessions} sessions"),
        ("Protocol", f"{found.protocol.said}" + _protocol_mean(facts)),
        (f"At or above {_start(facts)}", _shares(facts)),
        ("Category of mean", f"{found.category.name} ({facts.guideline.label})" if found.category else "–"),
        ("Above 180/120", f"{found.severe} reading{'' if found.severe == 1 else 's'}"),
        ("Day to day", variability),
    ]  # fmt: skip
    inside = [t for t in facts.treatments if facts.period.first <= t.date <= facts.period.last]
    earlier = [t for t in facts.treatments if t.date < facts.period.first][-2:]
    events = "; ".join(f"{t.date:%d %b %Y} {t.text}" for t in (*earlier, *inside))
    return [*told, ("Treatment", events)] if events else told


def found_threshold(facts: Facts) -> str:
    """`hypertension from 135/85, ESC 2024, home`."""
    return f"{facts.guideline.hypertension.name} from {_start(facts)}, {facts.guideline.label}"


def readings(facts: Facts) -> list[dict[str, Any]]:
    """A row per day: its readings in the morning and in the evening; those without a time stand in the morning's column."""
    table: dict[Any, dict[str, Any]] = {}
    for row in facts.readings.itertuples():
        cells = table.setdefault(row.date, {"date": f"{row.date:%a %d %b}", "morning": [], "evening": []})
        cells["evening" if row.part == "evening" else "morning"].append(
            {
                "text": f"{row.systolic:.0f}/{row.diastolic:.0f}"
                + ("" if math.isnan(row.pulse) else f" ({row.pulse:.0f})"),
                "high": facts.guideline.is_high(row.systolic, row.diastolic),
            }
        )
    return list(table.values())


def _protocol_mean(facts: Facts) -> str:
    protocol = facts.pressure.protocol
    if not protocol.met:
        return f" ({PROTOCOL})"
    return f": mean of its {protocol.readings} readings {protocol.systolic:.0f}/{protocol.diastolic:.0f} mmHg"


def _shares(facts: Facts) -> str:
    found = facts.pressure
    if not found.readings or math.isnan(found.high_days):
        return "–"
    return f"{found.high_readings:.0%} of readings, {found.high_days:.0%} of days"


def _start(facts: Facts) -> str:
    return f"{facts.guideline.hypertension.systolic:g}/{facts.guideline.hypertension.diastolic:g}"


def _spread(of: Summary) -> str:
    if not of.n:
        return "–"
    return f"{of.mean:.0f}" + ("" if math.isnan(of.sd) else f" ± {of.sd:.0f}")


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1f}"
