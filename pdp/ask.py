"""Asking a source: its raw folder is brought up to date with the place that it is fetched from, whole or not at all.

Only `doit run` asks. Commands that look, `doit list` and `doit info` take what lies in the raw folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pdp.errors import InputError, RemoteError, SettingsError, sentence
from pdp.registry import now
from pdp.resolve import resolve
from pdp.session import Session
from pdp.stage import Source

if TYPE_CHECKING:
    from pdp.google.access import Access

YES, NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off", ""})
MEMO = "asked"


def is_offline(session: Session, word: str | None) -> bool:
    """Whether this run asks nobody: `word` is what `doit offline=...` says, which wins over PDP_OFFLINE.

    Raises:
        SettingsError: it is neither yes nor no.
    """
    text, where = (word, "offline=") if word is not None else session.config.given.get("PDP_OFFLINE", ("", ""))
    if text.lower() not in YES | NO:
        raise SettingsError(f"{where} must be 1 or 0", hint="doit offline=1")
    return text.lower() in YES


def remote(session: Session, source: Source) -> Mapping[str, Any] | None:
    """Where the source is fetched from: its section of the config. None for a source that is only a folder.

    An id in the environment does not count for the demo: a person's readings would mix with an invented person's.
    """
    settings = session.config.values.get("fetch", {}).get(source.name, {})
    if not (source.ask and settings.get("id")) or not session.is_enabled(source.name):
        return None
    from pdp.google.access import ROOT

    return settings if not session.config.is_demo or ROOT in session.config.given else None


def access(session: Session) -> Access:
    """How Google is reached, by the settings and the environment."""
    from pdp.google.access import access_of

    return access_of(session.config.values["google"], session.config.given, session.root)


def ask(session: Session, source: Source) -> None:
    """Asks, if this is a run that asks, and keeps what came of it for `last_asked`.

    Raises:
        PdpError: the source cannot be reached or read, and is not allowed to be stale.
    """
    settings = remote(session, source)
    if settings is None or not session.asking:
        return
    try:
        facts = _asked(session, source, settings)
        told = {"stale": "", **facts}
    except RemoteError as error:
        if settings["unreachable"] != "stale" or session.registry.last(f"ingest:{source.name}") is None:
            raise
        before = last_asked(session, source)
        told = {"stale": sentence(error), "since": before.get("since") or now()}
        session.stale[f"ingest:{source.name}"] = f"goes on with what was fetched before: {sentence(error)}"
    _keep(session, source, told)


def _asked(session: Session, source: Source, settings: Mapping[str, Any]) -> dict[str, Any]:
    def sha256(name: str) -> str | None:
        return session.hashes.sha256(f"{source.folder}/{name}")

    try:
        return resolve(source.ask)(session.path(source.folder), settings, access(session), sha256)
    except OSError as error:
        raise InputError(
            f"what {source.name} holds cannot be kept: {error.strerror}", hint="is there room, and may you write there?"
        ) from error


def last_asked(session: Session, source: Source) -> dict[str, Any]:
    """When the source last answered (`at`), and if it did not since: why (`stale`), and since when (`since`)."""
    return session.registry.get(MEMO, source.name) or {}


def _keep(session: Session, source: Source, told: dict[str, Any]) -> None:
    before = last_asked(session, source)
    at = before.get("at") if told["stale"] else now()
    with session.registry.transaction():
        session.registry.put(MEMO, source.name, {**told, "at": at})
