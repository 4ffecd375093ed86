"""doit's `run` and `clean` for pdp. Both step aside for a dodo.py that is not a pdp pipeline."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import doit.cmd_run
import doit.doit_cmd
from doit import get_var
from doit.cmd_clean import Clean
from doit.cmd_run import Run
from doit.dependency import FileChangedChecker

from pdp.ask import is_offline
from pdp.doit_backend import RegistryBackend
from pdp.doit_door import AtTheDoor, refuse_misuse
from pdp.doit_reporter import Reporter
from pdp.errors import PdpError, UsageError, sentence
from pdp.gc import leftovers
from pdp.lock import RunLock
from pdp.session import Session
from pdp.stage import Pipeline, Source
from pdp.start import writing


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
        refuse_misuse()
        session.offline = is_offline(session, get_var("offline"))
    except PdpError as error:
        print(f"pdp: {sentence(error)}", file=sys.stderr)
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


WAIT = {
    "name": "wait", "long": "wait", "type": float, "default": -1.0,
    "help": "seconds to wait for another run to end; as long as it takes, unless PDP_WAIT says otherwise",
}  # fmt: skip
NO_WAIT = {
    "name": "no_wait", "long": "no-wait", "type": bool, "default": False,
    "help": "do not wait for another run: say who is at work, and end with exit code 75",
}  # fmt: skip


COLLECT_EVERY = 20_000  # objects, 5 MB or so; Python's 700 are for programs that live long and link all to all


class PdpRun(AtTheDoor, Run):
    """`doit run` that tells the session about `-a`, and ends in peace when it is interrupted."""

    name = "run"
    cmd_options = (*Run.cmd_options, WAIT, NO_WAIT)

    def execute(self, params: Any, args: Any) -> Any:
        # What is loaded by now stays, and what a run makes hardly ever refers to itself: looking for such was 6% of its time.
        gc.freeze()
        gc.set_threshold(COLLECT_EVERY)
        # Before dodo.py is loaded: the action cannot see what the command line asked for.
        Session.always = bool(params["always"])
        wait = 0.0 if params.pop("no_wait") else params.pop("wait")
        RunLock.wait = wait if wait >= 0 else None
        if params["num_process"] < 0:
            raise UsageError(f"-n {params['num_process']} is no number of processes", hint="doit -n 2")
        if params["num_process"]:
            from pdp.workers import WatchedRunner

            # A worker that dies would leave doit waiting for it for ever.
            doit.cmd_run.MRunner = WatchedRunner
        code = super().execute(params, _each_alone(args) if params["single"] else args)
        backend = self.dep_manager.backend
        leave_outlook(backend)
        # What is committed is safe; but who reads the files by their names would take old numbers for new ones.
        return code or int(isinstance(backend, RegistryBackend) and backend.session.unpublished)


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


def _each_alone(args: list[str]) -> list[str]:
    """Task names as patterns that match nothing else: of plain names, doit's `-s a b` runs only the first.

    With `-s` doit reads its arguments twice, and a task's `init_options` gives nothing back the second time.
    """
    return [arg if {"*", "/"} & set(arg) or arg.startswith("-") else f"[{arg[0]}*]{arg[1:]}" for arg in args]


class PdpClean(AtTheDoor, Clean):
    """`doit clean` that says what it removes, or would remove, and never touches raw data."""

    name = "clean"
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
                    self.outstream.write(f"{task.name}  {word} {target}\n")
            if cleanforget and not dryrun:
                self.dep_manager.remove(task.name)
        if self.all_is_meant:
            self.clean_leftovers(backend.session, dryrun)
        self.dep_manager.close()

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
            self.outstream.write(f"left over  {word} {session.shown(path)}\n")
        if not dryrun:
            gone = {artifact for _, artifact in found} - session.pipeline.outputs.keys()
            if gone:
                with writing(session), session.chain.transaction():
                    session.chain.drop_current(gone)
