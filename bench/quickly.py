"""The fastest way to daily aggregates with no code of one's own: DuckDB reads the CSV, looks into the JSON and groups.

It only aggregates: no provenance, no quarantine, no revisions, no file but the result. What it takes is a floor.

    python -m bench.quickly RAW_FOLDER OUTPUT_FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

SQL = """
copy (
    select timezone('Europe/Berlin', to_timestamp(Time))::date as date,
           avg(bpm) as avg_hr, min(bpm) as min_hr, max(bpm) as max_hr, count(bpm) as hr_samples
    from (
        select Time, try_cast(case when json_valid(Value) then json_extract_string(Value, '$.bpm') end as double) as bpm
        from read_csv(?, header = true, columns = {'Uid': 'varchar', 'Sid': 'varchar', 'Key': 'varchar',
                      'Time': 'bigint', 'Value': 'varchar', 'UpdateTime': 'bigint'})
        where Key = 'heart_rate'
    ) where bpm between 20 and 250 group by 1 order by 1
) to '%s' (format parquet)
"""


def main(raw: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (path,) = raw.rglob("*_hlth_center_fitness_data.csv")
    with duckdb.connect(config={"memory_limit": "250MB"}) as connection:
        connection.execute(SQL % (out / "daily.parquet"), [str(path)])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
