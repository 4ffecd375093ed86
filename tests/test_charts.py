"""Charts by their specification: what they span, what they tell, how much they carry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import vl_convert

from pdp import samples
from pdp.charts import blood_pressure as bp
from pdp.charts import coverage, daily, heart, parts, sleep, style
from pdp.charts.correlation import correlation, paired
from pdp.period import Period
from pdp.treatments import Treatment
from tests.chart_data import HOME, THRESHOLDS, TREATMENTS, Data, decade, demo

CHARTS: dict[str, Callable[[Data], Any]] = {
    "blood_pressure": lambda d: bp.blood_pressure(d.days, d.readings, d.sessions, HOME, THRESHOLDS.severe, TREATMENTS),
    "overview": lambda d: bp.blood_pressure(d.days, d.readings, d.sessions, HOME, THRESHOLDS.severe, overview=True),
    "morning_evening": lambda d: bp.morning_evening(d.days, HOME, TREATMENTS),
    "pulse_pressure": lambda d: bp.pulse_pressure(d.days, TREATMENTS),
    "mean_arterial_pressure": lambda d: bp.mean_arterial_pressure(d.days),
    "heart_rate": lambda d: heart.heart_rate(d.days, TREATMENTS),
    "sleep_stages": lambda d: sleep.sleep_stages(d.days),
    "sleep_score": lambda d: sleep.sleep_score(d.days),
    "sleep_times": lambda d: sleep.sleep_times(d.segments),
    "sleep_regularity": lambda d: sleep.sleep_regularity(d.segments),
    "midsleep_variability": lambda d: sleep.midsleep_variability(d.segments),
    "coverage": lambda d: coverage.coverage(d.days),
    "correlation": lambda d: correlation(d.days, "steps", "systolic", lag_days=1),
    **{name: partial(lambda name, d: daily.daily(d.days, name, TREATMENTS), name) for name in daily.METRICS},
}
SIZES: dict[str, Callable[[], Data]] = {
    "demo": demo, "one day": lambda: demo().until(1), "empty": lambda: demo().until(0), "ten years": decade,
}  # fmt: skip
UNITS = ("(mmHg)", "(bpm)", "(hours)", "(minutes)", "(local time)", "(kinds of data a day)", "(steps a day)", "(%)",
         "(kg)", "(0 to 100)", "(−100 to 100)")  # fmt: skip


def spec_of(chart: Any) -> dict[str, Any]:
    found: dict[str, Any] = style.themed(chart).to_dict()  # which also validates it against Vega-Lite's schema
    return found


@cache
def drawn(name: str, size: str) -> tuple[dict[str, Any], str]:
    """(the specification of a chart, its title)."""
    chart = CHARTS[name](SIZES[size]())
    # What is right for few rows is so for many: the validation of ten years would only cost time.
    return style.spec(chart) if size == "ten years" else spec_of(chart), style.caption(chart)[0]


def layers(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every single view of a chart."""
    nested = [*spec.get("layer", ()), *spec.get("vconcat", ())]
    if not nested:
        yield spec
    for inner in nested:
        yield from layers(inner)


def rows(spec: dict[str, Any], layer: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spec["datasets"][(layer.get("data") or spec["data"])["name"]]
    return found


def y_values(spec: dict[str, Any]) -> list[float]:
    """Every number that a layer would draw on its y."""
    found = []
    for layer in layers(spec):
        for channel in ("y", "y2"):
            field = layer.get("encoding", {}).get(channel, {}).get("field")
            if field:
                found += [row[field] for row in rows(spec, layer) if isinstance(row.get(field), int | float)]
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_of_every_size(name: str, size: str) -> None:
    """It is valid, says its unit, follows at most 2,000 points with the mouse, and leaves the wheel to the page."""
    spec, title = drawn(name, size)
    assert title.endswith(UNITS)
    assert spec["description"].startswith(title)
    for param in spec.get("params", ()):
        assert "wheel" not in str(param) and param.get("bind") != "scales"
        if param["select"].get("nearest"):
            (view,) = [view for view in layers(spec) if view.get("name") in param["views"]]
            assert 0 < len(rows(spec, view)) <= parts.MOST_HOVER
    assert len(str(spec)) < 6_000_000


@pytest.mark.parametrize("size", ["demo", "one day", "ten years"])
@pytest.mark.parametrize("name", sorted(set(CHARTS) - {"coverage", "correlation", "sleep_stages"}))
def test_no_value_is_cut_off(name: str, size: str) -> None:
    """All layers share one y scale, and it spans every value."""
    spec, _ = drawn(name, size)
    scales = [
        layer["encoding"]["y"].get("scale")
        for layer in layers(spec)
        if "field" in layer.get("encoding", {}).get("y", {})
    ]
    if not scales:
        assert "in this period" in str(spec) or "fewer than" in str(spec)
        return
    assert all(scale == scales[0] for scale in scales)
    low, high = scales[0]["domain"]
    assert low <= min(y_values(spec)) and max(y_values(spec)) <= high
    assert scales[0]["zero"] is False


def test_crisis_reading_is_shown_and_marked() -> None:
    """A reading of 252/131 lies inside the chart and wears the sign that stands for advice."""
    data = demo()
    high = data.readings.copy()
    high.loc[high.index[3], ["systolic", "diastolic"]] = [252.0, 131.0]
    chart = bp.blood_pressure(data.days, high, data.sessions, HOME, THRESHOLDS.severe)
    spec = spec_of(chart)
    assert max(y_values(spec)) >= 252.0
    marked = [layer for layer in layers(spec) if layer["mark"].get("shape") == "triangle-up"]
    assert 252.0 in [row["systolic"] for row in rows(spec, marked[0])]
    assert any("seek advice" in line for line in style.caption(chart)[1])


@pytest.mark.parametrize("guideline", THRESHOLDS.guidelines.values(), ids=lambda one: one.id)
def test_thresholds_are_drawn_and_named(guideline: Any) -> None:
    """The chart says whose thresholds they are and since when, and has a rule at each that its values reach."""
    data = demo()
    chart = bp.blood_pressure(data.days, data.readings, data.sessions, guideline, THRESHOLDS.severe)
    spec = spec_of(chart)
    assert style.caption(chart)[1][0].startswith(f"{guideline.name} {guideline.year}, {guideline.setting}: ")
    ruled = {
        row["value"]
        for layer in layers(spec)
        if layer["mark"]["type"] == "rule"
        for row in rows(spec, layer)
        if "value" in row
    }
    assert {guideline.hypertension.systolic, guideline.hypertension.diastolic} <= ruled


def test_gap_is_a_gap() -> None:
    """No line joins two days between which one is missing; a day that stands alone is a point."""
    days = pd.DataFrame(
        {"date": pd.to_datetime(["2025-09-01", "2025-09-02", "2025-09-04", "2025-09-06", "2025-09-07"])}
    )
    assert parts.runs(days["date"]).tolist() == [0, 0, 1, 2, 2]
    data = demo()
    spec = spec_of(CHARTS["heart_rate"](data))
    for layer in layers(spec):
        if layer["mark"]["type"] == "line":
            assert layer["encoding"]["detail"]["field"] == "run"
            by_run: dict[int, list[str]] = {}
            for row in rows(spec, layer):
                by_run.setdefault(row["run"], []).append(row["date"])
            for dates in by_run.values():
                assert set(np.diff(np.array(sorted(dates), "datetime64[D]")).astype(int)) <= {1}


def test_crosshair_tells_every_series_with_its_unit() -> None:
    """At a date the tooltip has day, measures, means, readings with source, and the versions behind them; – for none."""
    data = demo()
    chart = bp.blood_pressure(
        data.days, data.readings, data.sessions, HOME, THRESHOLDS.severe, made_from="daily_metrics@v3"
    )
    spec = spec_of(chart)
    (rule,) = [layer for layer in layers(spec) if "tooltip" in layer.get("encoding", {})]
    titles = re.findall(r'"([^"]+)": \(datum', rule["encoding"]["tooltip"]["value"]["expr"])
    assert titles == ["date", "systolic", "diastolic", "7-day systolic", "7-day diastolic", "readings"]
    assert rule["encoding"]["tooltip"]["value"]["expr"].endswith(', "made from": "daily_metrics@v3"}')
    said = rows(spec, rule)
    assert said[1]["systolic"].endswith(" mmHg") and "google_sheets" in said[1]["readings"]
    assert parts.MISSING in {row["7-day systolic"] for row in said}


def test_treatment_events_are_labelled_rules() -> None:
    spec = spec_of(CHARTS["blood_pressure"](demo()))
    labels = [
        row["label"]
        for layer in layers(spec)
        if layer["mark"]["type"] == "text"
        for row in rows(spec, layer)
        if "label" in row
    ]
    assert labels == ["start: A 5 mg", "dose change: A 10 mg"]
    early = Period(datetime(2025, 9, 1).date(), datetime(2025, 9, 10).date())
    assert "A 5 mg" not in str(spec_of(bp.pulse_pressure(demo().days, TREATMENTS, period=early)))


def test_time_is_drawn_in_no_zone() -> None:
    """Every time axis is UTC over local wall clock, so that no browser's zone moves a reading to another day."""
    for name in CHARTS:
        for layer in layers(drawn(name, "demo")[0]):
            x = layer.get("encoding", {}).get("x", {})
            if x.get("type") == "temporal":
                assert x["scale"]["type"] == "utc", name


def test_resting_rate_is_never_the_lowest() -> None:
    """A day without a resting rate has none in the chart, however low its lowest."""
    days = demo().days.assign(resting_hr=np.nan)
    spec = spec_of(heart.heart_rate(days))
    assert not [v for layer in layers(spec) for v in rows(spec, layer) if isinstance(v.get("resting_hr"), float)]


@pytest.mark.parametrize("days", [1, 2, 5, 14, 15, 28, 45])
def test_no_date_is_written_twice(days: int) -> None:
    """An axis of few days has a tick a day at most: those of hours would all be called by the day's name."""
    made = style.spec(heart.heart_rate(demo().until(days).days)) | {"width": 1000}
    written = re.findall(r">(\d\d \w{3})<", vl_convert.vegalite_to_svg(made))
    assert written and len(written) == len(set(written))


def test_streamlit_is_told_the_room_above_the_top_label() -> None:
    """It gives a chart without a padding of its own none at all, whatever the chart's config says."""
    made: dict[str, Any] = style.themed(heart.heart_rate(demo().days), titled=False).to_dict()
    assert made["padding"] == made["config"]["padding"] and made["padding"]["top"] >= 8


def test_few_days_give_no_coefficient() -> None:
    """n is always told; below ten days there is no coefficient; the caveat is always there."""
    lines = style.caption(correlation(demo().days, "steps", "systolic"))[1]
    assert lines[0].startswith(f"n = {len(paired(demo().days, 'steps', 'systolic'))} days; Spearman's rho ")
    few = style.caption(correlation(demo().days.head(6), "steps", "systolic"))[1]
    assert "too few" in few[0] and "not cause and effect" in few[1]


def test_lag_looks_back() -> None:
    days = pd.DataFrame(
        {"date": pd.date_range("2025-01-01", periods=3), "steps": [1.0, 2, 3], "systolic": [10.0, 20, 30]}
    )
    assert paired(days, "steps", "systolic", 1)[["across", "up"]].to_numpy().tolist() == [[1, 20], [2, 30]]


@pytest.mark.parametrize("colour", [style.BLUE, style.VERMILLION, style.GREEN, style.PURPLE, style.GREY])
@pytest.mark.parametrize("page", [style.LIGHT, style.DARK], ids=["light", "dark"])
def test_lines_stand_out_from_the_page(colour: str, page: dict[str, str]) -> None:
    """Contrast of 3 to 1 and more (WCAG 2.1, 1.4.11) on light and dark; text 4.5 to 1."""
    assert contrast(colour, page["background"]) >= 3
    assert contrast(page["muted"], page["background"]) >= 4.5


@pytest.mark.parametrize("width", [280, 900])
def test_no_label_lies_on_another(width: int) -> None:
    """Twelve events in four weeks, with long names: on a phone and a desk each label has room for itself, within the plot."""
    period = Period(date(2026, 1, 1), date(2026, 1, 28))
    many = [
        Treatment(date(2026, 1, 1 + day), "a medicine of some name, 5 mg", kind)
        for day, kind in zip((0, 1, 2, 5, 9, 12, 13, 14, 18, 22, 26, 27), ("start", "dose", "stop") * 4, strict=True)
    ]
    _, *labels = parts.events(many, period, parts.time_axis("date", period))
    boxes = []
    for label, event in zip(labels, many, strict=True):
        drawn = label.to_dict()
        at = width * (event.date - period.first).days / 28
        long = min(len(event.text) * parts.LETTER, width / 2 - 8)
        low, high = (at + 4, at + 4 + long) if drawn["mark"]["align"] == "left" else (at - 4 - long, at - 4)
        assert low >= 0 and high <= width and drawn["mark"]["limit"] == {"expr": "width / 2 - 8"}
        boxes.append((drawn["encoding"]["y"]["value"], low, high))
    for i, (line, low, high) in enumerate(boxes):
        assert not [b for b in boxes[i + 1 :] if b[0] == line and low < b[2] and b[1] < high]


def test_bars_of_ten_years_are_means_of_weeks() -> None:
    """Two years have a bar a day; ten years have means of whole weeks, said so, and none where a week has nothing."""
    two, ten = Period(date(2024, 1, 1), date(2025, 12, 31)), Period(date(2016, 1, 1), date(2025, 12, 31))
    days = pd.DataFrame({"date": pd.date_range(ten.first, ten.last)}).assign(steps=lambda f: f.index % 7 * 1000.0)
    days = days[~days["date"].between("2020-01-01", "2020-01-31")]
    assert len(parts.stretched(days[days["date"].dt.year >= 2024], ["steps"], two)[0]) == 731
    means, step = parts.stretched(days, ["steps"], ten)
    assert step == 7 and 518 <= len(means) <= 520 and set(means["steps"].round().iloc[:100]) == {3000}
    assert "bars: means of 7 days" in str(daily.daily(days, "steps", period=ten).title.subtitle)


@pytest.mark.parametrize("size", ["demo", "one day", "ten years"])
def test_strip_has_every_day(size: str) -> None:
    """The strip that a period is dragged on spans all days, with few bars, and its selection tells dates."""
    days = SIZES[size]().days
    spec = spec_of(coverage.strip(days))
    (bars,) = layers(spec)
    first, last = bars["encoding"]["x"]["scale"]["domain"]
    assert (first["year"], first["month"], first["date"]) == tuple(days["date"].min().timetuple()[:3])
    assert (last["year"], last["month"], last["date"]) == tuple(
        (days["date"].max() + timedelta(days=1)).timetuple()[:3]
    )
    assert len(rows(spec, bars)) <= parts.MOST_BARS and max(row["kinds"] for row in rows(spec, bars)) <= 4
    assert spec["params"][0]["name"] == coverage.RANGE and spec["params"][0]["select"]["encodings"] == ["x"]


def test_clock_has_twenty_four_hours(heart_file: Path) -> None:
    """No stretch of single measurements is labelled in halves of a day."""
    end = datetime(2025, 6, 1)
    for hours in (1, 24, 24 * 7, 24 * 300):
        text = str(spec_of(heart.heart_samples(samples.buckets(heart_file, "bpm", end - timedelta(hours=hours), end))))
        assert "%H:%M" in text and not re.search("%[Ipl]", text)


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.fixture(scope="module")
def heart_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A year of a measurement a minute, with one peak, at an offset of +2 h."""
    start, minutes = 1_735_689_600, 365 * 1440  # 2025-01-01T00:00Z
    bpm = np.random.default_rng(1).normal(65, 5, minutes).round()
    bpm[400_000] = 233
    table = pa.table(
        {
            "kind": pa.array(["sample"] * minutes), "bpm": bpm, "utc_offset_s": np.full(minutes, 7200, np.int32),
            "instant_utc": pa.array(start + 60 * np.arange(minutes), pa.timestamp("s", "UTC")),
        }
    )  # fmt: skip
    path = tmp_path_factory.mktemp("heart") / "heart_rate.parquet"
    pq.write_table(table, path, row_group_size=50_000)
    return path


@pytest.mark.parametrize("hours", [1, 24, 24 * 28, 24 * 365, 24 * 3650])
def test_zoom_keeps_points_few_and_peaks_whole(heart_file: Path, hours: int) -> None:
    """From one hour to ten years at most 2,000 points, and the highest measurement is the chart's highest."""
    peak = datetime(2025, 1, 1, 2) + timedelta(minutes=400_000)
    found = samples.buckets(heart_file, "bpm", peak - timedelta(hours=hours / 2), peak + timedelta(hours=hours / 2))
    assert 0 < len(found.frame) <= samples.MOST
    assert found.frame["high"].max() == 233
    assert found.frame["n"].sum() == min(hours * 60, sum(found.frame["n"]))
    spec = spec_of(heart.heart_samples(found))
    assert all(len(rows(spec, layer)) <= parts.MOST_HOVER for layer in layers(spec))


def test_extent_is_local(heart_file: Path) -> None:
    """First and last measurement by the wall clock of where they were taken."""
    assert samples.extent(heart_file) == (datetime(2025, 1, 1, 2), datetime(2026, 1, 1, 1, 59))


def test_no_samples_is_said(heart_file: Path) -> None:
    """A stretch without a measurement gives a chart that says so."""
    found = samples.buckets(heart_file, "bpm", datetime(2030, 1, 1), datetime(2030, 1, 2))
    assert "no data in this period" in str(spec_of(heart.heart_samples(found)))
