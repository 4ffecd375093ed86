"""`python -m doit …` and `python -m pdp …` in a fork of a Python that has loaded the engine and done nothing else.

As real as a process that was typed (`tests/test_warm.py` holds the one against the other), in a fifth of its time: most of
that goes into loading libraries. A command that is to begin otherwise than that Python did (an option of Python, another
zone, locale or hash seed) is typed.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

COMMANDS = ("doit", "pdp")
OWN = ("PDP_", "PYTEST_", "GOOGLE_", "MI_BAND_")
"""Variables that nothing looks at before the command does."""
WIDTH = 8  # of a number that is sent


def run(words: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """What a command ended with and printed.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was killed.
    """
    return in_fork(words, cwd, env, timeout) or subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False
    )


def in_fork(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str] | None:
    """The same; None if the command has to be typed.

    Raises:
        subprocess.TimeoutExpired: it took longer, and was killed.
    """
    if tuple(words[:2]) != (sys.executable, "-m") or words[2] not in COMMANDS:
        return None
    line, begun = _server()
    if _at_start(env) != begun:
        return None
    with tempfile.TemporaryFile("w+") as asked, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        json.dump([words[2:], str(cwd), dict(env), os.umask(os.umask(0))], asked)
        asked.flush()
        code = _told(line, [asked.fileno(), out.fileno(), err.fileno()], timeout)
        if code is None:
            raise subprocess.TimeoutExpired(words, timeout)
        printed = []
        for file in (out, err):
            file.seek(0)
            printed.append(file.read().decode())
    return subprocess.CompletedProcess(words, code, *printed)


def _told(line: socket.socket, files: list[int], timeout: float) -> int | None:
    """Hands the files over; gives the exit code, None if the command had to be killed."""
    answer, told = os.pipe()
    try:
        socket.send_fds(line, [b"!"], [*files, told])
        os.close(told)
        child = _number(answer)
        if not select.select([answer], [], [], timeout)[0]:
            os.kill(child, signal.SIGKILL)
            return None
        return _number(answer)
    finally:
        os.close(answer)


def _number(answer: int) -> int:
    sent = os.read(answer, WIDTH)
    assert len(sent) == WIDTH, "the server has ended"
    return int.from_bytes(sent, "big", signed=True)


def _at_start(env: Mapping[str, str]) -> dict[str, str]:
    """What Python and its libraries may look at when they are loaded."""
    return {name: value for name, value in env.items() if not name.startswith(OWN)}


@cache
def _server() -> tuple[socket.socket, dict[str, str]]:
    """The line to a server of this process, and the variables that it began with."""
    ours, its = socket.socketpair()
    env = _at_start(os.environ)
    words = [sys.executable, "-m", "tests.warm", str(its.fileno())]
    process = subprocess.Popen(
        words, cwd=Path(__file__).parents[1], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        pass_fds=[its.fileno()],
    )  # fmt: skip
    its.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours, env


def serve(line: socket.socket) -> None:
    """Forks for each request, until nobody is there to make one. Several may be at work at once."""
    from tests.loaded import freeze

    freeze()
    while files := socket.recv_fds(line, 1, 4)[1]:
        if os.fork() == 0:
            _watch(*files)
        for file in files:
            os.close(file)
        while _ended_child():
            pass


def _ended_child() -> int:
    """One that has ended since; 0 if there is none."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0]
    except ChildProcessError:
        return 0


def _watch(asked: int, out: int, err: int, told: int) -> None:
    """Never returns: starts the command, tells its number, and how it ended."""
    child = os.fork()
    if child == 0:
        _be(asked, out, err)
    os.write(told, child.to_bytes(WIDTH, "big"))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(told, code.to_bytes(WIDTH, "big", signed=True))
    os._exit(0)


def _be(asked: int, out: int, err: int) -> None:
    """Never returns: becomes the command, to its end."""
    with open(asked) as file:
        file.seek(0)
        words, cwd, env, umask = json.load(file)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(env)
    os.umask(umask)
    os.chdir(cwd)
    sys.path[0] = os.getcwd()
    sys.argv = words
    code = _exit_code(words[0])
    threading._shutdown()  # type: ignore[attr-defined]
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
    finally:
        os._exit(code & 0xFF)


def _exit_code(module: str) -> int:
    """Runs it as `python -m` does."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
