"""S3 and Google Cloud Storage as the remote, through obstore: a write on condition of the etag or the generation.

Credentials and endpoints come from the environment, by the names that these services' own tools use (AWS_ACCESS_KEY_ID,
AWS_ENDPOINT_URL, GOOGLE_APPLICATION_CREDENTIALS, ...), Google's also as base64 (GOOGLE_CREDENTIALS_BASE64).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from pdp.errors import SettingsError, SyncError
from pdp.google.access import BASE64, LOOPBACK
from pdp.places import object_name
from pdp.redact import register
from pdp.sync.backend import NAME, Cell, Conflict, Missing, Unreachable, checked

if TYPE_CHECKING:
    from obstore.store import ObjectStore

T = TypeVar("T")
SERVICES = {"s3": "S3", "gs": "Google Cloud Storage", "memory": "memory"}
# One try takes at most so long; obstore tries again what is safe to, but pdp reads back a head before it moves it again.
TIMEOUTS = {"timeout": "120s", "connect_timeout": "20s"}
ACCOUNT = "GOOGLE_SERVICE_ACCOUNT_KEY"


class Cloud:
    everything = True

    def __init__(self, store: ObjectStore, where: str) -> None:
        self.store, self.where = store, where

    @classmethod
    def open(cls, url: str, environ: Mapping[str, str], key: str = "") -> Cloud:
        """The bucket, and the folder in it, that `url` names. `key`: Google's credentials as base64, if not by a file.

        Raises:
            SettingsError: obstore is not installed, or it cannot make sense of the URL or the environment.
        """
        try:
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        except ImportError:
            raise SettingsError(f"state.remote = {url} needs obstore", hint='pip install "pdp[state]"') from None
        # Without TLS only to this machine: a test's double, or a store that runs here.
        account = _account(url, environ, key)
        options: dict[str, Any] = TIMEOUTS | ({"allow_http": True} if _is_here(url, environ, account) else {})
        more = {"service_account_key": account} if account else {}
        try:
            store = from_url(url, client_options=options, **more)  # type: ignore[call-overload]
        except (BaseError, ValueError) as error:
            # Its own words may repeat what stands in the environment.
            raise SettingsError(
                f"state.remote = {url} cannot be opened", hint="check it, and the credentials in the environment"
            ) from error
        return cls(store, SERVICES[urlsplit(url).scheme])

    def read_head(self) -> Cell | None:
        import obstore

        try:
            found = self._call(lambda: obstore.get(self.store, "head"))
        except Missing:
            return None
        content = self._call(lambda: bytes(found.bytes()))
        return Cell(content, _version(found.meta))

    def move_head(self, token: dict[str, str] | None, content: bytes, named: list[str]) -> None:
        self._put("head", content, token or "create")

    def get(self, ref: str) -> bytes:
        import obstore

        path = object_name(checked(ref))
        return self._call(lambda: bytes(obstore.get(self.store, path).bytes()))

    def find(self, name: str, least: int) -> str | None:
        import obstore

        path = object_name(checked(name))
        try:
            meta = self._call(lambda: obstore.head(self.store, path))
        except Missing:
            return None
        return name if meta["size"] >= least else None

    def create_if_absent(self, name: str, content: bytes) -> str:
        # Not on condition: a name follows from the bytes, and what was found too short is to be replaced.
        path = object_name(checked(name))
        self._put(path, content, "overwrite")
        return name

    def _put(self, path: str, content: bytes, mode: Any) -> None:
        import obstore

        try:
            self._call(lambda: obstore.put(self.store, path, content, mode=mode, use_multipart=False))
        except Missing:
            raise SyncError(f"{self.where} has no such bucket", hint="make it, or correct state.remote") from None

    def delete(self, ref: str) -> None:
        import obstore

        try:
            self._call(lambda: obstore.delete(self.store, object_name(checked(ref))))
        except Missing:
            return

    def refs(self) -> list[str]:
        import obstore

        listed = self._call(lambda: [meta["path"] for chunk in obstore.list(self.store) for meta in chunk])
        names = (path.replace("/", "") for path in listed)
        return sorted(name for name in names if NAME.fullmatch(name))

    def _call(self, call: Callable[[], T]) -> T:
        """Runs `call`; its errors become ours. obstore's own texts, which hold addresses and requests, go no further."""
        from obstore import exceptions as known

        try:
            return call()
        except (FileNotFoundError, known.NotFoundError) as error:
            raise Missing from error
        except (known.PreconditionError, known.AlreadyExistsError) as error:
            raise Conflict from error
        except (known.PermissionDeniedError, known.UnauthenticatedError) as error:
            raise SyncError(
                f"{self.where} refuses the credentials", hint="they must be allowed to read, write and list this bucket"
            ) from error
        except known.BaseError as error:
            raise Unreachable(
                f"{self.where} does not answer as it should", hint="try again; check the bucket, region and network"
            ) from error


def _account(url: str, environ: Mapping[str, str], key: str) -> str:
    """The JSON of a service account for Google Cloud Storage, if it is in the environment: decoded in memory, never written.

    Raises:
        SettingsError: it is not base64.
    """
    if not url.startswith("gs:"):
        return ""
    if environ.get(ACCOUNT) or not key:
        return environ.get(ACCOUNT, "")
    try:
        content = base64.b64decode("".join(key.split()), validate=True)
        account = content.decode()
    except ValueError as error:
        raise SettingsError(f"{BASE64} is not base64", hint="make it with: base64 -w0 key.json") from error
    register(content)
    return "" if '"authorized_user"' in account else account  # a person's token: obstore takes that from a file alone


def _is_here(url: str, environ: Mapping[str, str], account: str) -> bool:
    """Whether the environment names a server on this machine for this service."""
    if url.startswith("s3:"):
        return urlsplit(environ.get("AWS_ENDPOINT_URL", "")).hostname in LOOPBACK
    try:
        return urlsplit(json.loads(account or "{}").get("gcs_base_url", "")).hostname in LOOPBACK
    except (ValueError, AttributeError):
        return False


def _version(meta: Any) -> dict[str, str]:
    """What stands for exactly these bytes: S3 has an etag, GCS a generation too."""
    return {name: meta[name] for name in ("e_tag", "version") if meta[name]}
