"""The unchanged pipeline, by real `doit`, with Google's own libraries over HTTP against the double."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pdp.demo import Demo, generate
from pdp.demo.google import Seeded, seed
from tests.google import Google, running
from tests.project import outcomes
from tests.test_determinism import Copy

MEDIA, LIST, VALUES = "drive.files.get media", "drive.files.list", "sheets.spreadsheets.values.batchGet"
NEW = "20260301_7000000001_MiFitness_hlth_center_aggregated_fitness_data.csv"
EXPORT = b"Uid,Sid,Tag,Key,Time,Value,UpdateTime\n"


class Project(Copy):
    """A copy of this project whose sources lie in the double."""

    def __init__(self, root: Path, google: Google, seeded: Seeded, data: str = "data-demo") -> None:
        super().__init__(root, Demo({}, None), [])  # type: ignore[arg-type]
        self.google, self.seeded = google, seeded
        self.data = root / data
        self.environ = {
            "PDP_GOOGLE_ROOT": google.double.root, "GOOGLE_CREDENTIALS_BASE64": google.base64,
            "GOOGLE_SHEETS_BP_ID": seeded.sheet, "PDP_FETCH_GOOGLE_SHEETS_TABS": ",".join(seeded.tabs),
            "MI_BAND_DRIVE_FOLDER_ID": f"https://drive.google.com/drive/folders/{seeded.folder}?usp=sharing",
        }  # fmt: skip

    def run(self, *words: str, ok: bool = True, **environ: Any) -> tuple[dict[str, str], Counter[str], str]:
        """(outcome of each task, what the double was asked, what was printed)."""
        before = Counter(self.google.double.counts)
        done = self.command(sys.executable, "-m", "doit", *words, **{**self.environ, **environ})
        printed = done.stdout + done.stderr
        assert (done.returncode == 0) is ok, printed
        assert "fault of pdp" not in printed
        return outcomes(done.stdout), self.google.double.counts - before, printed

    def synced(self, *words: str) -> None:
        done = self.command(sys.executable, "-m", "pdp", *words, **self.environ)
        assert done.returncode == 0, done.stdout + done.stderr

    def raw_files(self) -> dict[str, bytes]:
        """Those of the snapshots, by source and name."""
        return {
            f"{source}/{file['name']}": (self.data / "raw" / source / file["name"]).read_bytes()
            for source in ("mi_band", "google_sheets")
            for file in json.loads((self.data / f"snapshots/{source}.json").read_text())["files"]
        }

    def metrics(self) -> bytes:
        return (self.data / "merged/daily_metrics.csv").read_bytes()


@pytest.fixture(scope="module")
def demo() -> Demo:
    return generate(days=30)


@pytest.fixture
def google() -> Iterator[Google]:
    with running() as found:
        yield found


@pytest.fixture
def project(tmp_path: Path, google: Google, demo: Demo) -> Project:
    return Project(tmp_path / "google", google, seed(google.double, demo.files, google.email))


def files_of(demo: Demo) -> int:
    return sum(1 for name in demo.files if name.startswith("mi_band/"))


def changed(found: dict[str, str]) -> set[str]:
    return {task for task, outcome in found.items() if outcome != "current"}


def test_only_what_is_new_travels(project: Project, google: Google, demo: Demo, tmp_path: Path) -> None:
    """The first run downloads all and gives the days of the same exports as files; the second downloads nothing; then a
    changed cell, and after it a new export, each travel alone.
    """
    _, asked, _ = project.run()
    assert asked[MEDIA] == files_of(demo)
    assert asked[VALUES] == 1
    files = Copy(tmp_path / "files", demo, list(demo.files))
    assert files.build()["merged/daily_metrics.csv"] == project.metrics()
    before = google.double.bytes_sent[MEDIA]
    found, asked, _ = project.run()
    assert changed(found) == set()
    assert (asked[MEDIA], asked[VALUES], google.double.bytes_sent[MEDIA]) == (0, 1, before)
    assert asked.total() <= 7, "a token and two requests for the sheet, a token and a list for each folder"

    tab = google.double.sheets.sheets[project.seeded.sheet].tab("Blutdruck")
    row = next(row for row in tab.rows[1:] if row and isinstance(row[2], int))
    row[2] = int(str(row[2])) + 1
    found, asked, _ = project.run()
    assert asked[MEDIA] == 0
    assert found["ingest:mi_band"] == found["normalize:mi_band"] == "current"
    assert {"ingest:google_sheets", "normalize:google_sheets", "merge"} <= changed(found)

    google.double.drive.file(NEW, EXPORT, parent=project.seeded.folder)
    found, asked, _ = project.run()
    assert (asked[MEDIA], google.double.bytes_sent[MEDIA] - before) == (1, len(EXPORT))
    assert found["ingest:google_sheets"] == "current" and found["ingest:mi_band"] == "built"


@pytest.fixture
def runners(project: Project, google: Google, tmp_path: Path) -> Callable[[str], Project]:
    """Machines that start from an empty folder, with the same settings and the same place for their state."""
    project.environ["PDP_STATE_REMOTE"] = f"file://{tmp_path / 'remote'}"

    def runner(name: str) -> Project:
        made = Project(tmp_path / name, google, project.seeded)
        made.environ = dict(project.environ)
        shutil.rmtree(made.data, ignore_errors=True)
        return made

    return runner


def test_a_runner_with_an_empty_folder_downloads_only_what_is_new(
    project: Project, runners: Callable[[str], Project], google: Google
) -> None:
    """What was fetched elsewhere comes with the state: nothing is downloaded and nothing runs, all files are the same; of
    a new export one download is made. And back: the first machine does not fetch what the runner has fetched.
    """
    project.run()
    project.synced("push")
    runner = runners("first")
    runner.synced("pull")
    found, asked, _ = runner.run()
    assert (changed(found), asked[MEDIA]) == (set(), 0)
    assert (runner.outputs(), runner.raw_files()) == (project.outputs(), project.raw_files())
    google.double.drive.file(NEW, EXPORT, parent=project.seeded.folder)
    runner = runners("second")
    runner.synced("pull")
    found, asked, _ = runner.run()
    assert found["ingest:mi_band"] == "built" and asked[MEDIA] == 1
    runner.synced("push")
    project.synced("pull")
    found, asked, _ = project.run()
    assert (changed(found), asked[MEDIA]) == (set(), 0)
    assert (runner.outputs(), runner.raw_files()) == (project.outputs(), project.raw_files())
    assert not list(project.data.glob("edited/*"))


def test_a_restored_machine_builds_without_google(project: Project, runners: Callable[[str], Project]) -> None:
    """All that was fetched is there: with Google gone, `offline=1` builds everything anew from it, byte for byte."""
    project.run()
    project.synced("push")
    runner = runners("restored")
    runner.synced("pull")
    found, asked, _ = runner.run("offline=1", "-a")
    assert asked.total() == 0 and found["normalize:mi_band"] == found["merge"] == "unchanged"
    assert runner.outputs() == project.outputs()


def test_what_was_fetched_here_since_is_not_undone_by_a_pull(
    project: Project, runners: Callable[[str], Project], google: Google
) -> None:
    """Two machines that each fetched a newer export join, and neither takes the other's folder for its own."""
    project.run()
    project.synced("push")
    runner = runners("other")
    runner.synced("pull")
    google.double.drive.file(NEW, EXPORT, parent=project.seeded.folder)
    runner.run()
    runner.synced("push")
    later = google.double.drive.file(f"{NEW[:-4]}_later.csv", EXPORT + b"\n", parent=project.seeded.folder)
    project.run()
    google.double.drive.files[later.id].trashed = True
    project.synced("pull", "--merge")
    assert changed(project.run("offline=1")[0]) == set(), "the last to fetch is the one that counts"
    _, asked, _ = project.run()
    assert asked[MEDIA] == 0
    assert {name.rpartition("/")[2] for name in project.raw_files()} == {
        name.rpartition("/")[2] for name in runner.raw_files()
    }


def test_offline_asks_nobody(project: Project, google: Google) -> None:
    """By the command line and by the environment, and `offline=0` wins; looking never asks either."""
    project.run()
    ways: list[tuple[list[str], dict[str, Any]]] = [
        (["offline=1"], {}), ([], {"PDP_OFFLINE": "yes"}), (["offline=1", "merge"], {})
    ]  # fmt: skip
    for words, environ in ways:
        found, asked, _ = project.run(*words, **environ)
        assert (changed(found), asked.total()) == (set(), 0)
    assert project.run("offline=0", PDP_OFFLINE="1")[1].total() > 0
    assert "offline= must be 1 or 0" in project.run("offline=maybe", ok=False)[2]
    for words in (["list", "-s", "--all"], ["info", "ingest:mi_band"], ["clean", "--dry-run"]):
        before = google.double.counts.total()
        project.command(sys.executable, "-m", "doit", *words, **project.environ)
        assert google.double.counts.total() == before
    status = project.command(sys.executable, "-m", "pdp", "status", **project.environ)
    assert google.double.counts.total() == before and "all is current" in status.stdout


def test_google_is_imported_only_to_ask(project: Project) -> None:
    """A run with nothing to do that asks nobody is as light as with folders alone."""
    project.run()
    for words, loads in ((["offline=1"], False), ([], True)):
        done = project.command(sys.executable, "-X", "importtime", "-m", "doit", *words, **project.environ)
        names = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
        assert bool(names & {"google", "googleapiclient", "gspread", "httplib2", "requests"}) is loads


def test_one_stage_alone_asks_nobody(project: Project, google: Google) -> None:
    """`doit -s` is the earlier pipelines' --start-stage: nothing before it is looked at, all that is named runs."""
    project.run()
    for tasks in (["merge"], ["validate", "merge"], ["validate:sleep"]):
        found, asked, _ = project.run("-s", *tasks)
        assert asked.total() == 0
        assert {task.partition(":")[0] for task in found} == {task.partition(":")[0] for task in tasks}


def test_a_source_that_fails_leaves_all_as_it_was(project: Project, google: Google) -> None:
    """Strict, as by default: its stage fails with a sentence, the other source goes on, the last outputs stay."""
    project.run()
    before = project.metrics()
    google.double.drive.files[project.seeded.folder].readers.clear()
    google.double.sheets.sheets[project.seeded.sheet].tab("Blutdruck").rows[2][2] = 99
    found, _, printed = project.run(ok=False)
    assert found["ingest:mi_band"] == "failed" and found["merge"] == "blocked"
    assert found["ingest:google_sheets"] == "built"
    assert "the Drive folder is not there, or is not shared" in printed
    assert project.seeded.folder not in printed and google.email not in printed
    assert project.metrics() == before


def test_a_tolerant_source_goes_on_as_stale(project: Project, google: Google) -> None:
    """With an earlier snapshot the run goes on; the warning stays in run, history and status until it answers again."""
    tolerant: dict[str, Any] = {
        "PDP_FETCH_GOOGLE_SHEETS_UNREACHABLE": "stale",
        "PDP_FETCH_MI_BAND_UNREACHABLE": "stale",
    }
    google.double.disabled.add("sheets")
    found, _, printed = project.run(ok=False, **tolerant)
    assert found["ingest:google_sheets"] == "failed", "there is nothing yet to go on with"
    google.double.disabled.clear()
    project.run(**tolerant)
    before = project.metrics()
    google.double.disabled.add("sheets")
    found, _, printed = project.run(**tolerant)
    assert found["ingest:google_sheets"] == "stale" and "is not enabled" in printed
    assert project.metrics() == before
    project.run("offline=1", **tolerant)
    status = project.command(sys.executable, "-m", "pdp", "status", **project.environ, **tolerant).stdout
    assert "is stale since" in status and "is not enabled" in status
    google.double.disabled.clear()
    assert changed(project.run(**tolerant)[0]) == set()
    status = project.command(sys.executable, "-m", "pdp", "status", **project.environ, **tolerant).stdout
    assert "is stale since" not in status


def test_a_fetch_that_breaks_off_leaves_the_snapshot_whole(project: Project, google: Google, demo: Demo) -> None:
    """Of three changed exports one arrives: the run fails, the old days stay, and only the rest travels later."""
    project.run()
    before, manifest = project.metrics(), (project.data / "snapshots/mi_band.json").read_bytes()
    for one in [one for one in google.double.drive.files.values() if one.name.endswith("data.csv")][:3]:
        google.double.drive.change(one.id, (one.content or b"") + b"\n")
    google.double.fail(99, MEDIA, 404, after=1)
    found, asked, _ = project.run(ok=False)
    assert found["ingest:mi_band"] == "failed" and asked[MEDIA] == 2
    assert (project.metrics(), (project.data / "snapshots/mi_band.json").read_bytes()) == (before, manifest)
    assert changed(project.run("offline=1")[0]) == set(), "what arrived of the broken fetch does not count"
    found, _, _ = project.run(ok=True, PDP_FETCH_MI_BAND_UNREACHABLE="stale")
    assert found["ingest:mi_band"] == "stale" and project.metrics() == before
    google.double.faults.clear()
    found, asked, _ = project.run()
    assert found["ingest:mi_band"] == "built" and asked[MEDIA] == 2


def test_a_sheet_without_its_columns_or_tab_is_told(project: Project, google: Google) -> None:
    """How many tabs there are, and no title: a log may be read by others."""
    project.environ["PDP_FETCH_GOOGLE_SHEETS_TABS"] = "Blutdruk"
    _, _, printed = project.run(ok=False)
    assert "number 1 of fetch.google_sheets.tabs is none of the 2 tabs of the sheet; pdp doctor lists them" in printed
    assert "Blutdruck" not in printed


def test_nothing_secret_is_left_behind(project: Project, google: Google) -> None:
    """The key given as base64 is in no file, and neither key nor ids are in what a run prints."""
    google.double.fail(1, VALUES, 403)
    _, _, printed = project.run(ok=False)
    secrets = [google.base64, google.key["private_key"].splitlines()[5], google.email]
    for text in (*secrets, project.seeded.sheet, project.seeded.folder):
        assert text not in printed
    for path in (path for path in project.root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert not [text for text in secrets if text.encode() in content], path


def test_the_demo_s_person_never_meets_a_real_sheet(project: Project, google: Google) -> None:
    """Without a config of one's own an id in the environment does not count, unless it leads to this machine."""
    del project.environ["PDP_GOOGLE_ROOT"]
    _, asked, printed = project.run(ok=False)
    assert asked.total() == 0
    assert "no source has a file yet" in printed
