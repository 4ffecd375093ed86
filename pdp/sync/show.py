"""Both histories of two machines that ran apart, as lines for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pdp.sync.engine import Local, View

MOST = 20


def histories(view: View, local: Local) -> Iterator[str]:
    """What only this machine has, then what only the remote has: runs, with the stages that did something in each."""
    yield f"only here ({local.writer}):"
    yield from _runs([json.loads(local.record(digest)) for digest in view.ahead])
    last = f"last written by {view.head.writer} at {view.head.at}" if view.head else ""
    yield f"only in the remote ({last}):"
    yield from _runs([json.loads(text) for text in view.ledger.records[view.common :]])


def _runs(records: list[dict[str, Any]]) -> Iterator[str]:
    runs: dict[str, list[str]] = {}
    for record in records:
        run = record["run"]
        head = f"run {run['id']} of {run['started_at']}" if run else f"at {record['at']}"
        said = _said(record)
        runs.setdefault(head, []).extend([said] if said else [])
    lines = [f"  {head}: {', '.join(parts) or 'nothing built'}" for head, parts in runs.items()]
    yield from lines[:MOST]
    if len(lines) > MOST:
        yield f"  and {len(lines) - MOST} more"


def _said(record: dict[str, Any]) -> str:
    if record["kind"] in ("stage", "outcome"):
        made = " ".join(f"{one['name']}@v{one['version']}" for one in record.get("outputs", ()))
        return f"{record['stage']} {record['outcome']}" + (f" ({made})" if record["outcome"] == "built" else "")
    if record["kind"] in ("pin", "unpin"):
        return f"{record['kind']} {record['artifact']}@v{record['version']}"
    return str(record["kind"]) if record["kind"] in ("forget", "drop") else ""
