"""What a run says: one line per stage with outcome, rows, seconds and reason. Plain text; a bar only on a terminal."""

from __future__ import annotations

import sys
import threading
from typing import Any

from doit.exceptions import BaseFail, TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter

from pdp.doit_backend import RegistryBackend
from pdp.gc import MEGABYTE, Report, collect, is_full
from pdp.signals import held
from pdp.start import start

BAR_AFTER_S = 1.0


class Reporter(ConsoleReporter):
    """Shows and records outcomes. Only `doit run` makes one; its first word to the backend is that a run is at work."""

    desc = "pdp: one line per stage"

    outstream: Any

    def initialize(self, tasks: dict[str, Any], selected_tasks: Any) -> None:
        from doit.globals import Globals

        self.session = Globals.dep_manager.backend.session
        self.bar: Bar | None = None
        RegistryBackend.running = True
        start(self.session)
        self.session.asking = not self.session.offline
        self.counts: dict[str, int] = {}
        self.failing = {one["stage"] for one in self.session.registry.failing()}
        self.bar = Bar(sum(1 for task in tasks.values() if task.actions), self.outstream)
        self._tell()
        if self.session.config.is_demo:
            data = self.session.shown("").rstrip("/")
            self.write(f"No configs/pdp.toml yet: this is the demo (configs/demo.toml, data in {data}).\n")

    def write(self, text: str) -> None:
        # `doit | head` closes the pipe, `doit >&-` never had one: the run goes on, unheard.
        try:
            if self.outstream is not None:
                self.outstream.write(text)
                self.outstream.flush()
        except BrokenPipeError:
            self.outstream = open("/dev/null", "w")  # noqa: SIM115 - stays open to the end of the process

    def execute_task(self, task: Any) -> None:
        if task.actions and self.bar:
            self.bar.start(task.name)

    def skip_uptodate(self, task: Any) -> None:
        if task.name in self.session.stale:
            self._record(task.name, "stale", [self.session.stale[task.name]])
            self._line(task.name, "stale", reason=self.session.stale[task.name])
        elif task.actions:
            self._line(task.name, "current")
            if task.name in self.failing:
                # What failed before is well again without being built: say so in the record too.
                self._record(task.name, "current", ["its inputs are again what it was built from"])

    def add_success(self, task: Any) -> None:
        outcome, record = self.session.outcomes.get(task.name, ("", None))
        if record is None:
            return
        rows = [output["rows"] for output in record["outputs"] if output["rows"] is not None]
        # One table in two forms has its rows once.
        total = sum({o["name"].removesuffix(".csv"): o["rows"] or 0 for o in record["outputs"]}.values())
        self._line(
            task.name,
            outcome,
            f"{total:,} rows" if rows else "",
            f"{record['seconds']:.2f} s",
            "; ".join(record["reasons"]),
        )
        if task.name in self.session.stale:
            self.session.told.append(self.session.stale[task.name])
        self._tell()

    def _tell(self) -> None:
        for sentence in self.session.told:
            self.write(f"    {sentence}\n")
        self.session.told.clear()

    def skip_ignore(self, task: Any) -> None:
        self._line(task.name, "ignored")

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        if not task.actions:
            return  # a group: each of its tasks speaks for itself
        blocked = isinstance(fail, UnmetDependency)
        # doit names them in the order of a set.
        sentence = f"needs {', '.join(sorted(fail.message.split()))}" if blocked else self._sentence(task, fail)
        outcome = "blocked" if blocked else "failed"
        self._record(task.name, outcome, [sentence])
        self._line(task.name, outcome, "", "", sentence)

    def _record(self, stage: str, outcome: str, reasons: list[str]) -> None:
        with held(), self.session.chain.transaction():
            self.session.ensure_run()
            self.session.chain.record_outcome(stage, outcome, reasons)

    def _sentence(self, task: Any, fail: BaseFail) -> str:
        """One line. A fault of pdp's own names its place, not its values: a message may hold a reading."""
        if isinstance(fail, TaskFailed) or not fail.traceback:
            return fail.message
        import os

        if os.environ.get("PDP_DEBUG"):
            self.write("".join(fail.traceback))
        places = [
            line.strip().split(", in ")[0] for part in fail.traceback for line in part.splitlines() if "File " in line
        ]
        kind = fail.traceback[-1].split(":")[0].strip()
        where = places[-1].replace('File "', "").replace('", line ', ":") if places else "pdp"
        return f"fault of pdp: {kind} at {where.rpartition('/')[2]}; PDP_DEBUG=1 doit {task.name} shows more"

    def _line(self, name: str, outcome: str, rows: str = "", seconds: str = "", reason: str = "") -> None:
        if self.bar:
            self.bar.stop()
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        self.write(f"{name:<28} {outcome:<9} {rows:>13} {seconds:>8}  {reason}".rstrip() + "\n")

    def runtime_error(self, msg: str) -> None:
        super().runtime_error(msg)
        self.counts["failed"] = self.counts.get("failed", 0) + 1

    def complete_run(self) -> None:
        if self.bar is None:
            return  # the run never began
        self.bar.stop()
        bad = self.counts.get("failed", 0)
        if self.runtime_errors:
            self.write("\n".join(self.runtime_errors) + "\n")
        with held():
            self.session.end_run(ok=not bad, current=self.counts.get("current", 0))
            self.session.flush()
        RegistryBackend.running = False
        collected = self._collected()
        self.session.lock.release()
        words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.counts.items()))
        ending = "; the last good outputs stay in place" if bad else ""
        self.write(f"{words or 'nothing to do'}{ending}\n{collected}")

    def _collected(self) -> str:
        """The size limit of the store holds from the first day: a run ends by collecting where it is passed."""
        try:
            report = collect(self.session) if is_full(self.session) else Report()
        except OSError as error:
            return f"old versions could not be collected: {error.strerror}: {error.filename}\n"
        if not report.removed_objects:
            return ""
        return (
            f"the store passed max_size_mb: collected {report.removed_objects} old objects, "
            f"{report.removed_bytes / MEGABYTE:,.1f} MB\n"
        )


class Bar:
    """A progress bar that appears on a terminal when a stage takes long; rich is imported only then."""

    def __init__(self, total: int, stream: Any) -> None:
        self.total = total
        self.done = 0
        self._on = getattr(stream, "isatty", lambda: False)() and sys.stderr.isatty()
        self._timer: threading.Timer | None = None
        self._progress: Any = None
        self._lock = threading.Lock()

    def start(self, name: str) -> None:
        if self._on:
            self._timer = threading.Timer(BAR_AFTER_S, self._show, (name,))
            self._timer.daemon = True
            self._timer.start()

    def _show(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._timer is None:
                return
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.add_task(name, total=self.total, completed=self.done)
            self._progress.start()

    def stop(self) -> None:
        self.done += 1
        with self._lock:
            timer, self._timer = self._timer, None
            progress, self._progress = self._progress, None
        if timer:
            timer.cancel()
        if progress:
            progress.stop()
