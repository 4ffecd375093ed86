"""The real clients, built so that they never wait forever and can be pointed at a server on this machine.

A client is for one thread: httplib2 is not made for more.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import google_auth_httplib2
import gspread
import httplib2
import requests
from google.auth.transport.requests import AuthorizedSession, Request
from googleapiclient.discovery import Resource, build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.errors import HttpError
from googleapiclient.http import HttpRequest
from gspread.http_client import HTTPClient

from pdp.google import keys
from pdp.google.access import Access
from pdp.google.faults import call

SHEETS_ROOT = "https://sheets.googleapis.com"
READS_A_MINUTE = 60  # for one person in one project: https://developers.google.com/workspace/sheets/api/limits


def token(access: Access, scopes: Sequence[str]) -> None:
    """Asks for an access token, and for nothing else.

    Raises:
        GoogleError: Google refuses the credentials, or cannot be reached.
    """
    session = requests.Session()
    session.trust_env = not access.root
    credentials: Any = keys.load(access, scopes)
    call(lambda: credentials.refresh(partial(Request(session), timeout=access.timeout_s)), "a token")


def drive(access: Access, scopes: Sequence[str], version: str = "v3") -> Resource:
    """A client of Drive. v2 is only for what v3 cannot do: `If-Match`.

    The address is put into the discovery document: `client_options` would leave uploads with https.

    Raises:
        SettingsError: there are no usable credentials.
    """
    document = _document("drive", version)
    if access.root:
        base = f"{access.root}/{document['servicePath']}"
        document = {**document, "rootUrl": f"{access.root}/", "baseUrl": base}
    credentials = keys.load(access, scopes)
    authorized = google_auth_httplib2.AuthorizedHttp(credentials, http=_http(access))
    return build_from_document(document, http=authorized)


def execute(request: HttpRequest, what: str) -> Any:
    """The answer to a request that may be repeated safely; `what` names the thing in a sentence.

    Raises:
        GoogleError: Google refuses, or cannot be reached.
    """
    return call(lambda: request.execute(num_retries=0), what)


def upload(request: HttpRequest, what: str) -> Any:
    """The answer to a resumable upload. After a fault the server is asked how far it got.

    Never `next_chunk(num_retries=n)`: the library then sends a stream again that it has read already, and hangs.

    Raises:
        GoogleError: Google refuses, or cannot be reached.
    """
    answer = None
    while answer is None:
        _, answer = call(lambda: request.next_chunk(num_retries=0), what)
    return answer


def piece(request: HttpRequest, first: int, size: int, what: str) -> tuple[bytes, bool]:
    """At most `size` bytes of a file's content from `first` on, and whether that is all of it, which then counts.

    Raises:
        GoogleError: Google refuses, or cannot be reached.
    """
    headers = {**request.headers, "range": f"bytes={first}-{first + size - 1}"}

    def once() -> tuple[bytes, bool]:
        answer, content = request.http.request(request.uri, "GET", headers=headers)
        if answer.status not in (200, 206):
            raise HttpError(answer, content, uri=request.uri)
        return content, answer.status == 200

    return call(once, what)


def sheets(access: Access, scopes: Sequence[str]) -> gspread.Client:
    """gspread's client. Its requests are repeated where that can help, and kept within the quota.

    Raises:
        SettingsError: there are no usable credentials.
    """
    credentials = keys.load(access, scopes)
    session = AuthorizedSession(credentials, refresh_timeout=access.timeout_s)
    if access.root:
        session.trust_env = False  # no proxy stands between this machine and itself
    client = gspread.Client(credentials, session=session, http_client=SheetsHttp)
    assert isinstance(client.http_client, SheetsHttp)
    client.http_client.root = access.root
    client.set_timeout(access.timeout_s)
    return client


class Pace:
    """At most so many requests within a minute: the one too many waits."""

    def __init__(
        self, a_minute: int, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.clock, self.sleep = clock, sleep
        self.last: deque[float] = deque(maxlen=a_minute)

    def keep(self) -> None:
        """Returns when the next request may be sent."""
        if len(self.last) == self.last.maxlen and (wait := self.last[0] + 60 - self.clock()) > 0:
            self.sleep(wait)
        self.last.append(self.clock())


PACE = Pace(READS_A_MINUTE)


class SheetsHttp(HTTPClient):
    """gspread's requests, at another root where one is given. For reading: each may be repeated."""

    root = ""

    def request(self, method: str, endpoint: str, *args: Any, **kwargs: Any) -> requests.Response:
        if self.root:
            endpoint = endpoint.replace(SHEETS_ROOT, self.root, 1)

        def once() -> requests.Response:
            PACE.keep()
            answer = super(SheetsHttp, self).request(method, endpoint, *args, **kwargs)
            answer.json()  # an answer that was cut off is asked for again
            return answer

        return call(once, "the sheet")


@lru_cache
def _document(name: str, version: str) -> dict[str, Any]:
    """The discovery document that comes with the library: no request for it."""
    return json.loads(get_static_doc(name, version))


def _http(access: Access) -> httplib2.Http:
    proxy = None if access.root else httplib2.proxy_info_from_environment
    http = httplib2.Http(timeout=access.timeout_s, proxy_info=proxy)
    # 308 says how far a resumable upload got, and is no redirect here.
    http.redirect_codes = frozenset(http.redirect_codes) - {308}
    return http
