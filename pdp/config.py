"""The light way to the settings: a config that was validated before costs a read and a hash, and no pydantic."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pdp import places
from pdp.errors import SettingsError

OWN = "configs/pdp.toml"
DEMO = "configs/demo.toml"
DOTENV = ".env"
ZONE = "PDP_TIMEZONE"
DEFAULT_DATA_DIR = "data"
NOT_SETTINGS = frozenset(
    {
        "GOOGLE_CREDENTIALS_BASE64", "PDP_ADDRESS_HEADER", "PDP_AGE_IDENTITY", "PDP_ALLOW_SHARED_FOLDER", "PDP_CONFIG",
        "PDP_DEBUG", "PDP_DEMO_DIR", "PDP_GOOGLE_ROOT", "PDP_OFFLINE", "PDP_OIDC_ADDRESS", "PDP_OIDC_ALLOWED",
        "PDP_OIDC_CLIENT_ID", "PDP_OIDC_CLIENT_SECRET", "PDP_OIDC_ISSUER", "PDP_STATE_SEAL", "PDP_VAULT", "PDP_WAIT",
    }
)  # fmt: skip
OTHER_NAMES = {
    "GOOGLE_APPLICATION_CREDENTIALS": "PDP_GOOGLE_CREDENTIALS",
    "GOOGLE_SHEETS_BP_ID": "PDP_FETCH_GOOGLE_SHEETS_ID",
    "MI_BAND_DRIVE_FOLDER_ID": "PDP_FETCH_MI_BAND_ID",
    "GOOGLE_DRIVE_STATE_FOLDER_ID": "PDP_GOOGLE_STATE_FOLDER_ID",
}
"""Names that Google's libraries and earlier pipelines use -> the setting's own variable, which wins."""
DOTENV_LINE = re.compile(
    r"""(?:export\s+)?(\w+)\s*=\s*(?:'([^']*)'|"((?:\\.|[^"\\])*)"|([^\s'"\#]\S*(?:\s++(?!\#)\S+)*)?)(?:\s+\#.*)?"""
)
MAX_BYTES = 2**20  # of a config file or `.env`
PLACE = re.compile(r"[^\x00-\x1f\ud800-\udfff]{1,1000}")  # a data folder, as `pdp.settings` has it

Variables = dict[str, tuple[str, str]]
"""PDP_ variable -> its text, and where it stands in the words of a sentence."""


class Memo(Protocol):
    """What remembers settings that were validated before (the registry)."""

    def get(self, kind: str, key: str) -> dict[str, Any] | None: ...

    def put(self, kind: str, key: str, values: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Config:
    """The settings in force: all values as plain JSON, the file they come from, and whether that file is the demo's."""

    values: dict[str, Any] = field(repr=False)
    path: Path
    is_demo: bool
    data_dir: Path
    given: Variables = field(default_factory=dict, repr=False)
    """The variables, those that are no settings included: a secret is never kept with the settings."""


def load(
    root: Path,
    environ: Mapping[str, str],
    open_memo: Callable[[Path], Memo | None] = lambda data_dir: None,
    *,
    with_dotenv: bool = True,
) -> Config:
    """The settings of the project in `root`, the folder of dodo.py.

    `open_memo(data_dir)` gives the memory of validated settings, or None where there is none yet.

    Raises:
        SettingsError: a file is missing or cannot be read, a key or variable is unknown, a value is wrong.
    """
    given = variables(root, environ, with_dotenv=with_dotenv)
    path = _find(root, given)
    name = display(path, root)
    content = b"" if path == root / DOTENV else _read(path, name)
    toml = _parse(content, name)
    overrides = {key: value for key, value in given.items() if key not in NOT_SETTINGS}

    data_dir = overrides["PDP_DATA_DIR"][0] if "PDP_DATA_DIR" in overrides else toml.get("data_dir", DEFAULT_DATA_DIR)
    memo = open_memo(data_folder(root, data_dir)) if _is_place(data_dir) else None
    key = _memo_key(content, overrides)
    values = memo.get("settings", key) if memo is not None else None
    if values is None:
        values = _validated(root, key if _is_place(data_dir) else "", toml, overrides, name)
        if memo is not None:
            memo.put("settings", key, values)
    values = values | {"data_dir": data_dir}
    return Config(values, path, path == root / DEMO, data_folder(root, values["data_dir"]), given)


def demo(root: Path, environ: Mapping[str, str]) -> Config:
    """The demo's settings for what everybody may see: neither `.env` nor a variable for one's own data has a say in them.

    PDP_DEMO_DIR names another folder for the demo's data.
    """
    place = {"PDP_DATA_DIR": environ["PDP_DEMO_DIR"]} if environ.get("PDP_DEMO_DIR") else {}
    return load(root, {"PDP_CONFIG": DEMO} | place, with_dotenv=False)


def sources(root: str, path: str) -> list[str]:
    """The files that settings come from, `path` being the one in force, and those that make sense of them."""
    code = os.path.dirname(__file__)
    named = [os.path.join(root, name) for name in (DOTENV, OWN, DEMO)]
    return [*named, path, f"{code}/config.py", f"{code}/settings.py"]


def slice(values: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """The top-level keys and sections that a stage declares, and nothing else.

    Raises:
        SettingsError: there is no such key or section.
    """
    wanted = list(keys)
    unknown = [key for key in wanted if key not in values]
    if unknown:
        raise SettingsError(
            f"a stage reads the setting {unknown[0]}, which there is not",
            hint="correct config=(...) of the stage in dodo.py, or add it to Settings in pdp/settings.py",
        )
    return {key: values[key] for key in wanted}


def variables(root: Path, environ: Mapping[str, str], *, with_dotenv: bool = True) -> Variables:
    """All variables of pdp in `.env` and the environment, which wins. An empty one counts as not given."""
    found = dict(_dotenv(root / DOTENV)) if with_dotenv else {}
    found |= {name: (text, f"environment variable {name}") for name, text in sorted(environ.items())}
    found = {OTHER_NAMES[name]: found[name] for name in OTHER_NAMES if name in found and found[name][0]} | found
    return {
        name: (text, where)
        for name, (text, where) in found.items()
        if text and (name.startswith("PDP_") or name in NOT_SETTINGS)
    }


def own_config(root: Path, given: Variables) -> Path:
    """The user's config file, whether it exists or not."""
    return root / os.path.expanduser(given["PDP_CONFIG"][0] if "PDP_CONFIG" in given else OWN)


def data_folder(root: Path, data_dir: str) -> Path:
    """The data folder that a setting names."""
    return root / os.path.expanduser(data_dir)


def display(path: Path, root: Path) -> str:
    """A path in the words of a sentence: relative to the project where it lies in it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def project_root(start: Path) -> Path:
    """The folder of dodo.py: above `start`, else the checkout that this package was installed from.

    Raises:
        SettingsError: neither holds one.
    """
    return Path(places.project_root(str(start)))


def _find(root: Path, given: Variables) -> Path:
    path = own_config(root, given)
    if path.is_file():
        return path
    if "PDP_CONFIG" in given:
        where = given["PDP_CONFIG"][1]
        raise SettingsError(f"{where} names {display(path, root)}, which is not a file", hint="mend or unset it")
    if ZONE in given:
        # A container or a job has no file of its own: with the one setting that has no default, the environment is a config.
        return root / DOTENV
    if (root / DEMO).is_file():
        return root / DEMO
    raise SettingsError(f"there is neither {OWN} nor {DEMO}", hint="run pdp init")


def _read(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise SettingsError(f"{name} is larger than a config ever is", hint="is it the right file?")
    return content


def _parse(content: bytes, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(content, name) + "\n")  # so that a mistake in the last line has a line number too
    except tomllib.TOMLDecodeError as error:
        hint = "a text needs quotes around it" if "Invalid value" in str(error) else ""
        raise SettingsError(f"{name} is not valid TOML: {error}", hint=hint) from error
    except (ValueError, RecursionError) as error:  # tomllib has no limits of its own
        raise SettingsError(f"{name} is not valid TOML: it is too deep, or a number too long") from error


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name} is not UTF-8", hint="save it as UTF-8") from error


def _dotenv(path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """KEY=VALUE lines, with quotes, comments and `export`. No sentence repeats a line: it may hold a secret."""
    if not path.is_file():
        return
    for number, line in enumerate(_text(_read(path, path.name), path.name).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = DOTENV_LINE.fullmatch(line.strip())
        if not match:
            raise SettingsError(f"{path.name} line {number} is not KEY=VALUE", hint="put quotes around the value")
        name, single, double, bare = match.groups()
        text = re.sub(r'\\(["\\])', r"\1", double) if double is not None else single or bare or ""
        yield name, (text, f"{path.name} line {number}: {name}")


def _is_place(data_dir: Any) -> bool:
    """Whether it is surely a name that the settings allow: then it is all the same to every other setting."""
    return isinstance(data_dir, str) and PLACE.fullmatch(data_dir) is not None


def _validated(root: Path, key: str, toml: dict[str, Any], overrides: Variables, name: str) -> dict[str, Any]:
    """The settings as pydantic takes them, or took them the last time: a new data folder knows of none yet.

    With no `key` nothing is taken from before.
    """
    from pdp.fingerprint import beside

    place = beside.place(root, ".settings")
    before = beside.load(place) if key else None
    if before and before[0] == key:
        known: dict[str, Any] = before[1]
        return known
    from pdp.settings import validate

    values = validate(toml, overrides, name)
    if key:
        beside.store(place, (key, values))
    return values


def _memo_key(content: bytes, overrides: Variables) -> str:
    """All that validated settings depend on, but for the data folder. The code is read: importing it would import pydantic."""
    code = Path(__file__).with_name("settings.py").read_bytes()
    parts = {
        "config": hashlib.sha256(content).hexdigest(),
        "variables": {name: text for name, (text, _) in overrides.items() if name != "PDP_DATA_DIR"},
        "code": hashlib.sha256(code).hexdigest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
