"""The part of Google Cloud Storage's XML API that a state needs, with generations as its documents describe them."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

MOMENT = "Wed, 25 Nov 2026 12:00:00 GMT"


class Gcs:
    """A server on this machine; `key` is the service account's key that sends obstore here."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, int]] = {}
        self.lock, self.generations = threading.Lock(), itertools.count(1)
        handler = type("Handler", (_Handler,), {"gcs": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.key = json.dumps({
            "gcs_base_url": f"http://127.0.0.1:{self.server.server_port}", "disable_oauth": True,
            "client_email": "", "private_key": "", "private_key_id": "",
        })  # fmt: skip

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gcs: Gcs

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).partition("/")[2].partition("/")[2]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        wanted = self.headers.get("x-goog-if-generation-match")
        with self.gcs.lock:
            there = self.gcs.objects.get(self._name(), (b"", 0))[1]
            if wanted is not None and int(wanted) != there:
                self._answer(412)
                return
            self.gcs.objects[self._name()] = body, next(self.gcs.generations)
        self._answer(200, named=self._name(), send=False)

    def do_GET(self) -> None:
        if "list-type" in urlsplit(self.path).query:
            prefix = parse_qs(urlsplit(self.path).query).get("prefix", [""])[0]
            found = "".join(
                f"<Contents><Key>{escape(name)}</Key><Size>{len(content)}</Size><ETag>&quot;{generation}&quot;</ETag>"
                "<LastModified>2026-11-25T12:00:00.000Z</LastModified></Contents>"
                for name, (content, generation) in sorted(self.gcs.objects.items()) if name.startswith(prefix)
            )  # fmt: skip
            self._answer(200, f"<ListBucketResult>{found}</ListBucketResult>".encode())
        else:
            self._answer(200 if self._name() in self.gcs.objects else 404, named=self._name())

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self._answer(204 if self.gcs.objects.pop(self._name(), None) else 404)

    def _answer(self, status: int, body: bytes = b"", *, named: str = "", send: bool = True) -> None:
        content, generation = self.gcs.objects.get(named, (body, 0))
        self.send_response(status)
        if generation:
            self.send_header("x-goog-generation", str(generation))
            self.send_header("ETag", f'"{hashlib.md5(content).hexdigest()}"')
            self.send_header("Last-Modified", MOMENT)
        body = content if send else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say."""
