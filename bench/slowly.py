"""The way that ten years of minutes are not to be read: pandas, `json.loads` for each row, `json_normalize`.

It does the same work, step by step with a file between the steps as the pipeline has: hashes the raw file, keeps for each
row its file and line, sets aside what cannot be read or is implausible, keeps the newest revision, and gives one row per
local date. It holds everything in memory. Nothing in it is slow on purpose.

    python -m bench.slowly RAW_FOLDER OUTPUT_FOLDER
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

ZONE = "Europe/Berlin"
PROVENANCE = ["source", "file", "row", "sid", "record", "record_time", "revision"]
SENTINELS = (0, 255, -1)
RANGE = (20, 250)


def main(raw: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    files = sorted(raw.rglob("*_hlth_center_fitness_data.csv"))
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    (out / "manifest.json").write_text(json.dumps(hashes))
    normalize(files, out)
    validate(out)
    merge(out)


def normalize(files: list[Path], out: Path) -> None:
    tables, problems = [], []
    for path in files:
        frame = pd.read_csv(path)
        frame = frame[frame["Key"] == "heart_rate"]
        frame = pd.DataFrame({
            "source": "mi_band", "file": path.name, "row": frame.index + 2, "sid": frame["Sid"], "record": frame["Key"],
            "record_time": frame["Time"], "revision": frame["UpdateTime"], "value": frame["Value"],
        })  # fmt: skip
        parsed = frame["value"].map(_parse)
        bad = parsed.isna()
        problems.append(frame[bad].assign(problem="json"))
        good = frame[~bad].reset_index(drop=True)
        values = pd.json_normalize(parsed[~bad].tolist())
        tables.append(good[PROVENANCE].assign(bpm=pd.to_numeric(values["bpm"])))
    table = pd.concat(tables, ignore_index=True)
    table = table[~table["bpm"].isin(SENTINELS)]
    instant = pd.to_datetime(table["record_time"], unit="s", utc=True)
    local = instant.dt.tz_convert(ZONE)
    table = table.assign(instant_utc=instant, local_date=local.dt.tz_localize(None).dt.normalize())
    table.to_parquet(out / "normalized.parquet")
    pd.concat(problems).to_parquet(out / "problems.parquet")


def _parse(text: str) -> dict[str, Any] | None:
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except ValueError:
        return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def validate(out: Path) -> None:
    table = pd.read_parquet(out / "normalized.parquet")
    plausible = table["bpm"].between(*RANGE)
    aside = pd.concat([pd.read_parquet(out / "problems.parquet"), table[~plausible].assign(problem="bpm_range")])
    aside.to_parquet(out / "quarantine.parquet")
    kept = (
        table[plausible]
        .sort_values(["revision", "file"])
        .drop_duplicates(["sid", "record", "record_time"], keep="last")
    )
    kept.sort_values(["local_date", "instant_utc"]).to_parquet(out / "validated.parquet")


def merge(out: Path) -> None:
    days = pd.read_parquet(out / "validated.parquet").groupby("local_date")["bpm"].agg(["mean", "min", "max", "count"])
    days.columns = ["avg_hr", "min_hr", "max_hr", "hr_samples"]
    days.rename_axis("date").reset_index().to_parquet(out / "daily.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
