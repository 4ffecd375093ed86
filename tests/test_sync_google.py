"""`pdp push` and `pdp pull` through Google, by the names in the environment that earlier pipelines used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.google import Google, running
from tests.sync_machine import Machine, built_from, files


@pytest.fixture
def google() -> Iterator[Google]:
    with running() as google:
        yield google


def test_a_state_in_drive_is_pushed_and_pulled_by_the_commands(google: Google, tmp_path: Path) -> None:
    """A service account and the file that a person made; no id and no credential is ever printed."""
    folder = google.double.drive.folder("health", writers={google.email})
    google.double.drive.file("pdp-state", b"", parent=folder.id)
    seed = built_from(tmp_path / "seeds", only="base")["base"]
    environ = {
        "PDP_STATE_REMOTE": "", "GOOGLE_DRIVE_STATE_FOLDER_ID": folder.id, "GOOGLE_CREDENTIALS_BASE64": google.base64,
        "PDP_GOOGLE_ROOT": google.double.root,
    }  # fmt: skip
    one, two = Machine(tmp_path / "one", tmp_path, seed), Machine(tmp_path / "two", tmp_path, None)
    for machine in (one, two):
        machine.environ |= environ
    said = one.pdp("push") + two.pdp("pull") + two.pdp("sync", "--dry-run")
    assert "pushed generation 1 to Google Drive: 5 records" in said
    assert files(one) == files(two) and one.history() == two.history()
    assert folder.id not in said and google.base64[:20] not in said
    said = two.pdp("push", code=1, GOOGLE_DRIVE_STATE_FOLDER_ID="1NobodyKnowsThis")
    assert "not shared with these credentials" in said and "NobodyKnows" not in said
