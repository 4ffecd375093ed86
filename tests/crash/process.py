"""A real command in a process of its own, under strace: every write-type call in order, or one of them made to fail.

The process is a fork of one that has the libraries loaded already: `tests/crash/test_slice.py` holds that it makes the
same calls as one that was typed.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import doit.doit_cmd
import pandas
import pyarrow.dataset

from tests import loaded
from tests.project import PATIENCE_S

# All that a command may load is loaded before the forks, once.
LOADED = (*loaded.LOADED, pandas, pyarrow.dataset)
loaded.freeze()

# Calls that change what is on the disk, or say when it is there. A leading ? lets strace skip what a machine has not.
CALLS = (
    "open", "openat", "creat", "write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "copy_file_range",
    "fsync", "fdatasync", "sync_file_range", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat",
    "unlink", "unlinkat", "rmdir", "ftruncate", "truncate", "fallocate", "mkdir", "mkdirat", "chmod", "fchmod",
    "fchmodat",
)  # fmt: skip
# Of all workers of a test run together; a container may have as little as 64 MB there.
ROOM = 512 * 2**20
# A project with this folder has its state there too.
REMOTE = "remote"
SET_PTRACER, SET_PTRACER_ANY = 0x59616D61, -1


def strace_works() -> str:
    """Empty if processes can be traced here, else the reason why not."""
    if not shutil.which("strace"):
        return "strace is not installed (apt-get install strace)"
    done = subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"strace may not trace here: {done.stderr.strip()}"


def memory() -> str | None:
    """A folder in memory with room: the campaigns judge what was called, not how long a disk takes. None where there is none."""
    place = "/dev/shm"
    return place if os.access(place, os.W_OK) and shutil.disk_usage(place).free > ROOM else None


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative: the signal), what it printed, whether it had to be stopped."""

    code: int
    printed: str
    hung: bool = False

    @property
    def traceback(self) -> bool:
        return "Traceback" in self.printed


def run(root: Path, words: Sequence[str], strace: Sequence[str] = (), kill_after: float | None = None) -> Ended:
    """Runs `words` (doit … or pdp …) in `root`; with options for strace, under it; killed after some seconds, if asked.

    Raises:
        RuntimeError: strace could not attach.
    """
    with tempfile.TemporaryFile() as printed:
        wait, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go)
            _be(root, words, printed.fileno(), wait)
        os.close(wait)
        tracer = _attach(child, strace) if strace else None
        os.write(go, b"!")
        os.close(go)
        code, hung = _wait(child, kill_after)
        if tracer:
            assert tracer.stderr
            tracer.stderr.read()
            tracer.wait()
        printed.seek(0)
        return Ended(code, printed.read().decode(errors="replace"), hung)


def _attach(child: int, options: Sequence[str]) -> subprocess.Popen[str]:
    tracer = subprocess.Popen(["strace", "-f", "-p", str(child), *options], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr
    first = tracer.stderr.readline()  # only now does every call of the child stop at strace
    if "attached" not in first:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise RuntimeError(f"strace: {first}{tracer.stderr.read()}")
    return tracer


def _wait(child: int, kill_after: float | None) -> tuple[int, bool]:
    ended, hung = threading.Event(), threading.Event()

    def stop() -> None:
        if not ended.wait(PATIENCE_S if kill_after is None else kill_after):
            if kill_after is None:
                hung.set()
            os.kill(child, signal.SIGKILL)

    watch = threading.Thread(target=stop)
    watch.start()
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    ended.set()
    watch.join()  # the child is reaped only now: its number is no other process's before that
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), hung.is_set()


def _be(root: Path, words: Sequence[str], out: int, wait: int) -> None:
    """Never returns: the child becomes the command, to its end."""
    code = 70
    try:
        ctypes.CDLL(None).prctl(SET_PTRACER, SET_PTRACER_ANY, 0, 0, 0)  # where only a parent may trace otherwise
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdout = sys.stderr = open(1, "w", closefd=False)  # noqa: SIM115 - the child's, to its end
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        atexit._clear()
        for name in [name for name in os.environ if name.startswith("PDP_")]:
            del os.environ[name]
        if (root / REMOTE).is_dir():
            os.environ["PDP_STATE_REMOTE"] = f"file://{root / REMOTE}"
        os.chdir(root)
        os.read(wait, 1)
        os.close(wait)
        code = int(_main(root, words) or 0)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        code = 120
    finally:
        if code < 0:
            os.kill(os.getpid(), -code)
        os._exit(code)


def _main(root: Path, words: Sequence[str]) -> int | None:
    """What the installed script of the command does."""
    for name in [n for n in sys.modules if n.partition(".")[0] in ("stages", "dodo")]:
        del sys.modules[name]
    sys.path = [str(root), *(p for p in sys.path if not (Path(p or ".") / "stages").exists()), *CODE]
    sys.argv = list(words)
    if words[0] == "pdp":
        from pdp.cli import main

        return main()
    config = {"GLOBAL": {"outfile": sys.stdout}}  # doit keeps the stream that was there when it was imported
    return doit.doit_cmd.DoitMain(extra_config=config).run(list(words[1:]))


# Where pdp itself is found: the checkout that this file lies in, or a copy of it that is broken on purpose.
CODE = (str(Path(__file__).parents[2]),)
