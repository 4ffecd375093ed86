"""Push, pull and merge between machines, in memory: what travels, what is refused, how histories join."""

from __future__ import annotations

import pytest

from pdp.errors import Diverged, PdpError, SyncError, Untrusted
from pdp.sync.backend import Cell, Conflict, Unreachable
from pdp.sync.engine import Remote, pull, push
from pdp.sync.keys import Keys, new_identity, new_seal, public
from pdp.sync.mend import mend
from pdp.sync.records import State, rebase
from pdp.sync.vault import Plain, Sealed, Vault, padded
from tests.sync_doubles import Machine, Place, sha

IDENTITY, SEAL = new_identity(), new_seal()


def sealed() -> Sealed:
    return Sealed(Keys((IDENTITY,), SEAL, (public(IDENTITY),)))


def remote(place: Place, vault: Vault | None = None) -> Remote:
    return Remote(place, vault or Plain())


def place_of(there: Remote) -> Place:
    assert isinstance(there.backend, Place)
    return there.backend


@pytest.fixture(params=["plain", "sealed"])
def there(request: pytest.FixtureRequest) -> Remote:
    return remote(Place(), Plain() if request.param == "plain" else sealed())


def started(there: Remote) -> tuple[Machine, Machine]:
    """Two machines that have the same first history."""
    one, two = Machine("one"), Machine("two")
    one.ingest("band", a=b"1")
    one.commit("merge", total=b"first")
    push(one, there)
    pull(two, there)
    return one, two


def test_a_pull_brings_what_was_pushed(there: Remote) -> None:
    one, two = started(there)
    assert two.chain == one.chain
    assert two.contents() == one.contents()


def test_only_what_is_missing_travels(there: Remote) -> None:
    """A second push sends the new bytes alone; one with nothing new sends nothing and leaves the head."""
    one, two = started(there)
    one.commit("merge", total=b"second")
    report = push(one, there)
    assert (report.records, report.objects, report.generation) == (1, 1, 2)
    again = push(one, there)
    assert (again.records, again.objects, again.generation) == (0, 0, 2)
    got = pull(two, there)
    assert (got.records, got.objects) == (1, 1)
    assert pull(two, there).records == 0


def test_old_versions_are_fetched_only_if_asked_for(there: Remote) -> None:
    """A machine without history takes what is current and what that was made from."""
    one, _ = started(there)
    one.commit("merge", total=b"second")
    push(one, there)
    three, four = Machine(), Machine()
    pull(three, there)
    pull(four, there, everything=True)
    assert sha(b"first") not in three.store and sha(b"first") in four.store


def test_the_second_of_two_that_ran_apart_is_refused(there: Remote) -> None:
    """Neither push nor pull chooses; both machines stay as they were."""
    one, two = started(there)
    one.commit("merge", total=b"mine")
    two.commit("merge", total=b"theirs")
    push(two, there)
    before = list(one.chain)
    for call in (push, pull):
        with pytest.raises(Diverged, match="1 records are only here, 1 only in the remote"):
            call(one, there)
    assert one.chain == before


def test_a_merge_drops_nothing_and_ends_alike_on_both(there: Remote) -> None:
    """The remote's order stays; what is only here follows it, with the next version where a number was taken."""
    one, two = started(there)
    one.commit("merge", total=b"mine")
    two.commit("merge", total=b"theirs")
    push(two, there)
    report = pull(one, there, merge=True)
    assert report.merged == 1
    push(one, there)
    pull(two, there)
    assert one.chain == two.chain
    versions = {at: given.digest for (name, at), given in State(one.chain).versions.items() if name == "total"}
    assert versions == {1: sha(b"first"), 2: sha(b"theirs"), 3: sha(b"mine")}
    assert one.contents() == two.contents() and one.contents()["total"] == b"mine"


def test_the_same_bytes_keep_one_version(there: Remote) -> None:
    one, two = started(there)
    one.commit("merge", total=b"same")
    two.commit("merge", total=b"same")
    push(two, there)
    pull(one, there, merge=True)
    assert {at for name, at in State(one.chain).versions if name == "total"} == {1, 2}


def test_pins_releases_and_runs_follow_their_versions() -> None:
    """What names a version or a run by number names the same one after a merge."""
    base = Machine()
    base.commit("merge", total=b"first")
    one, two = Machine(), Machine()
    one.chain, two.chain = list(base.chain), list(base.chain)
    two.commit("merge", total=b"theirs")
    two.append(None, kind="pin", artifact="total", version=1)
    one.commit("merge", total=b"mine")
    one.append(2, kind="end", status="ok", current=0, release={"total": 2})
    one.append(None, kind="pin", artifact="total", version=2)
    one.append(None, kind="pin", artifact="total", version=1)
    joined = State(two.chain + rebase(two.chain, 1, one.chain))
    assert joined.pinned == {("total", 1), ("total", 3)}
    assert joined.runs == {1, 2, 3}
    last = Machine()
    last.chain = two.chain + rebase(two.chain, 1, one.chain)
    assert '"release":{"total":3}' in last.chain[-2]


def test_the_bytes_of_a_release_travel() -> None:
    """Also where a later run, which is not complete, moved on; a later release takes its place."""
    one = Machine()
    one.commit("merge", total=b"first")
    one.append(1, kind="end", status="ok", current=0, release={"total": 1})
    one.commit("merge", total=b"second")
    assert sorted(State(one.chain).needed().values()) == [len(b"first"), len(b"second")]
    one.append(2, kind="end", status="failed", current=0, release=None)
    assert len(State(one.chain).needed()) == 2
    one.append(2, kind="end", status="ok", current=0, release={"total": 2})
    assert list(State(one.chain).needed().values()) == [len(b"second")]


class Flaky(Place):
    """Each call may fail before or after it took effect, as the list says."""

    def __init__(self) -> None:
        super().__init__()
        self.fail: list[str] = []

    def move_head(self, token: int | None, content: bytes, named: list[str]) -> None:
        when = self.fail.pop(0) if self.fail else ""
        if when == "before":
            raise Unreachable("no answer")
        super().move_head(token, content, named)
        if when == "after":
            raise Unreachable("no answer")
        if when == "twice":  # a library that sends again by itself and reports the second answer
            raise Conflict


@pytest.mark.parametrize("when", ["before", "after", "twice"])
def test_after_an_unknown_outcome_the_head_is_read_back(when: str) -> None:
    """The push is done exactly once, whether its lost move took effect or not."""
    place = Flaky()
    there = remote(place)
    one, two = started(there)
    place.fail = [when]
    one.commit("merge", total=b"second")
    assert push(one, there).generation == 2
    assert pull(two, there).records == 1
    assert two.chain == one.chain


def test_a_head_that_was_only_touched_is_no_conflict() -> None:
    """Drive may give a file another etag without another content."""

    class Touched(Place):
        def read_head(self) -> Cell | None:
            cell = super().read_head()
            self.moves += 1
            return cell

    one = Machine()
    one.commit("merge", total=b"first")
    place = Touched()
    with pytest.raises(Unreachable):  # touched for ever: it gives up and says so
        there = remote(place)
        push(one, there)
        one.commit("merge", total=b"second")
        push(one, there)


def test_a_remote_that_went_back_is_refused(there: Remote) -> None:
    """An older head, an empty place and another state are told from the one that was seen."""
    one, _ = started(there)
    place = place_of(there)
    old = place.head
    one.commit("merge", total=b"second")
    push(one, there)
    new = place.head
    place.head = old
    with pytest.raises(Untrusted, match="older than it was: generation 1, after 2"):
        push(one, there)
    place.head = None
    with pytest.raises(Untrusted, match="is gone: generation 2 was there"):
        pull(one, there)
    stranger, elsewhere = Machine(), remote(Place(), there.vault)
    stranger.commit("merge", total=b"other")
    push(stranger, elsewhere)
    place.head = place_of(elsewhere).head
    with pytest.raises(Untrusted, match="another state"):
        pull(one, there)
    place.head = new
    assert push(one, there).records == 0


def test_two_heads_of_one_generation_are_refused() -> None:
    """A state that was copied and went on elsewhere does not pass for the one that was seen."""
    place = Place()
    there = remote(place)
    one, two = started(there)
    objects, head, moves = dict(place.objects), place.head, place.moves
    one.commit("merge", total=b"here")
    push(one, there)
    place.head, place.moves = head, moves
    place.objects |= objects
    two.commit("merge", total=b"there")
    push(two, there)
    with pytest.raises(Untrusted, match="two different generations 2"):
        pull(one, there)


def test_a_lost_object_is_named_and_nothing_changes(there: Remote) -> None:
    one, two = started(there)
    one.commit("merge", total=b"second")
    push(one, there)
    place = place_of(there)
    del place.objects[there.vault.name(sha(b"second"))]
    before = list(two.chain)
    with pytest.raises(Untrusted, match="lacks an object that it names"):
        pull(two, there)
    assert two.chain == before


def test_an_encrypted_state_tells_a_stranger_nothing() -> None:
    """No byte of content, no plain hash, no name in clear; sizes below 4 kB are all alike but for age's own noise."""
    place = Place()
    one = Machine("kitchen-laptop")
    one.commit("merge", canary_output=b"canary-value 141")
    push(one, remote(place, sealed()))
    kept = b"".join([place.head or b"", *place.objects.values(), *(name.encode() for name in place.objects)])
    for secret in (b"canary", b"kitchen", sha(b"canary-value 141").encode(), b"merge", one.hashes()[0].encode()):
        assert secret not in kept
    assert {padded(size) for size in (0, 1, 100, 4088)} == {4096}


def test_keys_must_fit() -> None:
    """No key, a foreign key, another seal and a downgrade to plain are each refused with a sentence."""
    place = Place()
    one = Machine()
    one.commit("merge", total=b"first")
    push(one, remote(place, sealed()))
    with pytest.raises(SyncError, match="its key is not here"):
        pull(Machine(), remote(place))
    other = new_identity()
    with pytest.raises(Untrusted, match="cannot be decrypted"):
        pull(Machine(), remote(place, Sealed(Keys((other,), SEAL, (public(other),)))))
    with pytest.raises(Untrusted, match="signature does not fit"):
        pull(Machine(), remote(place, Sealed(Keys((IDENTITY,), new_seal(), (public(IDENTITY),)))))
    plain = Place()
    one.seen = None
    push(one, remote(plain))
    with pytest.raises(Untrusted, match="not encrypted, though you have a key"):
        pull(Machine(), remote(plain, sealed()))


def test_a_key_without_recipients_reads_and_then_writes_to_those_of_the_head() -> None:
    """From the paper alone: the signed head says who may read."""
    place, paper = Place(), new_identity()
    one = Machine()
    one.commit("merge", total=b"first")
    push(one, remote(place, Sealed(Keys((IDENTITY,), SEAL, (public(IDENTITY), public(paper))))))
    two = Machine()
    from_paper = remote(place, Sealed(Keys((paper,), SEAL)))
    pull(two, from_paper)
    two.commit("merge", total=b"second")
    push(two, from_paper)
    pull(one, remote(place, sealed()))
    assert one.contents()["total"] == b"second"


def test_many_pushes_make_few_segments() -> None:
    """A machine without history reads a logarithm of the number of pushes, not each of them."""
    place = Place()
    there = remote(place)
    one = Machine()
    for number in range(60):
        one.commit("merge", total=b"%d" % number)
        push(one, there)
    view = there.look(one)
    assert len(view.ledger.segments) <= 7
    assert view.ledger.records == one.chain


def test_large_bytes_travel_in_parts_and_go_on_where_they_broke_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a network that failed for good, the next push sends only the parts that are not there."""
    monkeypatch.setattr("pdp.sync.blobs.PART", 1000)

    class Breaks(Place):
        left = 3

        def create_if_absent(self, name: str, content: bytes) -> str:
            self.left -= 1
            if self.left < 0:
                raise Unreachable("no answer")
            return super().create_if_absent(name, content)

    place = Breaks()
    one = Machine()
    content = bytes(range(256)) * 40
    one.commit("merge", total=content)
    with pytest.raises(PdpError, match="no answer"):
        push(one, remote(place))
    assert len(place.objects) == 3
    place.left = 99
    again = remote(place)
    push(one, again)
    assert again.blobs.sent < len(content) - 2000 + 1000
    two = Machine()
    pull(two, remote(place))
    assert two.contents() == one.contents()


@pytest.mark.parametrize("what", ["object", "segment", "both"])
@pytest.mark.parametrize("how", ["gone", "cut"])
def test_what_was_damaged_is_mended_by_who_has_it(there: Remote, what: str, how: str) -> None:
    """Objects and segments are read, the damaged ones sent anew; then another machine pulls all of it."""
    one, _ = started(there)
    one.commit("merge", total=b"second")
    push(one, there)
    place = place_of(there)
    segments = {there.vault.name(digest) for digest in there.segments}
    chosen = {"object": place.objects.keys() - segments, "segment": segments, "both": set(place.objects)}[what]
    for name in chosen:
        if how == "gone":
            del place.objects[name]
        else:
            place.objects[name] = place.objects[name][:-1]
    with pytest.raises(Untrusted):
        pull(Machine(), there)
    found = mend(one, there)
    assert found.mended >= len(chosen) > 0 and not found.lost
    new = Machine()
    pull(new, there, everything=True)
    assert (new.chain, new.store) == (one.chain, one.store)
    assert mend(one, there).mended == 0


def test_what_is_damaged_and_not_here_is_named(there: Remote) -> None:
    one, _ = started(there)
    del place_of(there).objects[there.vault.name(sha(b"first"))]
    del one.store[sha(b"first")]
    assert mend(one, there).lost == (sha(b"first"),)
