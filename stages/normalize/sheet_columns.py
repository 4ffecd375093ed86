"""The header of a hand-kept sheet: its line, and which column is which, by names in several languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pdp.errors import InputError

HEADER_WITHIN = 20  # lines: titles and notes may stand above the header
ALIASES = {
    "date": "date datum fecha data día jour giorno day tag messdatum measurementdate datemeasured datedemesure",
    "time": "time uhrzeit zeit hora heure ora orario uhr clock messzeit measurementtime timemeasured timeofday",
    "timestamp": "timestamp zeitstempel zeitpunkt datetime dateandtime datumuhrzeit datumunduhrzeit datumzeit "
    "datumundzeit fechayhora fechahora marcatemporal horodateur dateheure dateetheure dataora dataeora "
    "informazionicronologiche measuredat",
    "systolic": "sys syst systolic systolisch systole systolischer sbp systolicbp systolicpressure upper uppervalue "
    "oberer obererwert oben systolique sistolica sistolico sistole pas massima",
    "diastolic": "dia diast diastolic diastolisch diastole diastolischer dbp diastolicbp diastolicpressure lower "
    "lowervalue unterer untererwert unten diastolique diastolica diastolico pad minima",
    "pulse": "pulse puls bpm hr heartrate pulserate pulsrate pouls pulso polso herzfrequenz hf fc "
    "frequencecardiaque frecuenciacardiaca frequenzacardiaca pulsation pulsations",
    "blood_pressure": "bp bloodpressure blutdruck rr tension tensionarterielle tensionarterial presion "
    "presionarterial pressione pressionearteriosa pression pressionarterielle sysdia systolicdiastolic "
    "systolischdiastolisch",
}
_FIELD_OF = {name: field for field, names in ALIASES.items() for name in names.split()}
_UNITS = frozenset({"mmhg", "mm", "hg", "bpm", "min"})


@dataclass(frozen=True)
class Columns:
    """The header's line, and by field the column's index and its own name."""

    line: int
    at: Mapping[str, int]
    names: Mapping[str, str]


def find(file: str, rows: Sequence[tuple[int, list[str]]], own: Mapping[str, str]) -> Columns:
    """The columns of `file`; `rows` are its first rows as (line, cells), `own` a person's own header by field.

    Raises:
        InputError: there is no header, it lacks a column, or two columns could be the same one.
    """
    wanted = _own_names(own)
    nearest: tuple[int, dict[str, list[int]], list[str]] | None = None
    for line, cells in rows:
        found = _fields(cells, wanted)
        if not _missing(found):
            return _columns(file, line, found, cells)
        if found and (nearest is None or len(found) > len(nearest[1])):
            nearest = line, found, cells
    if nearest is None:
        lines = f"its first {HEADER_WITHIN} lines"
        raise InputError(f"{file} has no header with a date and a pressure in {lines}", hint=_HINT)
    line, found, cells = nearest
    lacks = " and ".join(_missing(found))
    raise InputError(f"{file} lacks a column for {lacks}; line {line} has {_known_ones(found, cells)}", hint=_HINT)


def recognised(rows: Sequence[tuple[int, list[str]]], own: Mapping[str, str]) -> int:
    """How many columns the best of `rows` would have as a header."""
    wanted = _own_names(own)
    return max((len(_fields(cells, wanted)) for _, cells in rows), default=0)


_HINT = 'name the column Date, SYS, DIA or BP, or tell pdp its name: [google_sheets.columns] systolic = "..."'


def _own_names(own: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(own) - set(ALIASES))
    if unknown:
        raise InputError(
            f"google_sheets.columns names {unknown[0]}, which is no column of a sheet",
            hint=f"it may name {', '.join(ALIASES)}",
        )
    return {_joined(_tokens(name)): field for field, name in own.items()}


def _fields(cells: Sequence[str], own: Mapping[str, str]) -> dict[str, list[int]]:
    """By field the columns that could be it; a person's own names win over all others."""
    named: dict[str, list[int]] = {}
    known: dict[str, list[int]] = {}
    for index, cell in enumerate(cells):
        if field := own.get(_joined(_tokens(cell))):
            named.setdefault(field, []).append(index)
        elif field := _known(cell):
            known.setdefault(field, []).append(index)
    found = known | named
    if "date" not in found and "timestamp" in found:
        found["date"] = found["timestamp"]
    if {"systolic", "diastolic"} <= found.keys():
        found.pop("blood_pressure", None)
    elif "blood_pressure" in found:
        found = {field: at for field, at in found.items() if field not in ("systolic", "diastolic")}
    return {field: at for field, at in found.items() if field != "timestamp"}


def _missing(found: Mapping[str, object]) -> list[str]:
    lacks = [] if "date" in found else ["the date"]
    if "blood_pressure" in found:
        return lacks
    return lacks + [f"the {field} pressure" for field in ("systolic", "diastolic") if field not in found]


def _columns(file: str, line: int, found: Mapping[str, list[int]], cells: Sequence[str]) -> Columns:
    for field, (first, *more) in found.items():
        if more:
            raise InputError(
                f"{file} has two columns for {field.replace('_', ' ')}: {letter(first)} and {letter(more[0])}",
                hint=f'rename one, or tell pdp which counts: [google_sheets.columns] {field} = "..."',
            )
    at = {field: found[field][0] for field in sorted(found)}
    return Columns(line, at, {field: _name(cells[index]) for field, index in at.items()})


def _name(cell: str) -> str:
    """A header as people are told of it, without remarks in brackets: `Systolic (mmHg)`, but not `SYS (of somebody)`."""

    def kept(remark: re.Match[str]) -> str:
        words = _tokens(remark[1])
        return remark[0] if _FIELD_OF.get(_joined(words)) or _UNITS.issuperset(words) else " "

    return " ".join(re.sub(r"[(\[](.*?)[)\]]", kept, cell).split())


def letter(index: int) -> str:
    """The letter of a column as a spreadsheet shows it: 0 is A, 26 is AA."""
    return (letter(index // 26 - 1) if index > 25 else "") + chr(65 + index % 26)


def _known(cell: str) -> str | None:
    """The field of a header such as `Systolic (mmHg)`, `BP (sys/dia)` or `Blood pressure (systolic)`."""
    within = re.findall(r"[(\[](.*?)[)\]]", cell)
    without = re.sub(r"[(\[].*?[)\]]", " ", cell)
    for text in (cell, *within, without):
        tokens = _tokens(text)
        for name in (_joined(tokens), _joined(tokens, accents=False)):
            if field := _FIELD_OF.get(name) or _FIELD_OF.get(_without_prefix(name)):
                return field
    return None


def _without_prefix(name: str) -> str:
    """`blutdrucksystolisch` is `systolisch`."""
    prefix = re.match(r"bloodpressure|blutdruck|tension|presion|pressione?|bp|rr", name)
    return name[prefix.end() :] if prefix else name


def _tokens(text: str) -> list[str]:
    """The words in lower case, without units beside them."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).casefold())
    return [word for word in words if word not in _UNITS] or words


def _joined(tokens: Sequence[str], accents: bool = True) -> str:
    name = "".join(tokens)
    if accents:
        return name
    return "".join(char for char in unicodedata.normalize("NFD", name) if not unicodedata.combining(char))


def _known_ones(found: Mapping[str, Sequence[int]], cells: Sequence[str]) -> str:
    """The columns that were found, and how many were not: what stands in a cell may be a name, a note or a reading."""
    known = [f"{field.replace('_', ' ')} ({letter(index)})" for field, at in found.items() for index in at]
    others = sum(1 for cell in cells if cell.strip()) - len(known)
    return ", ".join(known) + (f" and {others} that pdp does not know" if others > 0 else "")
