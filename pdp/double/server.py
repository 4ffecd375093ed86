"""The server: HTTP on 127.0.0.1, one thread per connection; routes each request, counts it, breaks its answer if told."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from pdp.double import api, uploads
from pdp.double.accounts import Accounts
from pdp.double.api import ApiError, Call
from pdp.double.drive import Drive
from pdp.double.drive_methods import DriveMethods, ranged
from pdp.double.faults import Fault, Kind
from pdp.double.sheets import Sheets

JSON = "application/json; charset=UTF-8"


@dataclass
class Reply:
    """What goes over the wire."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Double:
    """The double. It listens from the start until `close`; leaving a `with` block closes it."""

    def __init__(self, port: int = 0) -> None:
        self.counts: Counter[str] = Counter()
        self.bytes_sent: Counter[str] = Counter()
        self.faults: list[Fault] = []
        self.disabled: set[str] = set()  # "sheets", "drive": not enabled in the project
        self.drive = Drive()
        self.sheets = Sheets(self.drive)
        self.closing = threading.Event()
        self._methods = DriveMethods(self.drive)
        self._pending: dict[str, uploads.Pending] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.double = self
        self.root = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.accounts = Accounts(self.root)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Double:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def service_account(self, name: str = "pdp") -> dict[str, str]:
        """A new service account's key, as the JSON file that Google gives."""
        return self.accounts.service_account(name)

    def fail(self, times: int, name: str, how: int | Kind = "error", **more: Any) -> Fault:
        """The next `times` requests called `name` fail: with a status, or in the way of a `Fault`."""
        fault = Fault(times, name, status=how, **more) if isinstance(how, int) else Fault(times, name, how, **more)
        self.faults.append(fault)
        return fault

    def struck(self, name: str) -> Fault | None:
        """Counts a request; the fault that hits it."""
        with self._lock:
            self.counts[name] += 1
            return next((fault for fault in self.faults if fault.strikes(name)), None)

    def reply(self, verb: str, target: str, headers: dict[str, str], body: bytes) -> tuple[Reply, Fault | None]:
        """The answer to one request, and the fault that it meets on its way."""
        fault: Fault | None = None
        sheets = False
        try:
            parts = urlsplit(target)
            if (verb, parts.path) == ("POST", "/token"):
                fault = self._strike("token")
                return self._token(body, fault), fault
            query = parse_qsl(parts.query, keep_blank_values=True)
            pending = self._pending.get(dict(query).get("upload_id", ""))
            if pending:
                fault = self._strike(f"{pending.call.name} piece")
                return self._piece(pending, headers, body), fault
            method, path = api.find(verb, parts.path)
            sheets = method.api[0] == "sheets"
            call = Call(
                method,
                {name: unquote(text) for name, text in path.items()},
                api.parameters(method, query),
                headers,
                body,
            )
            fault = self._strike(call.name)
            call.email = self.accounts.caller(headers, method)
            if method.api[0] in self.disabled:
                reason = "SERVICE_DISABLED" if sheets else "accessNotConfigured"
                raise ApiError(403, reason, "The API has not been used in project 1 before or it is disabled.")
            return self._answer(call), fault
        except ApiError as error:
            return _error(error, sheets), fault

    def _strike(self, name: str) -> Fault | None:
        fault = self.struck(name)
        if fault and fault.kind == "error":
            raise ApiError(fault.status, fault.reason or _usual_reason(fault.status), headers=fault.headers)
        return fault if fault is None or fault.kind != "drop" else _raise_dropped(fault)

    def _token(self, body: bytes, fault: Fault | None) -> Reply:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        try:
            return _json(self.accounts.grant(form))
        except ApiError as error:
            return Reply(
                error.status, json.dumps({"error": error.reason, "error_description": error.message}).encode(),
                {"Content-Type": JSON},
            )  # fmt: skip

    def _answer(self, call: Call) -> Reply:
        if call.method.api[0] == "sheets":
            return _json(self.sheets.answer(call))
        if call.method.upload and call.query.get("uploadType") == "resumable":
            self._methods._check_match(call)
            upload_id = f"upload-{len(self._pending)}"
            self._pending[upload_id] = uploads.begin(call)
            location = f"{self.root}{call.headers['X-Path']}?uploadType=resumable&upload_id={upload_id}"
            return Reply(200, b"", {"Location": location})
        media = None
        if call.method.upload:
            media = uploads.body_of(call)
        elif call.method.verb in ("POST", "PUT", "PATCH"):
            call.json = uploads.parsed(call.body)
        found = self._methods.answer(call, media)
        if found is None:
            return Reply(204)
        if isinstance(found, dict):
            return _json(found)
        part, content_range = ranged(found, call.headers.get("Range", ""))
        self.bytes_sent[call.name] += len(part)
        headers = {"Content-Type": "application/octet-stream"} | (
            {"Content-Range": content_range} if content_range else {}
        )
        return Reply(206 if content_range else 200, part, headers)

    def _piece(self, pending: uploads.Pending, headers: dict[str, str], body: bytes) -> Reply:
        if not pending.is_done:
            if not uploads.receive(pending, headers.get("Content-Range", ""), body):
                got = len(pending.received)
                return Reply(308, b"", {"Range": f"bytes=0-{got - 1}"} if got else {})
            # Whether Google looks at If-Match once more here is not known: the double does not.
            call = pending.call
            call.headers = {name: text for name, text in call.headers.items() if name != "If-Match"}
            pending.answer = self._methods.answer(call, bytes(pending.received))
        return _json(pending.answer)


class _Dropped(Exception):
    """The connection is to end without an answer."""


def _raise_dropped(fault: Fault) -> Fault:
    raise _Dropped


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    double: Double


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the client has gone

    def _serve(self) -> None:
        double = self.server.double
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.title(): text for name, text in self.headers.items()} | {"X-Path": urlsplit(self.path).path}
        try:
            reply, fault = double.reply(self.command, self.path, headers, body)
        except _Dropped:
            self.close_connection = True
            return
        kind = fault.kind if fault else ""
        if fault and kind == "slow":
            double.closing.wait(fault.seconds)
        if kind == "lose":
            self.close_connection = True
            return
        self._send(reply, kind)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def _send(self, reply: Reply, kind: str) -> None:
        body = reply.body
        if kind == "corrupt" and body:
            body = body[:-1] + bytes([body[-1] ^ 1])
        self.send_response(reply.status)
        for name, text in reply.headers.items():
            self.send_header(name, text)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(body)))
        if kind == "truncate":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: paths hold ids."""


def _json(value: Any) -> Reply:
    return Reply(200, json.dumps(value, indent=2, ensure_ascii=False).encode(), {"Content-Type": JSON})


def _error(error: ApiError, sheets: bool) -> Reply:
    """An error as Sheets or as Drive writes it."""
    told: dict[str, Any] = {"code": error.status, "message": error.message}
    if sheets:
        usual = {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}.get(error.status, "INTERNAL")
        told["status"] = error.reason if error.reason.isupper() else usual
        if not error.reason.isupper():
            told["errors"] = [{"domain": "global", "reason": error.reason, "message": error.message}]
        if error.reason in ("SERVICE_DISABLED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"):
            told |= {"status": "PERMISSION_DENIED", "details": [{"reason": error.reason, "domain": "googleapis.com"}]}
    else:
        told["errors"] = [{"domain": "global", "reason": error.reason, "message": error.message}]
    return Reply(error.status, json.dumps({"error": told}, indent=1).encode(), {"Content-Type": JSON, **error.headers})


def _usual_reason(status: int) -> str:
    return {403: "forbidden", 404: "notFound", 429: "rateLimitExceeded", 503: "backendError"}.get(
        status, "internalError"
    )
