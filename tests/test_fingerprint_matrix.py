"""After any edit the identity changes if the result can, and stays if it cannot."""

from __future__ import annotations

import pytest

from pdp.fingerprint import Project
from tests.fingerprint_cases import CASES, EDITS, PROJECT, REF, Case, apply, write

ALL = [Case(edit, PROJECT, REF) for edit in EDITS] + CASES


def differs(tmp_path, case: Case) -> bool:
    before = Project(write(tmp_path / "before", case.files)).fingerprint(case.ref)
    after = Project(write(tmp_path / "after", apply(case.edit, case.files))).fingerprint(case.ref)
    return before.digest != after.digest


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.edit.name.replace(" ", "-"))
def test_edit(case: Case, tmp_path):
    assert differs(tmp_path, case) == case.edit.changes, "stale" if case.edit.changes else "needless"


def test_summary(tmp_path, capsys):
    """No edit leaves a stale identity, and none changes it needlessly."""
    stale: list[str] = []
    needless: list[str] = []
    for number, case in enumerate(ALL):
        changed = differs(tmp_path / str(number), case)
        if changed != case.edit.changes:
            (stale if case.edit.changes else needless).append(case.edit.name)
    with capsys.disabled():
        must = sum(case.edit.changes for case in ALL)
        print(f"\n{len(ALL)} edits ({must} must change, {len(ALL) - must} must not): ", end="")
        print(f"stale={len(stale)} needless={len(needless)}")
    assert (stale, needless) == ([], [])
