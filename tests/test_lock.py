"""The lock of a run: what it says of its holder, how long it is waited for, and that no fork keeps it."""

from __future__ import annotations

import fcntl
import math
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pdp import lock
from pdp.errors import PdpError, SettingsError
from pdp.lock import Busy, RunLock
from tests.project import held_open


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data/.lock"


@contextmanager
def held(path: Path, text: str = "") -> Iterator[int]:
    """Another program holds the lock."""
    path.parent.mkdir(exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.write(handle, text.encode())
    try:
        yield handle
    finally:
        os.close(handle)


def taken(path: Path, wait: float | None = 0.0) -> RunLock:
    class Patient(RunLock):
        pass

    Patient.wait = wait
    return Patient(path)


def taken_still(one: RunLock) -> bool:
    return one.is_held


def test_the_file_says_who_holds_it_and_nothing_afterwards(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/doit/__main__.py", "-n", "2", "a b"])
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    one = taken(path)
    assert path.read_text().startswith(f"pid {os.getpid()} on {socket.gethostname()}, doit -n 2 'a b', since 2")
    assert one.is_held and not one.waited
    assert path.stat().st_mode & 0o777 == 0o600
    one.release()
    assert path.read_text() == ""
    assert not taken_still(one)
    one.release()  # once more is nothing
    again = taken(path)
    assert again.is_held
    again.release()


@pytest.mark.parametrize(("text", "holder"), [("pid 7 on x\n", "pid 7 on x"), ("", "unknown")])
def test_a_run_that_is_not_to_wait_is_told_who_is_at_work(
    path: Path, text: str, holder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        held(path, text),
        pytest.raises(Busy, match=f"another run is at work .{holder}.; try again when it has ended") as told,
    ):
        taken(path)
    assert told.value.exit_code == 75
    assert capsys.readouterr().err == ""
    assert path.read_text() == text


def test_who_waits_says_so_once_and_then_has_the_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The holder's text is not touched while it is at work; the one that waited knows that it did."""
    monkeypatch.setattr(lock, "SAY_AFTER_S", 0.0)
    monkeypatch.setattr(lock, "LOOK_EVERY_S", 0.01)
    looks = iter(range(5))
    with held(path, "pid 7 on x\n") as handle:

        def sleep(seconds: float) -> None:
            assert seconds == 0.01
            if next(looks, None) is None:
                fcntl.flock(handle, fcntl.LOCK_UN)

        clock = iter(range(100))
        monkeypatch.setattr(time, "sleep", sleep)
        monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
        one = taken(path, wait=math.inf)
    assert one.waited and one.is_held
    one.release()
    assert capsys.readouterr().err == "pdp: another run is at work (pid 7 on x); waiting for it to end\n"


def test_patience_comes_from_the_command_line_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """For as long as it takes, unless one of them says otherwise; what is no number of seconds is refused."""
    for given, text, seconds in (
        (None, None, math.inf), (None, "", math.inf), (None, "0", 0.0), (None, "1.5", 1.5), (2.0, "9", 2.0), (0.0, "9", 0.0),
    ):  # fmt: skip
        monkeypatch.delenv("PDP_WAIT", raising=False)
        if text is not None:
            monkeypatch.setenv("PDP_WAIT", text)
        assert lock._patience(given) == seconds
    for text in ("soon", "-1", "-0.5", "nan"):
        monkeypatch.setenv("PDP_WAIT", text)
        with pytest.raises(SettingsError, match="PDP_WAIT must be a number of seconds"):
            lock._patience(None)


def test_a_fork_neither_holds_the_lock_nor_keeps_it_alive(path: Path) -> None:
    """It is free as soon as the run that took it lets go, though a worker still lives; the worker clears nothing."""
    one = taken(path)
    text = path.read_text()
    wait, go = os.pipe()
    tell, told = os.pipe()
    child = os.fork()
    if child == 0:
        held_here = one.is_held
        one.release()
        os.write(told, b"held" if held_here else b"free")
        os.close(go)
        os.read(wait, 1)
        os._exit(0)
    assert os.read(tell, 4) == b"free"
    assert one.is_held and path.read_text() == text
    os.close(one._file)  # as if this process had been killed: nothing is unlocked, only closed
    one._file = -1
    again = taken(path)
    assert again.is_held
    again.release()
    os.close(go)
    os.waitpid(child, 0)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(Exception, match=r"the lock \.lock cannot be taken \(.*data"):
        taken(tmp_path / "data/.lock")


def test_an_older_text_gives_way_and_any_word_can_be_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A longer text of a run that was killed; an argument that is no text."""
    path.parent.mkdir()
    path.write_text("x" * 5000)
    monkeypatch.setattr(sys, "argv", ["doit", "\udc80"])
    one = taken(path)
    assert (
        path.read_text().startswith(f"pid {os.getpid()} on ")
        and path.read_text().count("\n") == 1
        and "x" * 9 not in path.read_text()
    )
    one.release()


def test_who_is_refused_keeps_nothing_open(path: Path) -> None:
    with held(path):
        with pytest.raises(Busy):
            taken(path)
        assert held_open(path.parent) == [path.name]  # the holder's


def test_the_lock_may_be_the_first_file_of_a_process(path: Path) -> None:
    """A job may be started without standard input: then the lock is descriptor 0, and a lock all the same."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(0)
            one = taken(path)
            grandchild = os.fork()
            if grandchild == 0:
                os._exit(int(one.is_held))
            kept = one.is_held and one._file == 0 and path.read_text() != ""
            of_fork = os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1])
            one.release()
            cleared = path.read_text() == "" and not one.is_held
            taken(path).release()
            code = 0 if kept and cleared and not of_fork else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_disk_that_refuses_the_text_gives_the_lock_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(os, "ftruncate", lambda *_: os.stat(path / "below a file"))
        with pytest.raises(PdpError, match="cannot be taken"):
            taken(path)
    taken(path).release()


def test_a_holder_whose_words_are_no_text_is_told_all_the_same(path: Path) -> None:
    with held(path) as handle:
        os.write(handle, b"pid 7 on caf\xe9")
        with pytest.raises(Busy, match="pid 7 on caf\N{REPLACEMENT CHARACTER}"):
            taken(path)
