"""The pipeline, read from top to bottom: raw exports -> tables -> checked tables -> one row per day.

    doit              builds what changed            doit merge             one output and what it needs
    doit list --all   what there is                  doit clean --dry-run   what would be removed
    doit offline=1    builds from what was fetched   doit -s merge     that one task alone

A stage is a value: the function that makes it, what it reads, what it writes, which config sections it looks at.
Nothing is imported to know whether it is current; see docs/design.md.
"""

from pathlib import Path

from pdp.doit_run import doit_config
from pdp.stage import Output, Pipeline, Source, Stage
from pdp.tasks import ingest_tasks, open_session, stage_task, stage_tasks

# The order of the sources is their rank where two tell of the same fact.
SOURCES = (
    Source("google_sheets", "stages.normalize.google_sheets:read", ("blood_pressure",),
           config=("timezone", "day_starts_at", "google_sheets"), ask="stages.ingest.sheet:ask"),
    Source("mi_band", "stages.normalize.mi_fitness:read",
           ("blood_pressure", "heart_rate", "sleep", "steps", "spo2", "stress", "weight", "unreadable"),
           config=("timezone", "day_starts_at", "mi_band", "sleep"), ask="stages.ingest.drive:ask"),
)  # fmt: skip

TABLES = ("blood_pressure", "heart_rate", "sleep", "steps", "spo2", "stress", "weight")


def validate(table: str, *outputs: Output) -> Stage:
    """Rows of all sources -> rows accepted and rows set aside, each raw fact once."""
    rows = tuple(source.normalized(table).name for source in SOURCES if table in source.tables)
    aside = Output(f"{table}_quarantine", f"quarantine/{table}.parquet")
    doc = f"{table}: checks, duplicates, quarantine"
    return Stage(f"validate:{table}", f"stages.validate:{table}", rows, (*outputs, aside), ("checks",), doc,
                 repairs=table, repairs_config=("timezone", "day_starts_at"))  # fmt: skip


PIPELINE = Pipeline(
    SOURCES,
    (
        *(source.normalize() for source in SOURCES),
        *(validate(table, Output(table, f"validated/{table}.parquet")) for table in TABLES),
        validate("unreadable"),
        Stage("merge", "stages.merge:daily", TABLES,
              (Output("daily_metrics", "merged/daily_metrics.parquet"),
               Output("daily_metrics.csv", "merged/daily_metrics.csv")),
              ("timezone", "day_starts_at", "blood_pressure"), "one row per local date"),
    ),
    explain="stages.explain:cell",
    identify="stages.repairs:identify",
)  # fmt: skip

SESSION = open_session(Path(__file__).parent)
DOIT_CONFIG = doit_config(SESSION, PIPELINE)


def task_ingest():
    """raw files -> snapshots/<source>.json: what each source holds now"""
    return ingest_tasks(SESSION, PIPELINE)


def task_normalize():
    """raw files -> one table per metric, in one shape"""
    return stage_tasks(SESSION, PIPELINE, "normalize")


def task_validate():
    """tables -> rows accepted, rows set aside"""
    return stage_tasks(SESSION, PIPELINE, "validate")


def task_merge():
    """accepted rows -> daily_metrics: one row per local date"""
    return stage_task(SESSION, PIPELINE, PIPELINE.stages[-1])
