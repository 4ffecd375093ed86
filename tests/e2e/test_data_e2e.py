"""The dashboard on data of every size: none, a day, ten years, five million samples, and new data while it runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import PASSWORD, Server, Visitor, run
from tests.e2e.test_door_e2e import log_in
from tests.project import PATIENCE_S

Serve = Callable[..., Server]
Visit = Callable[..., Visitor]
HEADER = "Date,Time,Systolic,Diastolic,Pulse\n"
SAMPLES = 5_000_000

pytestmark = pytest.mark.slow


def sheet(data: Path, rows: str, name: str = "sheet.csv") -> None:
    folder = data / "raw/google_sheets"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(HEADER + rows)
    run("doit", data=data)


def test_no_day(serve: Serve, visitor: Visit, tmp_path: Path) -> None:
    """Where there is no day with data, the page says what to do, and nothing fails."""
    sheet(tmp_path, "")
    person = visitor(serve(tmp_path).address)
    person.page.get_by_text("There is no day with data yet").wait_for(timeout=PATIENCE_S * 1000)
    assert person.errors == []


def test_one_day_then_another_without_a_restart(serve: Serve, visitor: Visit, tmp_path: Path) -> None:
    """One day is painted; after a `doit` with another file the next click shows the new day."""
    sheet(tmp_path, "2026-02-03,07:30,151,92,70\n")
    person = visitor(serve(tmp_path).address)
    person.see_chart()
    person.page.get_by_text("data up to 2026-02-03").wait_for()
    person.shoot("one day")
    sheet(tmp_path, "2026-02-09,07:30,144,90,66\n", "more.csv")
    person.page.get_by_role("link", name="Blood pressure", exact=True).click()
    person.page.get_by_text("data up to 2026-02-09").wait_for(timeout=PATIENCE_S * 1000)
    person.see_chart()
    assert person.errors == []


@pytest.fixture(scope="module")
def decade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten years of everything: cuff, heart rate, sleep, steps, oxygen, stress, weight; built once."""
    data = tmp_path_factory.mktemp("decade") / "data"
    for command in (("pdp", "demo", "--days", "3650"), ("doit",)):
        run(*command, data=data)
    return data


def test_ten_years(serve: Serve, visitor: Visit, decade: Path) -> None:
    """3,650 days of everything, all of them at once: every page is painted, and the crosshair still follows."""
    server = serve(decade)
    print()
    for path in (
        "",
        "blood-pressure",
        "heart",
        "sleep",
        "activity",
        "before-after",
        "correlation",
        "data-quality",
        "pipeline",
    ):
        began = time.monotonic()
        person = visitor(f"{server.address}/{path}?period=all")
        person.see_chart()
        painted = time.monotonic() - began
        person.settle()
        name = path or "overview"
        print(f"ten years, {name}: first chart after {painted:.1f} s, server {server.memory_mb():.0f} MB")
        if path in ("blood-pressure", "heart", "sleep"):
            assert person.hover(person.see_chart()).count() == 1
        person.shoot(f"ten years {name}")
        assert person.page.get_by_test_id("stAlertContentError").count() == 0 and person.errors == []
        person.page.close()


def test_size_and_time_of_what_is_taken_away(demo: Path, decade: Path, tmp_path: Path) -> None:
    """Figures: how long HTML and PDF take, start of the program included, and how large they are."""
    print()
    cases = (("half a year", demo, "6m"), ("ten years", decade, "10y"), ("the default 28 days", demo, "28d"))
    for name, data, last in cases:
        for ending in ("html", "pdf"):
            file, began = tmp_path / f"{name}.{ending}", time.monotonic()
            run("pdp", "report", f"--{ending}", str(file), "--last", last, data=data)
            seconds = time.monotonic() - began
            print(f"{ending} of {name}: {seconds:.1f} s, {file.stat().st_size / 1024:,.0f} KiB")
            assert file.read_bytes()[:5] == {"html": b"<!doc", "pdf": b"%PDF-"}[ending]


def test_five_million_samples(serve: Serve, visitor: Visit, demo: Path, tmp_path: Path) -> None:
    """The heart page goes from ten years to an hour of five million samples, and never sends more than a browser bears."""
    data = tmp_path / "data"
    shutil.copytree(demo, data)
    swell(data)
    server = serve(data)
    person = visitor(f"{server.address}/heart")
    person.see_chart()
    person.settle()
    person.page.get_by_role("heading", name="Single measurements").scroll_into_view_if_needed()
    person.see_chart(1)
    for length in ("all", "1 year", "1 hour"):
        began = time.monotonic()
        person.page.get_by_role("radio", name=length, exact=True).or_(
            person.page.get_by_role("button", name=length, exact=True)
        ).last.click()
        person.page.wait_for_timeout(200)
        person.settle()
        person.see_chart(1)
        print(f"\nfive million samples, {length}: {time.monotonic() - began:.1f} s, server {server.memory_mb():.0f} MB")
    assert person.page.get_by_test_id("stAlertContentError").count() == 0 and person.errors == []


def swell(data: Path) -> None:
    """Puts five million samples, one a minute, in place of the heart rates of the current generation."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pdp.generation import current

    path = current(data).path("heart_rate")
    schema = pq.read_schema(path)
    minute = np.arange(SAMPLES, dtype=np.int64)
    known = {
        "kind": pa.array(np.full(SAMPLES, "sample")), "bpm": pa.array(60 + minute % 1440 / 30.0),
        "instant_utc": pa.array((1_450_000_000 + minute * 60) * 1000).cast(pa.timestamp("ms", "UTC")),
        "utc_offset_s": pa.array(np.zeros(SAMPLES, np.int32)), "source": pa.array(np.full(SAMPLES, "mi_band")),
        "local_date": pa.array((1_450_000_000 // 86_400 + minute // 1440).astype(np.int32)).cast(pa.date32()),
    }  # fmt: skip
    columns = [known.get(field.name, pa.nulls(SAMPLES, field.type)).cast(field.type) for field in schema]
    path.chmod(0o600)
    path.unlink()
    pq.write_table(pa.table(columns, schema=schema), path, compression="zstd", row_group_size=200_000)


def test_time_to_first_chart(serve: Serve, visitor: Visit, demo: Path, vault: Path) -> None:
    """Figures: how long a visitor waits for the first chart, at the second visit of a server, and what the server weighs."""
    server = serve(demo, "--public", PDP_VAULT=str(vault))
    for name, path in (("public, static", "/"), ("public, live, first visit", "/live/"), ("public, live", "/live/")):
        began = time.monotonic()
        visitor(f"{server.address}{path}").see_chart()
        print(f"\n{name}: first chart after {time.monotonic() - began:.1f} s, server {server.memory_mb():.0f} MB")
    owner = visitor(f"{server.address}/login")
    began = time.monotonic()
    log_in(owner, server.address, PASSWORD)
    owner.see_chart()
    print(f"\nprivate, from the password on: {time.monotonic() - began:.1f} s, server {server.memory_mb():.0f} MB")
    print(f"load of the machine: {Path('/proc/loadavg').read_text().split()[0]}")
