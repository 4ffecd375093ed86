"""Parts of tables that are kept: what is made from the same is copied, and no build can be told from one with nothing kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdp.commit import _drain
from pdp.errors import StageError
from pdp.pieces import Pieces
from pdp.readings import KeptReadings
from pdp.schema import encoded
from pdp.store import Store
from pdp.tables import Inputs, Stored, Writers
from stages import merge, parts, schemas, validate
from stages.normalize import mi_fitness, mi_gather, mi_scan
from stages.repairs import identify
from tests.mi_export import SAMPLES, UID, csv_text, hours, sample
from tests.pipeline import TABLES, configured, rows_of, snapshot

DAY = 86_400
Row = dict[str, Any]


@dataclass
class Built:
    """What a stage gave: its files by their hashes, its facts, and how many parts were made and not copied."""

    objects: dict[str, str]
    facts: Any
    made: int


class Engine:
    """Builds stages as `pdp.commit` does: inputs out of a store, pieces kept beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "store")

    def put(self, chunks: Sequence[pa.Table]) -> str:
        """A table in the store, a group of rows for each chunk."""
        with self.store.fresh() as temp:
            writers = Writers("test", {"t": (temp, "parquet")})
            for chunk in chunks:
                writers.write("t", chunk)
            writers.close()
            return self.store.put(temp)[0]

    def build(
        self, stage: Callable[..., Any], inputs: Mapping[str, Any], outputs: Sequence[str], config: Any, code: str = ""
    ) -> Built:
        """`inputs`: hashes of tables, or a snapshot."""
        temps = {name: self.store.temp() for name in outputs}
        writers = Writers(
            "test", {name: (temp, "csv" if name.endswith(".csv") else "parquet") for name, temp in temps.items()}
        )
        path = self.folder / f"{outputs[0]}.pieces"
        pieces = Pieces(path, json.dumps([code, config]), writers, self.store.read)
        readings = KeptReadings(self.folder / "readings", code)
        openers = {name: partial(self._open, one) for name, one in inputs.items()}
        facts = _drain(stage(Inputs(openers, readings.keep, pieces.piece), config), writers)
        writers.close()
        objects = dict(zip(outputs, self.store.put(*temps.values()), strict=True))
        pieces.save(objects)
        return Built(objects, facts, pieces.made)

    def _open(self, one: Any) -> Any:
        return Stored(self.store.path(one)) if isinstance(one, str) else one


def days(engine: Engine, tables: Mapping[str, Sequence[pa.Table]], config: Any) -> tuple[dict[str, Any], int]:
    """Heart rates of some sources validated and merged: all hashes and facts, and how many parts were made."""
    inputs = {name: engine.put(chunks) for name, chunks in tables.items()}
    checked = engine.build(validate.heart_rate, inputs, ("heart_rate", "heart_rate_quarantine"), config)
    others = {name: engine.put([encoded(getattr(schemas, name.upper()).empty())]) for name in TABLES}
    accepted = others | {"heart_rate": checked.objects["heart_rate"]}
    merged = engine.build(merge.daily, accepted, ("daily_metrics", "daily_metrics.csv"), config)
    return {**checked.objects, **merged.objects, "facts": checked.facts}, checked.made + merged.made


def chunked(rows: Sequence[Row], size: int = 7) -> list[pa.Table]:
    """A normalized table as its reader gives it: columns first, then rows in the order of the file."""
    whole = rows_of("heart_rate", *rows)
    return [encoded(whole.slice(0, 0)), *(encoded(whole.slice(at, size)) for at in range(0, len(rows), size))]


def samples(first: int, count: int, **cells: Any) -> list[Row]:
    """Three heart rates a day, the row of each being its number."""
    return [{"at": n * DAY // 3, "bpm": 60.0 + n % 7, "row": n, **cells} for n in range(first, first + count)]


LENIENT = configured(checks={"max_quarantined_share": 1})


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 8)


SAMPLE = st.fixed_dictionaries({
    "at": st.integers(0, 90).map(lambda n: n * DAY // 3), "bpm": st.sampled_from([60.0, 75.0, 5.0, None]),
    "record": st.sampled_from(["heart_rate", "single_heart_rate"]), "sid": st.sampled_from(["default", "band"]),
    "revision": st.integers(0, 1), "exported_on": st.sampled_from(["20260101", "20260201"]),
    "problem": st.sampled_from([None, None, None, "json"]), "flags": st.sampled_from(["", "x"]),
})  # fmt: skip


@st.composite
def edits(draw: st.DrawFn) -> Callable[[dict[str, Any]], None]:
    """Something that becomes of two sources' rows, or of what a person decided."""
    kind = draw(
        st.sampled_from(
            ["newer", "older", "gone", "moved", "value", "file", "limits", "drop", "set", "when", "no repairs"]
        )
    )
    source = draw(st.sampled_from(["a_heart_rate", "b_heart_rate"]))
    row, at = draw(SAMPLE), draw(st.integers(0, 10_000))
    names = ("20270101.csv", "0.csv")

    def edit(world: dict[str, Any]) -> None:
        rows: list[Row] = world["rows"][source]
        place = at % len(rows) if rows else 0
        if kind == "newer":
            rows.append(row | {"at": (91 + at % 40) * DAY // 3})
        elif kind == "older":
            rows.insert(place, row)
        elif kind == "gone":
            del rows[place : place + 3]
        elif kind == "moved" and rows:
            rows.append(rows.pop(place))
        elif kind == "value" and rows:
            rows[place] = rows[place] | {"bpm": row["bpm"]}
        elif kind == "file":
            world["files"][source] = names[at % 2]
        elif kind == "limits":
            world["share"] = 0.98 + at % 2 / 100
        elif kind == "no repairs":
            world["repairs"].clear()
        elif rows:
            world["repairs"][source, place] = {
                "drop": {"do": "drop", "set": {}, "rules": []}, "set": {"do": "set", "set": {"bpm": "66"}, "rules": []},
                "when": {"do": "set", "set": {"measured_at": "1970-01-20 10:00"}, "rules": []},
            }.get(kind, {"do": "drop", "set": {}, "rules": []})  # fmt: skip

    return edit


def settle(world: dict[str, Any]) -> tuple[dict[str, list[pa.Table]], Any]:
    """The tables of a world, and its config."""
    tables, repairs = {}, {}
    for source, rows in world["rows"].items():
        own = {"source": source[0], "file": world["files"][source]}
        placed = [row | own | {"row": number} for number, row in enumerate(rows, start=2)]
        tables[source] = chunked(placed)
        for (of, place), repair in world["repairs"].items():
            if of == source and place < len(rows):
                (name,) = identify(encoded(rows_of("heart_rate", *placed)), {(own["file"], place + 2, 0)}).values()
                repairs[name] = repair | {"id": name}
    config = configured(checks={"max_quarantined_share": world["share"]})
    return tables, config | ({"repairs": [repairs[name] for name in sorted(repairs)]} if repairs else {})


@settings(max_examples=25, deadline=None)
@given(st.lists(SAMPLE, max_size=60), st.lists(SAMPLE, max_size=20), st.lists(edits(), min_size=1, max_size=5))
def test_after_any_edits_all_bytes_are_those_of_a_first_build(
    first: list[Row], second: list[Row], changes: list[Any]
) -> None:
    """Rows that come, go, move and change, in files that are renamed, under other limits, with and without repairs."""
    rows = {"a_heart_rate": first, "b_heart_rate": second}
    world: dict[str, Any] = {"rows": rows, "files": dict.fromkeys(rows, "1.csv"), "share": 1.0, "repairs": {}}
    with tempfile.TemporaryDirectory() as folder:
        ours = Engine(Path(folder, "ours"))
        for number, change in enumerate([lambda world: None, *changes]):
            change(world)
            tables, config = settle(world)
            alone = Engine(Path(folder, f"alone{number}"))
            try:
                expected, _ = days(alone, tables, config)
            except StageError as error:
                with pytest.raises(StageError, match=str(error).split(";")[0]):
                    days(ours, tables, config)
                continue
            assert days(ours, tables, config)[0] == expected


def test_newer_rows_change_the_last_parts_alone(tmp_path: Path) -> None:
    """One more export beside the old one: of forty parts and more few are made, by validate and by merge."""
    engine = Engine(tmp_path)
    _, all_ = days(engine, {"a_heart_rate": chunked(samples(0, 300))}, LENIENT)
    assert all_ > 80
    _, made = days(engine, {"a_heart_rate": chunked(samples(0, 300)) + chunked(samples(300, 9, file="b.csv"))}, LENIENT)
    assert made <= 10


def test_rows_between_others_change_the_parts_that_they_lie_in(tmp_path: Path) -> None:
    """A row of years ago is added: what lies before and after it is cut as it was."""
    engine = Engine(tmp_path)
    _, all_ = days(engine, {"a_heart_rate": chunked(samples(0, 300))}, LENIENT)
    late = chunked([{"at": 50 * DAY + 5, "bpm": 61.0, "file": "b.csv"}])
    _, made = days(engine, {"a_heart_rate": chunked(samples(0, 300)) + late}, LENIENT)
    assert 2 <= made <= 8 < all_


def test_nothing_is_made_twice_of_the_same(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    tables = {"a_heart_rate": chunked(samples(0, 100))}
    first, made = days(engine, tables, LENIENT)
    assert made
    assert days(engine, tables, LENIENT) == (first, 0)


def test_other_code_or_config_makes_all_anew(tmp_path: Path) -> None:
    """Whatever of it a part depends on."""
    engine = Engine(tmp_path)
    inputs = {"a_heart_rate": engine.put(chunked(samples(0, 100)))}

    def made(config: Any, code: str) -> int:
        return engine.build(validate.heart_rate, inputs, ("heart_rate", "heart_rate_quarantine"), config, code).made

    every = made(LENIENT, "one")
    assert every > 3
    assert [made(LENIENT, "one"), made(LENIENT, "two"), made(configured(), "two")] == [0, every, every]


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "other format", "gone", "object gone", "object damaged"])
def test_what_is_damaged_is_made_anew(tmp_path: Path, how: str) -> None:
    """The file of the pieces, or a table that they lie in: never half of it, never an error."""
    engine = Engine(tmp_path)
    tables = {"a_heart_rate": chunked(samples(0, 100))}
    first, _ = days(engine, tables, LENIENT)
    path = tmp_path / "heart_rate.pieces"
    content = path.read_bytes()
    changed = {
        "cut": content[:-100], "flipped": content.replace(b"1", b"2"), "empty": b"",
        "other format": sealed(content.partition(b"\n")[2].replace(b'"format": 1', b'"format": 0')),
    }  # fmt: skip
    if how in changed:
        path.write_bytes(changed[how])
    elif how == "gone":
        path.unlink()
    else:
        table = engine.store.path(first["heart_rate"])
        data = bytearray(table.read_bytes())
        data[len(data) // 2] ^= 1
        table.unlink()
        if how == "object damaged":
            table.write_bytes(data)
    again, made = days(engine, tables, LENIENT)
    assert again == first and made > 3
    assert days(engine, tables, LENIENT) == (first, 0)


def sealed(text: bytes) -> bytes:
    """As another pdp may have written it."""
    return hashlib.sha256(text).hexdigest().encode() + b"\n" + text


# ---- raw files


def minutes(first: int, count: int) -> list[Any]:
    """Heart rates of single minutes, three hours apart."""
    times = [MARCH + 10_800 * n for n in range(first, first + count)]
    return [sample("heart_rate", time, {"time": time, "bpm": 60 + time // 10_800 % 9}) for time in times]


def slept(day: int, offset: int) -> Any:
    """A stretch of sleep, which tells the offset from UTC in quarters of an hour."""
    return sample("sleep", MARCH + day * DAY, hours(MARCH + day * DAY, 400, offset))


MARCH = 1_740_787_200  # 2025-03-01
ZONES = st.sampled_from(["Europe/Berlin", "Asia/Kathmandu"])
EXPORTS = st.lists(
    st.tuples(
        st.sampled_from(["20250401", "20250501", ""]), st.integers(0, 300), st.integers(1, 60),
        st.lists(st.builds(slept, st.integers(0, 40), st.sampled_from([0, 4, 8, -12])), max_size=2),
    ),
    min_size=1, max_size=3,
)  # fmt: skip


def read_all(engine: Engine, exports: Any, folder: Path, config: Any) -> Built:
    """The exports as files: (date of export, first sample, how many, nights)."""
    files = {}
    for number, (exported_on, first, count, nights) in enumerate(exports):
        prefix = f"{exported_on}_{UID}_MiFitness_" if exported_on else ""
        files[f"{number}/{prefix}{SAMPLES}.csv"] = csv_text(SAMPLES, [*minutes(first, count), *nights])
    shutil.rmtree(folder, ignore_errors=True)
    outputs = [f"mi_band_{schema.name}" for schema in mi_gather.TABLES]
    return engine.build(mi_fitness.read, {"mi_band": snapshot("mi_band", files, folder)}, outputs, config)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(EXPORTS, st.sampled_from(["Europe/Berlin", "Asia/Kathmandu"]), st.sampled_from([0, 4])),
        min_size=2,
        max_size=4,
    )
)
def test_whatever_exports_lie_there_all_bytes_are_those_of_a_first_build(worlds: list[Any]) -> None:
    """Exports come, go and change their places, and nights tell other offsets; with other settings too."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(mi_scan, "BATCH_ROWS", 10)
        ours = Engine(Path(folder, "ours"))
        for number, (exports, zone, begins) in enumerate(worlds):
            config = configured(timezone=zone, day_starts_at=begins)
            alone = read_all(Engine(Path(folder, f"alone{number}")), exports, Path(folder, "raw"), config)
            found = read_all(ours, exports, Path(folder, "raw"), config)
            assert (found.objects, found.facts) == (alone.objects, alone.facts)


def test_one_more_export_is_placed_alone(tmp_path: Path) -> None:
    """Its own batches, and those of older ones in whose time it tells another offset."""
    engine = Engine(tmp_path)
    first: list[Any] = [("20250401", 0, 100, []), ("20250501", 100, 100, [])]
    config = configured()
    assert read_all(engine, first, tmp_path / "raw", config).made == 2
    assert read_all(engine, first, tmp_path / "raw", config).made == 0
    more = [*first, ("20250601", 250, 20, [])]
    assert read_all(engine, more, tmp_path / "raw", config).made == 1
    abroad = [*more, ("20250602", 280, 1, [slept(3, -12)])]  # within the first export, nearest to all of them
    assert read_all(engine, abroad, tmp_path / "raw", config).made == 5


def test_a_stage_without_parts_leaves_nothing(tmp_path: Path) -> None:
    """And takes away what it left when it had some."""
    engine = Engine(tmp_path)
    table = rows_of("heart_rate", *samples(0, 3))

    def plain(inputs: Any, config: Any) -> Any:
        yield "t", table

    def cut(inputs: Any, config: Any) -> Any:
        yield "t", table.slice(0, 0)
        yield from inputs.piece("a", lambda: plain(inputs, config))

    for stage, there in ((plain, False), (cut, True), (plain, False)):
        engine.build(stage, {}, ("t",), {})
        assert (tmp_path / "t.pieces").exists() is there


def test_blocks_hold_all_days_once_and_in_order() -> None:
    """Days before 1970 too; no block is longer than it may be, but for one day."""
    for counts in ({}, {-5: 1, -1: 8, 0: 20, 1: 1, 2: 1, 700: 3, 2**20: 9}, dict.fromkeys(range(-40, 900), 3)):
        found = list(parts.blocks(counts))
        held = [[day for day in sorted(counts) if first <= day <= last] for first, last in found]
        assert [day for days_ in held for day in days_] == sorted(counts)
        assert all(len(days_) == 1 or sum(counts[day] for day in days_) <= parts.PART_ROWS for days_ in held)
