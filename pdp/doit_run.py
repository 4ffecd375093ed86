"""doit's `run` and `clean` for pdp. Both step aside for a dodo.py that is not a pdp pipeline."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from doit import get_var
from doit.cmd_clean import Clean
from doit.cmd_run import Run
from doit.dependency import FileChangedChecker

from pdp.ask import is_offline
from pdp.doit_backend import RegistryBackend
from pdp.doit_reporter import Reporter
from pdp.errors import PdpError, SettingsError
from pdp.gc import leftovers
from pdp.session import Session
from pdp.stage import Pipeline, Source


class OnlyExistence(FileChangedChecker):
    """doit's file check reduced to order and existence: the identity object looks at content."""

    def check_modified(self, file_path: str, file_stat: Any, state: Any) -> bool:
        return False

    def get_state(self, dep: str, current_state: Any) -> None:
        return None


def doit_config(session: Session, pipeline: Pipeline) -> dict[str, Any]:
    """DOIT_CONFIG: the registry as doit's database, pdp's reporter, and identity instead of doit's file checks."""
    session.pipeline = pipeline
    try:
        session.offline = is_offline(session, get_var("offline"))
    except SettingsError as error:
        print(f"pdp: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    return {
        "default_tasks": list(dict.fromkeys(["ingest", *(stage.group for stage in pipeline.stages)])),
        "backend": "pdp",
        "dep_file": str(session.data / "registry.db"),
        "reporter": Reporter,
        "check_file_uptodate": OnlyExistence,
        "verbosity": 2,
        "continue": True,  # a source that cannot be reached fails its own stage and those that need it
    }


class PdpRun(Run):
    """`doit run` that tells the session about `-a`, and ends in peace when it is interrupted."""

    def execute(self, params: Any, args: Any) -> int:
        # Before dodo.py is loaded: the action cannot see what the command line asked for.
        Session.always = bool(params["always"])
        try:
            code: int = super().execute(params, args)
            leave_outlook(self.dep_manager.backend)
            return code
        except KeyboardInterrupt:
            print("pdp: interrupted; what was committed stays, the next doit goes on from there", file=sys.stderr)
            return 130


def leave_outlook(backend: Any) -> None:
    """After a run that recorded something: who looks next need not find out again what the run has left."""
    if not (isinstance(backend, RegistryBackend) and backend.session.has_written):
        return
    pipeline = backend.session.pipeline
    if pipeline is None or any(source.fetch != Source.fetch for source in pipeline.sources):
        return  # who looks asks each source; a run has just done so
    from pdp.outlook import look

    # A look makes its own outlook if this one cannot be made; what is wrong is told to whoever looks.
    with suppress(PdpError, OSError):
        look(str(backend.session.root))


class PdpClean(Clean):
    """`doit clean` that says what it removes, or would remove, and never touches raw data."""

    all_is_meant = False

    def clean_tasks(self, tasks: Any, dryrun: bool, cleanforget: bool) -> None:
        backend = self.dep_manager.backend
        if not isinstance(backend, RegistryBackend):
            super().clean_tasks(tasks, dryrun, cleanforget)
            return
        raw = backend.session.path("raw")
        word = "would remove" if dryrun else "removed"
        for task in {task.name: task for task in tasks}.values():
            for target in task.targets if task._remove_targets else ():
                path = Path(target).absolute()
                assert not path.is_relative_to(raw), f"{path} is raw data"
                if path.is_file():
                    if not dryrun:
                        os.unlink(path)
                    self.say(f"{task.name}  {word} {target}")
            if cleanforget and not dryrun:
                self.dep_manager.remove(task.name)
        if self.all_is_meant:
            self.clean_leftovers(backend.session, dryrun)
        self.dep_manager.close()

    def say(self, line: str) -> None:
        # `doit clean | head` closes the pipe: the cleaning goes on, unheard.
        with suppress(BrokenPipeError):
            self.outstream.write(f"{line}\n")
            self.outstream.flush()

    def _execute(self, dryrun: bool, cleandep: bool, cleanall: bool, cleanforget: bool, pos_args: Any = None) -> None:
        self.all_is_meant = cleanall or not pos_args
        super()._execute(dryrun, cleandep, cleanall, cleanforget, pos_args)

    def clean_leftovers(self, session: Session, dryrun: bool) -> None:
        """The files of stages that are gone: no task of today's pipeline knows them."""
        assert session.pipeline is not None
        found = leftovers(session, session.pipeline)
        word = "would remove" if dryrun else "removed"
        for path, _ in found:
            if not dryrun:
                os.unlink(session.path(path))
            self.say(f"left over  {word} {session.shown(path)}")
        if not dryrun:
            gone = {artifact for _, artifact in found} - session.pipeline.outputs.keys()
            if gone:
                with session.chain.transaction():
                    session.chain.drop_current(gone)
