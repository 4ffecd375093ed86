"""Fuzzing, a short slice of it: seeds, what once failed, and hypothesis over them. `make fuzz` does the same at length."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import __main__ as driver
from tests.fuzz import seeds
from tests.fuzz.targets import TARGETS

EXAMPLES = int(os.environ.get("PDP_FUZZ_EXAMPLES", "15"))
WORDS = [word.encode("utf-8", "surrogatepass") for word in (*seeds.PLAIN.split(), *seeds.ODD)]


def test_every_parser_is_fuzzed() -> None:
    """The driver names the targets without importing them, and knows all."""
    assert set(driver.NAMES) == set(TARGETS)
    assert all(seeds.seeds(target) for target in TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_keep_the_promises(target: str) -> None:
    """Real-shaped inputs, and every input that once broke a promise."""
    for data in seeds.seeds(target).values():
        TARGETS[target](data)


def _instead(kind: str, part: bytes, found: list[bytes]) -> st.SearchStrategy[bytes]:
    """What takes the place of `part`."""
    if kind == "repeat":
        return st.integers(2, 300).map(lambda times: part[:60] * times)
    if kind == "other":
        return st.sampled_from(found).map(lambda other: other[: len(part) + 40])
    if kind == "word":
        return st.sampled_from(WORDS)
    return st.just(b"") if kind == "cut" else st.binary(max_size=8)


@st.composite
def mutated(draw: st.DrawFn, target: str) -> bytes:
    """A seed with parts cut, repeated, swapped for another seed's, or a word put in."""
    found = [seeds.seeds(target)[name] for name in sorted(seeds.seeds(target))]
    data = draw(st.sampled_from(found))
    for _ in range(draw(st.integers(0, 6))):
        start, end = sorted(draw(st.tuples(st.integers(0, len(data)), st.integers(0, len(data)))))
        kind = draw(st.sampled_from(["cut", "repeat", "other", "word", "bytes"]))
        part = draw(_instead(kind, data[start:end], found))
        data = data[:start] + part + data[end:]
    return data


@pytest.mark.parametrize("target", TARGETS)
def test_mutated_seeds_keep_the_promises(target: str) -> None:
    """Whatever becomes of a real-shaped input: rows are conserved or one sentence says why not."""

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(mutated(target))
    def run(data: bytes) -> None:
        TARGETS[target](data)

    run()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([0, 255, -1, 1767225600]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(seeds.PLAIN.split()), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(JSON)
def test_any_json_keeps_the_promises(value: object) -> None:
    """In the row of every kind: numbers of any size, NaN, lists for texts, keys that mean something elsewhere."""
    import json

    TARGETS["payloads"](json.dumps(value).encode())
