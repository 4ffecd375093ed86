"""The words of the demo: a day of the person's life, a stretch of sleep, a reading of the cuff."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from pdp.demo import plan

DEEP, LIGHT, REM, AWAKE = 2, 3, 4, 5  # as Mi Fitness writes them
Sample = tuple[int, int]  # instant (epoch seconds), value


@dataclass(frozen=True)
class Sleep:
    """A stretch of sleep. `stages` holds (start, end, state); a nap has none. `offset` is local time's at waking."""

    bed: int
    wake: int
    offset: int
    stages: tuple[tuple[int, int, int], ...] = ()

    def minutes(self, state: int) -> int:
        """Minutes in one state."""
        return sum(end - start for start, end, kind in self.stages if kind == state) // 60

    @property
    def asleep(self) -> int:
        """Minutes asleep."""
        return (self.wake - self.bed) // 60 - self.minutes(AWAKE)


@dataclass(frozen=True)
class Reading:
    """One reading of the cuff. `minute` is that of the local day, None if it was not written down."""

    minute: int | None
    systolic: float
    diastolic: float
    pulse: int | None
    sheet: bool = True  # written into the sheet
    app: bool = False  # typed into Mi Fitness


@dataclass
class Day:
    """A local date: its clock, and all that was measured on it."""

    index: int
    date: date
    zone: tzinfo
    sleeps: list[Sleep] = field(default_factory=list)
    heart: list[Sample] = field(default_factory=list)
    spots: list[Sample] = field(default_factory=list)
    resting: int | None = None
    steps: list[Sample] = field(default_factory=list)
    phone: list[Sample] = field(default_factory=list)
    spo2: list[Sample] = field(default_factory=list)
    stress: list[Sample] = field(default_factory=list)
    weights: list[tuple[int, float]] = field(default_factory=list)
    sport: tuple[int, int] | None = None  # from, to
    readings: list[Reading] = field(default_factory=list)

    def at(self, minute: int, second: int = 0) -> int:
        """The instant at which the local clock shows this minute of the day; below 0 it is the evening before."""
        wall = datetime.combine(self.date, time()) + timedelta(minutes=minute, seconds=second)
        return int(wall.replace(tzinfo=self.zone).timestamp())

    def offset(self, instant: int) -> int:
        """Seconds by which local time is ahead of UTC."""
        shift = datetime.fromtimestamp(instant, self.zone).utcoffset()
        assert shift is not None
        return int(shift.total_seconds())

    @property
    def weekend(self) -> bool:
        return self.date.weekday() >= 5

    @property
    def label(self) -> int:
        """How Mi Fitness writes the date: its midnight in UTC, wherever the person is."""
        return int(datetime.combine(self.date, time(), UTC).timestamp())

    def clock_changes(self, days: int = 1) -> bool:
        """Whether summer time begins or ends within the next `days` days, this one included."""
        return self.at(days * 24 * 60) - self.at(0) != days * 86_400

    def worn(self) -> range:
        """The instants at which the band is on the wrist."""
        span = plan.worn(self.index)
        return range(self.at(span[0]), self.at(span[1])) if span else range(0)

    def seen_at(self, until: int) -> Day:
        """The day as far as it has gone at an instant."""
        if until >= self.at(24 * 60):
            return self
        heart = [sample for sample in self.heart if sample[0] <= until]
        return replace(
            self,
            sleeps=[sleep for sleep in self.sleeps if sleep.wake <= until],
            heart=heart,
            spots=[sample for sample in self.spots if sample[0] <= until],
            resting=self.resting if heart else None,
            steps=[sample for sample in self.steps if sample[0] <= until],
            phone=[sample for sample in self.phone if sample[0] <= until],
            spo2=[sample for sample in self.spo2 if sample[0] <= until],
            stress=[sample for sample in self.stress if sample[0] <= until],
            weights=[weighing for weighing in self.weights if weighing[0] <= until],
            sport=self.sport if self.sport and self.sport[1] <= until else None,
            readings=[r for r in self.readings if r.minute is not None and self.at(r.minute) <= until],
        )
