"""`pdp demo`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdp.cli import main

ROOT = Path(__file__).parent.parent


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "configs").mkdir()
    (tmp_path / "dodo.py").touch()
    (tmp_path / "configs/demo.toml").write_text((ROOT / "configs/demo.toml").read_text())
    monkeypatch.chdir(tmp_path)
    for name in ("PDP_CONFIG", "PDP_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def exports(data: Path) -> dict[str, bytes]:
    return {path.relative_to(data).as_posix(): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def test_demo_writes_both_sources_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`pdp demo` writes exports of both sources into the demo's raw folder; once more, it finds them there."""
    assert main(["demo", "--days", "3"]) == 0
    first = exports(project / "data-demo")
    assert {name.split("/")[1] for name in first} == {"google_sheets", "mi_band"}
    assert "data-demo/raw" in capsys.readouterr().out
    assert main(["demo", "--days", "3"]) == 0
    assert exports(project / "data-demo") == first
    assert "already" in capsys.readouterr().out


def test_demo_never_mixes_with_real_data(project: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """A raw folder that holds anything else is refused with a sentence, and nothing is written."""
    real = project / "data/raw/mi_band/20250101_1_MiFitness.zip"
    real.parent.mkdir(parents=True)
    real.touch()
    monkeypatch.setenv("PDP_DATA_DIR", "data")
    assert main(["demo", "--days", "3"]) == 1
    assert "data/raw holds mi_band/20250101_1_MiFitness.zip, which is not of this demo" in capsys.readouterr().err
    assert list(exports(project / "data")) == ["raw/mi_band/20250101_1_MiFitness.zip"]


def test_demo_goes_to_its_own_folder_though_there_is_a_config(project: Path, capsys) -> None:
    """With a config of one's own the demo still goes where the demo's config says, and the way to build it is named."""
    (project / "configs/pdp.toml").write_text('timezone = "Europe/Berlin"')
    assert main(["demo", "--days", "3"]) == 0
    assert not (project / "data").exists()
    assert "PDP_CONFIG=configs/demo.toml doit" in capsys.readouterr().out


def test_demo_if_needed(project: Path, capsys) -> None:
    """`--if-needed` leaves exports that are there as they are, and does nothing beside a config of one's own."""
    (project / "configs/pdp.toml").write_text('timezone = "Europe/Berlin"')
    assert main(["demo", "--if-needed"]) == 0
    assert not (project / "data-demo").exists()
    (project / "configs/pdp.toml").unlink()
    assert main(["demo", "--if-needed", "--days", "3"]) == 0
    edited = project / "data-demo/raw/google_sheets/blood_pressure.csv"
    edited.write_text("edited")
    assert main(["demo", "--if-needed", "--days", "3"]) == 0
    assert edited.read_text() == "edited"
