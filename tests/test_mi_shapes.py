"""Lines read by shape hold what lines read one by one hold; and the work that big exports take, counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.generate import END, ODD_EVERY, daily_reports, heart_rate
from pdp.readings import FACTS, KeptReadings
from pdp.snapshot import RawFile
from stages.normalize.mi_fitness import read
from stages.normalize.mi_gather import Gatherer
from stages.normalize.mi_places import WORD, Number
from stages.normalize.mi_places import read as read_numbers
from stages.normalize.mi_rows import packed, unpacked
from stages.normalize.mi_shapes import Shape
from tests.mi_export import COLUMNS, DAILY, DAY, PREFIX, SAMPLES, UID, run, snapshot

NUMBERS = st.one_of(
    st.integers(0, 300),
    st.sampled_from(["0", "00", "07", "-1", "70.5", "0.10", "1e2", "255", "null", '"70"', "123456789012", "true"]),
).map(str)
VALUES = (
    '{{"time":{t},"bpm":{a},"type":0}}', '{{"bpm": {a}, "x1":"a1b2"}}', '{{"spo2":{a}}}', '{{"steps":{a},"distance":{b}}}',
    '{{"weight":{a},"bmi":{b}}}', '{{"systolic_pressure":{a},"diastolic_pressure":{b},"pulse":{a}}}', '{{"bpm":{a},"bpm":{b}}}',
    '{{"avg_hr":{a},"min_hr":{b},"max_hr":{a}}}', '{{"b\\u0070m":{a}}}', "{{}}", '{{"bpm":{a},"more":{{"bpm":{b}}}}}', "{a}",
)  # fmt: skip
# `$a` stands for one of NEAR["a"].
WHOLES = (
    '"total_duration":$a,"sleep_score":$b', '"total_duration":$a,"sleep_rem_duration":$c,"sleep_awake_duration":$c',
    '"sleep_score":$b', '"avg_hr":$b,"avg_spo2":$b,"total_duration":$a',
)  # fmt: skip
STRETCHES = (
    '"bedtime":$t,"wake_up_time":$u,"duration":$a,"timezone":$z,"sleep_deep_duration":$c,"sleep_awake_duration":$c',
    '"bedtime":$t,"wake_up_time":$u,"duration":$a,"timezone":$z,"avg_hr":$b,"avg_spo2":$b,"sleep_light_duration":$c',
    '"wake_up_time":$u,"duration":$a,"timezone":$z', '"bedtime":$t,"wake_up_time":$u,"duration":$a', '"duration":$a',
    '"items":[{"start_time":$t,"end_time":$u,"state":2}],"duration":$a', '"items":[],"timezone":$z,"duration":$a',
    '"duration":$a,"duration":$a', '"duration":"$a"', '"timezone":$z', "",
)  # fmt: skip
LATEST = (
    '"time":$t,"dbTime":$u',
    '"bpm":$a,"dbTime":$t,"sid":"band.1","time":$u',
    '"time":$t',
    '"dbTime":$t,"time":"$u"',
    "",
)
NEAR = {  # values at which a rule decides: minutes, values, minutes by stage, bed and wake, quarter hours
    "a": ("7", "0", "239", "240", "241", "242", "480", "481", "482", "000", "60.5"),
    "b": ("0", "7", "255", "-1", "70"), "c": ("0", "1", "2"), "z": ("4", "4", "8", "-12", "99", "null", "4.5"),
    "t": (*(str(DAY + 60 * minute) for minute in (0, 1, 15)), "0", "4102444801"),
    "u": (*(str(DAY + 60 * minute) for minute in range(238, 246)), *[str(DAY + 900 * n) for n in (0, 1, 2, 17)], "0"),
    "v": [str(DAY + 900 * n) for n in range(4)], "x": [str(DAY + 10**6)], "y": [str(DAY + 10**6 + 900 * n) for n in (0, 1)],
}  # fmt: skip
KEYS = ("heart_rate", "spo2", "steps", "weight", "blood_pressure", "resting_heart_rate", "vitality", "sleep", "")
BLOCKS = RawFile.blocks
DAMAGE = ('"', ",", "\n", "\r", "\r\n", "\\", "0", "9", "{", "é", "\0", "\ufeff", "")


@st.composite
def lines(draw: st.DrawFn, daily: bool) -> list[str]:
    """A few lines of one make, with other numbers in each; some are damaged in one place."""
    key, value = draw(st.sampled_from(KEYS)), draw(st.sampled_from(VALUES))
    sid, found = draw(st.sampled_from(["default", "band.1", "band.2", "手环", ""])), []
    for _ in range(draw(st.integers(1, 4))):
        time = draw(st.integers(DAY, DAY + 9) | st.sampled_from([DAY, 0, DAY * 1000, 4_102_444_801]))
        text = value.format(t=time, a=draw(NUMBERS), b=draw(NUMBERS)).replace('"', '""')
        tag = draw(st.sampled_from(["daily_report,", "daily_mark,"])) if daily else ""
        line = f'{draw(st.sampled_from(["1234567890", "12", ""]))},{sid},{tag}{key},{time},"{text}",{time + 5}'
        if draw(st.integers(0, 4)) == 0:
            at = draw(st.integers(0, len(line)))
            line = line[:at] + draw(st.sampled_from(DAMAGE)) + line[at + draw(st.integers(0, 1)) :]
        found.append(line)
    return found


def reports() -> Iterator[str]:
    """Days' reports that tell more than numbers, nights and the latest measurement: ten lines of each make."""
    details = ["", *STRETCHES, *("},{".join(two) for two in product(STRETCHES[:4], repeat=2))]
    makes = [("sleep", f'{whole},"segment_details":[{{{each}}}]') for whole in WHOLES for each in details]
    makes += [("sleep", f"{whole}{more}") for whole in WHOLES for more in ("", *NO_DETAILS)]
    makes += [("watch_night_sleep", WHOLES[0] + ',"segment_details":[{"bedtime":$y,"duration":$a,"timezone":$z}]')]
    latest = [f'"{name}":{{{has}}}' for name in ("latest_hr", "latest_spo2") for has in LATEST]
    told = [*latest, *map(",".join, product(latest[:3], latest[-5:-2])), '"latest_hr":null', '"latest_hr":[]']
    makes += [(key, f'"avg_hr":$b,"steps":$b,"avg_spo2":$b,{each}') for key in KEYS[:2] for each in told]
    both = '"latest_hr":{"time":$v,"dbTime":$v},"latest_spo2":{"dbTime":$v,"time":$v}'
    makes += [(key, f'"avg_hr":$b,"avg_spo2":$b,{both}') for key in KEYS[:2]]
    makes += [("steps", '"steps":$b,"latest_hr":{"time":$y,"dbTime":$x}')]
    draw = Random(7)
    for key, make in makes:
        for _ in range(10):
            value = re.sub(r"\$(\w)", lambda found: draw.choice(NEAR[found[1]]), make).replace('"', '""')
            yield f'1234567890,default,daily_report,{key},{draw.choice([DAY, DAY, DAY + 86_400, DAY + 1])},"{{{value}}}",5'


NO_DETAILS = [f',"segment_details":{each}' for each in ("[]", "{}", "null", "[1]", "[[]]", '{"a":1}', '"a"')]


@settings(max_examples=60)
@given(
    st.booleans(), st.data(), st.sampled_from(["\n", "\r\n"]), st.sampled_from([64, 2**21]), st.sampled_from([11, 17])
)
def test_both_ways_read_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, daily: bool, data: st.DataObject, end: str, block: int, many: int
) -> None:
    """Whatever the numbers, the damage, the size of a block and of what is compared at a time are: the same rows in the same
    order, the same counts."""
    monkeypatch.setattr("stages.normalize.mi_shapes.AT_A_TIME", 2**many)
    groups = data.draw(st.lists(lines(daily), max_size=6))
    table = DAILY if daily else SAMPLES
    text = end.join([",".join(COLUMNS[table]), *(line for group in groups for line in group), ""])
    (tmp_path / f"{PREFIX}{table}.csv").write_bytes(text.encode())
    monkeypatch.setattr(RawFile, "blocks", lambda raw: BLOCKS(raw, block))
    found = []
    for few in (1, 2**31):
        monkeypatch.setattr("stages.normalize.mi_scan.FEW", few)
        result = run(tmp_path, account=UID)
        found.append(({name: table.to_pylist() for name, table in result.tables.items()}, result.facts))
    assert found[0] == found[1]


def test_reports_read_together_are_those_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows, flags and offsets, whatever a night or a latest measurement looks like; many are read together."""
    text = "\n".join([",".join(COLUMNS[DAILY]), *reports(), ""])
    (tmp_path / f"{PREFIX}{DAILY}.csv").write_text(text)
    monkeypatch.setattr("stages.normalize.mi_scan.MOST_TRIES", 10_000)
    monkeypatch.setattr("stages.normalize.mi_scan.MOST_SHAPES", 10_000)
    work, found, slowly = Work(monkeypatch), [], []
    for few in (1, 2**31):
        monkeypatch.setattr("stages.normalize.mi_scan.FEW", few)
        result = run(tmp_path, account=UID)
        found.append(({name: table.to_pylist() for name, table in result.tables.items()}, result.facts))
        slowly.append(work.since()["one by one"])
    assert found[0] == found[1]
    assert slowly[0] < 0.9 * slowly[1]


@given(st.data(), st.integers(1, 15), st.integers(0, 9), st.integers(0, 30), st.integers(0, 30))
def test_numbers_are_what_python_reads(
    data: st.DataObject, digits: int, decimals: int, before: int, after: int
) -> None:
    """Of any length, anywhere in a line, with whatever around them."""
    decimals = min(decimals, digits - 1)
    texts = []
    for _ in range(data.draw(st.integers(1, 5))):
        text = data.draw(st.text("0123456789", min_size=digits, max_size=digits))
        texts.append(f"{text[: digits - decimals]}.{text[digits - decimals :]}" if decimals else text)
    around = data.draw(st.binary(min_size=before + after + WORD, max_size=before + after + WORD))
    lines = np.array([[*around[:before], *text.encode(), *around[before:]] for text in texts], np.uint8)
    number = Number(before, before + len(texts[0]), decimals)
    column = number.read(lines)
    assert column.tolist() == [float(text) if decimals else int(text) for text in texts]
    assert [each.tolist() for each in read_numbers([number, number], lines)] == [column.tolist()] * 2


@given(st.data(), st.integers(1, 40), st.integers(1, 60), st.sampled_from([64, 256, 2**17]))
def test_lines_are_compared_byte_by_byte(data: st.DataObject, length: int, count: int, at_a_time: int) -> None:
    """However many at a time: a line fits where none of its bytes is below or beyond what the shape has there."""
    low = np.frombuffer(data.draw(st.binary(min_size=length, max_size=length)), np.uint8).astype(int)
    span = np.minimum(np.array([0, 9, 255])[np.arange(length) % 3], 255 - low)
    lines = low + np.random.default_rng(length * count).integers(0, span + 1, (count, length))
    for line in data.draw(st.sets(st.integers(0, count - 1))):
        lines[line, data.draw(st.integers(0, length - 1))] = data.draw(st.integers(0, 255))
    fits = ((lines >= low) & (lines <= low + span)).all(axis=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stages.normalize.mi_shapes.AT_A_TIME", at_a_time)
        shape = Shape(low.astype(np.uint8), span.astype(np.uint8), None, "")
        assert shape.match(lines.astype(np.uint8)).tolist() == fits.tolist()


WHOLE = st.integers(-(2**62), 2**62) | st.integers(-5, 5).map(lambda each: each + 1_700_000_000)


@given(
    st.lists(
        st.tuples(WHOLE, st.none() | WHOLE, st.none() | st.floats(allow_nan=False), st.sampled_from("ab")), min_size=1
    )
)
def test_a_batch_is_kept_as_it_is(rows: list[tuple[Any, ...]]) -> None:
    """Whole numbers come back from their steps, however far apart they are; nulls and all else as they were."""
    whole, perhaps, real, text = zip(*rows, strict=True)
    batch = pa.record_batch({
        "whole": pa.array(whole, pa.int64()), "small": pa.array([each % 2**15 for each in whole], pa.int16()),
        "perhaps": pa.array(perhaps, pa.int64()), "real": pa.array(real, pa.float64()),
        "text": pa.array(text).dictionary_encode(),
    })  # fmt: skip
    again = unpacked(packed(batch))
    assert again.to_pylist() == batch.to_pylist()
    assert all(one.type == other.type for one, other in zip(again, batch, strict=True) if other.null_count < len(rows))


class Work:
    """Counts what reading takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: Counter[str] = Counter()
        blocks, add = RawFile.blocks, Gatherer.add

        def counted(raw: RawFile, *size: int) -> Iterator[bytes]:
            self.done["files"] += 1
            for block in blocks(raw, *size):
                self.done["bytes"] += len(block)
                yield block

        def slowly(rows: Gatherer, *row: Any) -> None:
            self.done["one by one"] += 1
            add(rows, *row)

        monkeypatch.setattr(RawFile, "blocks", counted)
        monkeypatch.setattr(Gatherer, "add", slowly)

    def since(self) -> dict[str, int]:
        done, self.done = dict(self.done), Counter()
        return done


class Kept(dict[str, Any]):
    """Inputs that keep readings below a folder, as the engine's do."""

    def __init__(self, raw: Path, folder: Path) -> None:
        super().__init__(mi_band=snapshot(raw))
        self.readings = KeptReadings(folder, "code")
        self.keep = self.readings.keep

    def read(self) -> list[tuple[str, int]]:
        """(table, rows) of each chunk."""
        config = {"timezone": "UTC", "day_starts_at": 0, "mi_band": {}, "sleep": {"short_night_min": 240}}
        found = [(name, table.num_rows) for name, table in read(self, config)]
        self.readings.sweep()
        return found


def test_the_work_of_reading_a_big_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is read once, and only the odd rows one by one; then nothing, and of a new file just itself."""
    raw, kept = tmp_path / "raw", tmp_path / "kept"
    size = heart_rate(raw, days=35).stat().st_size
    rows = 35 * 1440
    work = Work(monkeypatch)
    first = Kept(raw, kept).read()
    odd = sum(minute % ODD_EVERY == 0 for minute in range(END // 60 - rows, END // 60))
    assert work.since() == {"files": 1, "bytes": size, "one by one": odd}
    assert rows - 1 <= sum(count for _, count in first) <= rows
    assert Kept(raw, kept).read() == first
    assert work.since() == {}
    more = heart_rate(raw, days=5, exported_on="20260106", end=END + 5 * 86_400)
    both = Kept(raw, kept).read()
    assert set(first) < set(both) and len(both) == len(first) + 1
    assert work.since()["bytes"] == more.stat().st_size
    more.unlink()
    assert Kept(raw, kept).read() == first
    assert work.since() == {} and len(list(kept.iterdir())) == 1


def test_reports_of_days_are_read_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nights with their stretches, and reports that tell an offset, too: none is read one by one."""
    days = 40
    daily_reports(tmp_path / "raw", days)
    work = Work(monkeypatch)
    found = Kept(tmp_path / "raw", tmp_path / "kept").read()
    assert "one by one" not in work.since()
    assert Counter(dict(found))["mi_band_sleep"] == 2 * days and sum(count for _, count in found) == 6 * days


def test_a_damaged_reading_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be it its rows or its record; and so is one by other code."""
    raw, kept = tmp_path / "raw", tmp_path / "kept"
    heart_rate(raw, days=1)
    work = Work(monkeypatch)
    first = Kept(raw, kept).read()
    for name in ("heart_rate", FACTS):
        work.since()
        (path,) = kept.rglob(name)
        path.write_bytes(path.read_bytes()[:-9])
        assert Kept(raw, kept).read() == first
        assert work.since()["files"] == 1
    other = Kept(raw, kept)
    other.readings._code = "other code"
    assert other.read() == first
    assert work.since()["files"] == 1 and len(list(kept.iterdir())) == 1
