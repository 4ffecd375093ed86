"""Drive's `q`: terms joined by `and`. What is not understood is refused, as Google does, and never taken for true."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from pdp.double.api import ApiError

if TYPE_CHECKING:
    from pdp.double.drive import File

Test = Callable[["File"], bool]
_TEXT = r"'((?:[^'\\]|\\.)*)'"
_DOUBLE = r'"((?:[^"\\]|\\.)*)"'
_TERM = re.compile(
    rf"\s*(?:(?:{_TEXT}|{_DOUBLE})\s+in\s+(parents|writers|readers|owners)"
    rf"|(name|title|mimeType|trashed|fullText)\s*(!=|=|contains)\s*(?:{_TEXT}|{_DOUBLE}|(true|false))"
    rf"|(appProperties|properties)\s+has\s+\{{\s*key\s*=\s*{_TEXT}\s+and\s+value\s*=\s*{_TEXT}\s*\}})\s*"
)


def parse(text: str) -> tuple[Test, list[str]]:
    """(whether a file is meant, the ids of folders that the query names).

    Raises:
        ApiError: 400, it cannot be read.
    """
    tests: list[Test] = []
    folders: list[str] = []
    at = 0
    while at < len(text):
        match = _TERM.match(text, at)
        if not match:
            raise ApiError(400, "invalid", "Invalid Value")
        test = _term(match, folders)
        tests.append(test)
        at = match.end()
        if at < len(text):
            if not (joint := re.compile(r"and\s").match(text, at)):
                raise ApiError(400, "invalid", "Invalid Value")
            at = joint.end()
            if at == len(text):
                raise ApiError(400, "invalid", "Invalid Value")
    return lambda file: all(test(file) for test in tests), folders


def _term(match: re.Match[str], folders: list[str]) -> Test:
    one, other, place, name, sign, text, text2, word, kind, key, value = match.groups()
    if place:
        wanted = _plain(one if one is not None else other)
        if place == "parents":
            folders.append(wanted)
        return lambda file: wanted in file.people(place)
    if kind:
        wanted_key, wanted_value = _plain(key), _plain(value)
        return lambda file: file.properties(kind).get(wanted_key) == wanted_value
    if (name == "trashed") != (word is not None):
        raise ApiError(400, "invalid", "Invalid Value")
    if word is not None:
        return lambda file: file.trashed is ((word == "true") is (sign == "="))
    said = _plain(text if text is not None else text2)
    if sign == "contains":
        # For names, Google matches the beginnings of words only.
        return lambda file: re.search(rf"(?<![^\W_]){re.escape(said)}", file.told(name), re.IGNORECASE) is not None
    return lambda file: (file.told(name) == said) is (sign == "=")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
