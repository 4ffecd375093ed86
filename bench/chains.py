"""The chain of pdp's demo as a project of each peer: the same steps, each reading and writing files of the same names.

A step joins the files that it reads and writes the whole into each file that it makes: as little work as can be checked. A
source has one raw file here, and a folder of them in pdp.
"""

from __future__ import annotations

from dataclasses import dataclass

from dodo import PIPELINE

RAW = "text\n"
SHELL = "cat {} | tee {} > /dev/null"


@dataclass(frozen=True)
class Step:
    """What a task is called, the files that it reads, and those that it makes."""

    name: str
    reads: tuple[str, ...]
    makes: tuple[str, ...]


def _steps() -> tuple[Step, ...]:
    """The tasks that `doit` runs, from ingest to merge."""
    ingest = [Step(f"ingest_{one.name}", (f"raw_{one.name}",), (_file(one.name),)) for one in PIPELINE.sources]
    stages = [
        Step(_file(stage.name), tuple(map(_file, stage.inputs)), tuple(_file(made.name) for made in stage.outputs))
        for stage in PIPELINE.stages
    ]
    return (*ingest, *stages)


def _file(name: str) -> str:
    """A name that every tool takes: in some of them a dot or a colon means something."""
    return name.replace(":", "_").replace(".", "_")


STEPS = _steps()
GIVEN = tuple(name for step in STEPS for name in step.reads if name.startswith("raw_"))
LAST = STEPS[-1].makes[0]


def expected() -> str:
    """What the last file is to hold."""
    texts = dict.fromkeys(GIVEN, RAW)
    for step in STEPS:
        texts |= dict.fromkeys(step.makes, "".join(texts[name] for name in step.reads))
    return texts[LAST]


def doit() -> dict[str, str]:
    tasks = (
        f"def task_{step.name}():\n    return {{'actions': [{SHELL.format(' '.join(step.reads), ' '.join(step.makes))!r}],\n"
        f"            'file_dep': [{_quoted(step.reads)}], 'targets': [{_quoted(step.makes)}]}}\n\n"
        for step in STEPS
    )
    return {"dodo.py": "".join(tasks)}


def dvc() -> dict[str, str]:
    stages = (
        f"  {step.name}:\n    cmd: {SHELL.format(' '.join(step.reads), ' '.join(step.makes))}\n"
        f"    deps: [{', '.join(step.reads)}]\n    outs: [{', '.join(step.makes)}]\n"
        for step in STEPS
    )
    return {"dvc.yaml": "stages:\n" + "".join(stages)}


def snakemake() -> dict[str, str]:
    rules = (
        f"rule {step.name}:\n    input: {_quoted(step.reads)}\n    output: {_quoted(step.makes)}\n"
        f'    shell: "{SHELL.format("{input}", "{output}")}"\n'
        for step in STEPS
    )
    return {"Snakefile": f'rule all:\n    input: "{LAST}"\n' + "".join(rules)}


def pytask() -> dict[str, str]:
    head = (
        "from pathlib import Path\nfrom typing import Annotated\nfrom pytask import Product\n\n"
        "def join(reads, makes):\n    text = ''.join(path.read_text() for path in reads)\n"
        "    for path in makes:\n        path.write_text(text)\n\n"
    )
    tasks = []
    for step in STEPS:
        reads = [f"{name}: Path = Path('{name}')" for name in step.reads]
        makes = [f"{name}: Annotated[Path, Product] = Path('{name}')" for name in step.makes]
        join = f"join([{', '.join(step.reads)}], [{', '.join(step.makes)}])"
        tasks.append(f"def task_{step.name}_step({', '.join([*reads, *makes])}):\n    {join}\n\n")
    return {"task_chain.py": head + "".join(tasks)}


KEDRO_DATA = """\
from pathlib import Path
from kedro.io import AbstractDataset

class Text(AbstractDataset):
    def __init__(self, filepath): self._path = Path(filepath)
    def _load(self): return self._path.read_text()
    def _save(self, data): self._path.write_text(data)
    def _exists(self): return self._path.exists()
    def _describe(self): return {"filepath": str(self._path)}
"""


def kedro() -> dict[str, str]:
    files = (*GIVEN, *(name for step in STEPS for name in step.makes))
    nodes = (
        f"    node(joined({len(step.makes)}), [{_quoted(step.reads)}], [{_quoted(step.makes)}], name='{step.name}'),\n"
        for step in STEPS
    )
    registry = (
        "from kedro.pipeline import node, pipeline\n\ndef joined(count):\n"
        "    def join(*texts):\n        return [''.join(texts)] * count\n    return join\n\n"
        "def register_pipelines():\n    return {'__default__': pipeline([\n" + "".join(nodes) + "    ])}\n"
    )
    return {
        "pyproject.toml": '[tool.kedro]\npackage_name = "chain"\nproject_name = "chain"\nkedro_init_version = "VERSION"\n',
        "src/chain/__init__.py": "", "src/chain/settings.py": "", "src/chain/data.py": KEDRO_DATA,
        "conf/base/catalog.yml": "".join(f"{name}: {{type: chain.data.Text, filepath: {name}}}\n" for name in files),
        "conf/local/.keep": "", "src/chain/pipeline_registry.py": registry,
    }  # fmt: skip


def dagster() -> dict[str, str]:
    head = "from dagster import AssetSpec, Definitions, multi_asset\n\n"
    made = {name for step in STEPS for name in step.makes}
    assets = []
    for step in STEPS:
        deps = _quoted(tuple(name for name in step.reads if name in made))
        specs = ", ".join(f"AssetSpec('{name}', deps=[{deps}])" for name in step.makes)
        assets.append(f"@multi_asset(specs=[{specs}])\ndef {step.name}_step():\n    pass\n\n")
    names = ", ".join(f"{step.name}_step" for step in STEPS)
    return {"defs.py": f"{head}{''.join(assets)}defs = Definitions(assets=[{names}])\n"}


def redun() -> dict[str, str]:
    head = (
        "from redun import File, task\nredun_namespace = 'chain'\n\n@task()\ndef join(reads: list, makes: list) -> list:\n"
        "    text = ''.join(file.read() for file in reads)\n    for name in makes:\n        File(name).write(text)\n"
        "    return [File(name) for name in makes]\n\n@task()\ndef main() -> list:\n"
    )
    lines = [f"    {name} = File('{name}')\n" for name in GIVEN]
    for step in STEPS:
        lines.append(f"    made = join([{', '.join(step.reads)}], [{_quoted(step.makes)}])\n")
        lines += [f"    {name} = made[{place}]\n" for place, name in enumerate(step.makes)]
    return {"workflow.py": f"{head}{''.join(lines)}    return made\n"}


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
