"""The `fields` mask: `nextPageToken,files(id,name)`, checked against the schema and applied to an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pdp.double.api import ApiError

Mask = dict[str, "Mask"]
_TOKENS = re.compile(r"[\w*]+|[(),/]")  # a dot is another way to write a slash


def parse(text: str) -> Mask:
    """A mask as nested names; an empty inner mask takes all.

    Raises:
        ApiError: 400, it cannot be read.
    """
    plain = text.replace(" ", "").replace(".", "/")
    tokens = _TOKENS.findall(plain)
    if "".join(tokens) != plain:
        raise _invalid(text)
    mask, rest = _selection(tokens)
    if rest:
        raise _invalid(text)
    return mask


def check(mask: Mask, api: Mapping[str, Any], schema: str) -> None:
    """Refuses a name that the schema does not have: v3 has no `etag`.

    Raises:
        ApiError: 400, as Google says it.
    """
    properties = api["schemas"].get(schema, {}).get("properties")
    for name, inner in mask.items():
        if name == "*" or properties is None:
            continue
        if name not in properties:
            raise _invalid(name)
        declared = properties[name]
        declared = declared.get("items", declared)
        if inner and "$ref" in declared:
            check(inner, api, declared["$ref"])


def apply(mask: Mask, value: Any) -> Any:
    """What of an answer the mask lets through."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [apply(mask, each) for each in value]
    if isinstance(value, dict):
        return {name: apply(mask[name], each) for name, each in value.items() if name in mask}
    return value


def _selection(tokens: list[str]) -> tuple[Mask, list[str]]:
    mask: Mask = {}
    while tokens and tokens[0] not in "),":
        name, *tokens = tokens
        inner: Mask = {}
        if tokens[:1] == ["/"]:
            inner, tokens = _one(tokens[1:])
        elif tokens[:1] == ["("]:
            inner, tokens = _selection(tokens[1:])
            if tokens[:1] != [")"]:
                raise _invalid(name)
            tokens = tokens[1:]
        mask[name] = {**mask.get(name, {}), **inner}
        if tokens[:1] != [","]:
            break
        tokens = tokens[1:]
    return mask, tokens


def _one(tokens: list[str]) -> tuple[Mask, list[str]]:
    name, *rest = tokens
    if rest[:1] == ["/"]:
        inner, rest = _one(rest[1:])
        return {name: inner}, rest
    if rest[:1] == ["("]:
        inner, rest = _selection(rest[1:])
        return {name: inner}, rest[1:]
    return {name: {}}, rest


def _invalid(name: str) -> ApiError:
    return ApiError(400, "invalidParameter", f"Invalid field selection {name}")
