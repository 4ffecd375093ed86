"""Uploads: content alone, content with metadata in one request, and resumable ones in pieces."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any

from pdp.double.api import ApiError, Call

PIECE = 256 * 2**10


@dataclass
class Pending:
    """A resumable upload: the request that began it, the bytes so far, the answer once all are there."""

    call: Call
    total: int | None
    received: bytearray = field(default_factory=bytearray)
    answer: Any = None

    @property
    def is_done(self) -> bool:
        return self.answer is not None


def body_of(call: Call) -> bytes | None:
    """The content of an upload in one request; its metadata goes to `call.json`.

    Raises:
        ApiError: 400, the body is not what the upload's type says.
    """
    kind = call.query.get("uploadType")
    if kind == "media":
        call.json = {}
        return call.body
    if kind != "multipart":
        raise ApiError(400, "badRequest", "unknown uploadType")
    head = f"Content-Type: {call.headers.get('Content-Type', '')}\r\n\r\n".encode()
    message = message_from_bytes(head + call.body, policy=policy.HTTP)
    parts = list(message.iter_parts()) if message.is_multipart() else []
    if message.get_content_type() != "multipart/related" or len(parts) != 2:
        raise ApiError(400, "badContent", "Malformed multipart body.")
    call.json = parsed(parts[0].get_payload(decode=True))
    call.json.setdefault("mimeType", parts[1].get_content_type())
    content: bytes = _raw_parts(call.body, message.get_boundary() or "")[1]
    if parts[1].get("Content-Transfer-Encoding", "binary") == "base64":
        return bytes(parts[1].get_payload(decode=True) or b"")
    return content


def _raw_parts(body: bytes, boundary: str) -> list[bytes]:
    """The parts' bytes as they came: the email package would change line ends in them."""
    pieces = re.split(rb"(?:^|\r?\n)--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*(?:\r?\n|$)", body)
    bodies = [re.split(rb"\r?\n\r?\n", piece, maxsplit=1) for piece in pieces if piece.strip()]
    return [parts[1] if len(parts) > 1 else b"" for parts in bodies]


def parsed(body: bytes | Any) -> dict[str, Any]:
    """A JSON body as an object.

    Raises:
        ApiError: 400, it is none.
    """
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ApiError(400, "parseError", "Parse Error")
    return value


def begin(call: Call) -> Pending:
    call.json = parsed(call.body)
    total = call.headers.get("X-Upload-Content-Length")
    return Pending(call, int(total) if total else None)


def receive(pending: Pending, content_range: str, body: bytes) -> bool:
    """Takes a piece; whether all is there now.

    Raises:
        ApiError: 400 or 416, the piece does not fit.
    """
    if asked := re.fullmatch(r"bytes \*/(\d+|\*)", content_range):
        return asked[1] != "*" and int(asked[1]) == len(pending.received)
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", content_range or f"bytes 0-{len(body) - 1}/{len(body)}")
    if not match:
        raise ApiError(400, "badRequest", "Failed to parse Content-Range header.")
    first, last = int(match[1]), int(match[2])
    total = None if match[3] == "*" else int(match[3])
    if first > len(pending.received) or last - first + 1 != len(body):
        raise ApiError(400, "badRequest", "Invalid request. The piece does not fit.")
    is_last = total is not None and last + 1 == total
    if not is_last and len(body) % PIECE:
        raise ApiError(400, "badRequest", "Pieces must be a multiple of 256 KiB.")
    pending.received[first:] = body
    return is_last
