"""A small pdp project in a temporary folder: real doit, real registry, three stages over files of numbers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests import warm

REPO = Path(__file__).parent.parent
PATIENCE_S = 600
"""After so long a command is taken to hang. No test is about time: this is a net, far above what a busy machine takes."""

DODO = """
from pathlib import Path
from pdp.stage import Output, Pipeline, Source, Stage
from pdp.doit_run import doit_config
from pdp.tasks import ingest_tasks, open_session, stage_task, stage_tasks

SOURCE = Source("mi_band", "stages.steps:read", ("numbers",), ("timezone",))
PIPELINE = Pipeline((SOURCE,), (
    SOURCE.normalize(),
    Stage("validate:numbers", "stages.steps:positive", ("mi_band_numbers",),
          (Output("numbers", "validated/numbers.parquet"), Output("numbers_quarantine", "quarantine/numbers.parquet")),
          ("checks",)),
    Stage("merge", "stages.steps:total", ("numbers",),
          (Output("total", "merged/total.parquet"), Output("total.csv", "merged/total.csv")), ("sleep",)),
))
SESSION = open_session(Path(__file__).parent)
DOIT_CONFIG = doit_config(SESSION, PIPELINE)

def task_ingest(): return ingest_tasks(SESSION, PIPELINE)
def task_normalize(): return stage_tasks(SESSION, PIPELINE, "normalize")
def task_validate(): return stage_tasks(SESSION, PIPELINE, "validate")
def task_merge(): return stage_task(SESSION, PIPELINE, PIPELINE.stages[-1])
"""

STEPS = '''
"""Numbers in, their total out."""
import pyarrow as pa
from stages.help import FACTOR


def read(inputs, config):
    numbers = [int(word) for file in inputs["mi_band"] for word in file.read_bytes().split()]
    yield "mi_band_numbers", pa.table({"n": pa.array(numbers, pa.int64())})


def positive(inputs, config):
    numbers = inputs["mi_band_numbers"].column("n").to_pylist()
    good = [n for n in numbers if n >= 0]
    yield "numbers", pa.table({"n": pa.array(good, pa.int64())})
    yield "numbers_quarantine", pa.table({"n": pa.array([n for n in numbers if n < 0], pa.int64())})
    return {"read": len(numbers), "accepted": len(good), "superseded": 0, "quarantined": len(numbers) - len(good)}


def total(inputs, config):
    yield "total", pa.table({"total": [sum(inputs["numbers"].column("n").to_pylist()) * FACTOR]})


def unrelated():
    return 1
'''


class Project:
    """The project, and the commands typed in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.write("dodo.py", DODO)
        self.write("stages/__init__.py", "")
        self.write("stages/steps.py", STEPS)
        self.write("stages/help.py", "FACTOR = 1\n")
        ingest = REPO / "stages" / "ingest"
        for name in ("__init__.py", "folder.py"):
            self.write(f"stages/ingest/{name}", (ingest / name).read_text())
        self.write("configs/pdp.toml", 'timezone = "Europe/Berlin"\n[google_sheets]\nenabled = false\n')
        self.raw("a.txt", "1 2 3")

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def raw(self, name: str, text: str) -> Path:
        return self.write(f"data/raw/mi_band/{name}", text)

    def command(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("PDP_")} | environ
        return warm.run(words, self.root, env, PATIENCE_S)

    def doit(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.command(sys.executable, "-m", "doit", *words, **environ)

    def outcomes(self, *words: str, **environ: str) -> dict[str, str]:
        """Runs doit, which must succeed; gives each task's outcome."""
        done = self.doit(*words, **environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return outcomes(done.stdout)

    def total(self) -> str:
        return (self.data / "merged/total.csv").read_text().split()[1]

    def outputs(self) -> dict[str, bytes]:
        """Every file that the pipeline publishes, by name."""
        folders = ("normalized", "validated", "quarantine", "merged")
        files = [path for folder in folders for path in sorted((self.data / folder).rglob("*")) if path.is_file()]
        return {path.relative_to(self.data).as_posix(): path.read_bytes() for path in files}


def held_open(folder: Path) -> list[str]:
    """Names of the files below the folder that this process has open; those that are gone too.

    Its descriptors are not counted: servers and clients of earlier tests may be closing theirs.
    """
    found = []
    for handle in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the one by which they are listed
            path = Path(os.readlink(f"/proc/self/fd/{handle}"))
            found += [path.name] if path.is_relative_to(folder) else []
    return sorted(found)


def until(true: Callable[[], object], run: subprocess.Popen[str] | None = None) -> None:
    """Waits for a condition, which a run that goes on has to bring about."""
    give_up = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < give_up
        assert run is None or run.poll() is None, run.communicate()
        time.sleep(0.01)


def outcomes(printed: str) -> dict[str, str]:
    """Task -> outcome, from what a run printed."""
    lines = [line.split() for line in printed.splitlines() if line and not line.startswith(" ")]
    groups = ("ingest", "normalize", "validate", "merge")
    return {words[0]: words[1] for words in lines if words[0].partition(":")[0] in groups}
