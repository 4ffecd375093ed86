"""`make bench-peers`: a run with nothing to do of pdp's demo, and of the same chain of tasks in other tools.

Each of them, pdp too, is installed into an environment of its own, below build/peers, by pip: what else lies beside a tool
costs time when it starts. Each builds its chain, and they are then measured in turn. Versions are those that the package
index has on the day.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import chains
from bench.measure import DOIT, ROOT, Cost, in_turn, measure, own_environment

PEERS = ROOT / "build" / "peers"
LOCK = ("--require-hashes", "-r", str(ROOT / "requirements-pipeline.lock"))
RESULTS = Path(__file__).with_name("peers.json")
ROUNDS, TARGET = 5, 8


@dataclass(frozen=True)
class Peer:
    """A tool: its project as files, how it is set up once, and the command that finds nothing to do."""

    name: str
    files: dict[str, str]
    command: tuple[str, ...]
    setup: tuple[str, ...] = ()
    builds: bool = True
    note: str = ""


ALL = (
    Peer("doit", chains.doit(), ("doit",), note="what pdp stands on: it can not be faster than that"),
    Peer("dvc", chains.dvc(), ("dvc", "repro", "-q"), ("dvc", "init", "--no-scm", "-q")),
    Peer("snakemake", chains.snakemake(), ("snakemake", "--cores", "1", "--quiet", "all")),
    Peer("pytask", chains.pytask(), ("pytask",)),
    Peer("kedro", chains.kedro(), ("kedro", "run", "--only-missing-outputs")),
    Peer("dagster", chains.dagster(), ("dagster", "asset", "list", "-f", "defs.py"), builds=False,
         note="it has no run that finds nothing to do: listing the assets is the least that it does"),
    Peer("redun", chains.redun(), ("redun", "run", "workflow.py", "main")),
)  # fmt: skip


def main() -> None:
    """Prints the table, and writes bench/peers.json."""
    versions: dict[str, str] = {}
    works: dict[str, Callable[[], Cost]] = {}
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="pdp-peers-") as folder:
        works["pdp"] = _pdp(Path(folder))
        for peer in ALL:
            versions[peer.name] = _installed(peer.name)
            works[peer.name] = _built(peer, Path(folder) / peer.name, versions[peer.name])
        costs = in_turn(ROUNDS, works)
    ours = costs["pdp"]
    print(f"nothing to do in a chain of {len(chains.STEPS)} tasks; wall time, least of {ROUNDS} runs in turn")
    for name, cost in costs.items():
        verdict = "" if name in ("pdp", "doit") or cost.wall / ours.wall >= TARGET else "  MISSED"
        print(
            f"  {name:10}{versions.get(name, ''):10}{1000 * cost.wall:8.0f} ms{1000 * cost.cpu:8.0f} CPU ms"
            f"{cost.peak_mb:6.0f} MB{cost.wall / ours.wall:6.1f} x{verdict}"
        )
    print(f"load {before:.2f} before, {os.getloadavg()[0]:.2f} after; Python {sys.version.split()[0]}")
    print(*(f"  {peer.name}: {peer.note}" for peer in ALL if peer.note), sep="\n")
    lines = {
        name: {"version": versions.get(name), "wall": cost.wall, "cpu": cost.cpu, "mb": cost.peak_mb}
        for name, cost in costs.items()
    }
    RESULTS.write_text(json.dumps({"load": [before, os.getloadavg()[0]], "lines": lines}, indent=1) + "\n")


def _pdp(folder: Path) -> Callable[[], Cost]:
    """pdp out of this checkout, with what its lock names and nothing else."""
    python = _python("pdp", LOCK, ("--no-deps", "--no-build-isolation", "--editable", str(ROOT)))
    run = partial(measure, environ=own_environment(folder / "demo", folder / "bytecode"), program=str(python))
    run("-m", "pdp", "demo")
    for _ in range(2):
        run(*DOIT)
    return partial(run, *DOIT)


def _installed(name: str) -> str:
    """The version of the peer, which is installed where it is not yet."""
    code = f"from importlib.metadata import version; print(version('{name}'))"
    told = subprocess.run((_python(name, (name,)), "-c", code), capture_output=True, text=True, check=True)
    return told.stdout.strip()


def _python(name: str, *packages: tuple[str, ...]) -> Path:
    """The interpreter of an environment into which these were installed, one after the other."""
    python = PEERS / name / "bin" / "python"
    if not (PEERS / name / "installed").exists():
        print(f"installing {name} (once)", file=sys.stderr)
        venv.create(PEERS / name, clear=True, with_pip=True)
        for some in packages:
            pip = (str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "--quiet", "install", *some)
            if subprocess.run(pip, check=False).returncode:
                sys.exit(f"{name} cannot be installed: look at what pip says above")
        (PEERS / name / "installed").touch()
    return python


def _built(peer: Peer, folder: Path, version: str) -> Callable[[], Cost]:
    """The peer's project, built; what measures one more run of it, by then with nothing to do."""
    for name, text in (dict.fromkeys(chains.GIVEN, chains.RAW) | peer.files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("VERSION", version))
    tools = PEERS / peer.name / "bin"
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ = plain | {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "DO_NOT_TRACK": "1", "CI": "1",
        "DVC_NO_ANALYTICS": "1", "KEDRO_DISABLE_TELEMETRY": "1", "DAGSTER_HOME": str(folder),
    }  # fmt: skip
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")

    def run(command: tuple[str, ...]) -> Cost:
        return measure(*command[1:], environ=environ, cwd=folder, program=str(tools / command[0]))

    if peer.setup:
        run(peer.setup)
    for _ in range(2):
        run(peer.command)
    if peer.builds and (folder / chains.LAST).read_text() != chains.expected():
        sys.exit(f"{peer.name} did not make what it should: no time is given for it")
    return partial(run, peer.command)


if __name__ == "__main__":
    main()
