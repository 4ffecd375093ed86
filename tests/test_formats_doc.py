"""docs/formats.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from pdp.schema import Schema
from stages import schemas

TEXT = (Path(__file__).parent.parent / "docs/formats.md").read_text()


def documented() -> dict[str, tuple[str, str]]:
    """Column -> the wide and the narrow range that the table of "Plausible ranges" tells."""
    rows = re.findall(r"^\| ([a-z0-9_, ]+) \| [^|]+ \| (\S+) \|\s*(\S*)\s*\|", TEXT, re.MULTILINE)
    return {column: (wide, narrow) for columns, wide, narrow in rows for column in columns.split(", ")}


def declared() -> dict[str, tuple[str, str]]:
    """The same, from the sentences of the checks."""
    found: dict[str, tuple[str, str]] = {}
    for table in (value for value in vars(schemas).values() if isinstance(value, Schema)):
        ranges = {c.name: re.search(r"(\d\S*) (?:and|to) (\d\S*)", c.sentence) for c in table.checks}
        for name, match in ranges.items():
            if match and name.endswith("_range") and name != "time_range":
                column = name.removesuffix("_range")
                narrow = ranges.get(f"{column}_unusual")
                found[column] = tuple(f"{m[1]}–{m[2]}" if m else "" for m in (match, narrow))  # type: ignore[assignment]
    return found


def test_documented_ranges_are_those_of_the_schemas() -> None:
    """The table of plausible ranges names every column that is checked, with its two ranges."""
    assert documented() == declared()


def test_links_within_lead_somewhere() -> None:
    """Each link to a heading of the page has its heading."""
    headings = {
        re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings
