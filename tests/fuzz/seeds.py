"""Where fuzzing starts from: small real-shaped inputs for each target, all invented, and words that parsers look for."""

from __future__ import annotations

import io
import json
import zipfile
from functools import cache
from pathlib import Path

from pdp.demo import generate
from tests.hostile_names import names
from tests.mi_export import DAILY, SAMPLES, SPORTS

CORPUS = Path(__file__).with_name("corpus")
PLAIN = """
daily_report daily_mark heart_rate single_heart_rate resting_heart_rate sleep steps spo2 stress weight
blood_pressure watch_night_sleep segment_details items bedtime wake_up_time duration timezone start_time
end_time state total_duration sleep_deep_duration avg_hr bpm latest_hr dbTime time systolic_pressure
high_pressure Uid Sid Tag Key Time Value UpdateTime default Datum Uhrzeit SYS DIA Puls BP Timestamp 2026-01-02
01/02/2026 46024.3125 130/85 132,5 mmHg null NaN Infinity -Infinity 1e999 -0 0.1e-9 9999999999999999999
1700000000 4102444800 -1 255 true +AF8- +2AA- ../ account manifest.json sha256 CON NUL
"""
ODD = [
    "2. Jan 2026", "7:30 PM", "19:30 +01:00", "\\ud800", "\\u0000", "\ufeff", "�", "\u202e", "\r\n", "\r", "\0", "\t",
    ";", "\"", "\"\"", "'", "{", "}", "[", "]", "[[[[[[[[", "{\"a\":", "=1+1", "..\\", "timezone = ", "[mi_band]",
    "enabled = false", "PDP_TIMEZONE=", "export ", "#",
]  # fmt: skip
SHEETS = (
    "Datum,Uhrzeit,SYS,DIA,Puls,Notiz\n2026-01-01,07:30,131,84,61,\n2026-01-01,19.30,128,82,,müde\n,,120,80,,\nx,1,2,3,4,5\n",
    "My log\n\nDate;Time;Systolic (mmHg);Diastolic (mmHg);Pulse (bpm)\n01/02/2026;7:30 PM;131,5;84;61\n31/12/2025;;130;85;0\n",
    "Timestamp\tBP\tHR\n2026-01-01T07:30:00Z\t130/85\t61\n46024.3125\t130-85-70\t\n2. Jan 2026 19h30\tn/a\t62\n",
)
JSONS = (
    '{"avg_hr":71,"min_hr":50,"max_hr":255,"avg_rhr":null,"latest_hr":{"bpm":70,"time":1767225600,"dbTime":1767222000}}',
    '{"bpm":70,"time":1767225600}', '{"steps":12,"distance":9.5,"calories":"1"}', '{"weight":80.5,"bmi":24}',
    '{"systolic_pressure":130,"diastolic_pressure":85,"pulse":61}', '{"avg_spo2":0,"min_spo2":90}', '{"stress":20}',
    '{"total_duration":400,"sleep_score":80,"segment_details":[{"bedtime":1767220000,"wake_up_time":1767244000,"duration":400}]}',
    '{"bedtime":1767220000,"duration":400,"timezone":4,"sleep_deep_duration":100,"sleep_light_duration":300}',
    '{"bedtime":1767220000,"wake_up_time":1767244000,"items":[{"start_time":1767220000,"end_time":1767244000,"state":2}]}',
)  # fmt: skip
TABS = (
    '{"format":"pdp-sheet-1","timeZone":"Europe/Berlin","locale":"de_DE","tabs":[{"title":"BP \\u00e4","rows":'
    '[["Datum","SYS","DIA"],[46024.3125,131,84.5],["01.02.2026","x",null],[true,1e300,-3]]}]}'
)
TOMLS = (
    'timezone = "Europe/Berlin"\nday_starts_at = 4\n[google_sheets]\ndate_order = "dmy"\ncolumns = { systolic = "Oben" }\n',
    'timezone = "UTC"\ndata_dir = "x"\n[mi_band]\naccount = "1"\nenabled = false\n[checks]\nmax_quarantined_share = 0.5\n',
)
REPAIRS = (
    ("table,source,file,row,item,date,cell,text,rule,do,column,value,note,id\n"
    "blood_pressure,google_sheets,log.csv,3,,2026-01-02,B3,,range,set,systolic,130,a slip,r-1-0123456789ab\n"
    "blood_pressure,google_sheets,log.csv,3,,2026-01-02,B3,,range,set,diastolic,80,,r-1-0123456789ab\n"
    "heart_rate,mi_band,x.csv,4,,,,,jump,accept,,,,r2-0123456789ab-1\n\nheart_rate,mi_band,x.csv,5,,,,,,,,,,\n"),
    'Table;Do;Column;Value;Id\nblood_pressure;drop;;;r7-0123456789ab\nblood_pressure;;;;"a\nb"\n',
)  # fmt: skip
ENVS = ("# a comment\nexport PDP_TIMEZONE='UTC'\nPDP_MI_BAND_ACCOUNT=\"1\" # mine\nOTHER = x y\nPDP_DAY_STARTS_AT=4\n",)
CELLS = (
    "2026-01-02", "01/02/2026 7:30 PM", "2. Januar 2026", "Mon, Jan 5 2026", "46024.3125", "0,5", "19:30 +01:00", "0730",
    "130/85/70", "132,5 mmHg", "n/a", "２０２６-01-02", "٣",
)  # fmt: skip


@cache
def seeds(target: str) -> dict[str, bytes]:
    """By name: what is made here, and what lies in `corpus/<target>`, each of which once found a fault."""
    kept = sorted((CORPUS / target).glob("*"))
    return {f"{target}-{n}": data for n, data in enumerate(_made(target))} | {
        path.name: path.read_bytes() for path in kept
    }


def _made(target: str) -> list[bytes]:
    texts = {
        "sheet": SHEETS, "tabs": [TABS], "values": JSONS, "payloads": JSONS, "repairs": REPAIRS,
        "toml": TOMLS, "dotenv": ENVS, "cell": CELLS,
        "manifest": ['{"manifest": 1, "source": "a", "files": [{"name": "b/c.csv", "sha256": "00", "size": 3}]}'],
        "reports": [_export(DAILY)], "samples": [_export(SAMPLES)], "sports": [_export(SPORTS)],
    }  # fmt: skip
    if target in texts:
        return [text.encode() for text in texts[target]]
    if target == "zips":
        return [_zip(zipfile.ZIP_STORED), _zip(zipfile.ZIP_DEFLATED)]
    if target == "names":
        return [name.encode("utf-8", "surrogatepass") for name in names()[::400]]
    encodings = ("utf-8", "utf-8-sig", "utf-16", "utf-7", "cp1252")
    return [SHEETS[0].encode(encoding) for encoding in encodings] + [_export(DAILY).encode("gb18030")]


@cache
def _demo() -> dict[str, str]:
    """The CSV files of a demo of a few days, by table."""
    files = {name: data for name, data in generate(days=14).files.items() if name.endswith(".csv")}
    return {table: next(d.decode() for n, d in files.items() if table in n) for table in (DAILY, SAMPLES, SPORTS)}


def _export(table: str) -> str:
    """The header and one row of each key."""
    header, *rows = _demo()[table].splitlines(keepends=True)
    at = header.split(",").index("Key")
    short = sorted((row for row in rows if len(row) < 1500), key=len, reverse=True)
    return header + "".join({row.split(",")[at]: row for row in short}.values())


def _zip(packing: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as file:
        for name in ("a/b.csv", "__MACOSX/x", "c.csv"):
            file.writestr(zipfile.ZipInfo(name), "x,y\n1,2\n" * 20, packing)
    return out.getvalue()


def dictionary() -> str:
    """The words as libFuzzer wants them."""
    escaped = (
        "".join(f"\\x{byte:02x}" for byte in json.loads(json.dumps(word)).encode()) for word in [*PLAIN.split(), *ODD]
    )
    return "".join(f'"{word}"\n' for word in escaped)
