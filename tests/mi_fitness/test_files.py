"""Mi Fitness exports: which files are read, and whose; their order, packing and encoding change nothing."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from pdp.errors import InputError, sentence
from pdp.snapshot import Snapshot
from stages import schemas
from stages.normalize.mi_files import recognise
from tests.mi_export import (
    COLUMNS,
    DAILY,
    DAY,
    PREFIX,
    SAMPLES,
    SPORTS,
    UID,
    csv_text,
    has,
    hours,
    put,
    report,
    run,
    sample,
    samples,
    snapshot,
)

HEART = {"avg_hr": 70, "min_hr": 60, "max_hr": 120}
TABLES = ["blood_pressure", "heart_rate", "sleep", "steps", "spo2", "stress", "weight", "unreadable"]

# ---- which files


def test_an_absent_source_gives_empty_tables(tmp_path: Path) -> None:
    """Every table with all its columns, no rows, and no complaint."""
    result = run(tmp_path)
    assert list(result.tables) == [f"mi_band_{name}" for name in TABLES]
    assert {table.num_rows for table in result.tables.values()} == {0}
    assert result.tables["mi_band_sleep"].schema == schemas.normalized(schemas.SLEEP).arrow()


@pytest.mark.parametrize(
    ("name", "table", "exported_on", "account"),
    [
        (f"{SAMPLES}.csv", SAMPLES, "", ""),
        (f"{PREFIX}{SAMPLES}.csv", SAMPLES, "20260301", UID),
        (f"{PREFIX}{SAMPLES} (1).csv", SAMPLES, "20260301", UID),
        (f"{PREFIX}{SAMPLES}.decoded.csv", SAMPLES, "20260301", UID),
        (f"20260301_{UID}_MiFitness_fr1_data_copy/{DAILY}.csv", DAILY, "20260301", UID),
        (f"old/20250101_77_MiFitness_c3_data_copy.zip!{PREFIX}{SPORTS.upper()}.CSV", SPORTS, "20260301", UID),
        (f"20261399_{UID}_MiFitness_{DAILY}.csv", DAILY, "", UID),
        (f"{PREFIX}user_member_profile.csv", "user_member_profile", "20260301", UID),
    ],
)
def test_a_file_is_known_by_the_end_of_its_name(name: str, table: str, exported_on: str, account: str) -> None:
    """Export date and account come from its own name, else from its folder's or zip's."""
    file = recognise(name)
    assert file and (file.table, file.exported_on, file.account) == (table, exported_on, account)


@pytest.mark.parametrize("name", ["readings.csv", f"{SAMPLES}.xlsx", f"my{SAMPLES}.csv", f"{SAMPLES}/notes.txt"])
def test_other_files_are_not_known(name: str) -> None:
    """Neither by their folder nor by half a name."""
    assert recognise(name) is None


def test_what_is_not_read_is_listed(tmp_path: Path) -> None:
    """Tables that pdp does not read are never opened; files that it does not know are named."""
    put(tmp_path, SAMPLES, [])
    profile = put(tmp_path, "user_member_profile", [], columns=["Name"])
    (tmp_path / "notes.txt").write_text("x")
    files = snapshot(tmp_path)
    profile.unlink()
    result = run(files)
    assert result.facts["not_read"] == [profile.name]
    assert result.facts["unrecognised"] == ["notes.txt"]
    assert result.facts["notes"] == [
        "notes.txt is of no Mi Fitness export by its name, and not read; leave names as they were"
    ]
    put(tmp_path, SAMPLES, [], prefix="my")
    with (
        zipfile.ZipFile(tmp_path / "photos.zip", "w") as strange,
        zipfile.ZipFile(tmp_path / "export.zip", "w") as known,
    ):
        strange.writestr("a.jpg", "x")
        known.writestr("b.jpg", "x")
        known.writestr(f"{PREFIX}user_member_profile.csv", "Name\n")
    assert run(tmp_path).facts["notes"] == [
        f"my{SAMPLES}.csv and 2 more are of no Mi Fitness export by their names, and not read; leave names as they were"
    ]


def test_a_folder_without_any_export_is_refused(tmp_path: Path) -> None:
    """Nothing recognised in a folder that holds files is a mistake, not an absent source."""
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        InputError, match=r"holds no file of a Mi Fitness export, but data\.csv; put the zip as downloaded"
    ):
        run(tmp_path)


@pytest.mark.parametrize("column", ["Key", "Time", "Value", "Tag"])
def test_a_missing_column_is_loud(tmp_path: Path, column: str) -> None:
    """T12: the sentence names the file, without the account's number, the column, and what to do."""
    put(tmp_path, DAILY, [report("heart_rate", HEART)], columns=[c for c in COLUMNS[DAILY] if c != column])
    with pytest.raises(InputError) as error:
        run(tmp_path)
    expected = (
        f"20260301_…_MiFitness_{DAILY}.csv lacks the column {column}; export it again and leave its header as it is"
    )
    assert sentence(error.value) == expected


def test_an_empty_file_is_refused_and_a_header_alone_is_not(tmp_path: Path) -> None:
    """Empty tables of an export are header-only; a file without even that was cut."""
    put(tmp_path, SAMPLES, [])
    assert run(tmp_path).facts["rows"] == 0
    (tmp_path / f"{SPORTS}.csv").write_bytes(b"")
    with pytest.raises(InputError, match="is empty: it lacks even a header"):
        run(tmp_path)


def test_headers_may_be_in_any_case_and_order(tmp_path: Path) -> None:
    """Uid, Sid and UpdateTime may be absent."""
    rows = [{"VALUE": '{"bpm":70}', "key": "heart_rate", "time": DAY}]
    put(tmp_path, SAMPLES, rows, columns=["VALUE", "time", "key"])
    has(run(tmp_path).row("heart_rate"), bpm=70, sid="", revision=None)


# ---- accounts


def test_exports_of_two_accounts_are_refused(tmp_path: Path) -> None:
    """By the Uid or by the file's name; the sentence shows two digits of each."""
    put(
        tmp_path,
        SAMPLES,
        [sample("heart_rate", DAY, {"bpm": 70}), sample("heart_rate", DAY, {"bpm": 80}, Uid="987654321")],
    )
    with pytest.raises(InputError) as error:
        run(tmp_path)
    message = str(error.value)
    assert message.startswith("the exports are of 2 accounts: …21 and …90; name yours in the config")
    put(tmp_path, SAMPLES, [])
    put(tmp_path, DAILY, [], "20260301_987654321_MiFitness_")
    with pytest.raises(InputError, match="are of 2 accounts"):
        run(tmp_path)


def test_the_config_says_whose_rows_count(tmp_path: Path) -> None:
    """The other account's rows are counted, and its offsets rule no one."""
    other = [
        sample("heart_rate", DAY, {"bpm": 80}, Uid="987654321"),
        sample("sleep", DAY, hours(DAY, 60, 40), Uid="987654321"),
    ]
    put(tmp_path, SAMPLES, [sample("heart_rate", DAY, {"bpm": 70}), *other])
    result = run(tmp_path, account=UID)
    has(result.row("heart_rate"), bpm=70, offset_source="zone")
    has(result.facts, rows=3, routed=1, other_account=2)
    with pytest.raises(InputError, match="no export is of the account …11 that the config names, but of …21 and …90"):
        run(tmp_path, account="1111")


def test_a_broken_row_is_no_second_account(tmp_path: Path) -> None:
    """What stands where the Uid should be counts only in a whole row, and only if it is a number."""
    text = csv_text(SAMPLES, [sample("heart_rate", DAY, {"bpm": 70}), sample("spo2", DAY, {"spo2": 97}, Uid="n/a")])
    (tmp_path / f"{PREFIX}{SAMPLES}.csv").write_text(text + "55,heart_rate\n")
    has(run(tmp_path).facts, rows=3, routed=3, other_account=0)


# ---- order, copies, encodings


def two_exports(folder: Path) -> None:
    for day, extra in (("20260102", 0), ("20260201", 30)):
        prefix = f"{day}_{UID}_MiFitness_c3_data_copy/{day}_{UID}_MiFitness_"
        night = {"total_duration": 400, "segment_details": [hours(DAY - 3600, 400, timezone=8)]}
        put(folder, DAILY, [report("heart_rate", HEART), report("sleep", night)], prefix)
        put(folder, SAMPLES, [sample("heart_rate", DAY + 60 * n, {"bpm": 60 + n}) for n in range(10 + extra)], prefix)
        put(folder, SPORTS, [sample("run", DAY + 7200, {"timezone": 12})], prefix)


def test_the_order_of_files_changes_nothing(tmp_path: Path) -> None:
    """The tables are the same, rows in the same order."""
    two_exports(tmp_path)
    files = snapshot(tmp_path)
    shuffled = run(Snapshot("mi_band", files.files[::-1]))
    assert shuffled.tables == run(files).tables


def test_identical_files_are_read_once(tmp_path: Path) -> None:
    """In the name of the earliest export, then the shortest; be they lone, in a folder or in a zip."""
    two_exports(tmp_path)
    before = run(tmp_path)
    folder = tmp_path / f"20260102_{UID}_MiFitness_c3_data_copy"
    shutil.make_archive(str(tmp_path / f"20260301_{UID}_MiFitness_c3_data_copy"), "zip", folder)
    shutil.copytree(folder, tmp_path / "copies" / folder.name)
    after = run(tmp_path)
    assert after.tables == before.tables
    assert len(after.facts["same"]) == len(before.facts["same"]) + 6
    has(after.facts, rows=before.facts["rows"], files=before.facts["files"])


def test_a_zip_gives_what_its_folder_gives(tmp_path: Path) -> None:
    """Only the column `file` differs: it names the zip and the member."""
    two_exports(tmp_path / "folder")
    (tmp_path / "zip").mkdir()
    with zipfile.ZipFile(tmp_path / "zip" / "a.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted((tmp_path / "folder").rglob("*.csv")):
            out.write(path, path.relative_to(tmp_path / "folder").as_posix())
        out.writestr(f"{PREFIX}user_member_profile.csv", "Name\nx\n")
    folder, zipped = run(tmp_path / "folder"), run(tmp_path / "zip")
    for name, table in folder.tables.items():
        assert zipped.tables[name].drop_columns(["file"]) == table.drop_columns(["file"])
    assert all(row["file"].startswith("a.zip!2026") for row in zipped.rows("sleep"))
    assert zipped.facts["not_read"] == [f"a.zip!{PREFIX}user_member_profile.csv"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_the_encoding_changes_no_table(tmp_path: Path, encoding: str) -> None:
    """Nor does the delimiter; both are told in the facts."""
    rows = [sample("heart_rate", DAY, {"bpm": 70}, Sid="手环"), sample("spo2", DAY, {"spo2": 97})]
    expected = samples(tmp_path, *rows).tables
    path = tmp_path / f"{PREFIX}{SAMPLES}.csv"
    path.write_bytes(csv_text(SAMPLES, rows, delimiter=";").encode(encoding))
    result = run(tmp_path)
    assert result.tables == expected
    assert result.facts["files"] == {path.name: {"encoding": encoding, "delimiter": ";", "rows": 2}}


def test_large_files_come_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the chunks are, the rows and their order are the same."""
    two_exports(tmp_path)
    expected = run(tmp_path).tables
    monkeypatch.setattr("stages.normalize.mi_scan.BATCH_ROWS", 7)
    found = run(tmp_path)
    assert found.tables == expected
    assert found.tables["mi_band_heart_rate"].column("row").num_chunks > 2
