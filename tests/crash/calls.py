"""strace's lines as data: which call, on what, with which bytes, and the how-manieth of its name it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.crash.process import CALLS, Ended, run

TRACED = ",".join(f"?{name}" for name in CALLS)
LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)(.*)$")
UNFINISHED = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
DESCRIPTOR = re.compile(r"^(\d+|AT_FDCWD)<(.*?)>(?:\(deleted\))?$", re.DOTALL)
PIECE = re.compile(r'("(?:[^"\\]|\\.)*"|[<>{}\[\]]|, )')
WRITING = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC")


@dataclass(frozen=True)
class Call:
    """One call. `ordinal`: strace's own count of this name in this thread, which its `when=` refers to."""

    name: str
    ordinal: int
    arguments: tuple[str, ...]
    result: int | None
    of_main: bool

    @property
    def writes(self) -> bool:
        """Whether it may change anything: opening for reading only does not."""
        return self.name not in ("open", "openat") or any(flag in self.arguments[-1 - self._mode] for flag in WRITING)

    @property
    def _mode(self) -> int:
        return int(self.arguments[-1].startswith("0"))

    def earlier(self, tried: int) -> Call:
        """A call of this name before it: the one just before, then an eighth of the way to the first, then two, …"""
        step = min(tried, 1) + self.ordinal * max(tried - 1, 0) // 8
        return replace(self, ordinal=max(1, self.ordinal - step))

    @property
    def point(self) -> str:
        return f"{self.name}#{self.ordinal}"

    def path(self, index: int) -> str:
        """The path of an argument: of a descriptor (strace -y shows it), or a name as the program gave it."""
        found = DESCRIPTOR.match(self.arguments[index])
        if found:
            return _text(found.group(2))
        return _text(self.arguments[index].strip('"'))

    def data(self, index: int) -> bytes:
        return _bytes(self.arguments[index])

    def touches(self, root: Path) -> bool:
        """Whether it is about something below `root`, and not about what the command prints or the system's own files."""
        text = _text(" ".join(part for part in self.arguments if "/" in part or "\\x" in part))
        return str(root) in text

    @property
    def touches_data(self) -> bool:
        """Whether it is about a file, and not about what the command prints."""
        return self.name != "write" or not self.arguments[0].startswith(("1<", "2<"))


def trace(root: Path, words: Sequence[str], log: Path, *, data: bool = False) -> tuple[Ended, list[Call]]:
    """Runs a command to its end; gives its write-type calls. `data`: with all the bytes that were written."""
    shown = ["-xx", "-s", "1000000"] if data else ["-s", "0"]
    ended = run(root, words, ["-y", "-o", str(log), *shown, "-e", f"trace={TRACED}"])
    return ended, [call for call in parse(log.read_text()) if call.writes]


def parse(text: str) -> Iterator[Call]:
    """The calls that strace saw, in the order of their ends."""
    counts: Counter[tuple[str, str]] = Counter()
    begun: dict[str, tuple[str, int]] = {}
    main = text.partition(" ")[0]
    for seen in text.splitlines():
        line = seen
        if cut := UNFINISHED.match(seen):
            pid, rest = cut.groups()
            name = rest.partition("(")[0]
            counts[pid, name] += 1
            begun[pid] = (rest, counts[pid, name])
            continue
        ordinal = 0
        if end := RESUMED.match(seen):
            pid, rest = end.groups()
            start, ordinal = begun.pop(pid)
            line = f"{pid} {start}{rest}"
        if not (found := LINE.match(line)):
            continue
        pid, name, arguments, result, _ = found.groups()
        if not ordinal:
            counts[pid, name] += 1
            ordinal = counts[pid, name]
        yield Call(name, ordinal, tuple(_split(arguments)), None if result == "?" else int(result), pid == main)


def _split(arguments: str) -> Iterator[str]:
    """Arguments at the commas that are in no string and no bracket."""
    part, depth = "", 0
    if '"' not in arguments and "<" not in arguments:
        yield from arguments.split(", ")
        return
    for piece in PIECE.split(arguments):
        if piece in ("<", "{", "["):
            depth += 1
        elif piece in (">", "}", "]"):
            depth -= 1
        if piece == ", " and not depth:
            yield part
            part = ""
        else:
            part += piece
    yield part


def _bytes(argument: str) -> bytes:
    inner = argument.strip('"')
    return bytes.fromhex(inner.replace("\\x", "")) if inner else b""


def _text(shown: str) -> str:
    """A path that strace printed, plain or in \\x form."""
    return re.sub(
        r"(?:\\x[0-9a-f]{2})+", lambda m: bytes.fromhex(m.group().replace("\\x", "")).decode(errors="replace"), shown
    )
