"""Colours and fonts. The palette is Okabe and Ito's (jfly.uni-koeln.de/color), readable in all forms of colour blindness;
lines and points use only those of its colours that stand out from white and from near black (contrast of 3 and more).
"""

from __future__ import annotations

from typing import Any, cast

import altair as alt

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#B2609A"
SKY, ORANGE, YELLOW = "#56B4E9", "#E69F00", "#F0E442"
GREY = "#7A7A7A"

LIGHT = {"text": "#31333F", "muted": "#5F6368", "grid": "#E6E6E6", "background": "#FFFFFF"}
DARK = {"text": "#F0F2F6", "muted": "#A9AEB8", "grid": "#2E323C", "background": "#0E1117"}
MOST_ROWS = 20_000
"""Rows of a plain mark that a browser bears; what could be more is thinned or put into buckets before."""
alt.data_transformers.enable("default", max_rows=MOST_ROWS)

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"
PADDING = {"left": 5, "right": 5, "top": 8, "bottom": 5}  # without a title nothing else holds the top label


def themed(chart: Any, *, dark: bool = False, titled: bool = True, font: str = FONT) -> alt.TopLevelMixin:
    """The chart with the colours of a light or a dark page; its own background is transparent.

    `titled=False` leaves title and subtitle to the page, where a long one wraps: see `caption`.
    """
    ready = chart.copy(deep=False)
    ready.config = alt.Config.from_dict(config(DARK if dark else LIGHT, font))
    ready.padding = PADDING  # said twice: to Streamlit a chart without it has none, whatever its config says
    if not titled:
        ready.title = alt.Undefined
    return cast("alt.TopLevelMixin", ready)


def spec(chart: Any, *, dark: bool = False, titled: bool = True, font: str = FONT) -> dict[str, Any]:
    """The same as a Vega-Lite specification, in a fraction of the time: not validated (tests do that)."""
    found: dict[str, Any] = chart.to_dict(validate=False)
    if not titled:
        found.pop("title", None)
    return found | {"config": config(DARK if dark else LIGHT, font)}


def caption(chart: Any) -> tuple[str, list[str]]:
    """A chart's title, and the lines that explain it."""
    title = chart.title
    return title.text, list(title.subtitle)


def config(colours: dict[str, str], font: str = FONT) -> dict[str, Any]:
    """Vega-Lite's config as plain data."""
    label = {"labelColor": colours["muted"], "titleColor": colours["muted"], "labelFontSize": 11, "titleFontSize": 11}
    return {
        "background": "transparent",
        "padding": PADDING,
        "font": font,
        "view": {"stroke": None},
        "mark": {"aria": False},  # the chart as a whole has a description; hundreds of unnamed dots help nobody
        "axis": {
            **label, "gridColor": colours["grid"], "domainColor": colours["grid"], "tickColor": colours["grid"],
            "titleFontWeight": "normal", "labelOverlap": True, "labelFlush": False,
        },
        "legend": {**label, "orient": "top", "title": None, "symbolStrokeWidth": 3},
        "header": {"labelColor": colours["muted"], "titleColor": colours["muted"]},
        "title": {
            "anchor": "start", "color": colours["text"], "subtitleColor": colours["muted"], "fontSize": 15,
            "fontWeight": 600, "subtitleFontSize": 12, "subtitlePadding": 4, "offset": 10,
        },
        "text": {"color": colours["muted"], "fontSize": 11},
        "rule": {"color": colours["muted"]},
    }  # fmt: skip
