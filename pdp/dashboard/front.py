"""The public page at the door: the demo's HTML report, with the ways on from it."""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')
BODY = b"<body>"
NAV = """<nav aria-label="pdp"><p><strong>An invented person.</strong> No number here is anyone's. &nbsp;
<a href="/live/">Live charts</a>{door}</p></nav>"""
DOOR = ' &nbsp; <a href="/login">Log in to your own data</a>'


class Front(NamedTuple):
    """The page, as it is and packed, and the policy that it is served with: its own, and that nobody may frame it."""

    content: bytes
    packed: bytes
    policy: str


def read(page: Path, with_door: bool) -> Front | None:
    """The page that `pdp demo --public-page` made; None where there is none, or none that keeps itself to itself."""
    try:
        return _made(page, page.stat().st_mtime_ns, with_door)
    except FileNotFoundError:
        return None


@lru_cache(maxsize=2)
def _made(page: Path, _changed: int, with_door: bool) -> Front | None:
    content = page.read_bytes()
    policy = POLICY.search(content)
    if policy is None:
        return None
    nav = NAV.format(door=DOOR if with_door else "")
    whole = content.replace(BODY, BODY + nav.encode(), 1)
    return Front(whole, gzip.compress(whole), f"{policy[1].decode()}; frame-ancestors 'none'")
