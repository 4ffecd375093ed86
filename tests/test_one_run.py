"""One run at a time, and how it ends: who waits, who is told, and that no worker outlives or outwaits another."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pdp import mounts
from pdp.errors import SettingsError
from pdp.session import Session
from pdp.start import writing
from tests.forked import doit_in
from tests.look import pdp, said
from tests.project import PATIENCE_S, STEPS, Project, outcomes, until

ALL = ["ingest:mi_band", "normalize:mi_band", "validate:numbers", "merge"]
WAIT = """
def wait():
    import os, time
    from pathlib import Path
    Path("started").write_text(str(os.getpid()))
    while not Path("go").exists():
        time.sleep(0.01)
"""


@contextmanager
def in_a_stage(project: Project, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A run that stands still in its second stage."""
    head = "(inputs, config):\n    numbers"
    project.write("stages/steps.py", STEPS.replace(head, head.replace("numbers", "wait()\n    numbers"), 1) + WAIT)
    command = [sys.executable, "-m", "doit", *words]
    run = subprocess.Popen(command, cwd=project.root, stdout=-1, stderr=-1, text=True)
    until(lambda: (project.root / "started").exists() and (project.root / "started").read_text(), run)
    try:
        yield run
    finally:
        run.kill()
        run.wait()


def left(project: Project) -> list[str]:
    """Whatever a run leaves that it should not."""
    found = [path.name for path in project.data.rglob("*") if path.name.endswith((".pdp-tmp", "-journal"))]
    return found + [path.name for path in (project.data / "store/tmp").iterdir()]


READ_ONCE = """
def read(inputs, config):
    for file in inputs["mi_band"]:
        yield from inputs.keep(file.sha256, scan).batches("mi_band_numbers")


def scan():
    yield "n", pa.record_batch({"n": pa.array([1])})
    wait()
"""


def test_what_a_killed_run_was_about_to_keep_of_a_file_goes_though_nothing_is_built(project: Project) -> None:
    """The stage that was reading is as it was before, and does not run again."""
    assert project.doit().returncode == 0
    project.write("stages/steps.py", STEPS + READ_ONCE + WAIT)
    run = subprocess.Popen([sys.executable, "-m", "doit"], cwd=project.root, stdout=-1, stderr=-1, text=True)
    until((project.root / "started").exists, run)
    run.kill()
    run.communicate()
    assert list(project.data.glob("kept/*/new-*"))
    project.write("stages/steps.py", STEPS)
    assert project.outcomes() == dict.fromkeys(ALL, "current")
    assert not list(project.data.glob("kept/*/new-*"))


def test_what_a_killed_run_was_about_to_keep_of_a_table_goes_though_nothing_is_built(project: Project) -> None:
    """Parts that are kept, of which the file was not yet named."""
    assert project.doit().returncode == 0
    half = project.data / "kept/new-merge.pieces"
    half.parent.mkdir(exist_ok=True)
    half.write_text("half")
    assert project.outcomes() == dict.fromkeys(ALL, "current")
    assert not half.exists()


def test_a_journal_that_a_killed_run_had_only_begun_goes_though_nothing_is_recorded(project: Project) -> None:
    """SQLite passes over one whose head is empty, until it needs one itself."""
    assert project.doit().returncode == 0
    journal = project.data / "registry.db-journal"
    journal.write_bytes(bytes(512))
    session = Session(project.root, {})
    with closing(session), writing(session):
        assert not journal.exists()
        session.registry.check()
    assert project.outcomes() == dict.fromkeys(ALL, "current")


def test_a_run_that_is_not_to_wait_says_who_is_at_work(project: Project) -> None:
    """Exit code 75, at once; readers and the run itself go on."""
    with in_a_stage(project) as run:
        for words, environ in ((("--no-wait",), {}), ((), {"PDP_WAIT": "0"}), (("--wait", "0"), {})):
            done = project.doit(*words, **environ)
            assert done.returncode == 75, done.stdout + done.stderr
            assert f"another run is at work (pid {run.pid} on" in done.stderr and ", doit, since" in done.stderr
        assert "normalize:mi_band" in said(project, "status")
        (project.root / "go").touch()
        assert outcomes(run.communicate(timeout=PATIENCE_S)[0]) == dict.fromkeys(ALL, "built")
    assert "seconds" in project.doit(PDP_WAIT="soon").stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_run_in_order(project: Project, number: signal.Signals, code: int) -> None:
    """One sentence, nothing temporary left, what was committed stays; the next run goes on."""
    with in_a_stage(project) as run:
        run.send_signal(number)
        out, err = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == code, out + err
    assert "interrupted; what was committed stays" in err and "Traceback" not in out + err
    assert left(project) == []
    project.write("stages/steps.py", STEPS)
    found = outcomes(doit_in(project.root)[1])
    assert found == dict.fromkeys(ALL, "built") | {"ingest:mi_band": "current"}


def test_a_worker_that_dies_fails_the_run(project: Project) -> None:
    """`doit -n 2`: killed by the kernel, say for its memory; doit alone would wait for ever."""
    with in_a_stage(project, "-n", "2") as run:
        os.kill(int((project.root / "started").read_text()), signal.SIGKILL)
        out, err = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 1, out + err
    assert "a worker process died" in err and "Traceback" not in out + err


def test_a_worker_ends_with_its_run(project: Project) -> None:
    """A killed run's worker neither goes on nor keeps the lock."""
    with in_a_stage(project, "-n", "2") as run:
        worker = int((project.root / "started").read_text())
        assert worker != run.pid
        run.kill()
        run.wait()
        until(lambda: not _alive(worker))
        assert project.doit("--no-wait", "ingest").returncode == 0


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_threads_give_the_same(project: Project) -> None:
    assert project.outcomes("-n", "2", "-P", "thread") == dict.fromkeys(ALL, "built")
    assert set(project.outcomes().values()) == {"current"}


def test_everything_is_its_owners_whatever_the_umask(project: Project) -> None:
    """New files, and those of a folder that was open to others before."""
    (project.data / "raw").mkdir(parents=True, exist_ok=True)
    for path in [project.data, *project.data.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    done = project.command("sh", "-c", f"umask 000; exec {sys.executable} -m doit")
    assert done.returncode == 0, done.stderr
    open_to_others = [p for p in [project.data, *project.data.rglob("*")] if stat.S_IMODE(p.stat().st_mode) & 0o077]
    assert open_to_others == []


def test_a_data_folder_that_vanished_is_told(project: Project) -> None:
    """A folder that cannot be made or written is one sentence, and no traceback."""
    (project.root / "blocked").write_text("a file where the data folder should be")
    done = project.doit(PDP_DATA_DIR="blocked/data")
    assert done.returncode != 0 and "Traceback" not in done.stdout + done.stderr
    assert "blocked" in done.stderr + done.stdout


def test_pin_waits_for_nobody_forever(project: Project) -> None:
    """A change of the history is made alone; who must wait may set an end to it."""
    assert doit_in(project.root)[0] == 0
    project.raw("b.txt", "7")
    with in_a_stage(project) as run:
        assert f"pid {run.pid}" in pdp(project, "pin", "total@v1", code=75, PDP_WAIT="0")
    said(project, "pin", "total@v1")


@pytest.mark.parametrize(
    ("line", "kind"),
    [("host:/x /data nfs4 rw 0 0", "nfs4"), ("//h/x /data cifs rw 0 0", "cifs"), ("/dev/x /data ext4 rw 0 0", "")],
)
def test_network_folders_are_refused(monkeypatch: pytest.MonkeyPatch, line: str, kind: str) -> None:
    """Locks and syncs do not hold there; a person may insist."""
    monkeypatch.setattr(mounts, "file_system", lambda path: line.split()[2])
    if kind:
        with pytest.raises(SettingsError, match="network folder"):
            mounts.refuse_network_folder(Path("/data/pdp"), {})
    else:
        mounts.refuse_network_folder(Path("/data/pdp"), {})
    mounts.refuse_network_folder(Path("/data/pdp"), {"PDP_ALLOW_SHARED_FOLDER": "1"})


def test_synced_folders_are_refused() -> None:
    with pytest.raises(SettingsError, match="Dropbox"):
        mounts.refuse_network_folder(Path("/home/me/Dropbox/pdp"), {})


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    assert mounts.file_system("/proc/self") == "proc"
