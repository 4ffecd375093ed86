"""Raw folders are a person's: nothing is published into them, and what an older pdp left there does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdp import fetched
from pdp.errors import InputError, PdpError
from pdp.stage import Output, Pipeline, Source, Stage
from tests.forked import doit_in
from tests.look import said, told
from tests.project import Project, outcomes


def below_raw(project: Project) -> dict[str, bytes]:
    raw = project.data / "raw"
    return {path.relative_to(raw).as_posix(): path.read_bytes() for path in raw.rglob("*") if path.is_file()}


def test_a_run_leaves_raw_folders_as_they_are(project: Project) -> None:
    """The snapshot lies beside them, and comes back when it is deleted."""
    before = below_raw(project)
    assert doit_in(project.root)[0] == 0
    assert below_raw(project) == before
    snapshot = project.data / "snapshots/mi_band.json"
    content = snapshot.read_bytes()
    snapshot.unlink()
    code, printed = doit_in(project.root)
    assert code == 0 and "its snapshot is missing" in printed
    assert (below_raw(project), snapshot.read_bytes()) == (before, content)


def test_an_upgrade_moves_the_snapshot_and_builds_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lay below raw/ stays there, is no export and no left-over, and its versions are still snapshots."""
    with monkeypatch.context() as before:
        before.setattr("pdp.stage.path_of", lambda source: f"raw/{source}/manifest.json")
        assert doit_in(project.root)[0] == 0
    old = below_raw(project)
    assert "mi_band/manifest.json" in old
    code, printed = doit_in(project.root)
    assert code == 0, printed
    assert {task: word for task, word in outcomes(printed).items() if word != "current"} == {
        "ingest:mi_band": "restored"
    }
    assert below_raw(project) == old
    assert (project.data / "snapshots/mi_band.json").read_bytes() == old["mi_band/manifest.json"]
    assert told(project, "status")["leftovers"] == []
    assert "a.txt" in said(project, "show", "mi_band")
    assert doit_in(project.root, "clean")[0] == 0
    assert below_raw(project) == old
    project.raw("b.txt", "5")
    assert doit_in(project.root)[0] == 0
    assert [row["name"] for row in told(project, "show", "mi_band")["shown"]] == ["a.txt", "b.txt"]


@pytest.mark.parametrize("path", ["raw/a/x.parquet", "snapshots/x.json"])
def test_no_stage_writes_where_sources_do(path: str) -> None:
    source = Source("a", "m:f", ("t",))
    with pytest.raises(PdpError, match=f"writes below {Path(path).parts[0]}/, where only sources write"):
        _ = Pipeline((source,), (Stage("s", "m:f", ("a",), (Output("x", path),)),)).outputs


def test_a_raw_folder_that_may_not_be_read_is_not_fetched_again(tmp_path: Path) -> None:
    """What the system refused is told in its words; only an index whose content is broken is worth a new download."""
    fetched.index_path(tmp_path).mkdir(parents=True)
    with pytest.raises(InputError, match=r"cannot be read: .*; may you read that folder\?"):
        fetched.read_index(tmp_path)
    fetched.index_path(tmp_path).rmdir()
    fetched.index_path(tmp_path).write_text("{")
    with pytest.raises(InputError, match="it is fetched again"):
        fetched.read_index(tmp_path)
