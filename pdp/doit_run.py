"""doit's `run` and `clean` for pdp. Both step aside for a dodo.py that is not a pdp pipeline."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from doit.cmd_clean import Clean
from doit.cmd_run import Run
from doit.dependency import FileChangedChecker

from pdp.doit_backend import RegistryBackend
from pdp.session import Session


class OnlyExistence(FileChangedChecker):
    """doit's file check reduced to order and existence: the identity object looks at content."""

    def check_modified(self, file_path: str, file_stat: Any, state: Any) -> bool:
        return False

    def get_state(self, dep: str, current_state: Any) -> None:
        return None


class PdpRun(Run):
    """`doit run` that tells the session about `-a`, and ends in peace when it is interrupted."""

    def execute(self, params: Any, args: Any) -> int:
        # Before dodo.py is loaded: the action cannot see what the command line asked for.
        Session.always = bool(params["always"])
        try:
            return super().execute(params, args)
        except KeyboardInterrupt:
            print("pdp: interrupted; what was committed stays, the next doit goes on from there", file=sys.stderr)
            return 130


class PdpClean(Clean):
    """`doit clean` that says what it removes, or would remove, and never touches raw data."""

    def clean_tasks(self, tasks: Any, dryrun: bool, cleanforget: bool) -> None:
        backend = self.dep_manager.backend
        if not isinstance(backend, RegistryBackend):
            return super().clean_tasks(tasks, dryrun, cleanforget)
        raw = backend.session.path("raw")
        word = "would remove" if dryrun else "removed"
        for task in {task.name: task for task in tasks}.values():
            for target in task.targets if task._remove_targets else ():
                path = Path(target).absolute()
                assert not path.is_relative_to(raw), f"{path} is raw data"
                if path.is_file():
                    if not dryrun:
                        os.unlink(path)
                    self.outstream.write(f"{task.name}  {word} {target}\n")
            if cleanforget and not dryrun:
                self.dep_manager.remove(task.name)
        self.dep_manager.close()
