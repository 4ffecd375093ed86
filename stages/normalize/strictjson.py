"""JSON from outside, decoded strictly and within limits.

Python's own decoder takes NaN, lets a key come twice (the last wins), and has no limits of its own.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_TEXT = 2**20  # characters; a long night's items come to 50,000
MAX_DEPTH = 32  # objects and lists within each other; real payloads have 3
MAX_DIGITS = 18  # of a whole number: what 64 bits hold
_LONG_NUMBER = re.compile(rf"\d{{{MAX_DIGITS + 1}}}", re.ASCII)
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # to the end where nobody closes it
_BRACKET = re.compile(r"[\[\]{}]")


class Refused(ValueError):
    """The text is not taken; the message says why in a few words, without a piece of it."""


def decode(text: str) -> Any:
    """The value in `text`.

    Raises:
        Refused: it is no JSON, names a key twice, holds NaN or infinity, or is beyond a limit.
    """
    if len(text) > MAX_TEXT:
        raise Refused(f"it is longer than {MAX_TEXT:,} characters")
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise Refused("it is too deeply nested")
    # The check of each whole number costs as much as all the rest: it is left out where none can be too long.
    decoder = _CAREFUL if _LONG_NUMBER.search(text) else _DECODER
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise Refused(f"it breaks at character {error.pos + 1}") from None


def _depth(text: str) -> int:
    """How many objects and lists lie within each other, found without decoding."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(_TEXT.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Refused("a key stands there twice")
    return found


def _refuse(name: str) -> None:
    raise Refused(f"{name} is no number")


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise Refused("it holds an endless number")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
_CAREFUL = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_whole)
