"""What ingest keeps of a sheet and of a Drive folder, with Google's own libraries over HTTP against the double."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pdp.errors import InputError, RemoteError
from pdp.fetched import index_of, index_path, read_index, stamp
from pdp.filehash import stat_of
from pdp.google.faults import GoogleError
from stages.ingest import drive, folder, sheet
from tests.google import Google, running
from tests.pipeline import normalize
from tests.project import PATIENCE_S

MEDIA, LIST, VALUES = "drive.files.get media", "drive.files.list", "sheets.spreadsheets.values.batchGet"
AT_ONCE = {"Retry-After": "0"}


@pytest.fixture
def google() -> Iterator[Google]:
    with running() as found:
        yield found


class Mirror:
    """A raw folder, and the Drive folder that it is fetched from."""

    def __init__(self, google: Google, raw: Path) -> None:
        self.google, self.raw = google, raw
        self.top = google.double.drive.folder("exports", readers=[google.email])

    def put(self, name: str, content: bytes, mime: str = "text/csv", **more: Any) -> str:
        return self.google.double.drive.file(name, content, mime, **{"parent": self.top.id, **more}).id

    def sha256(self, name: str) -> str | None:
        path = self.raw / name
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None

    def ask(self, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        settings = {"id": self.top.id, "unreachable": "fail"}
        return drive.ask(self.raw, settings, self.google.access(timeout_s), self.sha256)

    def files(self) -> dict[str, bytes]:
        """The snapshot: name without the folder of its content -> bytes."""
        found = folder.fetch(self.raw, "mi_band", lambda name: self.sha256(name.removeprefix("raw/mi_band/")))
        return {"/".join(file.name.split("/")[2:]): file.read_bytes() for file in found}

    @property
    def travelled(self) -> int:
        return self.google.double.counts[MEDIA]


@pytest.fixture
def mirror(google: Google, tmp_path: Path) -> Mirror:
    return Mirror(google, tmp_path / "raw/mi_band")


def test_csv_and_zip_count_whatever_drive_calls_them(mirror: Mirror, google: Google) -> None:
    """By name or by MIME type; what is neither is counted, and trash is not there."""
    mirror.put("a.csv", b"a", "text/plain")
    mirror.put("b.CSV", b"b", "application/vnd.ms-excel")
    mirror.put("c.zip", b"c", "application/octet-stream")
    mirror.put("d", b"d", "text/csv")
    mirror.put("e", b"e", "application/x-zip-compressed")
    mirror.put("photo.jpg", b"f", "image/jpeg")
    mirror.put("gone.csv", b"g", trashed=True)
    google.double.drive.document("h.csv", {"text/csv": b"h"}, parent=mirror.top.id)
    google.double.drive.document("a", {"text/csv": b"a view of a"}, parent=mirror.top.id)
    google.double.drive.document("text", {}, "application/vnd.google-apps.document", parent=mirror.top.id)
    facts = mirror.ask()
    names = {"a.csv": b"a", "b.CSV": b"b", "c.zip": b"c", "d.csv": b"d", "e.zip": b"e", "h.csv": b"h"}
    assert mirror.files() == names
    assert facts == {"files": 6, "downloaded": 6, "not_taken": 3}


def test_every_page_counts_and_folders_within(mirror: Mirror, google: Google) -> None:
    """Short pages, an export unpacked into its folder, a shortcut, and a folder that holds itself."""
    google.double.drive.max_page = 2
    inner = google.double.drive.folder("20260110_7_MiFitness_ams1_data_copy", parent=mirror.top.id)
    for number in range(5):
        mirror.put(f"{number}.csv", b"%d" % number, parent=inner.id)
    elsewhere = google.double.drive.file("far.csv", b"far", readers=[google.email])
    google.double.drive.shortcut("near", elsewhere.id, parent=mirror.top.id)
    mirror.top.parents.append(inner.id)
    mirror.ask()
    expected = {f"{inner.name}/{number}.csv": b"%d" % number for number in range(5)}
    assert mirror.files() == {**expected, "far.csv": b"far"}
    assert google.double.counts[LIST] == 4


def test_a_shared_drive_counts(google: Google, tmp_path: Path) -> None:
    """As any folder."""
    mirror = Mirror(google, tmp_path)
    mirror.top = google.double.drive.shared_drive("family", {google.email: "reader"})
    mirror.put("a.csv", b"a")
    mirror.ask()
    assert mirror.files() == {"a.csv": b"a"}


def test_names_never_lead_out_of_the_folder(mirror: Mirror) -> None:
    """Remote names become no paths, and none is lost over another."""
    names = [
        "../../dodo.py.csv",
        "/etc/passwd.csv",
        "a/../../b.csv",
        "NUL.csv",
        "manifest.json.csv",
        ".hidden.csv",
        "..csv",
    ]
    for number, name in enumerate(names):
        mirror.put(name, b"%d" % number)
    mirror.ask()
    assert sorted(mirror.files().values()) == sorted(b"%d" % number for number in range(len(names)))
    root = mirror.raw.parents[1]
    outside = [path for path in root.rglob("*") if path.is_file() and not path.is_relative_to(mirror.raw / "drive")]
    assert outside == []


def test_one_name_twice_is_two_files(mirror: Mirror) -> None:
    """Of other content both are kept under their name; of the same content they are one."""
    for content in (b"one", b"two", b"two"):
        mirror.put("20260110_7_MiFitness_x.csv", content)
    mirror.ask()
    index = json.loads((mirror.raw / "drive/.index.json").read_text())["files"]
    assert [one["name"].rpartition("/")[2] for one in index] == ["20260110_7_MiFitness_x.csv"] * 2
    assert mirror.travelled == 2


def test_only_new_and_changed_files_travel(mirror: Mirror, google: Google) -> None:
    """What is unchanged, renamed, or gone costs nothing; what was replaced by hand here is fetched again."""
    first, second = mirror.put("a.csv", b"a"), mirror.put("b.csv", b"b")
    mirror.ask()
    mirror.ask()
    assert mirror.travelled == 2
    google.double.drive.change(first, b"a2")
    mirror.ask()
    assert mirror.travelled == 3 and mirror.files() == {"a.csv": b"a2", "b.csv": b"b"}
    google.double.drive.files[first].name = "renamed.csv"
    google.double.drive.remove(second)
    mirror.ask()
    assert mirror.travelled == 3 and mirror.files() == {"renamed.csv": b"a2"}
    (fetched,) = (mirror.raw / "drive").glob("*/renamed.csv")
    fetched.write_bytes(b"edited")
    with pytest.raises(InputError, match="is not as it was fetched"):
        mirror.files()
    mirror.ask()
    assert mirror.travelled == 4 and mirror.files() == {"renamed.csv": b"a2"}


@pytest.mark.parametrize("told", ["sha256Checksum", "md5Checksum"])
def test_what_a_pull_brought_is_not_fetched(mirror: Mirror, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    """Whichever checksum Drive tells: files that lie in their places count without an index, or with one of a pull that
    knew only SHA-256; one that is not what Drive has is fetched.
    """
    other = "md5Checksum," if told == "sha256Checksum" else ",sha256Checksum"
    monkeypatch.setattr(drive, "FIELDS", drive.FIELDS.replace(other, ""))
    mirror.put("a.csv", b"a")
    mirror.put("b.csv", b"b")
    mirror.ask()
    index = read_index(mirror.raw)
    assert index and mirror.travelled == 2
    index_path(mirror.raw).unlink()
    assert mirror.ask()["downloaded"] == 0
    index_path(mirror.raw).write_bytes(index_of(replace(one, stamp=stamp(one.sha256, "x")) for one in index))
    assert mirror.ask()["downloaded"] == 0
    assert read_index(mirror.raw) == index and mirror.files() == {"a.csv": b"a", "b.csv": b"b"}
    index_path(mirror.raw).unlink()
    (mirror.raw / index[0].name).write_bytes(b"c")
    assert mirror.ask()["downloaded"] == 1
    assert mirror.files() == {"a.csv": b"a", "b.csv": b"b"}


def test_a_document_is_exported_only_when_it_changed(mirror: Mirror, google: Google) -> None:
    """It has no checksum: its version stands for it."""
    made = google.double.drive.document("x.csv", {"text/csv": b"1"}, parent=mirror.top.id)
    mirror.ask()
    mirror.ask()
    assert google.double.counts["drive.files.export media"] == 1
    made.exports["text/csv"] = b"2"
    made.touch()
    mirror.ask()
    assert mirror.files() == {"x.csv": b"2"}


def test_a_download_goes_on_where_it_broke_off(mirror: Mirror, google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces that arrived travel once, within a run and from one run to the next."""
    monkeypatch.setattr(drive, "CHUNK", 1000)
    content = bytes(range(256)) * 40
    mirror.put("big.zip", content)
    google.double.fail(99, MEDIA, 404, after=4)
    with pytest.raises(GoogleError):
        mirror.ask()
    assert google.double.bytes_sent[MEDIA] == 4000
    google.double.faults.clear()
    google.double.fail(1, MEDIA, 503, after=2, headers=AT_ONCE)
    mirror.ask()
    assert mirror.files() == {"big.zip": content}
    assert google.double.bytes_sent[MEDIA] == len(content)


def test_what_arrives_damaged_is_not_kept(mirror: Mirror, google: Google) -> None:
    """One other byte is noticed and fetched again; twice in a row is told, and leaves the snapshot before it whole."""
    mirror.put("a.csv", b"a")
    mirror.ask()
    mirror.put("b.csv", b"b" * 100)
    google.double.fail(2, MEDIA, "corrupt")
    with pytest.raises(RemoteError, match="arrived damaged twice"):
        mirror.ask()
    assert mirror.files() == {"a.csv": b"a"}
    google.double.fail(1, MEDIA, "corrupt")
    mirror.ask()
    assert mirror.files() == {"a.csv": b"a", "b.csv": b"b" * 100}


def test_an_incomplete_list_is_no_list(mirror: Mirror, google: Google) -> None:
    """Files that Google did not list are not taken for gone."""
    mirror.put("a.csv", b"a")
    mirror.ask()
    google.double.drive.incomplete = True
    with pytest.raises(RemoteError, match="only a part"):
        mirror.ask()
    assert mirror.files() == {"a.csv": b"a"}


def test_a_folder_that_is_not_shared_is_not_an_empty_one(mirror: Mirror, google: Google) -> None:
    mirror.top.readers.clear()
    with pytest.raises(GoogleError, match="the Drive folder is not there, or is not shared"):
        mirror.ask()


FAULTS: list[dict[str, Any]] = [
    {"how": 429, "headers": AT_ONCE}, {"how": 500, "headers": AT_ONCE}, {"how": 503, "headers": AT_ONCE},
    {"how": 403, "reason": "rateLimitExceeded", "headers": AT_ONCE}, {"how": "drop"}, {"how": "truncate"}, {"how": "slow"},
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['how']} {fault.get('reason', '')}".strip())
@pytest.mark.parametrize("name", [LIST, MEDIA, VALUES, "sheets.spreadsheets.get"])
def test_a_passing_fault_is_outlasted(
    name: str, fault: dict[str, Any], mirror: Mirror, google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer goes wrong: the request is sent again, and what is kept is what Google has."""
    monkeypatch.setattr("random.random", lambda: -0.999)  # the wait before the second try is a moment
    mirror.put("a.csv", b"a" * 1000)
    spread = google.double.sheets.add(
        "BP", {"BP": [["Date", "SYS"], [dt.date(2026, 2, 1), 132.5]]}, readers=[google.email]
    )
    google.double.fail(1, name, **fault)
    timeout_s = 2.0 if fault["how"] == "slow" else PATIENCE_S
    mirror.ask(timeout_s)
    sheet.ask(mirror.raw, {"id": spread.file.id, "tabs": []}, google.access(timeout_s), None)
    assert google.double.faults[0].times == 0
    assert mirror.files()["a.csv"] == b"a" * 1000
    assert json.loads((mirror.raw / "sheet.json").read_text())["tabs"][0]["rows"] == [["Date", "SYS"], [46054, 132.5]]


# The sheet


def ask_sheet(google: Google, raw: Path, tabs: dict[str, Any], *wanted: str, **more: Any) -> dict[str, Any]:
    found = google.double.sheets.add("Readings", tabs, readers=[google.email], **more)
    return sheet.ask(raw, {"id": found.file.id, "tabs": list(wanted)}, google.access(), None)


def readings(raw: Path, tmp_path: Path, **changes: Any) -> list[dict[str, Any]]:
    files: dict[str, str | bytes] = {"sheet.json": (raw / "sheet.json").read_bytes()}
    return normalize("google_sheets", files, tmp_path / "read", **changes).rows("google_sheets_blood_pressure")


def test_a_sheet_and_its_download_give_the_same_readings(google: Google, tmp_path: Path) -> None:
    """Typed cells on one way, formatted text on the other: same instants, values and quarantined cells."""
    rows = [
        ["Datum", "Uhrzeit", "SYS", "DIA", "Puls"],
        [dt.date(2026, 2, 1), dt.time(7, 30), 132, 85, 64],
        [dt.date(2026, 2, 2), dt.time(19, 5), 128.5, 80, None],
        [],
        ["31.02.2026", dt.time(7, 30), 132, 85, 64],
        [dt.date(2026, 2, 3), "07:15 -03:00", "13O", 85, 64],
        [dt.date(2026, 2, 4), None, 131, 84, 0],
    ]
    ask_sheet(google, tmp_path, {"BP": rows})
    download = (
        "Datum;Uhrzeit;SYS;DIA;Puls\n01.02.2026;07:30:00;132;85;64\n02.02.2026;19:05:00;128,5;80;\n;;;;\n"
        "31.02.2026;07:30:00;132;85;64\n03.02.2026;07:15 -03:00;13O;85;64\n04.02.2026;;131;84;0\n"
    )
    dmy = {"google_sheets": {"date_order": "dmy"}}
    fetched = readings(tmp_path, tmp_path, **dmy)
    plain = normalize("google_sheets", {"bp.csv": download}, tmp_path, **dmy).rows("google_sheets_blood_pressure")
    lost = {"file", "problem_cell"}
    assert [{k: v for k, v in row.items() if k not in lost} for row in fetched] == [
        {k: v for k, v in row.items() if k not in lost} for row in plain
    ]
    assert [row["problem_cell"] for row in fetched if row["problem"]] == ["Datum (BP!A5)", "SYS (BP!C6)"]
    assert {row["file"] for row in fetched} == {"sheet.json!BP"}


@pytest.mark.parametrize(("zone", "hour"), [("Europe/Berlin", 6), ("America/New_York", 12), ("GMT+25", 6)])
def test_the_sheet_s_own_zone_counts(zone: str, hour: int, google: Google, tmp_path: Path) -> None:
    """A cell has none; where the sheet's is no zone of the IANA list, the settings' one does."""
    ask_sheet(google, tmp_path, {"BP": [["Date", "SYS", "DIA"], [dt.datetime(2026, 2, 1, 7, 30), 132, 85]]}, zone=zone)
    (row,) = readings(tmp_path, tmp_path)
    assert row["instant_utc"] == dt.datetime(2026, 2, 1, hour, 30, tzinfo=dt.UTC)
    assert row["local_date"] == dt.date(2026, 2, 1)


@pytest.mark.parametrize(
    ("locale", "order", "date"),
    [
        ("de_DE", "ymd", dt.date(2026, 3, 2)),
        ("en_US", "ymd", dt.date(2026, 2, 3)),
        ("en_US", "dmy", dt.date(2026, 3, 2)),
        ("fr", "ymd", dt.date(2026, 3, 2)),
        ("en", "ymd", None),
        ("zh_CN", "ymd", None),
    ],
)
def test_the_sheet_s_own_locale_counts(locale: str, order: str, date: Any, google: Google, tmp_path: Path) -> None:
    """For a date that is text; what the settings declare wins, and what nobody declares is not guessed."""
    ask_sheet(google, tmp_path, {"BP": [["Date", "SYS", "DIA"], ["02/03/2026", 132, 85]]}, locale=locale)
    (row,) = readings(tmp_path, tmp_path, google_sheets={"date_order": order})
    assert row["local_date"] == date
    assert row["problem"] == (None if date else "ambiguous_date")


def test_tabs_are_chosen_by_title_or_id(google: Google, tmp_path: Path) -> None:
    """In the order named; a title that is a number wins over an id; none named: the first."""
    head = ["Date", "SYS", "DIA"]
    tabs = {"BP": [head], "It's {1}": [head, [dt.date(2026, 2, 1), "x", 85]], "0": [head]}

    def kept(*wanted: str) -> list[str]:
        ask_sheet(google, tmp_path, tabs, *wanted)
        return [tab["title"] for tab in json.loads((tmp_path / "sheet.json").read_text())["tabs"]]

    assert kept() == ["BP"]
    assert kept("0") == ["0"]
    assert kept("1001", "BP", "1001") == ["It's {1}", "BP"]
    assert readings(tmp_path, tmp_path)[0]["problem_cell"] == "SYS ('It''s {1}'!B2)"
    with pytest.raises(
        InputError, match=r"number 1 of fetch.google_sheets.tabs is none of the 3 tabs of the sheet; pdp doctor"
    ):
        kept("bp")


def test_an_unchanged_sheet_is_not_written_again(google: Google, tmp_path: Path) -> None:
    """Two requests, the same bytes; an empty tab is one without rows."""
    made = google.double.sheets.add("BP", {"BP": [[1, "ä", True, None, 0.1]]}, readers=[google.email])
    settings = {"id": made.file.id, "tabs": []}
    assert sheet.ask(tmp_path, settings, google.access(), None) == {"tabs": 1, "changed": True}
    before = stat_of(tmp_path / "sheet.json")
    google.double.counts.clear()
    assert sheet.ask(tmp_path, settings, google.access(), None) == {"tabs": 1, "changed": False}
    assert stat_of(tmp_path / "sheet.json") == before
    assert google.double.counts.total() == 3, "a token, the metadata, the values"
    made.tabs[0].rows.clear()
    sheet.ask(tmp_path, settings, google.access(), None)
    assert json.loads((tmp_path / "sheet.json").read_text())["tabs"][0]["rows"] == []


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "other"}', '{"format": "pdp-sheet-1", "tabs": [{}]}'])
def test_a_sheet_json_of_another_kind_is_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sheet.json is not a sheet as pdp fetches it; delete it"):
        normalize("google_sheets", {"sheet.json": content}, tmp_path)
