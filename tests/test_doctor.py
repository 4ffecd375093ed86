"""`pdp doctor`: each permission taken away by itself is the one that it names, with what to click."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from pdp.cli import main
from pdp.demo import generate
from pdp.demo.google import Seeded, seed
from pdp.double.drive import SHORTCUT
from tests.google import Google, running
from tests.test_google_pipeline import Project


@pytest.fixture
def google() -> Iterator[Google]:
    with running() as found:
        yield found


class Doctor(Project):
    """The command, where everything is as it should be."""

    def __init__(self, root: Path, google: Google, seeded: Seeded) -> None:
        super().__init__(root, google, seeded)
        self.state = google.double.drive.shared_drive("state", {google.email: "writer"})
        self.environ["GOOGLE_DRIVE_STATE_FOLDER_ID"] = self.state.id

    def told(self, *words: str, code: int = 0) -> dict[str, str]:
        """What is said of each thing, with what to do."""
        printed, errors = self.pdp("doctor", *words, code=code)
        assert errors == ""
        found: dict[str, str] = {}
        name = ""
        for line in filter(None, printed.splitlines()):
            if line.startswith("        "):
                found[name] += f"; {line.strip()}"
            else:
                name, _, said = line[6:].partition(": ") if not line[6:].startswith(PLACES) else _split(line[6:])
                found[name] = f"{line[:5].strip()} {said}"
        return found

    def pdp(self, *words: str, code: int) -> tuple[str, str]:
        """What the command prints, run in this process."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.root)
            for name in [name for name in os.environ if name.startswith(("PDP_", "GOOGLE_", "MI_BAND_"))]:
                patch.delenv(name)
            for name, text in self.environ.items():
                patch.setenv(name, text)
            found = main(list(words))
        assert found == code, out.getvalue() + err.getvalue()
        return out.getvalue(), err.getvalue()


PLACES = ("sheet: ", "Drive folder: ", "state: ")


def _split(line: str) -> tuple[str, str, str]:
    place, thing, said = line.split(": ", 2)
    return f"{place}: {thing}", "", said


@pytest.fixture
def doctor(tmp_path: Path, google: Google) -> Doctor:
    return Doctor(tmp_path, google, seed(google.double, generate(days=3).files, google.email))


def test_all_well(doctor: Doctor, google: Google) -> None:
    """Each thing is tried, and the state folder is left as it was."""
    found = doctor.told()
    assert all(said.startswith("ok") for said in found.values())
    assert list(found) == [
        "credentials", "sheet: token", "sheet: Sheets API", "sheet: shared", "sheet: tabs", "sheet: time zone",
        "Drive folder: token", "Drive folder: Drive API", "Drive folder: shared", "Drive folder: exports",
        "state: token", "state: Drive API", "state: shared", "state: writable", "state: room",
    ]  # fmt: skip
    assert [one.id for one in google.double.drive.files.values() if one.drive == doctor.state.id] == [doctor.state.id]


def test_each_missing_permission_is_named(doctor: Doctor, google: Google) -> None:
    """One after the other is taken away; the others stay well, and what depends on it is not tried."""
    double = google.double
    double.disabled.add("sheets")
    found = doctor.told(code=1)
    assert "sheets.googleapis.com?project=pdp-demo and click Enable" in found["sheet: Sheets API"]
    assert found["sheet: tabs"] == "- not tried" and found["Drive folder: exports"].startswith("ok")
    double.disabled.clear()
    double.drive.files[doctor.seeded.sheet].readers.clear()
    double.drive.files[doctor.seeded.folder].readers.clear()
    double.drive.members[doctor.state.id][google.email] = "reader"
    found = doctor.told(code=1)
    assert found["sheet: Sheets API"].startswith("ok") and found["Drive folder: Drive API"].startswith("ok")
    assert f"enter {google.email}, choose Viewer" in found["sheet: shared"]
    assert f"enter {google.email}, choose Viewer" in found["Drive folder: shared"]
    assert f"enter {google.email}, choose Editor" in found["state: writable"]
    assert found["state: room"] == "- not tried"


def test_the_room_of_a_service_account_is_explained(doctor: Doctor, google: Google) -> None:
    """A folder that a person shared takes no file of a service account's: what is possible instead."""
    theirs = google.double.drive.folder("state", writers={google.email})
    doctor.environ["GOOGLE_DRIVE_STATE_FOLDER_ID"] = theirs.id
    found = doctor.told(code=1)
    assert found["state: room"].startswith("FAIL there is no room left")
    assert "shared drive" in found["state: room"] and "gdrive://ID" in found["state: room"]


def test_tabs_zone_and_empty_folders(doctor: Doctor, google: Google) -> None:
    """A tab that is not there names those that are; another zone is worth a look; a folder without exports fails."""
    google.double.sheets.sheets[doctor.seeded.sheet].zone = "America/New_York"
    found = doctor.told()
    assert found["sheet: time zone"].startswith("look the sheet's is America/New_York, the settings' is Europe/Berlin")
    for file in google.double.drive.files.values():
        if doctor.seeded.folder in file.parents:
            file.mime, file.name, file.content, file.target = SHORTCUT, "x", None, "x"
    doctor.environ["PDP_FETCH_GOOGLE_SHEETS_TABS"] = "Nope"
    found = doctor.told(code=1)
    assert "may name Blutdruck, Blutdruck alt" in found["sheet: tabs"]
    assert "no CSV, zip or folder" in found["Drive folder: exports"]


def test_bad_credentials_are_one_finding(doctor: Doctor, google: Google, tmp_path: Path) -> None:
    """Nothing else is tried without a key; a withdrawn one fails at each token; an open key file is worth a look."""
    doctor.environ["GOOGLE_CREDENTIALS_BASE64"] = base64.b64encode(b"{}").decode()
    assert list(doctor.told(code=1)) == ["credentials"]
    del doctor.environ["GOOGLE_CREDENTIALS_BASE64"]
    assert "GOOGLE_APPLICATION_CREDENTIALS" in doctor.told(code=1)["credentials"]
    key = tmp_path / "key.json"
    key.write_text(json.dumps(google.key))
    key.chmod(0o644)
    doctor.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(key)
    assert f"chmod 600 {key}" in doctor.told()["key file"]
    google.double.accounts.withdraw(google.email)
    found = doctor.told(code=1)
    assert "no longer takes these credentials" in found["sheet: token"] and "serviceaccounts" in found["sheet: token"]


def test_real_answers_the_open_questions(doctor: Doctor, google: Google) -> None:
    """Against the double, whose own rules the answers are; a person's file is used if there is one, and none is left."""
    found = doctor.told("--real")
    assert found["v2 refuses an old etag (If-Match)"] == "ok yes, 412 conditionNotMet"
    assert found["v2 looks at If-Match again when a resumable upload ends"] == "ok no: it was done"
    assert found["v3 looks at If-Match"] == "ok no: it was done"
    assert found["a reserved id is given once"] == "ok yes, 409 fileIdInUse"
    assert found["a folder that is not shared cannot be listed"] == "ok yes, 404 notFound"
    assert len([one for one in google.double.drive.files.values() if one.drive == doctor.state.id]) == 1
    theirs = google.double.drive.folder("state", writers={google.email})
    google.double.drive.file("pdp-doctor-probe.txt", b"", parent=theirs.id)
    doctor.environ["GOOGLE_DRIVE_STATE_FOLDER_ID"] = theirs.id
    found = doctor.told("--real", code=1)
    assert found["file"].startswith("ok a person's file")
    assert found["v2 refuses an old etag (If-Match)"] == "ok yes, 412 conditionNotMet"
    assert found["a reserved id is given once"].startswith("look could not be tried: there is no room")


def test_the_demo_asks_nobody(doctor: Doctor, google: Google) -> None:
    del doctor.environ["PDP_GOOGLE_ROOT"]
    printed, _ = doctor.pdp("doctor", code=0)
    assert printed.startswith("this is the demo, which asks nobody; pdp init")
    assert google.double.counts.total() == 0
