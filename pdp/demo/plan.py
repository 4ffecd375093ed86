"""What happens to the person and when: the facts of life that the demo is to hold.

Days are counted from the demo's start. What is a `range` comes back every 365 days, what is a number happens once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

HOME = ZoneInfo("Europe/Berlin")
AWAY = timezone(timedelta(hours=-3))  # Sao Paulo, which has had no summer time since 2019

YEAR = 365
PHONE_STEPS = range(8, 13)  # the phone counts too
SPOTS_ONLY = range(12, 14)  # the band lies on a shelf and is used by hand now and then
TORN_STEPS = range(15, 16)  # one Value is cut off in every export
ZERO_AND_255 = range(16, 17)  # the report's lowest and highest heart rate are sentinels
TORN_HEART = range(17, 18)  # one Value is cut off in the first export only
NO_BAND = range(24, 29)
PHONE_ALONE = range(24, 27)
TEN_MINUTES = (*range(33, 40), *range(60, 67), *range(110, 117))  # samples are usually half an hour apart
MIRRORED = range(33, 40)  # abnormal_heart_rate rows
NO_REPORT = range(70, 80)  # samples, but no daily report
SECOND_DEVICE = range(84, 91)
SECOND_SLEEP = range(84, 86)
NOT_MERGED = range(88, 89)  # the second device reports, the server's merge does not
LEAVING, TRIP, RETURNING = range(96, 97), range(97, 110), range(110, 111)  # 14 nights from home
LAST_AWAY = range(109, 110)
SHEET_AWAY = range(104, 108)  # elsewhere on the trip the readings are typed into Mi Fitness

OLD_SHEET = range(21)  # once: kept in another sheet, with other habits
NEW_SHEET_FROM = 19
SHORT_NIGHT = 10
TYPED_IN = (14, 21, 30)  # into Mi Fitness, by hand
TYPED_TWICE = 21  # and the same reading into the sheet
DECIMAL_COMMA = (22, 31)
CRISIS, TWICE_IN_A_MINUTE, AFTER_MIDNIGHT, NO_TIME = 22, 23, 25, 26
MISREAD, SWAPPED, EXTRA_ZERO, NO_SUCH_DATE, NO_DIASTOLIC = 21, 24, 27, 28, 29
TREATMENT = 45

SYNC = 10 * 60 + 40  # minute of the day at which the phone talks to the server; again twelve hours later
FIRST_EXPORT = 0.73  # of the demo's length; a second export is taken on the last day


def happens(event: Iterable[int], day: int) -> bool:
    """Whether the yearly `event` is on this day."""
    return day % YEAR in event


def clock(day: int) -> tzinfo:
    """The zone in which the person lives on this day."""
    return AWAY if happens(TRIP, day) else HOME


def worn(day: int) -> tuple[int, int] | None:
    """From which to which minute of the day the band is on the wrist; it is taken off for the flights."""
    if happens(NO_BAND, day) or happens(SPOTS_ONLY, day):
        return None
    first = 9 * 60 if day % YEAR == TRIP.start else 11 * 60 if happens(RETURNING, day) else 0
    last = 19 * 60 if happens(LEAVING, day) else 15 * 60 if happens(LAST_AWAY, day) else 24 * 60
    return first, last


def band_at_night(day: int) -> bool:
    """Whether the band is worn all through the night that ends on this day."""
    before, after = worn(day - 1), worn(day)
    return before is not None and after is not None and before[1] == 24 * 60 and after[0] == 0


def exports(days: int) -> list[int]:
    """The days on which an export is taken, right after the morning's sync."""
    return sorted({int(days * FIRST_EXPORT), days - 1})
