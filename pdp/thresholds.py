"""Guidelines as data: the categories of blood pressure that charts draw and reports count (configs/thresholds.toml)."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

from pdp.errors import SettingsError, UsageError

FILE = "configs/thresholds.toml"
DEFAULT = "esc-2024-home"
"""A home set, since the readings come from a home cuff."""


@dataclass(frozen=True)
class Category:
    """Blood pressure from `systolic` or from `diastolic` on (mmHg); infinite where that value alone never counts."""

    name: str
    systolic: float
    diastolic: float


@dataclass(frozen=True)
class Guideline:
    """One set of thresholds: who says so, since when, for readings taken where; categories from low to high."""

    id: str
    name: str
    year: int
    setting: str
    source: str
    categories: tuple[Category, ...]
    hypertension: Category

    @property
    def label(self) -> str:
        """`ESC 2024, home`."""
        return f"{self.name} {self.year}, {self.setting}"

    def classify(self, systolic: float, diastolic: float) -> Category:
        """The category of a pair, best of a period's average: the higher one of the two values wins."""
        reached = [c for c in self.categories if systolic >= c.systolic or diastolic >= c.diastolic]
        return reached[-1] if reached else self.categories[0]

    def is_high(self, systolic: float, diastolic: float) -> bool:
        """Whether a pair is at or above the threshold of hypertension."""
        return systolic >= self.hypertension.systolic or diastolic >= self.hypertension.diastolic


@dataclass(frozen=True)
class Severe:
    """Above which values (mmHg) a reading is to be repeated, in words."""

    systolic: float
    diastolic: float
    advice: str

    def is_reached(self, systolic: float, diastolic: float) -> bool:
        return systolic > self.systolic or diastolic > self.diastolic


@dataclass(frozen=True)
class Thresholds:
    """All guidelines by id, in the file's order, and what is severe in any of them."""

    guidelines: Mapping[str, Guideline]
    severe: Severe

    def __getitem__(self, name: str) -> Guideline:
        """A guideline by its id.

        Raises:
            UsageError: there is none of that id.
        """
        if name not in self.guidelines:
            near = get_close_matches(name, self.guidelines, 1, 0.5)
            tip = f"did you mean {near[0]}?" if near else f"known are {', '.join(self.guidelines)}"
            raise UsageError(f"there is no guideline {name}", hint=tip)
        return self.guidelines[name]


def load(root: Path) -> Thresholds:
    """The thresholds of the project in `root`.

    Raises:
        SettingsError: the file is missing, is no TOML, or lacks or misspells something.
    """
    try:
        toml = tomllib.loads((root / FILE).read_text(encoding="utf-8"))
        guidelines = [_guideline(entry) for entry in toml["guideline"]]
        return Thresholds({one.id: one for one in guidelines}, Severe(**toml["severe"]))
    except OSError as error:
        raise SettingsError(f"{FILE} cannot be read: {error.strerror}", hint="put it back from the project") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{FILE} is not valid TOML: {error}") from error
    except KeyError as error:
        raise SettingsError(f"{FILE}: a guideline lacks {error}", hint="see the other ones") from error
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{FILE}: {error}", hint="see the other ones") from error


def _guideline(entry: Mapping[str, Any]) -> Guideline:
    first, *others = entry["categories"]
    categories = [Category(first["name"], -math.inf, -math.inf)]
    categories += [Category(c["name"], c.get("systolic", math.inf), c.get("diastolic", math.inf)) for c in others]
    for lower, higher in pairwise(categories):
        if higher.systolic < lower.systolic:
            raise ValueError(f"{entry['id']}: {higher.name} begins below {lower.name}")
    by_name = {category.name: category for category in categories[1:]}
    if entry["hypertension"] not in by_name:
        raise ValueError(f"{entry['id']}: there is no category {entry['hypertension']}")
    return Guideline(
        entry["id"], entry["name"], entry["year"], entry["setting"], entry["source"], tuple(categories),
        by_name[entry["hypertension"]],
    )  # fmt: skip
