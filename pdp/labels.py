"""Names from outside: what another computer calls a file is a label to show, and never a path to write to.

A member of a zip, a file in a Drive folder or a tab of a sheet may be called `../../dodo.py`, `NUL` or 5,000 signs.
`label` makes such a name fit to be shown and recorded, `safe_names` gives the names under which the bytes may be kept.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

MAX_LABEL = 200  # characters
MAX_NAME = 150  # bytes of UTF-8: file systems take 255, and a temp name or a mark is put around it
MANIFEST = "manifest.json"

_SLASHES = "/\\\u2044\u2215\u2216\u29f8\u29f9"  # and what may pass for one
_FORBIDDEN = frozenset('<>:"|?*' + _SLASHES)
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in range(10)]  # superscript digits fold to these
)
_NO_SIGN = "\N{REPLACEMENT CHARACTER}"


def label(name: str) -> str:
    """`name` fit to be shown: NFC, on one line, every sign visible, at most `MAX_LABEL` characters.

    A terminal's control sequences, changes of the writing direction and halves of signs become U+FFFD. Where a name is
    too long its middle gives way to a hash of the whole, so that two long names stay two labels.
    """
    shown = "".join(map(_visible, unicodedata.normalize("NFC", name)))
    if len(shown) <= MAX_LABEL:
        return shown
    mark = f"…{_hash(name)}…"
    return shown[: MAX_LABEL // 2] + mark + shown[len(mark) - MAX_LABEL // 2 :]


def safe_name(name: str) -> str:
    """`name` as one component of a path that Linux, macOS and Windows take as it stands, at most `MAX_NAME` bytes.

    It has no separator, is no device and no hidden file, and never that of the manifest beside it. A name that is safe
    already is given back as it is (in NFC).
    """
    safe = "".join(map(_harmless, unicodedata.normalize("NFC", name))).rstrip(". ") or "unnamed"
    if safe[0] in ". -~" or _device(safe) in _DEVICES or safe.casefold() == MANIFEST:
        safe = f"_{safe.lstrip('. ')}"
    return safe if len(safe.encode()) <= MAX_NAME else _cut(safe)


def safe_names(named: Mapping[str, str]) -> dict[str, str]:
    """For each key (an id that the remote keeps) the file name for its `name`: safe, and no two alike on any system.

    A name that is safe and nobody else's stays as it is. Any other is led by a hash of its key, `1a2b3c4d-name`: so it
    depends neither on the order of the files nor on a clock, and the reader still knows the file by its name.
    """
    plain = {key: safe_name(name) for key, name in named.items()}
    shared = Counter(map(_folded, plain.values()))
    found: dict[str, str] = {}
    taken = {_folded(safe) for safe in plain.values()}
    for key in sorted(named):
        safe = plain[key]
        if shared[_folded(safe)] > 1 or safe != unicodedata.normalize("NFC", named[key]):
            digits = 8
            while _folded(found.setdefault(key, f"{_hash(key, digits)}-{safe}")) in taken:
                digits += 1
                del found[key]
            taken.add(_folded(found[key]))
        else:
            found[key] = safe
    return found


def _visible(sign: str) -> str:
    return " " if unicodedata.category(sign) == "Zs" else sign if sign.isprintable() else _NO_SIGN


def _harmless(sign: str) -> str:
    """Wide and small forms of a separator or a dot are taken for what some systems turn them into."""
    plain = unicodedata.normalize("NFKC", sign)
    bad = not sign.isprintable() or any(part in _FORBIDDEN or (part == "." != sign) for part in plain)
    return "_" if bad else sign


def _device(name: str) -> str:
    """What Windows compares with its devices: `nul.tar.gz` is one, and so is `NUL .txt`."""
    return _folded(name.partition(".")[0].rstrip())


def _cut(name: str) -> str:
    """`name` within the limit: its beginning, a hash of the whole, and its suffix."""
    stem, dot, suffix = name.rpartition(".")
    end = f"-{_hash(name)}" + (f".{suffix}" if stem and len(suffix.encode()) <= 16 else "")
    room = MAX_NAME - len(end.encode())
    return (stem if dot else name).encode()[:room].decode(errors="ignore").rstrip(". ") + end


def _folded(name: str) -> str:
    """Names that a file system which ignores case, accents' form or width takes for one have one of these."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _hash(text: str, digits: int = 8) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
