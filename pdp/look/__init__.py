"""Commands that only look: they read the registry and the stats of files; they lock, change and run nothing."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdp.config import project_root
from pdp.errors import PdpError
from pdp.session import Session
from pdp.stage import Pipeline


@dataclass
class Arguments:
    """A light command's arguments: flags that were given, options with values, and the rest in order."""

    flags: set[str]
    options: dict[str, str]
    rest: list[str]


def parse(argv: list[str], usage: str, flags: tuple[str, ...] = (), options: tuple[str, ...] = ()) -> Arguments:
    """Splits `argv`; `--help` prints `usage` and ends.

    Raises:
        PdpError: an unknown flag, or an option without its value.
    """
    found = Arguments(set(), {}, [])
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word in ("--help", "-h"):
            print(usage)
            raise SystemExit(0)
        if word in flags:
            found.flags.add(word)
        elif name in options:
            text = value if equals else next(words, None)
            if text is None:
                raise PdpError(f"{name} wants a value", hint=f"usage: {usage.splitlines()[0]}")
            found.options[name] = text
        elif word.startswith("--"):
            raise PdpError(f"unknown option {word}", hint=f"usage: {usage.splitlines()[0]}")
        else:
            found.rest.append(word)
    return found


def open_project() -> tuple[Session, Pipeline]:
    """The project around the working folder, read only, with the pipeline as the last `doit` left it.

    Raises:
        PdpError: nothing was built yet, or the config is wrong.
    """
    session = Session(project_root(Path.cwd()), os.environ, read_only=True)
    if not session.path("registry.db").is_file():
        raise PdpError(f"nothing is built yet in {session.shown('.')}", hint="run doit")
    return session, pipeline_of(session)


def pipeline_of(session: Session) -> Pipeline:
    """The pipeline that dodo.py declares: as it was recorded, while the file is the same."""
    kept = session.registry.get("pipeline", "stages")
    dodo = (session.root / "dodo.py").read_bytes()
    if kept and kept["dodo"] == digest(dodo):
        return Pipeline.from_data(kept)
    sys.path.insert(0, str(session.root))
    import dodo as declared  # the slow way: dodo.py was edited since the last run

    return declared.PIPELINE  # type: ignore[no-any-return]


def digest(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def print_json(value: Any) -> None:
    import json

    print(json.dumps(value, indent=1, ensure_ascii=False))


def table(rows: list[list[str]], right: frozenset[int] = frozenset()) -> str:
    """Rows of text as aligned columns; `right` names the columns that hold numbers."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = (
        "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
