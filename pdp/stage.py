"""Source, Stage, Pipeline: frozen values that say what there is. Nothing runs here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from pdp.errors import PdpError
from pdp.snapshot import FOLDER, path_of


@dataclass(frozen=True)
class Output:
    """A named file below the data folder, written anew by its stage: `daily_metrics` at merged/daily_metrics.parquet."""

    name: str
    path: str


@dataclass(frozen=True)
class Stage:
    """A named pure function from tables to tables, with the config sections that it reads.

    `function` is named, not imported: the action imports it when it really runs.
    """

    name: str
    function: str
    inputs: tuple[str, ...]
    outputs: tuple[Output, ...]
    config: tuple[str, ...] = ()
    doc: str = ""
    repairs: str = ""
    """The table of which a person may repair single rows in repairs.csv before this stage checks them."""
    repairs_config: tuple[str, ...] = ()
    """Config sections that it reads besides, where there are repairs."""

    @property
    def group(self) -> str:
        return self.name.partition(":")[0]


@dataclass(frozen=True)
class Source:
    """Where raw files come from: a name, how they are fetched, how one file is read, and into which tables."""

    name: str
    read: str
    tables: tuple[str, ...]
    config: tuple[str, ...] = ()
    fetch: str = "stages.ingest.folder:fetch"
    ask: str = ""
    """What brings the raw folder up to date with the place that `[fetch.<name>]` names; none: only a folder."""

    @property
    def folder(self) -> str:
        return f"raw/{self.name}"

    @property
    def manifest(self) -> Output:
        return Output(self.name, path_of(self.name))

    def normalized(self, table: str) -> Output:
        return Output(f"{self.name}_{table}", f"normalized/{self.name}_{table}.parquet")

    def normalize(self) -> Stage:
        """The stage that reads this source's raw files into its tables."""
        outputs = tuple(self.normalized(table) for table in self.tables)
        return Stage(
            f"normalize:{self.name}", self.read, (self.name,), outputs, self.config, f"{self.name}: raw files to tables"
        )


@dataclass(frozen=True)
class Pipeline:
    """All sources and stages, in an order in which each stage comes after those that it needs."""

    sources: tuple[Source, ...]
    stages: tuple[Stage, ...]
    explain: str = ""
    """What explains one number of the last stage's table, for `pdp trace`: "module:function"."""
    identify: str = ""
    """What gives the ids of rows, by which repairs name them, for `pdp rejected`: "module:function"."""

    @cached_property
    def outputs(self) -> dict[str, Output]:
        """Every artifact by name.

        Raises:
            PdpError: two stages write one artifact or one file, or a stage needs what none before it makes.
        """
        found: dict[str, Output] = {source.name: source.manifest for source in self.sources}
        paths = {output.path for output in found.values()}
        for stage in self.stages:
            unknown = [name for name in stage.inputs if name not in found]
            if unknown:
                raise PdpError(f"stage {stage.name} needs {unknown[0]}, which no stage before it makes")
            for output in stage.outputs:
                if output.name in found or output.path in paths:
                    raise PdpError(f"stage {stage.name} makes {output.name} at {output.path}, which is made already")
                top = PurePosixPath(output.path).parts[0]
                if top in ("raw", FOLDER):
                    raise PdpError(f"stage {stage.name} writes below {top}/, where only sources write")
                found[output.name] = output
                paths.add(output.path)
        return found

    @cached_property
    def maker(self) -> dict[str, str]:
        """Artifact name -> name of the task that makes it."""
        made = {source.name: f"ingest:{source.name}" for source in self.sources}
        return made | {output.name: stage.name for stage in self.stages for output in stage.outputs}

    @property
    def repaired(self) -> list[str]:
        """The tables of which rows can be repaired."""
        return [stage.repairs for stage in self.stages if stage.repairs]

    def group(self, name: str) -> Iterator[Stage]:
        return (stage for stage in self.stages if stage.group == name)

    def as_data(self) -> dict[str, Any]:
        """Plain data that `from_data` takes back."""
        sources, stages = [_plain(source) for source in self.sources], [_plain(stage) for stage in self.stages]
        return {"sources": sources, "stages": stages, "explain": self.explain, "identify": self.identify}

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Pipeline:
        sources = tuple(Source(**_tuples(source)) for source in data["sources"])
        stages = tuple(
            Stage(**(_tuples(stage) | {"outputs": tuple(Output(**output) for output in stage["outputs"])}))
            for stage in data["stages"]
        )
        return cls(sources, stages, data["explain"], data.get("identify", ""))


def _plain(value: Any) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(value)))


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
