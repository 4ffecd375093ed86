"""The door of the dashboard: visits that end, guesses that are counted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from pdp.dashboard.door import IDLE, LONGEST, OVERALL, PER_ADDRESS, WINDOW, Door, TooMany
from pdp.dashboard.key import WrongPassword
from pdp.errors import PdpError

RIGHT = "correct horse battery"


@dataclass
class Thing:
    closed: int = 0

    def close(self) -> None:
        self.closed += 1


@dataclass
class House:
    """A door with a clock of its own, and a count of how often a password was really tried."""

    now: float = 1_000_000.0
    tried: int = 0
    opened: list[Thing] = field(default_factory=list)
    broken: bool = False

    def __post_init__(self) -> None:
        self.door: Door[Thing] = Door(self.unlock, clock=lambda: self.now)

    def unlock(self, password: str) -> Thing:
        self.tried += 1
        if self.broken:
            raise PdpError("the vault holds nothing yet")
        if password != RIGHT:
            raise WrongPassword("wrong password")
        self.opened.append(Thing())
        return self.opened[-1]

    def guess(self, address: str = "there") -> None:
        with pytest.raises(WrongPassword):
            self.door.enter("a guess", address)


@pytest.fixture
def house() -> House:
    return House()


def test_right_password_opens_for_its_token_alone(house: House) -> None:
    """A token opens; none, an invented one or a shortened one does not."""
    token = house.door.enter(RIGHT, "here")
    assert house.door.inside(token) is house.opened[0]
    assert house.door.inside(None) is house.door.inside("") is house.door.inside(token[:-1]) is None


def test_token_itself_is_not_kept(house: House) -> None:
    """Who reads the server's memory of visits learns no token."""
    token = house.door.enter(RIGHT, "here")
    assert token not in repr(house.door._visits) and token not in repr(house.door)


def test_two_visits_are_two(house: House) -> None:
    """Leaving ends one's own visit, and closes what it opened, once."""
    first, second = house.door.enter(RIGHT, "here"), house.door.enter(RIGHT, "there")
    house.door.leave(first)
    house.door.leave(first)
    assert house.door.inside(first) is None and house.door.inside(second) is house.opened[1]
    assert [thing.closed for thing in house.opened] == [1, 0]


def test_idle_visit_ends(house: House) -> None:
    """Half an hour without a look, and it is over; a look keeps it alive."""
    token = house.door.enter(RIGHT, "here")
    house.now += IDLE - 1
    assert house.door.inside(token)
    house.now += IDLE - 1
    assert house.door.inside(token)
    house.now += IDLE
    assert house.door.inside(token) is None and house.opened[0].closed == 1


def test_longest_visit_ends_however_busy(house: House) -> None:
    """Eight hours after the login it is over."""
    token = house.door.enter(RIGHT, "here")
    for _ in range(LONGEST // 600):
        assert house.door.inside(token)
        house.now += 600
    assert house.door.inside(token) is None


def test_visit_ends_without_a_look(house: House) -> None:
    """What is unlocked is closed by the watch too, when nobody comes back."""
    house.door.enter(RIGHT, "here")
    house.now += IDLE
    house.door.expire()
    assert house.opened[0].closed == 1


def test_clock_that_goes_back_ends_visits(house: House) -> None:
    """A clock that was set back cannot keep a visit alive."""
    token = house.door.enter(RIGHT, "here")
    house.now -= 60
    assert house.door.inside(token) is None


def test_guesses_from_one_address(house: House) -> None:
    """After five failures nothing is tried any more, not even the right password; elsewhere it still opens."""
    for _ in range(PER_ADDRESS):
        house.guess()
    with pytest.raises(TooMany) as caught:
        house.door.enter(RIGHT, "there")
    assert house.tried == PER_ADDRESS and 0 < caught.value.retry_after <= WINDOW + 1
    assert house.door.enter(RIGHT, "here")


def test_guesses_from_everywhere(house: House) -> None:
    """Thirty failures in all close the door to every address."""
    for number in range(OVERALL):
        house.guess(f"address {number}")
    with pytest.raises(TooMany):
        house.door.enter(RIGHT, "a new address")
    assert house.tried == OVERALL


def test_door_opens_again(house: House) -> None:
    """A quarter of an hour later one may try again: exactly when `retry_after` said."""
    for _ in range(PER_ADDRESS):
        house.guess()
    with pytest.raises(TooMany) as caught:
        house.door.enter(RIGHT, "there")
    house.now += caught.value.retry_after
    assert house.door.enter(RIGHT, "there")


def test_clock_that_goes_back_buys_no_guesses(house: House) -> None:
    """Failures that lie ahead still count."""
    for _ in range(PER_ADDRESS):
        house.guess()
    house.now -= 10 * WINDOW
    with pytest.raises(TooMany):
        house.door.enter(RIGHT, "there")


def test_guesses_at_once_are_counted_before_they_are_tried(house: House) -> None:
    """Sixty guesses in parallel: no more are tried than in a row."""
    began = threading.Barrier(60)

    def guess() -> None:
        began.wait()
        with pytest.raises((WrongPassword, TooMany)):
            house.door.enter("a guess", "there")

    threads = [threading.Thread(target=guess) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert house.tried == PER_ADDRESS


def test_success_forgives_the_address(house: House) -> None:
    """Who mistyped and then got in does not carry the failures along; those of others stay."""
    house.guess("here")
    house.guess("there")
    house.door.enter(RIGHT, "here")
    assert [address for _, address in house.door._failures] == ["there"]


def test_a_broken_vault_is_no_guess(house: House) -> None:
    """What is the server's own fault is not counted against the visitor."""
    house.broken = True
    for _ in range(PER_ADDRESS + 1):
        with pytest.raises(PdpError, match="holds nothing"):
            house.door.enter(RIGHT, "here")


def test_a_million_guesses(house: House) -> None:
    """A million guesses from a thousand addresses within a quarter of an hour: thirty are evaluated, none gets in."""
    for number in range(1_000_000):
        house.now += WINDOW / 1_000_001
        try:
            house.door.enter("a guess", f"address {number % 1000}")
        except (WrongPassword, TooMany):
            continue
        pytest.fail("a guess got in")
    assert house.tried == OVERALL
