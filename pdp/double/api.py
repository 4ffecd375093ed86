"""The contract: methods, parameters and fields as the discovery documents within google-api-python-client declare them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

APIS = (("drive", "v3"), ("drive", "v2"), ("sheets", "v4"))
BOOLEANS = {"true": True, "false": False}


class ApiError(Exception):
    """An answer that is an error: HTTP status, Google's one-word reason, its sentence."""

    def __init__(self, status: int, reason: str, message: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message or reason)
        self.status, self.reason, self.message = status, reason, message or reason
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Method:
    """One method of one API. `upload` names the upload path that it was reached by: '', 'simple' or 'resumable'."""

    id: str
    verb: str
    pattern: re.Pattern[str]
    parameters: Mapping[str, Any]
    scopes: frozenset[str]
    schema: str
    api: tuple[str, str]
    upload: str = ""


@dataclass
class Call:
    """One request that keeps to the contract."""

    method: Method
    path: dict[str, str]
    query: dict[str, Any]
    headers: Mapping[str, str]
    body: bytes
    email: str = ""
    json: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What is counted: the method's id, with `media` or `upload` where content travels."""
        media = self.query.get("alt") == "media"
        kind = " upload" if self.method.upload else " media" if media else ""
        version = "" if self.method.api[1] in ("v3", "v4") else f"{self.method.api[1]} "
        return f"{version}{self.method.id}{kind}"


@lru_cache
def document(name: str, version: str) -> dict[str, Any]:
    from googleapiclient.discovery_cache import get_static_doc

    return json.loads(get_static_doc(name, version))


@lru_cache
def methods() -> tuple[Method, ...]:
    """Every method that the documents declare."""
    return tuple(method for name, version in APIS for method in _declared(document(name, version), (name, version)))


def find(verb: str, path: str) -> tuple[Method, dict[str, str]]:
    """The method that a request names, and what its path says.

    Raises:
        ApiError: 404, there is no such method.
    """
    for method in methods():
        if method.verb == verb and (match := method.pattern.fullmatch(path)):
            return method, match.groupdict()
    raise ApiError(404, "notFound", "The requested URL was not found on this server.")


def parameters(method: Method, query: list[tuple[str, str]]) -> dict[str, Any]:
    """The query as values of the declared types; a repeated parameter is a list.

    Raises:
        ApiError: 400, a parameter is unknown, of the wrong type, or given twice.
    """
    found: dict[str, Any] = {}
    for name, text in query:
        declared = method.parameters.get(name)
        if declared is None or declared.get("location") == "path":
            raise ApiError(400, "badRequest", f'Invalid JSON payload received. Unknown name "{name}"')
        value = _typed(name, text, declared)
        if declared.get("repeated"):
            found.setdefault(name, []).append(value)
        elif name in found:
            raise ApiError(400, "badRequest", f'Invalid value for "{name}": given twice')
        else:
            found[name] = value
    missing = [name for name, one in method.parameters.items() if one.get("required") and one["location"] == "query"]
    for name in missing:
        if name not in found:
            raise ApiError(400, "required", f"Required parameter: {name}")
    return found


def _typed(name: str, text: str, declared: Mapping[str, Any]) -> Any:
    kind = declared.get("type")
    if "enum" in declared and text not in declared["enum"] and name != "alt":
        raise ApiError(400, "invalid", f'Invalid value for "{name}"')
    if kind == "boolean":
        if text.lower() not in BOOLEANS:
            raise ApiError(400, "invalid", f'Invalid value for "{name}"')
        return BOOLEANS[text.lower()]
    if kind == "integer":
        if not re.fullmatch(r"-?\d+", text):
            raise ApiError(400, "invalid", f'Invalid value for "{name}"')
        number = int(text)
        if number < int(declared.get("minimum", number)):
            raise ApiError(400, "invalidParameter", f'Invalid value for "{name}"')
        # "values above 1000 are coerced to 1000"
        return min(number, int(declared.get("maximum", number)))
    return text


def _declared(api: Mapping[str, Any], name: tuple[str, str]) -> Iterator[Method]:
    for method in _walk(api):
        known = {**api["parameters"], **method.get("parameters", {})}
        common = (
            method["id"], method["httpMethod"], known, frozenset(method.get("scopes", ())),
            method.get("response", {}).get("$ref", ""), name,
        )  # fmt: skip
        id_, verb, known, scopes, schema, api_name = common
        yield Method(id_, verb, _pattern(f"/{api['servicePath']}{method['path']}"), known, scopes, schema, api_name)
        for kind, protocol in method.get("mediaUpload", {}).get("protocols", {}).items():
            # A resumable upload is begun at the path of a simple one, as Google's own clients do.
            if kind == "simple":
                yield Method(id_, verb, _pattern(protocol["path"]), known, scopes, schema, api_name, "upload")


def _walk(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _walk(inner)


def _pattern(path: str) -> re.Pattern[str]:
    # `{range}` may hold a colon, `{spreadsheetId}:batchUpdate` ends before one; neither holds a slash.
    parts = re.split(r"\{(\w+)\}", path)
    return re.compile("".join(f"(?P<{p}>[^/]+?)" if i % 2 else re.escape(p) for i, p in enumerate(parts)))
