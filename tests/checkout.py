"""This project's own pipeline in a folder of its own, with what Python and pdp keep beside code that was run before.

Bytecode and identities of code are found by the sources that they are of (`pdp/fingerprint/answers.py`): where a test edits
a stage, they are found out anew. Without them each copy would find out anew what all have in common.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from pdp.demo import generate, write
from tests.project import REPO

CONFIGS = ("configs/demo.toml", "configs/thresholds.toml")
KEPT = ("*.answers", "*.facts")


def copy_pipeline(root: Path, *configs: str, known: bool = True) -> None:
    """The stages, `dodo.py` and these configs. `known=False`: as if nobody had ever run them."""
    ignored = () if known else ("__pycache__",)
    shutil.copytree(REPO / "stages", root / "stages", ignore=shutil.ignore_patterns(*ignored))
    for name in ("dodo.py", *configs):
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy2(REPO / name, root / name)
    if known:
        beside = root / "__pycache__"
        beside.mkdir()
        for path in _kept():
            shutil.copy(path, beside)


@cache
def _kept() -> list[Path]:
    """What a run of the pipeline keeps beside its code; made once for a process."""
    root = Path(HOME.name)
    copy_pipeline(root, CONFIGS[0], known=False)
    write(generate(days=2), root / "data-demo/raw")
    hidden = ("PDP_", "PYTHONDONTWRITEBYTECODE")
    env = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    subprocess.run([sys.executable, "-m", "doit"], cwd=root, env=env, capture_output=True, check=True)
    return [path for pattern in KEPT for path in sorted((root / "__pycache__").glob(pattern))]


HOME = TemporaryDirectory(prefix="pdp-checkout-")
