"""doit runs in a forked child of the test process: as real as a subprocess, without importing pyarrow each time."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

import doit.doit_cmd  # noqa: F401 - imported before the fork, once
import pyarrow.csv
import pyarrow.parquet  # noqa: F401


def doit_in(root: Path, *words: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Runs `doit words` in `root`; gives its exit code and what it printed."""
    with tempfile.TemporaryFile() as printed:
        child = os.fork()
        if child == 0:
            _child(root, words, environ or {}, printed.fileno())
        _, status = os.waitpid(child, 0)
        printed.seek(0)
        return os.waitstatus_to_exitcode(status), printed.read().decode()


def _child(root: Path, words: tuple[str, ...], environ: dict[str, str], out: int) -> None:
    """Never returns: whatever happens, the child ends here and runs no test."""
    code = 70
    try:
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdout = sys.stderr = open(1, "w", closefd=False)  # noqa: SIM115 - the child's, to its end
        for name in [name for name in os.environ if name.startswith("PDP_")]:
            del os.environ[name]
        os.environ.update(environ)
        for name in [n for n in sys.modules if n.partition(".")[0] in ("stages", "dodo")]:
            del sys.modules[name]
        sys.path = [str(root), *(p for p in sys.path if not (Path(p or ".") / "stages").exists())]
        sys.path.append(str(Path(__file__).parent.parent))
        os.chdir(root)
        from doit.doit_cmd import DoitMain

        code = int(DoitMain(extra_config={"GLOBAL": {"outfile": sys.stdout}}).run(list(words)) or 0)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)
