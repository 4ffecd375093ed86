"""Settings: every key a config may have, with its type, its default and a sentence.

This is the slow way in: it imports pydantic. `pdp.config` calls it only when a config has changed.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, get_origin
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from pdp.errors import SettingsError

Key = tuple[str, ...]


def is_zone(name: str) -> bool:
    """Whether the IANA list has this time zone."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    # `localtime` is whatever the machine says, `Factory` is no place.
    return frozenset(available_timezones() - {"Factory", "localtime"})


def _known_zone(name: str) -> str:
    if is_zone(name):
        return name
    by_spelling = {zone.lower(): zone for zone in sorted(_zones())}
    by_city = {zone.rpartition("/")[2].lower(): zone for zone in sorted(_zones())}
    wanted = name.strip().lower().replace(" ", "_")
    near = [by_city[wanted]] if wanted in by_city else []
    near += [by_spelling[zone] for zone in get_close_matches(wanted, by_spelling, 3)]
    tip = f"did you mean {' or '.join(dict.fromkeys(near))}?" if near else "write it like Europe/Berlin"
    raise ValueError(f'"{name}" is not a time zone of the IANA list; {tip}')


def _google_id(text: str) -> str:
    """The id in an address of Drive or Sheets, or the id itself."""
    found = re.search(r"/(?:d|folders)/([\w-]+)|[?&]id=([\w-]+)", text)
    id_ = (found[1] or found[2]) if found else text.strip()
    if id_ and not re.fullmatch(r"[\w-]{5,200}", id_, re.ASCII):
        raise ValueError("this is no id of Google's; copy the whole address from the browser")
    return id_


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class GoogleSheets(Section):
    """The blood-pressure sheet, downloaded as CSV into raw/google_sheets/."""

    enabled: bool = Field(True, description="whether this source is read at all")
    date_order: Literal["dmy", "mdy", "ymd"] = Field(
        "ymd",
        description="order of day, month and year in dates such as 01/02/2026: dmy, mdy or ymd; "
        "dates that begin with the year are always understood",
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description='your own column names, such as { systolic = "Oberer Wert" }'
    )


class MiBand(Section):
    """Exports of a Mi Fitness account (zip, folder or lone CSV) in raw/mi_band/."""

    enabled: bool = Field(True, description="whether this source is read at all")
    account: Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)] = Field(
        "",
        description="account id (Uid) whose rows count; needed only where the exports hold several accounts",
        repr=False,  # an account id stays out of messages
    )


class Google(Section):
    """How Google is reached, for the sources below and for remote state; docs/google.md says what to click."""

    credentials: str = Field(
        "",
        description="file of a service account's key, or of a person's OAuth token; also "
        "GOOGLE_APPLICATION_CREDENTIALS, or its content as GOOGLE_CREDENTIALS_BASE64",
    )
    state_folder_id: Annotated[str, AfterValidator(_google_id)] = Field(
        "", repr=False, description="Drive folder for remote state, as id or address; also GOOGLE_DRIVE_STATE_FOLDER_ID"
    )
    timeout_s: float = Field(30.0, gt=0, description="seconds that an answer may take before it is asked for again")


Unreachable = Literal["fail", "stale"]
UNREACHABLE = "fail: the source's stage fails; stale: the run goes on with what was fetched before, and says so"


class SheetPlace(Section):
    """The Google Sheet with the blood pressure. Without an id only files in raw/google_sheets/ are read."""

    id: Annotated[str, AfterValidator(_google_id)] = Field(
        "", repr=False, description="the sheet's id or its whole address; also GOOGLE_SHEETS_BP_ID"
    )
    tabs: list[str] = Field(
        default_factory=list,
        description='tabs to read, by title or by the number after "gid=" in the address; none: the first tab',
    )
    unreachable: Unreachable = Field("fail", description=UNREACHABLE)


class FolderPlace(Section):
    """The Drive folder with exports of Mi Fitness. Without an id only files in raw/mi_band/ are read."""

    id: Annotated[str, AfterValidator(_google_id)] = Field(
        "", repr=False, description="the folder's id or its whole address; also MI_BAND_DRIVE_FOLDER_ID"
    )
    unreachable: Unreachable = Field("fail", description=UNREACHABLE)


class Fetch(Section):
    """Where sources are fetched from, each time doit runs, unless with: doit offline=1"""

    google_sheets: SheetPlace = SheetPlace()
    mi_band: FolderPlace = FolderPlace()


class Checks(Section):
    """When a broken source fails its stage instead of quietly emptying a table."""

    max_quarantined_share: float = Field(0.2, ge=0, le=1, description="largest share of rows set aside, 0 to 1")
    min_rows_for_share: int = Field(
        20, ge=1, le=1_000_000_000, description="rows that a table needs before the share counts"
    )


class BloodPressure(Section):
    """How readings become sessions, mornings and evenings."""

    session_gap_min: int = Field(
        15, ge=0, le=1440, description="minutes after which the next reading opens a new session"
    )
    evening_from_hour: int = Field(12, ge=0, le=24, description="hour at which the evening begins")


class Sleep(Section):
    """What is noteworthy about a night."""

    short_night_min: int = Field(
        240, ge=0, le=1440, description="minutes below which a night is flagged; it is always kept"
    )


class Treatment(Section):
    """A day on which a treatment began, changed its dose or ended."""

    date: date
    label: str = Field(min_length=1, max_length=60)
    kind: Literal["start", "dose", "stop"] = "start"


class Report(Section):
    """What charts and reports hold readings against."""

    guideline: str = Field(
        "esc-2024-home", description="id of the thresholds in configs/thresholds.toml; a home cuff needs a home set"
    )


class Store(Section):
    """How many old versions are kept. The current one always is."""

    keep_versions: int = Field(10, ge=1, le=1_000_000, description="versions kept of each output, however old")
    keep_days: int = Field(90, ge=0, le=100_000, description="days for which every version is kept")
    max_size_mb: int = Field(2000, ge=1, le=1_000_000_000, description="megabytes that old versions may take in all")


class State(Section):
    """A second place for registry, store and raw files, from which another machine can go on: docs/state.md."""

    remote: str = Field(
        "", description="file:///folder, gdrive://ID, s3://bucket/folder or gs://bucket/folder; empty for none"
    )
    recipients: list[str] = Field(
        default_factory=list, description="age recipients that it is encrypted to; pdp key init makes them"
    )
    identity: str = Field("~/.config/pdp/key.txt", min_length=1, description="key file that reads it")
    raw: bool = Field(True, description="whether raw files are kept there too")


class Identity(Section):
    """What a result depends on besides its inputs, its code and its config."""

    library_majors: bool = Field(True, description="rebuild when pandas or pyarrow changes its major version")


class Settings(Section):
    """All settings. Only `timezone` has no default."""

    timezone: Annotated[str, AfterValidator(_known_zone)] = Field(
        description="IANA name of the zone you live in; used where a row does not tell its own offset",
        examples=["Europe/Berlin"],
    )
    data_dir: str = Field(
        "data",
        min_length=1,
        max_length=1000,
        pattern=r"^[^\x00-\x1f]*$",
        description="folder of raw data and results; a relative one begins at the folder of dodo.py",
    )
    day_starts_at: int = Field(
        0, ge=0, le=23, description="hour at which a day begins: with 4, a reading at 00:20 counts for the day before"
    )
    treatments: list[Treatment] = Field(
        default_factory=list,
        description="your treatments, drawn as lines in charts and reports: a list of "
        '{ date = 2025-10-16, label = "name and dose", kind = "start" }; kind is start, dose (a change) or stop',
        repr=False,
    )
    google_sheets: GoogleSheets = GoogleSheets()
    mi_band: MiBand = MiBand()
    google: Google = Google()
    fetch: Fetch = Fetch()
    checks: Checks = Checks()
    blood_pressure: BloodPressure = BloodPressure()
    sleep: Sleep = Sleep()
    report: Report = Report()
    store: Store = Store()
    state: State = State()
    identity: Identity = Identity()


def fields(model: type[Section] = Settings, parent: Key = ()) -> Iterator[tuple[Key, FieldInfo]]:
    """Every setting in declared order, as its key (`("mi_band", "account")`) and pydantic's description of it."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from fields(field.annotation, (*parent, name))
        else:
            yield (*parent, name), field


def variable(key: Key, joint: str = "_") -> str:
    """The environment variable of a setting."""
    return "PDP_" + joint.join(key).upper()


def validate(toml: Mapping[str, Any], variables: Mapping[str, tuple[str, str]], file: str) -> dict[str, Any]:
    """The whole settings as plain JSON.

    Args:
        toml: what the config file says.
        variables: PDP_ variable -> (its text, where it stands in the words of a sentence).
        file: the config file in the words of a sentence.

    Raises:
        SettingsError: the first thing that is wrong, in one sentence.
    """
    values = deepcopy(dict(toml))
    origin: dict[Key, str] = {}
    known = {name: (key, field) for key, field in fields() for name in (variable(key), variable(key, "__"))}
    for name, (text, where) in variables.items():
        if name not in known:
            raise _unknown_variable(name, where, list(known))
        key, field = known[name]
        origin[key] = where
        _put(values, key, _parse(text, field, where))
    try:
        return Settings.model_validate(values).model_dump(mode="json")
    except ValidationError as error:
        raise _sentence(error, file, origin) from None


def _put(values: dict[str, Any], key: Key, value: Any) -> None:
    table: Any = values
    for name in key[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            return  # the file has a value where a section belongs, which the model refuses
    table[key[-1]] = value


WRITTEN = {
    "dict": ("table", '{ systolic = "SYS" }'),
    "list": ("list", '[{ date = 2025-10-16, label = "name and dose", kind = "start" }]'),
}
BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _parse(text: str, field: FieldInfo, where: str) -> Any:
    """The text of a variable as the field's type; what does not parse is left for the model to refuse."""
    kind = field.annotation
    if kind is bool:
        return BOOLEANS.get(text.lower(), text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    container = get_origin(kind)
    if container is list and not text.startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    if container in (dict, list):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            what, example = WRITTEN["dict" if container is dict else "list"]
            raise SettingsError(f"{where} is not a TOML {what}", hint=f"write it like {example}") from None
    return text


def _unknown_variable(name: str, where: str, known: list[str]) -> SettingsError:
    near = get_close_matches(name, known, 1, 0.7)
    tip = f"did you mean {near[0]}?" if near else "remove it; .env.example shows how settings are named"
    return SettingsError(f"{where} is not a setting", hint=tip)


def _unknown_key(key: Key, file: str) -> SettingsError:
    keys = [known for known, _ in fields()]
    names = list(dict.fromkeys(".".join(known[:depth]) for known in keys for depth in range(1, len(known) + 1)))
    leaves = {name.rpartition(".")[2]: name for name in reversed(names)}
    near = get_close_matches(".".join(key), names, 1, 0.75)
    near = near or [leaves[leaf] for leaf in get_close_matches(key[-1], leaves, 1, 0.75)]
    siblings = dict.fromkeys(known[len(key) - 1] for known in keys if known[: len(key) - 1] == key[:-1])
    tip = f"did you mean {near[0]}?" if near else f"known are {', '.join(siblings)}"
    return SettingsError(f"{file}: unknown key {'.'.join(key)}", hint=tip)


WANTED = {
    "bool_type": "true or false",
    "date_from_datetime_inexact": "a date such as 2025-10-16, without quotes",
    "date_type": "a date such as 2025-10-16, without quotes",
    "dict_type": "a table",
    "float_type": "a number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "int_type": "a whole number",
    "less_than_equal": "at most {le:g}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_type": "a section",
    "string_pattern_mismatch": "a text without control characters",
    "string_too_long": "a text of at most {max_length} characters",
    "string_too_short": "a text that is not empty",
    "string_type": "a text in quotes",
}


def _sentence(error: ValidationError, file: str, origin: Mapping[Key, str]) -> SettingsError:
    """pydantic's complaint in our own words: the place, the key, what is wanted and what stands there."""
    errors = error.errors(include_url=False)
    # A misspelt key is often also a missing one: the spelling is what to mend.
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    path = tuple(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _unknown_key(path, file)
    subject = next((place for key, place in origin.items() if key == path[: len(key)]), f"{file}: {'.'.join(path)}")
    field = next((field for key, field in fields() if key == path[: len(key)]), None)
    if first["type"] == "missing" and field and field.examples:
        return SettingsError(f"{subject} is missing", hint=f'add a line such as {path[-1]} = "{field.examples[0]}"')
    if first["type"] == "missing":
        return SettingsError(f"{subject} is missing")
    if first["type"] == "value_error":
        message, _, hint = str(first["ctx"]["error"]).partition("; ")
        return SettingsError(f"{subject}: {message}", hint=hint)
    wanted = WANTED.get(first["type"], first["msg"]).format(**first.get("ctx", {}))
    private = isinstance(first["input"], dict) or (field is not None and not field.repr)
    return SettingsError(f"{subject} must be {wanted}" + ("" if private else f", not {as_toml(first['input'])}"))


def as_toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {as_toml(item)}" for key, item in value.items()) + " }" if value else "{}"
    return json.dumps(value, ensure_ascii=False, default=str)
