"""What can go wrong between here and Google: which of it is worth another try, and a sentence for the rest.

Google's own messages are never repeated: they hold ids of files and of projects.
"""

from __future__ import annotations

import http.client
import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import httplib2
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from googleapiclient.errors import Error as ClientError
from googleapiclient.errors import HttpError
from gspread.exceptions import APIError

from pdp.errors import RemoteError

T = TypeVar("T")

RATE_LIMITED = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})
NETWORK = (OSError, http.client.HTTPException, httplib2.HttpLib2Error, TransportError)
GARBLED = (json.JSONDecodeError, UnicodeDecodeError)  # an answer cut off in its JSON
ANY = (*NETWORK, *GARBLED, GoogleAuthError, ClientError, APIError)


class GoogleError(RemoteError):
    """Google refused, or could not be reached. `status` is that of HTTP, 0 where there was no answer."""

    def __init__(self, message: str, *, hint: str = "", status: int = 0, reason: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Patience:
    """How often a request is repeated: waits of 1, 2, 4, ... seconds and up to one more, at most `longest_s` each.

    Together they outlast a minute, after which Google's quotas are refilled. A server that cannot be reached at all is
    tried `unreachable` times only. https://developers.google.com/workspace/drive/api/guides/limits (exponential backoff)
    """

    attempts: int = 7
    unreachable: int = 3
    longest_s: float = 32.0
    deadline_s: float = 180.0


class Fault(NamedTuple):
    """One failed request: the status (0: no answer), Google's reason, whether to try again, the wait it asks for."""

    status: int
    reason: str
    again: bool
    after_s: float | None = None


def call(
    request: Callable[[], T],
    what: str,
    *,
    patience: Patience = Patience(),
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """The result of `request`, repeated while that can help; `what` names the thing asked for in a sentence.

    Only for requests that may be repeated safely.

    Raises:
        GoogleError: it was refused, or was not answered in time.
    """
    began = clock()
    attempt = 0
    while True:
        attempt += 1
        try:
            return request()
        except ANY as error:
            fault = diagnose(error)
            most = patience.attempts if fault.status else patience.unreachable
            wait = fault.after_s
            if wait is None:
                wait = min(2 ** (attempt - 1), patience.longest_s) + random.random()  # noqa: S311 - to spread load
            if not fault.again or attempt >= most or clock() - began + wait > patience.deadline_s:
                raise sentence(fault, what) from error
        sleep(wait)


def diagnose(error: Exception) -> Fault:
    """What an exception of one of the libraries means."""
    if isinstance(error, HttpError):
        return _answered(int(error.resp.status), error.resp, error.content)
    if isinstance(error, APIError):
        return _answered(error.response.status_code, error.response.headers, error.response.content)
    if isinstance(error, RefreshError):
        return Fault(401, _oauth_reason(error), error.retryable)
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return Fault(401, "auth", False)
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return Fault(0, "timeout", True)
    return Fault(0, "garbled" if isinstance(error, GARBLED) else "network", True)


def _answered(status: int, headers: Mapping[str, Any], content: bytes) -> Fault:
    reason = reason_of(content)
    again = status in (408, 429) or status >= 500 or (status == 403 and reason in RATE_LIMITED)
    return Fault(status, reason, again, _retry_after(headers))


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    text = str(next((value for name, value in headers.items() if name.lower() == "retry-after"), ""))
    return min(float(text), 60.0) if text.isdigit() else None


def reason_of(content: bytes) -> str:
    """Google's one-word reason in the body of an error, in its older or its newer form; '' if there is none."""
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return ""
    if isinstance(error, str):
        return error
    details = [*error.get("details", ()), *error.get("errors", ())]
    reasons = [str(one["reason"]) for one in details if isinstance(one, dict) and "reason" in one]
    return next(iter(reasons), str(error.get("status", "")))


def _oauth_reason(error: RefreshError) -> str:
    found = re.search(r"invalid_grant|invalid_client|invalid_scope|unauthorized_client", str(error))
    clock = "iat" in str(error) or "timeframe" in str(error)
    return "clock" if clock else found.group() if found else "refused"


_REASONS: dict[str, tuple[str, str]] = {
    "storageQuotaExceeded": (
        "there is no room left for {what}",
        "a service account has no storage of its own: use a shared drive, or a file that a person made and shared",
    ),
    "dailyLimitExceeded": ("today's quota for {what} is used up", "try again tomorrow"),
    "fileNotDownloadable": ("{what} is a document of Google's, not a file", "export it, or put the file itself there"),
    "exportSizeLimitExceeded": ("{what} is a document of more than 10 MB", "put it there as a CSV file"),
    "cannotDownloadAbusiveFile": ("Google holds {what} for harmful", "look at it in the browser"),
    "clock": ("Google refuses the credentials: this machine's clock is wrong", "set the clock"),
    "invalid_grant": (
        "Google no longer takes these credentials",
        "the key was deleted, or the token was withdrawn or has expired; make a new one",
    ),
    "invalid_client": ("Google does not know the client of this token", "make a new token"),
    "timeout": ("Google did not answer in time when asked for {what}", "try again later, or raise google.timeout_s"),
    "network": ("Google cannot be reached for {what}", "is this machine online? doit offline=1 goes on without asking"),
    "garbled": ("Google's answer for {what} was cut off", "try again later"),
}
_NOT_ENABLED = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_SCOPE = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_STATUSES: dict[int, tuple[str, str]] = {
    400: ("Google does not understand the request for {what}", "is its id right? pdp doctor checks it"),
    401: ("Google refuses the credentials", "pdp doctor checks them"),
    403: ("Google does not let these credentials at {what}", "share it with their address; pdp doctor shows it"),
    404: ("{what} is not there, or is not shared", "check its id, and share it; pdp doctor shows with whom"),
    409: ("{what} is there already", "another writer was faster"),
    412: ("{what} was changed meanwhile", "another writer was faster"),
    429: ("Google's quota for {what} is used up", "try again in some minutes"),
}


def sentence(fault: Fault, what: str) -> GoogleError:
    """The fault in a person's words."""
    if fault.reason in _REASONS:
        message, hint = _REASONS[fault.reason]
    elif fault.reason in _NOT_ENABLED:
        message, hint = "the API for {what} is not enabled in the project of these credentials", "pdp doctor says where"
    elif fault.reason in _SCOPE:
        message, hint = "these credentials were not made for {what}", "make them anew; docs/google.md names the scopes"
    elif fault.reason in RATE_LIMITED:
        message, hint = _STATUSES[429]
    elif fault.status >= 500:
        message, hint = f"Google has a fault of its own ({fault.status}) with {{what}}", "try again later"
    else:
        message, hint = _STATUSES.get(fault.status, (f"Google refuses {{what}} ({fault.status})", ""))
    return GoogleError(message.format(what=what), hint=hint, status=fault.status, reason=fault.reason)
