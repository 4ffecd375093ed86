"""`pdp gc`, `pdp pin` and `pdp unpin`: which old versions are kept."""

from __future__ import annotations

import os

from pdp.errors import PdpError
from pdp.look import count, parse, print_json
from pdp.look.versions import is_held, label, pick
from pdp.places import nothing_built, project_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pdp.gc import Report
    from pdp.session import Session

USAGE = """pdp gc [--dry-run] [--json]
  Collects old versions that the settings under [store] do not keep. What is current, pinned or of the last complete
  run, and what it was made from, stays; so do all records. --dry-run only says what would go."""
PIN = """pdp pin ARTIFACT@vN [--json]
  Keeps a version from being collected by pdp gc."""
UNPIN = """pdp unpin ARTIFACT@vN [--json]
  Lets pdp gc collect the version again."""


def main(argv: list[str]) -> int:
    from dataclasses import asdict

    from pdp.gc import collect
    from pdp.signals import install
    from pdp.start import writing

    install()  # opening the project may write already
    arguments = parse(argv, USAGE, flags=("--dry-run", "--json"))
    arguments.words(0, 0)
    dry_run = "--dry-run" in arguments.flags
    session = open_session(read_only=dry_run)
    if dry_run:
        report = collect(session, dry_run=True)
    else:
        with writing(session):
            report = collect(session)
    if "--json" in arguments.flags:
        print_json(asdict(report) | {"fits": report.fits, "dry_run": dry_run})
    else:
        print(text(report, dry_run))
    return 0


def open_session(*, read_only: bool = False) -> Session:
    """The project's session.

    Raises:
        PdpError: nothing was built yet, or the config is wrong.
    """
    from pathlib import Path

    from pdp.session import Session

    root = project_root(os.getcwd())
    session = Session(Path(root), os.environ, read_only=read_only)
    if not session.path("registry.db").is_file():
        raise nothing_built(root, str(session.data))
    return session


def text(report: Report, dry_run: bool) -> str:
    """The report as a person reads it."""
    collect, remove = ("would collect", "would remove") if dry_run else ("collected", "removed")
    lines = [f"{collect} {version}" for version in report.removed]
    lines.append(f"{collect} {count(report.removed_objects, 'object')}, {size(report.removed_bytes)}")
    if report.leftovers:
        files = count(report.leftovers, "file")
        lines.append(f"{remove} {files} that a killed run left, {size(report.leftover_bytes)}")
    lines.append(f"kept {count(report.kept_objects, 'object')}, {size(report.kept_bytes)}")
    if not report.fits:
        limit = size(report.limit_bytes)
        lines.append(f"larger than max_size_mb ({limit}) all the same: what is left is current, pinned, or made those")
    return "\n".join(lines)


def size(number: int) -> str:
    """Bytes in the unit that reads best."""
    for unit, factor in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} bytes"


def pin(argv: list[str]) -> int:
    return _set_pin(argv, PIN, True)


def unpin(argv: list[str]) -> int:
    return _set_pin(argv, UNPIN, False)


def _set_pin(argv: list[str], usage: str, wanted: bool) -> int:
    arguments = parse(argv, usage, flags=("--json",))
    name = arguments.words(1, 1)[0]
    from pdp.registry.history import History
    from pdp.start import writing

    session = open_session()
    with writing(session), session.chain.transaction():
        version = pick(History(session.registry.db), name, explicit=True)
        if wanted and not is_held(str(session.data), version):
            raise PdpError(f"{label(version)} was collected already", hint="there is nothing left to keep")
        change = session.chain.pin if wanted else session.chain.unpin
        changed = change(version["artifact"], version["version"])
    if "--json" in arguments.flags:
        print_json({"artifact": label(version), "pinned": wanted, "changed": changed})
    elif wanted:
        print(f"{label(version)} is {'now' if changed else 'already'} pinned")
    else:
        print(f"{label(version)} {'is no longer' if changed else 'was not'} pinned")
    return 0
