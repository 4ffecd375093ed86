"""How many rows of a table were accepted, superseded and set aside, and whether too many were set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pdp.errors import StageError
from stages import schemas
from stages.repairs import DROPPED

Row = dict[str, Any]
PROBLEM_NAMES = [column.name for column in schemas.PROBLEM]


class Tally:
    """Counts the parts of one table as they come."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.lost = 0
        self._read: Counter[str] = Counter()
        self._aside: dict[str, Counter[str]] = {}
        self._first: dict[tuple[str, str], Row] = {}

    def add(self, rows: pa.Table, aside: pa.Table, lost: int = 0) -> None:
        """`rows` were read; `aside`, with their problems, are set aside, `lost` superseded."""
        self.lost += lost
        for each in pc.value_counts(rows["source"]).to_pylist():
            self._read[each["values"]] += each["counts"]
        for row in aside.select(["source", "file", "row", *PROBLEM_NAMES]).to_pylist():
            source, problem = row["source"], row["problem"]
            self._aside.setdefault(source, Counter())[problem] += 1
            self._note(source, problem, row)

    def as_data(self) -> dict[str, Any]:
        """What was counted, as plain data."""
        first = [[source, problem, row] for (source, problem), row in self._first.items()]
        return {"lost": self.lost, "read": self._read, "aside": self._aside, "first": first}

    def take(self, data: Mapping[str, Any]) -> None:
        """What another one counted, too."""
        self.lost += data["lost"]
        self._read.update(data["read"])
        for source, problems in data["aside"].items():
            self._aside.setdefault(source, Counter()).update(problems)
        for source, problem, row in data["first"]:
            self._note(source, problem, row)

    def _note(self, source: str, problem: str, row: Row) -> None:
        """The first row with a problem."""
        first = self._first.setdefault((source, problem), row)
        if _place(row) < _place(first):
            self._first[source, problem] = row

    def facts(self) -> dict[str, Any]:
        """read = accepted + superseded + quarantined, and the problems."""
        problems = sum(self._aside.values(), Counter())
        read, quarantined = self._read.total(), problems.total()
        return {
            "read": read, "accepted": read - self.lost - quarantined, "superseded": self.lost,
            "quarantined": quarantined, "problems": dict(sorted(problems.items())),
        }  # fmt: skip

    def enforce(self, limits: Mapping[str, Any]) -> None:
        """A broken source must not quietly empty a table. What a person dropped is no sign of one.

        Raises:
            StageError: too many rows of a source, or all of them, would be set aside.
        """
        most = limits["max_quarantined_share"]
        for source in sorted(self._read):
            problems = self._aside.get(source, Counter())
            read, aside = (count - problems[DROPPED] for count in (self._read[source], problems.total()))
            if aside > most * read and (read >= limits["min_rows_for_share"] or aside == read > 0):
                raise StageError(
                    f"{self.table} of {source}: {aside} of {read} rows cannot be accepted, more than the "
                    f"{most:.0%} allowed; {self._commonest(source)}",
                    hint="correct the file, or raise [checks] max_quarantined_share: at 1 all go on, and pdp rejected lists them",
                )

    def _commonest(self, source: str) -> str:
        """The rule that most rows break, and the first of these rows."""
        problems = self._aside[source].items()
        problem, count = min((p for p in problems if p[0] != DROPPED), key=lambda each: (-each[1], each[0]))
        example = self._first[source, problem]
        cell = f", {example['problem_cell']}" if example["problem_cell"] else ""
        return (
            f"most often {problem} ({count}), first in {example['file']}, row {example['row']}{cell}: "
            f"{example['problem_sentence']}"
        )


def _place(row: Row) -> tuple[str, int]:
    return row["file"], row["row"]


class Copies:
    """Collects from the parts of one table which files look like downloads of one sheet and differ; see `in_one_copy`."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[set[str], int]] = {}

    def take(self, found: Iterable[Sequence[Any]]) -> None:
        for latest, older, readings in found:
            names, count = self._found.get(latest, (set(), 0))
            self._found[latest] = names | set(older), count + readings

    def facts(self) -> dict[str, Any]:
        """A sentence for each sheet, for a person to read; nothing where there is nothing to say."""
        notes = [self._sentence(latest, *self._found[latest]) for latest in sorted(self._found)]
        return {"notes": notes} if notes else {}

    @staticmethod
    def _sentence(latest: str, older: set[str], readings: int) -> str:
        others = sorted(older, key=lambda name: (len(name), name))
        many = f" and {len(others) - 1} more" if len(others) > 1 else ""
        stand = "1 reading stands" if readings == 1 else f"{readings} readings stand"
        return (
            f"{others[0]}{many} and {latest} look like downloads of one sheet, and {stand} in one of them only: what was "
            "corrected or deleted in the sheet counts as long as an old download lies there; keep the newest one alone"
        )
