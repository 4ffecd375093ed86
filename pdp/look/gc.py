"""`pdp gc`, `pdp pin` and `pdp unpin`: which old versions are kept."""

from __future__ import annotations

import os

from pdp.errors import PdpError
from pdp.look import count, nothing_built, open_history, parse, print_json
from pdp.look.versions import is_held, label, pick
from pdp.places import project_root

USAGE = """pdp gc [--dry-run] [--json]
  Collects old versions that the settings under [store] do not keep. What is current or pinned, and what it was made
  from, stays; so do all records. --dry-run only says what would go."""
PIN = """pdp pin ARTIFACT@vN
  Keeps a version from being collected by pdp gc."""
UNPIN = """pdp unpin ARTIFACT@vN
  Lets pdp gc collect the version again."""


def main(argv: list[str]) -> int:
    from dataclasses import asdict
    from pathlib import Path

    from pdp.gc import collect
    from pdp.session import Session

    arguments = parse(argv, USAGE, flags=("--dry-run", "--json"))
    arguments.words(0, 0)
    dry_run = "--dry-run" in arguments.flags
    root = project_root(os.getcwd())
    session = Session(Path(root), os.environ, read_only=dry_run)
    if not session.path("registry.db").is_file():
        raise nothing_built(root, str(session.data))
    report = collect(session, dry_run)
    found = asdict(report) | {"fits": report.fits, "dry_run": dry_run}
    if "--json" in arguments.flags:
        print_json(found)
    else:
        print(text(found))
    return 0


def text(found: dict[str, object]) -> str:
    """The report as a person reads it."""

    def number(name: str) -> int:
        value = found[name]
        assert isinstance(value, int)
        return value

    verb = "would collect" if found["dry_run"] else "collected"
    versions = found["removed"]
    assert isinstance(versions, list)
    lines = [f"{verb} {version}" for version in versions]
    lines.append(f"{verb} {count(number('removed_objects'), 'object')}, {size(number('removed_bytes'))}")
    if number("leftovers"):
        word = "would remove" if found["dry_run"] else "removed"
        files = count(number("leftovers"), "file")
        lines.append(f"{word} {files} that a killed run left, {size(number('leftover_bytes'))}")
    lines.append(f"kept {count(number('kept_objects'), 'object')}, {size(number('kept_bytes'))}")
    if not found["fits"]:
        lines.append(
            f"The store is still larger than max_size_mb = {number('limit_bytes') // 1_000_000}: all that is left is "
            "current, pinned, or what those were made from."
        )
    return "\n".join(lines)


def size(number: int) -> str:
    """Bytes in the unit that reads best."""
    for unit, factor in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} bytes"


def pin(argv: list[str]) -> int:
    history, data = open_history(read_only=False)
    version = pick(history, parse(argv, PIN).words(1, 1)[0], explicit=True)
    if not is_held(data, version):
        raise PdpError(f"{label(version)} was collected already", hint="there is nothing left to keep")
    new = history.pin(version["artifact"], version["version"])
    print(f"{label(version)} is {'now' if new else 'already'} pinned")
    return 0


def unpin(argv: list[str]) -> int:
    history, _ = open_history(read_only=False)
    version = pick(history, parse(argv, UNPIN).words(1, 1)[0], explicit=True)
    was = history.unpin(version["artifact"], version["version"])
    print(f"{label(version)} is no longer pinned" if was else f"{label(version)} was not pinned")
    return 0
