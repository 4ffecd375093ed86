"""The logic of every page, run by Streamlit's own test driver: on the demo, on one day, and on no day at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pdp.dashboard import server
from pdp.dashboard.pages import PAGES
from pdp.dashboard.period import DEFAULT, from_address
from pdp.dashboard.server import Setup
from pdp.dashboard.view import local
from pdp.registry import Registry
from tests import warm
from tests.checkout import CONFIGS, copy_pipeline
from tests.project import PATIENCE_S

HOME = TemporaryDirectory(prefix="pdp-pages-")
ROOT = Path(HOME.name)
SHEETS = {
    "one day": "Date,Time,Systolic,Diastolic,Pulse\n2026-02-03,07:30,151,92,70\n",
    "no day": "Date,Time,Systolic,Diastolic,Pulse\n",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The environment of each data folder: the demo, one day, none."""
    copy_pipeline(ROOT, *CONFIGS)
    found = {}
    for name in ("demo", *SHEETS):
        data = tmp_path_factory.mktemp("data") / "data"
        own = {key: value for key, value in os.environ.items() if not key.startswith("PDP_")}
        environ = own | {"PDP_CONFIG": "configs/demo.toml", "PDP_DATA_DIR": str(data)}
        if name == "demo":
            run(environ, "pdp", "demo")
        else:
            sheet = data / "raw/google_sheets/sheet.csv"
            sheet.parent.mkdir(parents=True)
            sheet.write_text(SHEETS[name])
        run(environ, "doit")
        found[name] = environ
    return found


def run(environ: dict[str, str], *command: str) -> None:
    done = warm.run([sys.executable, "-m", *command], ROOT, environ, PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr


def script(path: str) -> None:
    from pdp.dashboard.pages import draw

    draw(path)


def opened(path: str, setup: Setup) -> AppTest:
    server.set_up(setup)
    return AppTest.from_function(script, args=(path,), default_timeout=PATIENCE_S)


def charts(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(element.proto.spec) for element in app.get("vega_lite_chart")]


@pytest.mark.parametrize("data", ["demo", *SHEETS])
@pytest.mark.parametrize("path", PAGES)
def test_page_is_drawn(path: str, data: str, built: dict[str, dict[str, str]]) -> None:
    """Every page stands on every data: its title, no error, and what it is no device for."""
    app = opened(path, local(ROOT, built[data])).run()
    assert not app.exception and not app.error
    assert app.title[0].value == PAGES[path].title
    assert "no medical device" in app.caption[-1].value


def test_without_a_day_what_came_in_and_what_runs_did_is_shown(built: dict[str, dict[str, str]]) -> None:
    """Who has put files in place and sees no day can see why: rows by table and source, versions, runs."""
    setup = local(ROOT, built["no day"])
    quality, pipeline, sleep = (opened(path, setup).run() for path in ("data-quality", "pipeline", "sleep"))
    assert all("There is no day with data yet" in app.info[-1].value for app in (quality, pipeline, sleep))
    assert set(quality.dataframe[0].value["source"]) == {"google_sheets", "mi_band"} and not charts(quality)
    assert set(quality.dataframe[1].value["read"]) == {0}
    assert len(pipeline.dataframe) == 2 and list(pipeline.dataframe[1].value["run"]) == [1] and not sleep.dataframe


def drawn(app: AppTest) -> set[str]:
    """The spans of time that the charts draw, as `month/day to month/day`, the last day excluded."""
    ends = re.findall(r'"domain": (\[\{.*?\}\])', json.dumps(charts(app)))
    return {" to ".join(f"{one['month']}/{one['date']}" for one in json.loads(end)) for end in ends}


def test_address_names_the_period(built: dict[str, dict[str, str]]) -> None:
    """An address with two dates is followed by every chart but the strip of all days, and stays as it is."""
    app = opened("sleep", local(ROOT, built["demo"]))
    app.query_params["period"] = "2026-01-05_2026-01-11"
    app.run()
    assert drawn(app) == {"1/5 to 1/12", "9/1 to 2/28"} and app.query_params["period"] == "2026-01-05_2026-01-11"


def test_chosen_period_stands_in_the_address(built: dict[str, dict[str, str]]) -> None:
    """A click on a preset changes the charts and the address."""
    app = opened("sleep", local(ROOT, built["demo"])).run()
    before = drawn(app)
    app.button_group[0].select("7 days").run()
    assert app.query_params["period"] == "7 days" and drawn(app) != before


@pytest.mark.parametrize("period", ["", "9 days", "2026-01-11_2026-01-05", "x_y", "2026-13-01_2026-13-02", "1_2_3"])
def test_address_without_sense_is_as_good_as_none(period: str) -> None:
    """What is no period gives the default one."""
    assert from_address({"period": period}) == (DEFAULT, None)


def test_guideline_is_chosen(built: dict[str, dict[str, str]]) -> None:
    """Another guideline changes the thresholds that the chart names, and the chart says whose they are."""
    app = opened("blood-pressure", local(ROOT, built["demo"])).run()
    assert "ESC 2024" in json.dumps(charts(app)[0])
    other = next(one for one in app.selectbox(key="guideline").options if "2017" in one or "2025" in one)
    app.selectbox(key="guideline").select(other).run()
    assert not app.exception and other.split(",")[0] in json.dumps(charts(app)[0])


def test_every_number_of_a_day_is_traced(built: dict[str, dict[str, str]]) -> None:
    """Choosing another day and another number shows its formula and the readings behind it."""
    app = opened("pipeline", local(ROOT, built["demo"])).run()
    app.selectbox(key="traced column").select("steps").run()
    app.date_input(key="traced day").set_value(date(2026, 1, 7)).run()
    assert not app.exception
    assert any("2026-01-07" in one.value for one in app.markdown) and len(app.dataframe) >= 3


def test_address_leads_to_a_number(built: dict[str, dict[str, str]]) -> None:
    """What a chart's link names is traced; the address follows what is chosen after it, and nonsense counts as not given."""
    app = opened("pipeline", local(ROOT, built["demo"]))
    app.query_params["day"], app.query_params["number"] = "2026-01-07", "steps"
    app.run()
    assert app.date_input(key="traced day").value == date(2026, 1, 7) and "Steps of 2026-01-07" in said(app)
    app.date_input(key="traced day").set_value(date(2026, 1, 9)).run()
    assert "Steps of 2026-01-09" in said(app) and app.query_params["day"] == "2026-01-09"
    for day, number in (("2026-13-01", "steps; drop"), ("1900-01-01", ""), ("x", "x")):
        app.query_params["day"], app.query_params["number"] = day, number
        app.run()
        assert not app.exception and "Steps of 2026-01-09" in said(app) and app.query_params["number"] == "steps"


def said(app: AppTest) -> str:
    return "\n".join(one.value for one in app.markdown)


def test_sources_say_how_fresh_they_are(built: dict[str, dict[str, str]]) -> None:
    """Each source has the last day that it tells of, and how far that lies behind the newest one."""
    app = opened("data-quality", local(ROOT, built["demo"])).run()
    sources = app.dataframe[0].value.set_index("source")
    assert (
        set(sources.index) == {"google_sheets", "mi_band"} and sources["data up to"].str.match(r"2026-\d\d-\d\d").all()
    )
    assert sources["days before the newest"].min() == 0


def test_effect_of_a_treatment_is_told_with_its_uncertainty(built: dict[str, dict[str, str]]) -> None:
    """Estimate, 95 % interval, days and means of both sides, with a trend too, wash-in, caveats; no p value, no verdict."""
    app = opened("before-after", local(ROOT, built["demo"])).run()
    sides, estimates = (table.value for table in app.table)
    assert list(sides[""]) == ["before", "after"] and (sides["days with a value"] >= 14).all()
    assert [len(one.split(" to ")) for one in estimates["95 % interval"]] == [2, 2] and len(charts(app)) == 1
    told = " ".join(one.value for one in (*app.markdown, *app.caption))
    assert "14 days of wash-in" in told and "regression to the mean" in told and "decides nothing" in told
    assert not re.search(r"\bp *[=<]|significan|works|effective", told)


def test_effect_is_refused_with_too_little_data(built: dict[str, dict[str, str]]) -> None:
    """With fewer days on a side than it takes there is a sentence and no number."""
    app = opened("before-after", local(ROOT, built["demo"])).run()
    app.selectbox(key="compared").select("weight_kg").run()
    assert "each side needs 14" in app.info[-1].value and not app.table and not charts(app)


def test_without_treatments_the_page_says_how_to_add_one(built: dict[str, dict[str, str]]) -> None:
    """A config with none is shown what to write."""
    setup = local(ROOT, built["demo"])
    config = {name: value for name, value in setup.view.config.items() if name != "treatments"}
    app = opened("before-after", replace(setup, view=replace(setup.view, config=config))).run()
    assert "[[treatments]]" in app.markdown[-1].value and not app.exception


def test_failed_stage_is_told_on_every_page(built: dict[str, dict[str, str]], tmp_path: Path) -> None:
    """What is shown is then older than it could be: that is said at the head, without the words of a file."""
    environ = built["one day"] | {"PDP_DATA_DIR": str(tmp_path / "data")}
    shutil.copytree(built["one day"]["PDP_DATA_DIR"], tmp_path / "data")
    assert not opened("overview", local(ROOT, environ)).run().warning
    (tmp_path / "data/raw/google_sheets/broken.csv").write_text("no header\n")
    assert warm.run([sys.executable, "-m", "doit"], ROOT, environ, PATIENCE_S).returncode
    app = opened("overview", local(ROOT, environ)).run()
    assert app.warning[0].value.startswith("normalize:google_sheets failed when last run: newer data may be missing")


def test_silent_source_is_told_on_every_page(built: dict[str, dict[str, str]], tmp_path: Path) -> None:
    """A source that did not answer when it was last asked is named at the head, and with its state under Data quality."""
    environ = built["one day"] | {"PDP_DATA_DIR": str(tmp_path / "data")}
    shutil.copytree(built["one day"]["PDP_DATA_DIR"], tmp_path / "data")
    registry = Registry(tmp_path / "data/registry.db")
    registry.put("asked", "google_sheets", {"stale": "no answer", "since": "2026-02-04T05:06:07Z", "at": None})
    registry.close()
    app = opened("data-quality", local(ROOT, environ)).run()
    assert app.warning[0].value.startswith("google_sheets has not answered since 2026-02-04 05:06 UTC")
    assert any("has not answered since 2026-02-04 05:06" in str(state) for state in app.dataframe[0].value["state"])
