"""A Google Sheet: its cells as they are, typed, in one file `sheet.json` that is written anew only if a cell changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pdp.errors import InputError
from pdp.fetched import SHEET
from pdp.google.access import SHEETS, Access, clients
from stages.ingest.whole import write_whole

FORMAT = "pdp-sheet-1"
WHAT = "the sheet"
METADATA = {"fields": "properties(title,locale,timeZone),sheets.properties(sheetId,title,sheetType)"}
# Numbers as numbers, dates as days since 1899-12-30; what is text then was typed as text.
TYPED = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "SERIAL_NUMBER", "majorDimension": "ROWS"}


def ask(folder: Path, settings: Mapping[str, Any], access: Access, sha256: object) -> dict[str, Any]:
    """Brings `folder`/sheet.json up to date, in two requests. Gives {tabs, changed}.

    The file holds {format, title, locale, timeZone, tabs: [{title, id, rows}]}; a row is a list of cells (text, number
    or boolean), blank rows are empty lists, so that row and column tell a cell's address.

    Raises:
        GoogleError: the sheet cannot be reached.
        InputError: it has no such tab.
    """
    http = clients().sheets(access, (SHEETS,)).http_client
    about = http.fetch_sheet_metadata(settings["id"], dict(METADATA))
    tabs = _chosen(about["sheets"], settings["tabs"])
    ranges = [_quoted(tab["title"]) for tab in tabs]
    answer = http.values_batch_get(settings["id"], ranges, dict(TYPED))
    values = [one.get("values", []) for one in answer["valueRanges"]]
    if len(values) != len(tabs):
        raise InputError(f"Google answered {len(values)} of {len(tabs)} tabs", hint="run again")
    properties = about["properties"]
    content = {
        "format": FORMAT,
        **{name: properties.get(name, "") for name in ("title", "locale", "timeZone")},
        "tabs": [
            {"title": tab["title"], "id": tab["sheetId"], "rows": rows} for tab, rows in zip(tabs, values, strict=True)
        ],
    }
    return {"tabs": len(tabs), "changed": write_whole(folder / SHEET, _bytes(content))}


def _chosen(sheets: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> list[Mapping[str, Any]]:
    """The tabs with cells that the settings name, by title or id, in the settings' order; without any the first."""
    tabs = [sheet["properties"] for sheet in sheets if sheet["properties"].get("sheetType", "GRID") == "GRID"]
    if not tabs:
        raise InputError("the sheet has no tab with cells", hint="is it the right one?")
    found = []
    for number, name in enumerate(wanted, 1):
        tab = next((tab for tab in tabs if tab["title"] == name), None)
        tab = tab or next((tab for tab in tabs if str(tab["sheetId"]) == name), None)
        if tab is None:  # titles are a person's words, and this may be printed into a log that others read
            raise InputError(
                f"number {number} of fetch.google_sheets.tabs is none of the {len(tabs)} tabs of the sheet",
                hint="pdp doctor lists them",
            )
        if tab not in found:
            found.append(tab)
    return found or tabs[:1]


def _quoted(title: str) -> str:
    return "'" + title.replace("'", "''") + "'"


def _bytes(content: Mapping[str, Any]) -> bytes:
    """One row a line, so that a person can read and compare it; the same cells give the same bytes."""
    head = json.dumps({name: content[name] for name in content if name != "tabs"}, ensure_ascii=False, indent=0)
    tabs = []
    for tab in content["tabs"]:
        rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in tab["rows"])
        title = json.dumps(tab["title"], ensure_ascii=False)
        tabs.append(f'{{"title": {title}, "id": {tab["id"]}, "rows": [\n{rows}\n]}}')
    return (head[:-2] + ',\n"tabs": [\n' + ",\n".join(tabs) + "\n]}\n").encode()
