"""Names that should not become paths: by the rules of Linux, macOS and Windows, alone and combined. Made, not kept."""

from __future__ import annotations

import ntpath
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import PurePosixPath, PureWindowsPath

SEPARATORS = ["/", "\\", "//", "/./", "\\/", "\u2215", "\u2044", "\uff0f", "\uff3c", "%2f", "%5c", "\u29f8", ":"]
UPWARD = [
    "..",
    ".",
    "...",
    ". .",
    ".. ",
    "..\0",
    "\u2024\u2024",
    "\u2025",
    "\uff0e\uff0e",
    "%2e%2e",
    "..;",
    "~",
    "~root",
]
TARGETS = ["dodo.py", "etc/passwd", "registry.db", ".git/config", "manifest.json", "MANIFEST.JSON", "x.csv", ""]
ROOTS = [
    "/",
    "\\",
    "C:",
    "C:\\",
    "c:/",
    "\\\\server\\share\\",
    "\\\\?\\C:\\",
    "\\\\.\\",
    "file:///",
    "//host/",
    "~/",
    "$HOME/",
]
DEVICES = [
    "CON",
    "con",
    "PRN",
    "AUX",
    "NUL",
    "nul",
    "COM1",
    "COM9",
    "LPT1",
    "COM\u00b9",
    "LPT\u00b3",
    "CONIN$",
    "CONOUT$",
    "CLOCK$",
]
ENDINGS = ["", ".csv", ".tar.gz", ":", ".", " ", " .txt", ".csv.", ":$DATA", "::$INDEX_ALLOCATION", "\0.csv", "\n"]
ODD = ["", " ", ".", "..", "...", "-rf", "--help", "=1+1.csv", "*", "?", "a|b", "a<b>", 'a"b', "\x1b]0;t\x07", "\u202egnp.csv",
       "a\u200db", "\udc80.csv", "\ud800", "\U000e0001", "a" * 5000 + ".csv", "\u00e9" * 300, "e\u0301" * 300, "\U0001f9e0" * 90,
       ".hidden", "~$lock.xlsx", "x.csv.part", "\r\n", "\t", "a\nb.csv", "\ufeffx.csv", "x" * 254, "y." + "z" * 300]  # fmt: skip


@cache
def names() -> list[str]:
    """At least ten thousand different names, always the same."""
    return list(dict.fromkeys(_all()))


def _all() -> Iterator[str]:
    yield from ODD
    for up, separator, target in product(UPWARD, SEPARATORS, TARGETS):
        for depth in (1, 2, 7):
            yield (up + separator) * depth + target
            yield f"x{separator}{(up + separator) * depth}{target}"
    for root, target, separator in product(ROOTS, TARGETS, SEPARATORS):
        yield root + target.replace("/", separator)
        yield f"a{separator}{root}{target}"
    for device, ending, lead in product(DEVICES, ENDINGS, ("", " ", "x/", "..\\", "_")):
        yield lead + device + ending
    for odd, separator, target in product(ODD, SEPARATORS, TARGETS):
        yield odd + separator + target
        yield target + separator + odd


def escapes(name: str) -> str:
    """Why `name`, written below a folder, would not be a plain file in it on one of the three systems; '' if it would."""
    joined = PurePosixPath("/data/raw") / name
    windows = PureWindowsPath("D:\\data\\raw") / name
    rules = {
        "it is not one component on Linux": len(joined.parts) != 4 or ".." in joined.parts or "\0" in name,
        "it is not one component on Windows": len(windows.parts) != 4 or ntpath.splitdrive(name)[0] != "",
        "it is a device or a stream on Windows": windows.is_reserved() or ":" in name,
        "Windows drops its end": name != name.rstrip(". "),
        "Windows refuses a sign": any(sign in '<>"|?*\\' or ord(sign) < 32 for sign in name),
        "HFS+ overlooks a sign": any(unicodedata.category(sign) in ("Cf", "Cs", "Cn") for sign in name),
        "HFS+ would store another name": unicodedata.normalize("NFC", name) != name,
        "a system that folds width sees a path": any(s in unicodedata.normalize("NFKC", name) for s in "/\\:\0"),
        "it is hidden, or an option, or a home": name[:1] in (".", "-", "~"),
        "it is too long": len(name.encode("utf-8", "surrogatepass")) > 255 or len(name) > 240,
        "it would be the manifest": name.casefold() == "manifest.json",
    }
    return next((rule for rule, broken in rules.items() if broken), "")
