"""Data files beside the code: named so that the identity of the code sees them."""

from __future__ import annotations

import sys
from pathlib import Path

from pdp.errors import PdpError


def resource(name: str) -> Path:
    """The file ``name`` in the folder of the module that calls; its bytes are part of that code's identity.

    Write the name as a constant: ``resource("units.json")``. A computed one makes every data file of the folder count.

    Raises:
        PdpError: The name leaves the folder, or there is no such file.
    """
    caller = sys._getframe(1).f_code.co_filename
    folder = Path(caller).resolve().parent
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise PdpError(f"resource {name!r} leaves the folder {folder.name}/", hint="keep the file beside its module")
    if not path.is_file():
        raise PdpError(f"resource {name!r} is not in {folder.name}/", hint="add the file, or correct its name")
    return path
