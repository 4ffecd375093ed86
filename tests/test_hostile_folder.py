"""A raw folder in which anything may lie: what is no plain file is refused in one sentence, and nothing is waited for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pdp.errors import InputError
from pdp.filehash import FileHashes, open_regular, sha256_of
from pdp.snapshot import RawFile, Snapshot
from stages.ingest.folder import MAX_DEPTH, fetch
from tests.project import Project


def fetched(data: Path) -> list[str]:
    hashes = FileHashes(data, lambda raw: {})
    return [file.name for file in fetch(data / "raw/mi_band", "mi_band", hashes.sha256)]


def link(path: Path) -> None:
    (path.parents[2] / "secret.csv").write_text("not below raw/")
    path.symlink_to(path.parents[2] / "secret.csv")


def linked_folder(path: Path) -> None:
    (path.parents[2] / "elsewhere").mkdir()
    path.symlink_to(path.parents[2] / "elsewhere", target_is_directory=True)


def deep(path: Path) -> None:
    for _ in range(200):
        path.mkdir()
        os.chdir(path)
        path = Path("d")


def listening(path: Path) -> None:
    os.chdir(path.parent)
    socket.socket(socket.AF_UNIX).bind(path.name)


HARMS: dict[str, tuple[Callable[[Path], object], str]] = {
    "link": (link, "raw/mi_band/x.csv is a link; put the file itself there"),
    "dangling link": (
        lambda path: path.symlink_to("nowhere"),
        "raw/mi_band/x.csv is a link; put the file itself there",
    ),
    "linked folder": (linked_folder, "raw/mi_band/x.csv is a link; put the file itself there"),
    "pipe": (
        os.mkfifo,
        "raw/mi_band/x.csv is neither a file nor a folder, but a pipe, a socket or a device; take it away",
    ),
    "socket": (
        listening,
        "raw/mi_band/x.csv is neither a file nor a folder, but a pipe, a socket or a device; take it away",
    ),
    "deep": (deep, f"raw/mi_band has folders nested more than {MAX_DEPTH} deep; take it away"),
    "bytes": (
        lambda path: os.close(os.open(bytes(path.parent) + b"/\xff.csv", os.O_CREAT)),
        "the name of raw/mi_band/\ufffd.csv holds more than text; rename it",
    ),
    "control": (
        lambda path: (path.parent / "\x1b[2J\n.csv").write_text(""),
        "the name of raw/mi_band/\ufffd[2J\ufffd.csv holds more than text; rename it",
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says which, and what to do."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "raw/mi_band"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("1")
    assert fetched(tmp_path) == ["a.csv"]
    make, sentence = HARMS[harm]
    make(folder / "x.csv")
    with pytest.raises(InputError) as caught:
        fetched(tmp_path)
    assert str(caught.value) == sentence


def test_folders_are_walked_and_litter_is_left_out(tmp_path: Path) -> None:
    """By name, whatever the order on the disk; a folder called like a file is a folder."""
    for name in (
        "b/z.csv",
        "b/a.csv",
        "a.csv",
        "c.csv/d.csv",
        ".git/config",
        "x.csv.part",
        "~$x.csv",
        ".hidden",
        "m/.h/x",
    ):
        path = tmp_path / "raw/mi_band" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    (tmp_path / "raw/mi_band/manifest.json").write_text("{}")
    (tmp_path / "raw/mi_band/b/manifest.json").write_text("{}")
    assert fetched(tmp_path) == ["a.csv", "b/a.csv", "b/manifest.json", "b/z.csv", "c.csv/d.csv"]


@pytest.mark.parametrize("harm", ["link", "pipe", "deep", "bytes"])
def test_a_run_says_it_and_keeps_the_last_good_outputs(
    project: Project, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1, no traceback, the outputs as they were; the next run without it is well."""
    monkeypatch.chdir(project.root)
    project.outcomes()
    good = project.outputs()
    make, sentence = HARMS[harm]
    make(project.data / "raw/mi_band/x.csv")
    done = project.doit()
    assert done.returncode == 2  # doit: some stage failed, and others could not be reached
    assert sentence in done.stdout and "Traceback" not in done.stdout + done.stderr
    assert project.outputs() == good


@pytest.mark.parametrize("name", ["normalized/mi_band_numbers.parquet", "merged/total.csv"])
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_an_output_that_became_something_else(project: Project, name: str, make: Callable[[Path], object]) -> None:
    """A pipe in an output's place is replaced; a folder there is told in one sentence, and nothing of it is lost."""
    project.outcomes()
    good = project.outputs()
    path = project.data / name
    path.unlink()
    make(path)
    done = project.doit()
    assert "Traceback" not in done.stdout + done.stderr and "fault of pdp" not in done.stdout
    if make is os.mkfifo:
        assert done.returncode == 0 and project.outputs() == good
    else:
        assert path.is_dir() and path.name in done.stdout


def test_nothing_is_waited_for(tmp_path: Path) -> None:
    """Reading what was swapped for a pipe or a device ends at once."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(path)
        with pytest.raises(OSError, match="not a regular file"):
            sha256_of(path)
        with pytest.raises(InputError, match="raw file x cannot be read: it is not a regular file; put it back"):
            RawFile("x", "0" * 64, 1, path).read_bytes()


def test_a_file_that_grows_while_it_is_read(tmp_path: Path) -> None:
    """Its first bytes are not taken for the whole, nor is all of it read."""
    (tmp_path / "x").write_bytes(b"1" * 100)
    file = RawFile("x", sha256_of(tmp_path / "x"), 100, tmp_path / "x")
    assert file.read_bytes() == b"1" * 100
    (tmp_path / "x").write_bytes(b"1" * 1_000_000)
    with pytest.raises(InputError, match="raw file x changed while it was being read; run again"):
        file.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[" * 100_000, b"null", b"[1]", b"\xff\xfe", b'{"source": "a", "files": 1}', b'{"source": "a", "files": [1]}',
        *(b'{"source": "a", "files": [{"name": "%s", "sha256": "0", "size": 1}]}' % name
          for name in (b"../x", b"/etc/passwd", b"a/../../x", b"", b"a\\u0000")),
        b'{"source": "a", "files": [{"name": "x", "sha256": 0, "size": 1}]}',
        b'{"source": "a", "files": [{"name": "x", "sha256": "0", "size": -1}]}',
        b'{"source": "a", "files": [{"name": 1, "sha256": "0", "size": 1}]}',
    ],
)  # fmt: skip
def test_a_broken_manifest_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    """Wherever it came from, it names no file outside its folder."""
    with pytest.raises(InputError) as caught:
        Snapshot.parse(content, tmp_path / "mi_band")
    assert str(caught.value) == "the snapshot of mi_band is not a manifest; delete it and run doit again"
