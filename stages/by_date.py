"""Groups of rows folded to one value: what merge does millions of times, on numpy arrays alone.

Sums add in the order of the rows, as Python's own `sum` does; nan is no value, and a group without any gives nan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.columns import Ints, Mask

Floats = npt.NDArray[np.float64]


class Groups:
    """Rows grouped by an integer each; the groups in ascending order of it, which is `keys`."""

    def __init__(self, key: Ints) -> None:
        if (key[1:] >= key[:-1]).all():  # as rows lie by date: no sorting
            start = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: len(key)])
            self.keys, self.of = key[start], np.repeat(np.arange(len(start)), np.diff(np.append(start, len(key))))
        else:
            self.keys, self.of = np.unique(key, return_inverse=True)

    def size(self) -> Ints:
        return np.bincount(self.of, minlength=len(self.keys))

    def any(self, where: Mask) -> Mask:
        return np.bincount(self.of[where], minlength=len(self.keys)) > 0

    def sum(self, values: Floats) -> Floats:
        there, of = _there(values, self.of)
        total = np.bincount(of, there, len(self.keys)).astype(np.float64)
        if len(there) < len(values):
            total[np.bincount(of, minlength=len(self.keys)) == 0] = np.nan
        return total

    def mean(self, values: Floats) -> Floats:
        there, of = _there(values, self.of)
        count = np.bincount(of, minlength=len(self.keys)).astype(np.float64)
        count[count == 0] = np.nan
        return np.bincount(of, there, len(self.keys)) / count

    def lowest(self, values: Floats) -> Floats:
        found = np.full(len(self.keys), np.nan)
        np.fmin.at(found, self.of, values)
        return found

    def highest(self, values: Floats) -> Floats:
        found = np.full(len(self.keys), np.nan)
        np.fmax.at(found, self.of, values)
        return found


def _there(values: Floats, of: Ints) -> tuple[Floats, Ints]:
    nothing = np.isnan(values)
    return (values[~nothing], of[~nothing]) if nothing.any() else (values, of)


@dataclass
class Told:
    """What rows tell of dates: values by column, flags, and the dates on which there is a row at all (days since 1970).

    A date is told a value of one column once.
    """

    dates: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    values: dict[str, list[tuple[Ints, Floats]]] = field(default_factory=dict)
    flags: dict[int, set[str]] = field(default_factory=dict)

    def tell(self, dates: Ints, values: Mapping[str, Floats]) -> None:
        for name, column in values.items():
            self.values.setdefault(name, []).append((dates, column))

    def mark(self, dates: Ints, flags: str) -> None:
        for date in dates.tolist():
            self.flags.setdefault(date, set()).update(flags.split(";"))

    def as_data(self) -> dict[str, Any]:
        """Plain data, of which `from_data` makes the same."""
        values = {
            name: [[dates.tolist(), column.tolist()] for dates, column in parts] for name, parts in self.values.items()
        }
        return {
            "dates": self.dates.tolist(),
            "values": values,
            "flags": [[d, sorted(f)] for d, f in self.flags.items()],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Told:
        values = {
            name: [(np.array(dates, np.int64), np.array(column, np.float64)) for dates, column in parts]
            for name, parts in data["values"].items()
        }
        return cls(np.array(data["dates"], np.int64), values, {date: set(flags) for date, flags in data["flags"]})

    def add(self, other: Told) -> None:
        """What `other` tells, too."""
        if len(self.dates) and len(other.dates) and other.dates[0] <= self.dates[-1]:
            self.dates = np.union1d(self.dates, other.dates)
        else:  # part by part they come in order
            self.dates = np.append(self.dates, other.dates)
        for name, parts in other.values.items():
            self.values.setdefault(name, []).extend(parts)
        for date, flags in other.flags.items():
            self.flags.setdefault(date, set()).update(flags)

    def column(self, name: str) -> Floats:
        """The values of a column, one for each of the dates, nan where it was not told."""
        found = np.full(len(self.dates), np.nan)
        for dates, values in self.values.get(name, ()):
            found[np.searchsorted(self.dates, dates)] = values
        return found

    def texts(self) -> Iterator[str]:
        """For each of the dates its flags, sorted, without repetition."""
        for date in self.dates.tolist():
            yield ";".join(sorted(self.flags.get(date, set()) - {""}))
