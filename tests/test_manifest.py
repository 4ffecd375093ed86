"""The manifest of a snapshot is written by hand: the bytes are those of Python's own encoder."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pdp.snapshot import RawFile, Snapshot

NAMES = st.text(st.characters(codec="utf-8"))


@given(NAMES, st.lists(st.tuples(NAMES, st.integers(0, 2**60)), max_size=4))
def test_a_manifest_is_the_json_that_it_says(source, files):
    snapshot = Snapshot(source, tuple(RawFile(name, "0" * 64, size, Path(name)) for name, size in files))
    assert snapshot.to_bytes() == (json.dumps(snapshot.manifest(), indent=1, ensure_ascii=False) + "\n").encode()
