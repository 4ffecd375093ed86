"""doit's worker processes (`doit -n 2`), watched: one that dies fails the run, where doit would wait for it for ever."""

from __future__ import annotations

import signal
import threading
from multiprocessing.connection import wait
from types import FrameType
from typing import Any, NoReturn

from doit.runner import MRunner

from pdp.errors import PdpError


class WorkerDied(PdpError):
    """A worker ended in the middle of a stage."""


class WatchedRunner(MRunner):
    """A worker's death ends the run. The other way round, the kernel ends workers whose run was killed: see `pdp.lock`."""

    def _run_start_processes(self, job_q: Any, result_q: Any) -> Any:
        signal.signal(signal.SIGUSR1, _one_died)
        workers = super()._run_start_processes(job_q, result_q)
        threading.Thread(target=_watch, args=(workers,), daemon=True).start()
        return workers


def _watch(workers: list[Any]) -> None:
    alive = {worker.sentinel: worker for worker in workers}
    while alive:
        for sentinel in wait(list(alive)):
            worker = alive.pop(sentinel)
            worker.join()
            if worker.exitcode:
                # The main thread waits for an answer that will not come; only a signal reaches it there.
                signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)  # type: ignore[arg-type]
                return


def _one_died(number: int, frame: FrameType | None) -> NoReturn:
    raise WorkerDied(
        "a worker process died in the middle of a stage; what was committed stays",
        hint="was there enough memory? run doit without -n",
    )
