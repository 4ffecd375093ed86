"""Commands that look: they read the registry and the stats of files; they run no stage and wait for no lock.

A light command is measured against bare Python (`bench/look.py`): what it does not need it does not import.
"""

from __future__ import annotations

import os
import time

from pdp import kept as kept
from pdp.errors import PdpError, UsageError
from pdp.places import nothing_built, project_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, NoReturn

    from pdp.registry import Registry
    from pdp.registry.history import History


ESCAPES = {number: f"\\u{number:04x}" for number in range(32)} | {ord('"'): '\\"', ord("\\"): "\\\\"}
INFINITY = float("inf")


class Arguments:
    """A light command's arguments: flags that were given, options with values, and the rest in order."""

    def __init__(self, usage: str) -> None:
        self.usage = usage
        self.flags: set[str] = set()
        self.options: dict[str, str] = {}
        self.rest: list[str] = []

    def number(self, option: str, default: int) -> int:
        """The value of an option that counts something.

        Raises:
            PdpError: it is no number, or negative.
        """
        text = self.options.get(option, str(default))
        if not (text.isascii() and text.isdigit()):
            self.wrong(f"{option} wants a number, not {text}")
        return int(text)

    def words(self, least: int, most: int) -> list[str]:
        """The rest, which must be so many words.

        Raises:
            PdpError: they are more or fewer.
        """
        if len(self.rest) < least:
            self.wrong("something is missing")
        if len(self.rest) > most:
            self.wrong(f"{self.rest[most]} is too much")
        return self.rest

    def wrong(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"usage: {self.usage.splitlines()[0]}")


def parse(argv: list[str], usage: str, flags: tuple[str, ...] = (), options: tuple[str, ...] = ()) -> Arguments:
    """Splits `argv`; `--help` prints `usage` and ends.

    Raises:
        PdpError: an unknown flag, or an option without its value.
    """
    found = Arguments(usage)
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
                found.wrong(f"{name} wants a value")
            found.options[name] = text
        elif word.startswith("--"):
            found.wrong(f"unknown option {word}")
        else:
            found.rest.append(word)
    return found


def data_folder(root: str) -> str:
    """The project's data folder, without a look at the config where that has not changed since the last look.

    Raises:
        SettingsError: the config is wrong.
    """
    given = os.environ.get("PDP_DATA_DIR") or kept.recall(root, "data")  # the environment wins over every file
    if given:
        return os.path.join(root, os.path.expanduser(given))
    from pathlib import Path

    from pdp import config

    began = time.time_ns()
    found = config.load(Path(root), os.environ, _remembered)
    kept.keep(root, "data", str(found.data_dir), config.sources(root, str(found.path)), began)
    return str(found.data_dir)


def _remembered(data: Path) -> Registry | None:
    """The registry, which knows settings that were validated before."""
    from pdp.registry import Registry

    path = data / "registry.db"
    return Registry(path, read_only=True) if path.is_file() else None


def open_history() -> tuple[History, str]:
    """What the project around the working folder remembers, and its data folder.

    Raises:
        PdpError: nothing was built yet, or the config is wrong.
    """
    from pdp.registry.history import History

    root = project_root(os.getcwd())
    data = data_folder(root)
    if not os.path.isfile(f"{data}/registry.db"):
        raise nothing_built(root, data)
    return History.open(f"{data}/registry.db"), data


def outlook() -> dict[str, Any]:
    """What is, and what a run would do, of the project around the working folder: see `pdp.outlook`.

    Raises:
        PdpError: nothing was built yet, or the config is wrong.
    """
    root = project_root(os.getcwd())
    found: dict[str, Any] | None = kept.recall(root, "outlook")
    if found is None:
        from pdp.outlook import look

        found = look(root)
    return found


def unknown(kind: str, name: str, known: list[str]) -> PdpError:
    """The error for a name that is not there, with the one that may have been meant."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    others = f"known are {', '.join(known)}" if known else "nothing was built yet: run doit"
    return PdpError(f"there is no {kind} {name}", hint=f"did you mean {near[0]}?" if near else others)


def print_json(value: Any) -> None:
    print(to_json(value))


def to_json(value: Any, line: str = "\n") -> str:
    """Plain data as JSON, as `json.dumps(value, indent=1, ensure_ascii=False)` gives it; loading json would cost more than
    a whole command does. What is no number is null.
    """
    inner = line + " "
    if isinstance(value, str):
        return f'"{value.translate(ESCAPES)}"'
    if isinstance(value, dict):
        parts = [f"{to_json(str(key))}: {to_json(item, inner)}" for key, item in value.items()]
        return f"{{{inner}{f',{inner}'.join(parts)}{line}}}" if parts else "{}"
    if isinstance(value, list | tuple):
        parts = [to_json(item, inner) for item in value]
        return f"[{inner}{f',{inner}'.join(parts)}{line}]" if parts else "[]"
    if value is None or value in (INFINITY, -INFINITY) or value != value:
        return "null"
    return ("true" if value else "false") if isinstance(value, bool) else repr(value)


def table(rows: list[list[str]], right: frozenset[int] = frozenset()) -> str:
    """Rows of text as aligned columns; `right` names the columns that hold numbers."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = (
        "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def count(number: int, noun: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
