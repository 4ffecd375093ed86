"""What a pull brings of files that were fetched from Google: whole, restored, and never over what was fetched here since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pdp.errors import InputError
from pdp.fetched import index_path, read_index
from pdp.session import Session
from pdp.sync.blobs import Blobs
from pdp.sync.engine import Remote, Report, push
from pdp.sync.raw import Transfer, Travels, bring_fetched
from pdp.sync.records import State
from pdp.sync.vault import Plain
from stages.ingest import folder
from tests.sync_doubles import Machine, Place, sha

FILES = {f"drive/{sha(content)[:12]}/x/{content.decode()}.csv": content for content in (b"a", b"b", b"c")}


class Runner:
    """An empty machine whose mi_band is fetched from Drive, and a state that another machine pushed."""

    def __init__(self, root: Path) -> None:
        (root / "configs").mkdir()
        (root / "configs/pdp.toml").write_text('timezone = "UTC"\n[fetch.mi_band]\nid = "1AbCdEfGhIjKlMnOpQrStUv"\n')
        self.session = Session(root, {})
        self.raw = self.session.path("raw/mi_band")
        self.there = Remote(Place(), Plain())
        self.other = Machine("other")

    def pushed(self, **files: bytes) -> State:
        """The state after the other machine fetched these and pushed."""
        self.other.store |= {sha(content): content for content in files.values()}
        self.other.ingest("mi_band", **files)
        push(self.other, self.there)
        return State(self.other.chain)

    def pull(self, theirs: State, base: State | None = None, travels: Travels | None = None) -> Report:
        report = Report()
        ledger = self.there.look(Machine("asks")).ledger
        transfer = Transfer(self.session, Blobs(self.there.backend, self.there.vault), ledger, report)
        bring_fetched(transfer, base or State(()), theirs, travels or (lambda source, name: True))
        return report

    def files(self) -> dict[str, bytes]:
        found = folder.fetch(self.raw, "mi_band", self.session.hashes.sha256)
        return {file.name: file.read_bytes() for file in found}


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    made = Runner(tmp_path)
    yield made
    made.session.close()


def test_an_empty_folder_gets_all_and_an_index(runner: Runner) -> None:
    """The snapshot is the other machine's; what lies there is not brought twice."""
    theirs = runner.pushed(**FILES)
    assert (runner.pull(theirs).objects, runner.files()) == (3, FILES)
    assert runner.pull(theirs, theirs).objects == 0
    assert {one.stamp for one in read_index(runner.raw) or ()} == {
        f"{sha(c)} x/{c.decode()}.csv" for c in FILES.values()
    }


def test_where_raw_files_do_not_travel_nothing_comes(runner: Runner) -> None:
    """Nor an index, which would name what is not there."""
    assert runner.pull(runner.pushed(**FILES), travels=lambda source, name: False).objects == 0
    assert not runner.raw.exists()


def test_what_broke_off_is_gone_on_with(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index comes last: until then nothing counts, and what has come is not brought again."""
    theirs = runner.pushed(**FILES)
    whole, calls = Blobs.get_file, iter(range(9))

    def breaks(*words: object) -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt
        whole(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(Blobs, "get_file", breaks)
    with pytest.raises(KeyboardInterrupt):
        runner.pull(theirs)
    assert not index_path(runner.raw).exists()
    assert not list(runner.session.path("store/tmp").glob("*"))
    assert (runner.pull(theirs).objects, runner.files()) == (1, FILES)


def test_what_was_fetched_here_since_stays(runner: Runner) -> None:
    """Otherwise a pull follows the other side, and repairs what is not as it was fetched."""
    first = runner.pushed(**FILES)
    runner.pull(first)
    fewer = dict(list(FILES.items())[:2])
    second = runner.pushed(**fewer)
    runner.pull(second, first)
    assert runner.files() == fewer
    damaged = next(iter(fewer))
    (runner.raw / damaged).write_bytes(b"else")
    assert (runner.pull(second, second).objects, runner.files()) == (1, fewer)
    runner.pull(first, State(()))
    assert runner.files() == fewer, "the two have no common past: Google has the word"


def test_what_the_state_lacks_is_told_until_it_is_fetched(runner: Runner) -> None:
    """Offline it is missed by name, instead of being taken for gone."""
    name = next(name for name, content in FILES.items() if content == b"c")
    runner.other.store |= {sha(content): content for content in (b"a", b"b")}
    runner.other.ingest("mi_band", **FILES)
    push(runner.other, runner.there)
    assert runner.pull(State(runner.other.chain)).objects == 2
    with pytest.raises(InputError, match=f"{name} was fetched, but is gone; run doit without offline=1"):
        runner.files()
