"""A function by its name is the one that its file holds now."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

RESOLVE = "from pdp.resolve import resolve; print(resolve('work:answer')())"


def test_an_edit_within_the_same_second_is_run(tmp_path: Path) -> None:
    """Same size, same time stamp, bytecode allowed: the code that runs is the edited one, in the helper it imports too."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ = own | {"PYTHONPATH": str(tmp_path)}
    (tmp_path / "work.py").write_text("from aid import FACTOR\n\ndef answer():\n    return FACTOR\n")
    for factor in "23":
        aid = tmp_path / "aid.py"
        aid.write_text(f"FACTOR = {factor}\n")
        os.utime(aid, (1_700_000_000, 1_700_000_000))
        done = subprocess.run([sys.executable, "-c", RESOLVE], env=environ, capture_output=True, text=True, check=True)
        assert done.stdout == f"{factor}\n"
    assert not list(tmp_path.rglob("*.pyc"))
