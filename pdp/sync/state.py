"""A session and its remote, ready to push and pull: what the settings and the environment say of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pdp import config
from pdp.commit import publish
from pdp.errors import SettingsError
from pdp.session import Session
from pdp.snapshot import is_snapshot, path_of
from pdp.sync import engine, keys, raw
from pdp.sync.backend import Backend
from pdp.sync.engine import Remote, Report
from pdp.sync.folder import Folder
from pdp.sync.ledger import Ledger
from pdp.sync.local import LocalState
from pdp.sync.mend import Mended, mend
from pdp.sync.records import State
from pdp.sync.vault import Plain, Sealed, Vault

WAYS = "file:///folder, gdrive://ID, s3://bucket/folder or gs://bucket/folder"
Keep = Literal["mine", "theirs"] | None


class Synced:
    """What `pdp push`, `pdp pull` and `pdp sync` work with. Call them under the run's lock."""

    def __init__(self, session: Session, environ: Mapping[str, str]) -> None:
        self.session = session
        given = config.variables(session.root, environ)
        values = session.config.values
        self.url = values["state"]["remote"] or _folder_url(values)
        if not self.url:
            raise SettingsError("no remote is set", hint=f"set remote under [state]: {WAYS}; see docs/state.md")
        vault = open_vault(values, given, session.root)
        self.remote = Remote(open_backend(self.url, environ, given, values, session.root), vault)
        self.local = LocalState(session, self.url, raw.travelling(values, fetched_too=self.remote.backend.everything))
        self.told: list[str] = []

    def push(self) -> Report:
        report = engine.push(self.local, self.remote)
        self.local.keep_only(self.remote.segments)
        return report

    def mend(self) -> Mended:
        return mend(self.local, self.remote)

    def exists(self) -> bool:
        """Whether there is a state in the remote, or was."""
        return self.local.memory() is not None or self.remote.look(self.local).head is not None

    def forget(self) -> None:
        """What was seen there before no longer counts."""
        self.local.forget()

    def outlook(self) -> Iterator[str]:
        """What a pull and a push would do, in a line each."""
        view = self.remote.look(self.local)
        generation = f"generation {view.head.generation}" if view.head else "nothing yet"
        yield f"{self.remote.backend.where} has {generation}"
        missing = {d: n for d, n in self.local.objects().items() if d not in view.ledger.objects}
        theirs = State(view.ledger.records)
        needed = {d: n for d, n in theirs.needed().items() if not self.local.has(d)}
        needed |= raw.lacking(self.session, theirs, self.local.travels)
        wanted = {d: n for d, n in needed.items() if d in view.ledger.objects}
        yield f"a pull would bring {len(view.behind):,} records, {len(wanted):,} objects, {sum(wanted.values()):,} bytes"
        yield f"a push would send {len(view.ahead):,} records, {len(missing):,} objects, {sum(missing.values()):,} bytes"
        if view.ahead and view.behind:
            yield "both sides have what the other lacks: pdp pull --merge comes first"

    def pull(self, *, merge: bool, unrelated: bool, everything: bool, keep: Keep) -> Report:
        """Brings here what the remote has, and puts the named files in line with it."""

        def bring(ledger: Ledger, base: State, theirs: State, report: Report) -> None:
            own = raw.travelling(self.session.config.values, fetched_too=False)
            take, clash = raw.changes(self.session, base, theirs, own)
            if clash and keep is None:
                raise raw.refuse(clash)
            take += clash if keep == "theirs" else []
            transfer = raw.Transfer(self.session, self.remote.blobs, ledger, report)
            self.told += raw.take_over(transfer, take)
            raw.bring_fetched(transfer, base, theirs, self.local.travels)

        report = engine.pull(
            self.local, self.remote, merge=merge, unrelated=unrelated, everything=everything, bring=bring
        )
        self.told += self._publish()
        self.local.keep_only(self.remote.segments)
        return report

    def _publish(self) -> list[str]:
        """The named files, as the registry now says."""
        registry, store = self.session.registry, self.session.store
        rows = [dict(row) for row in registry.current().values() if store.path(row["hash"]).is_file()]
        for row in rows:
            if is_snapshot(row["path"]):
                row["path"] = path_of(row["name"])  # an older pdp recorded it below raw/
        return publish(self.session, rows, registry.version_of)


def _folder_url(values: Mapping[str, Any]) -> str:
    folder = values["google"]["state_folder_id"]
    return f"gdrive://{folder}" if folder else ""


def open_vault(values: Mapping[str, Any], given: config.Variables, root: Path) -> Vault:
    """Plain, or sealed where there are keys or recipients."""
    state = values["state"]
    texts = {name: text for name, (text, _) in given.items()}
    found = keys.find(state["recipients"], root / os.path.expanduser(state["identity"]), texts)
    return Sealed(found) if found else Plain()


def open_backend(
    url: str, environ: Mapping[str, str], given: config.Variables, values: Mapping[str, Any], root: Path
) -> Backend:
    """The place that `url` names.

    Raises:
        PdpError: it names none, or it cannot be reached.
    """
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise SettingsError(
            "state.remote holds credentials", hint="leave them out: they belong into the environment, see docs/state.md"
        )
    if parts.scheme == "file" and parts.path.startswith("/") and parts.netloc in ("", "localhost"):
        return Folder(Path(unquote(parts.path)))
    if parts.scheme in ("s3", "gs") and parts.netloc:
        from pdp.google.access import BASE64
        from pdp.sync.cloud import Cloud

        text, _ = given.get(BASE64, ("", ""))
        return Cloud.open(url, environ, text)
    if parts.scheme == "gdrive" and parts.netloc and not parts.path.strip("/"):
        from pdp.google.access import access_of
        from pdp.sync.drive import open_drive

        return open_drive(access_of(values["google"], given, root), parts.netloc)
    raise SettingsError("state.remote names no place that pdp knows", hint=f"write {WAYS}")
