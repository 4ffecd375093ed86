"""Same raw files, same bytes: whatever the machine's hash seed, time zone, locale and the order of its folders."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pdp.demo import Demo, generate
from tests import determinism
from tests.checkout import copy_pipeline
from tests.project import Project

MACHINES = [
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONHASHSEED": "1", "TZ": "America/Sao_Paulo", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "2", "TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "3", "TZ": "America/Sao_Paulo", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]
DAILY = "hlth_center_aggregated_fitness_data.csv"


class Copy(Project):
    """A copy of this project with the demo's raw files, written in the order of `files`."""

    def __init__(self, root: Path, demo: Demo, files: list[str]) -> None:
        self.root, self.data = root, root / "data-demo"
        copy_pipeline(root, "configs/demo.toml")
        for name in files:
            path = self.data / "raw" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(demo.files[name])

    def build(self, **environ: str) -> dict[str, bytes]:
        """What a run publishes."""
        done = self.command(sys.executable, "-m", "doit", **environ)
        assert done.returncode == 0, done.stdout + done.stderr
        return self.outputs()


@pytest.fixture(scope="module")
def demo() -> Demo:
    return generate(days=30)


def test_every_output_has_the_same_bytes_on_any_machine(tmp_path: Path, demo: Demo) -> None:
    """Hash seed, time zone, locale and the order in which files were written shape no byte of any output."""
    names = list(demo.files)
    orders = [names, names[::-1], names[1::2] + names[::2], sorted(names, key=lambda name: name[::-1])]
    first, *others = [
        Copy(tmp_path / str(number), demo, order).build(**machine)
        for number, (order, machine) in enumerate(zip(orders, MACHINES, strict=True))
    ]
    folders = {name.partition("/")[0] for name in first}
    assert folders == {"normalized", "validated", "quarantine", "merged"}
    for other in others:
        assert list(other) == list(first)
        assert [name for name in first if first[name] != other[name]] == []


def test_no_seed_zone_or_locale_shapes_a_result() -> None:
    """Two hash seeds, each under every zone and locale; `make determinism` does it for fifty."""
    runs = [run for seed in (1, 6) for run in determinism.of_seed(seed)]
    assert len(runs) == 2 * len(determinism.ZONES) * len(determinism.locales()) >= 8
    assert len(runs[0]["hashes"]) > 20
    assert [run for run in runs if run["hashes"] != runs[0]["hashes"]] == []


def test_an_export_imported_twice_changes_nothing(tmp_path: Path, demo: Demo) -> None:
    """The same file under a longer name changes no byte of any output; under a shorter one, which then is the one that
    rows name, none of a day. With a line end more it is another file, later by name: accepted rows and days stay, and
    only rows that were set aside may be set aside once more.
    """
    project = Copy(tmp_path, demo, list(demo.files))
    before = project.build()
    (name,) = [name for name in demo.files if name.endswith(DAILY)]
    folder = (project.data / "raw" / name).parent
    longer = folder.with_name(f"{folder.name}_again") / Path(name).name
    longer.parent.mkdir()
    longer.write_bytes(demo.files[name])
    assert differing(before, project.build()) == []
    longer.write_bytes(demo.files[name] + b"\n")
    changed = differing(before, project.build())
    assert [name for name in changed if name.startswith(("validated/", "merged/"))] == []
    longer.unlink()
    (project.data / "raw/mi_band" / Path(name).name).write_bytes(demo.files[name])
    assert [name for name in differing(before, project.build()) if name.startswith("merged/")] == []


def differing(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    assert list(before) == list(after)
    return [name for name in before if before[name] != after[name]]
