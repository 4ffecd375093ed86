"""One `doit` in this process, and what it did, counted: `python counted.py REPORT [doit's words]`.

What is counted is work, not time: it is the same on every machine, however busy.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

found: dict[str, Any] = {"read": [], "statements": 0, "hashed": 0, "encoded": 0}
watched: list[Any] = []


def note(event: str, arguments: tuple[Any, ...]) -> None:
    tables = sys.modules.get("pdp.tables")
    if event == "open" and hasattr(tables, "Writers") and not watched:
        count_encoded(tables)
    if event == "open" and isinstance(arguments[0], str) and not os.path.isdir(arguments[0]):
        found["read"].append(os.path.abspath(arguments[0]))


def statement(text: str) -> None:
    found["statements"] += 1


def tracing(connect: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
    def traced(*arguments: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **named)
        connection.set_trace_callback(statement)
        return connection

    return traced


def counting(digest: Callable[..., Any]) -> Callable[..., Any]:
    def file_digest(file: Any, *arguments: Any, **named: Any) -> Any:
        found["hashed"] += os.fstat(file.fileno()).st_size
        return digest(file, *arguments, **named)

    return file_digest


def count_encoded(tables: Any) -> None:
    """Rows that are encoded. A writer opens its file first: so none is missed of a module that the run imports late."""
    encode = tables.encode

    def counting(table: Any, layout: Any) -> Any:
        found["encoded"] += table.num_rows
        return encode(table, layout)

    tables.encode = counting
    watched.append(tables)


def main(report: str, words: list[str]) -> None:
    from doit.__main__ import main as doit

    sys.argv[1:] = words
    sys.path.insert(0, os.getcwd())
    hashlib.file_digest = counting(hashlib.file_digest)
    sqlite3.connect = tracing(sqlite3.connect)  # type: ignore[assignment]
    sys.addaudithook(note)
    try:
        sys.exit(doit())
    finally:
        found["modules"] = len(sys.modules)
        Path(report).write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
