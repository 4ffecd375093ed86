"""What pdp relies on in doit, held against the installed doit: an upgrade that breaks a promise fails here by name."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from doit.cmd_base import ModuleTaskLoader
from doit.dependency import Dependency, FileChangedChecker
from doit.doit_cmd import DoitMain
from doit.task import Task


class Checker(FileChangedChecker):
    def check_modified(self, file_path: str, file_stat: Any, state: Any) -> bool:
        return False

    def get_state(self, dep: str, current_state: Any) -> Any:
        return None


class Recorder:
    """A database that notes what doit asks of it."""

    calls: list[tuple[str, str]]

    def __init__(self, name: str, codec: Any, module_name: str | None = None) -> None:
        self.name, self.calls = name, []

    def set(self, task: str, key: str, value: Any) -> None:
        self.calls.append(("set", key))

    def get(self, task: str, key: str) -> Any:
        return None

    def remove(self, task: str) -> None:
        self.calls.append(("remove", task))

    def remove_all(self) -> None:
        self.calls.append(("remove_all", ""))

    def in_(self, task: str) -> bool:
        return False

    def dump(self) -> None:
        self.calls.append(("dump", ""))


def test_deps_is_the_last_key_of_a_success(tmp_path) -> None:
    """The backend commits on `deps:`; nothing may come after it."""
    (tmp_path / "in").touch()
    task = Task("t", None, file_dep=[str(tmp_path / "in")])
    task.values = {"a": 1}
    task.result = {"a": 1}
    manager = Dependency(Recorder, "x", Checker)
    manager.save_success(task)
    assert manager.backend.calls[-1] == ("set", "deps:")
    assert [call for call in manager.backend.calls if call == ("set", "deps:")] == [("set", "deps:")]
    assert ("set", "_values_:") in manager.backend.calls


class Never:
    """An uptodate object whose text is the reason."""

    asked = 0

    def __call__(self, task: Any, values: Any) -> bool:
        Never.asked += 1
        task.extra = "from the parent"
        return False

    def __str__(self) -> str:
        return "because of me"


SEEN: list[str] = []


class Works:
    __name__ = "works"

    def __call__(self, task: Any) -> dict[str, str]:
        return {"extra": task.extra}


def run(*words: str, **namespace: Any) -> tuple[int, str]:
    out = StringIO()
    config = {"GLOBAL": {"outfile": out, "backend": "json", "dep_file": namespace.pop("dep_file")}}
    code = DoitMain(ModuleTaskLoader(namespace), extra_config=config).run(list(words))
    return code, out.getvalue()


def tasks() -> dict[str, Any]:
    return {"actions": [Works()], "uptodate": [Never()]}


@pytest.mark.parametrize("words", [["run"], ["run", "-n", "2"], ["run", "-n", "2", "-P", "thread"]])
def test_attributes_of_a_task_reach_its_action(tmp_path, words: list[str]) -> None:
    """What the identity notes on the task in the parent, the action finds, in a worker too."""
    code, _ = run(*words, task_t=tasks, dep_file=str(tmp_path / "db"))
    assert code == 0
    import json

    assert json.loads((tmp_path / "db").read_text())["t"]["_values_:"]["extra"] == "from the parent"


def test_info_prints_the_identity_as_text(tmp_path, capsys) -> None:
    """`doit info` shows str() of the uptodate object: that is how reasons are read."""
    run("info", "t", task_t=tasks, dep_file=str(tmp_path / "db"))
    assert "because of me" in capsys.readouterr().out


def test_a_failed_task_is_removed_from_the_database(tmp_path) -> None:
    """doit forgets a failed task: the backend must decline while a run is at work."""
    import inspect

    from doit.runner import Runner

    assert "self.dep_manager.remove_success(node.task)" in inspect.getsource(Runner._handle_task_error)


def test_all_that_is_installed_is_looked_through_twice_not_three_times(tmp_path: Path) -> None:
    """Once by doit for its commands, and once by pdp's for backends and reporters, which finds what doit would find."""
    code = (
        "import importlib.metadata as metadata\n"
        "looks, look = [], metadata.distributions\n"
        "metadata.distributions = lambda **context: looks.append(1) or look(**context)\n"
        "from doit.cmd_base import ModuleTaskLoader\n"
        "from doit.doit_cmd import DoitMain\n"
        "main = DoitMain(ModuleTaskLoader({'task_none': lambda: {'actions': None}}))\n"
        "main.run(['run'])\n"
        "print(len(looks))\n"
        "main.run(['help', 'run'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "2"
    assert "pdp: pdp's registry" in done.stdout
