"""Instants, offsets and local dates: which day a measurement counts for.

Instants are whole seconds since 1970 in UTC, offsets are seconds of local time ahead of UTC. Only `zoneinfo` is asked,
never the machine's own zone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
DAY = 86_400
NEAREST, ZONE = "nearest", "zone"
NONEXISTENT, AMBIGUOUS = "nonexistent_local_time", "ambiguous_local_time"
PLAUSIBLE = range(4_102_444_801)  # instants from 1970 to 2100; one outside is treated as the nearer end
_SPAN = 512 * DAY  # a zone is asked about no more time than the instants lie in
_FEW = 16  # spans between the first and the last instant that are asked for without a look at those between


class Offsets:
    """The offset of local time at any instant, for rows that do not tell their own.

    `known` are the (instant, offset) pairs that rows do tell. The nearest of them in time decides; the earlier one
    where two are as near. Where that one is what `zone` says for its instant, the person was at home, and the zone's
    offset at the asked instant is taken: so a change to summer time in between is not missed. Without any, `zone`
    decides.
    """

    def __init__(self, zone: str, known: Sequence[tuple[int, int]] = ()) -> None:
        self.zone = zone
        pairs = dict(sorted(set(known), reverse=True))  # the smaller of two offsets told for one instant, in any order
        self._instants = np.array(sorted(pairs), dtype=np.int64)
        self._offsets = np.array([pairs[instant] for instant in sorted(pairs)], dtype=np.int64)
        self._at_home = self._offsets == self.of_zone(self._instants)

    def digest(self) -> str:
        """One name for all that is known."""
        return hashlib.sha256(np.stack([self._instants, self._offsets]).astype("<i8").tobytes()).hexdigest()

    def near(self, low: int, high: int) -> Offsets:
        """What decides between these instants: the pairs there, and the next on either side."""
        first = max(0, int(np.searchsorted(self._instants, low, side="right")) - 1)
        last = int(np.searchsorted(self._instants, high)) + 1
        found = Offsets(self.zone)
        found._instants, found._offsets = self._instants[first:last], self._offsets[first:last]
        found._at_home = self._at_home[first:last]
        return found

    def at(self, instants: Ints) -> tuple[Ints, npt.NDArray[np.str_]]:
        """For each instant the offset, and where it came from: 'nearest' or 'zone'."""
        offsets, near = self.told(instants)
        return offsets, np.where(near, NEAREST, ZONE)

    def told(self, instants: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """For each instant the offset, and whether the nearest row tells it."""
        instants = np.asarray(instants, dtype=np.int64)
        zone = self.of_zone(instants)
        if not len(self._instants):
            return zone, np.zeros(len(instants), bool)
        nearest = self._nearest(instants)
        told = self._offsets[nearest]
        offsets = np.where(self._at_home[nearest], zone, told)
        return offsets, offsets == told

    def of_zone(self, instants: Ints) -> Ints:
        """For each instant the offset of the configured zone."""
        if not len(instants):
            return np.zeros(0, np.int64)
        ends = np.array([instants.min(), instants.max()]).clip(0, PLAUSIBLE[-1])
        first, last = (ends // _SPAN).tolist()
        spans: Sequence[int] = range(first, last + 1)
        if len(spans) > _FEW:  # what stands for no instant may lie forty years before all others
            spans = np.flatnonzero(np.bincount(instants.clip(*ends) // _SPAN)).tolist()
        periods = [_periods(self.zone, span) for span in spans]
        starts, offsets = (np.concatenate(each) for each in zip(*periods, strict=True))
        first, last = np.searchsorted(starts[1:], ends, side="right").tolist()
        if first == last:
            return np.full(len(instants), offsets[first])
        return offsets.take(np.searchsorted(starts[1:], instants.clip(*ends), side="right"))

    def at_local_midnight(self, labels: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """As `told`, for the local midnights of dates given as their UTC midnights."""
        near, _ = self.told(labels)
        return self.told(labels - near)

    def _nearest(self, instants: Ints) -> npt.NDArray[np.intp]:
        after = np.searchsorted(self._instants, instants).clip(1, max(1, len(self._instants) - 1))
        before = after - 1
        after = after.clip(max=len(self._instants) - 1)
        closer_after = self._instants[after] - instants < instants - self._instants[before]
        return np.where(closer_after, after, before)


def local_days(instants: Ints, offsets: Ints, day_starts_at: int | Ints = 0) -> Ints:
    """For each instant the local date it counts for, in days since 1970. A day begins at the hour `day_starts_at`."""
    return (instants + offsets - day_starts_at * 3600) // DAY


def local_date(instant: int, offset: int, day_starts_at: int = 0) -> date:
    """As `local_days`, for one instant, as a date."""
    return date(1970, 1, 1) + timedelta(days=(instant + offset - day_starts_at * 3600) // DAY)


def local_to_utc(naive: datetime, zone: str) -> tuple[int, int, tuple[str, ...]]:
    """(instant, offset, flags) of a local clock's time.

    A time that the clock skipped is read with the offset before the gap, a time that it showed twice as the first of
    the two; the flag says so.
    """
    tz = ZoneInfo(zone)
    first, second = (_offset(naive.replace(tzinfo=tz, fold=fold)) for fold in (0, 1))
    flags = () if first == second else (AMBIGUOUS,) if first > second else (NONEXISTENT,)
    return int(naive.replace(tzinfo=UTC).timestamp()) - first, first, flags


def _offset(moment: datetime) -> int:
    return int((moment.utcoffset() or timedelta()).total_seconds())


@lru_cache(maxsize=1024)
def _periods(zone: str, span: int) -> tuple[Ints, Ints]:
    """The instants at which an offset of `zone` begins, the first being the start of the span, and those offsets.

    Asks `zoneinfo` once for each day and bisects the days on which the answer changes.
    """
    tz = ZoneInfo(zone)

    def offset(instant: int) -> timedelta:
        return datetime.fromtimestamp(instant, tz).utcoffset() or timedelta()

    begin = span * _SPAN
    starts, offsets = [begin], [offset(begin)]
    for day in range(begin, begin + _SPAN, DAY):
        after = offset(day + DAY)
        if after != offsets[-1]:
            low, high = day, day + DAY
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if offset(middle) == after else (middle, high)
            starts.append(high)
            offsets.append(after)
    return np.array(starts, dtype=np.int64), np.array(offsets, "timedelta64[s]").astype(np.int64)
