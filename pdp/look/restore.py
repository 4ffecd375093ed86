"""`pdp restore`: the bytes of a version, written to a file of one's own."""

from __future__ import annotations

from pathlib import Path

from pdp.disk import sync
from pdp.errors import PdpError
from pdp.look import open_history, parse, print_json
from pdp.look.versions import assert_held, label, pick
from pdp.store import Store

USAGE = """pdp restore ARTIFACT@vN --to FILE [--force] [--json]
  Writes that version's bytes to FILE. --force overwrites a file that is there."""


def main(argv: list[str]) -> int:
    arguments = parse(argv, USAGE, flags=("--force", "--json"), options=("--to",))
    name = arguments.words(1, 1)[0]
    if "--to" not in arguments.options:
        arguments.wrong("--to FILE is missing")
    history, data = open_history()
    version = pick(history, name)
    target = Path(arguments.options["--to"])
    _refuse(target, Path(data), force="--force" in arguments.flags)
    assert_held(data, version)
    try:
        Store(Path(data, "store")).copy_out(version["hash"], target)
        sync(target.parent)
    except OSError as error:
        raise PdpError(f"{target} cannot be written: {error.strerror}") from error
    if "--json" in arguments.flags:
        print_json(
            {"artifact": label(version), "file": str(target), "size": version["size"], "sha256": version["hash"]}
        )
    else:
        print(f"wrote {label(version)} to {target}")
    return 0


def _refuse(target: Path, data: Path, *, force: bool) -> None:
    if target.resolve().is_relative_to(data.resolve()):
        raise PdpError(
            f"{target} lies in the data folder, which is pdp's own",
            hint="name a file elsewhere; to have an old version as the current one, undo the edit that changed it",
        )
    if target.exists() and not target.is_file() and not target.is_dir():
        raise PdpError(f"{target} is no file", hint="name one that is not there yet")
    if target.is_dir():
        raise PdpError(f"{target} is a folder", hint="name a file in it")
    if target.exists() and not force:
        raise PdpError(f"{target} is there already", hint="name another file, or give --force")
