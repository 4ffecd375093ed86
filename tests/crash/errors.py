"""An error of the system at every write-type call: one sentence, nothing lost, and the next run mends it."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from tests.crash.calls import Call
from tests.crash.kill import Finding, Tally, check, inject, mend
from tests.crash.process import Ended
from tests.crash.scenes import Stage

FAULT = re.compile("a fault of pdp.*")
ERRORS = ("ENOSPC", "EIO", "EACCES", "EROFS", "EDQUOT", "EMFILE", "EINTR", "ENOENT")


def error_at(stage: Stage, call: Call, name: str, place: Path) -> Tally:
    """Lets one call fail, checks what was said and what is left, runs again, checks the end."""
    root, ended = _failed(stage, call, name, place)
    problems = check(stage, root, ended) + badly_said(ended, stage.printed)
    problems = problems or mend(stage, root)
    shutil.rmtree(root.parent)
    return Tally(1, 0, [Finding(stage.scene.name, f"{name} at {call.point}", problems)] if problems else [])


def _failed(stage: Stage, call: Call, name: str, place: Path) -> tuple[Path, Ended]:
    root = stage.copy(Path(tempfile.mkdtemp(dir=place), "p"))
    return root, inject(root, stage.scene.words, call, f"error={name}")


def badly_said(ended: Ended, undisturbed: str) -> list[str]:
    """A failure is told in words, with a code; a success may have had no need of the call.

    A fault that the scene's own stage has without any disturbance is no news.
    """
    if ended.code < 0:
        return [f"ended by signal {-ended.code}"]
    if faults := sorted(set(FAULT.findall(ended.printed)) - set(FAULT.findall(undisturbed))):
        return [*faults, ended.printed.strip()[-300:]]
    if ended.code and not ended.printed.strip():
        return ["it failed without a word"]
    return []
