"""`pdp fingerprint`: the identity of code, of any folder of Python packages."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from pdp.errors import PdpError
from pdp.fingerprint import Fingerprint, fingerprint
from pdp.look import parse, print_json, table
from pdp.places import project_root

USAGE = """pdp fingerprint MODULE:FUNCTION [--root DIR] [--explain] [--json]
  The digest of a function and of all it reaches, as the first word. --root is the folder that holds the packages (the
  project's if none is named); --explain adds each statement that counts and how it is reached."""


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--explain", "--json"), options=("--root",))
    ref = arguments.words(1, 1)[0]
    root = Path(arguments.options["--root"]) if "--root" in arguments.options else _root()
    found = fingerprint(ref, root)
    if "--json" in arguments.flags:
        print_json(asdict(found))
    elif "--explain" in arguments.flags:
        print(explained(found))
    else:
        print(found.digest)
    return 0


def _root() -> Path:
    """The project around the working folder; the working folder itself outside one."""
    try:
        root = Path(project_root(str(Path.cwd())))
    except PdpError:
        return Path.cwd()
    return root if Path.cwd().is_relative_to(root) else Path.cwd()


def explained(found: Fingerprint) -> str:
    """The digest, then a line for each statement, data file and warning."""
    rows = [[f"  {s.file}:{s.line}", ", ".join(s.names), s.reached] for s in found.statements]
    lines = [f"{found.digest}  {found.ref}", *([table(rows)] if rows else [])]
    lines += [f"  {path}  data file, sha256 {sha256[:12]}" for path, sha256 in found.resources]
    return "\n".join([*lines, *(f"  warning: {warning}" for warning in found.warnings)])
