"""The sandbox as an HTTP server on loopback."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from http.client import responses
from typing import IO, TYPE_CHECKING, Any, cast

from werkzeug.serving import (
    BaseWSGIServer,
    DechunkedInput,
    WSGIRequestHandler,
    make_server,
)

from connectors.sandbox import control
from connectors.sandbox.faults import Rule
from connectors.sandbox.hubspot import gateway as hubspot
from connectors.sandbox.hubspot.urls import owns
from connectors.sandbox.hubspot.wire import Request as HubRequest
from connectors.sandbox.org import Org
from connectors.sandbox.salesforce.gateway import serve
from connectors.sandbox.salesforce.wire import Answer, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

HOST = "127.0.0.1"
_LOOPBACK = ("127.", "::1", "::ffff:127.")

Environ = dict[str, Any]


class Application:
    """The WSGI application: the emulated service, and the control API beside it."""

    def __init__(self, org: Org, sleep: Callable[[float], None] = time.sleep) -> None:
        self.org = org
        self._sleep = sleep

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        body = environ["wsgi.input"].read()
        url, method = environ["REQUEST_URI"], environ["REQUEST_METHOD"]
        if url.startswith(control.PREFIX):
            if not str(environ.get("REMOTE_ADDR", "")).startswith(_LOOPBACK):
                return self._send(start_response, Answer(403, {"error": "loopback only"}))
            status, answer = control.handle(self.org, method, url, body)
            return self._send(start_response, Answer(status, answer))
        headers = {k[5:].replace("_", "-"): v for k, v in environ.items() if k.startswith("HTTP_")}
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        try:
            if owns(url):
                hub = {k.lower(): v for k, v in headers.items()}
                outcome = hubspot.serve(self.org, HubRequest(method, url, hub, body))
            else:
                outcome = serve(self.org, Request.of(method, url, headers, body))
        except Exception as bug:  # noqa: BLE001  # a dropped connection would look like a fault
            traceback.print_exc()
            error = {"errorCode": "SANDBOX_BUG", "message": f"{type(bug).__name__}: {bug}"}
            return self._send(start_response, Answer(500, [error]))
        kinds = {rule.kind: rule for rule in outcome.transport}
        if outcome.answer is None or "cut_after" in kinds:
            _cut(environ)
            return []
        content = self._send(start_response, outcome.answer)
        return self._moved(content[0], kinds, environ) if kinds else content

    @staticmethod
    def _send(start_response: StartResponse, answer: Answer) -> list[bytes]:
        content = answer.content()
        headers = [("Content-Type", answer.content_type), *answer.headers.items()]
        if answer.status not in (204, 304):
            headers.append(("Content-Length", str(len(content))))
        start_response(f"{answer.status} {responses.get(answer.status, 'Unknown')}", headers)
        return [content]

    def _moved(self, content: bytes, kinds: dict[str, Rule], environ: Environ) -> Iterator[bytes]:
        """The body with half of it missing, or in drops."""
        if "truncate" in kinds:
            yield content[: len(content) // 2]
            _cut(environ)
            return
        drip = kinds["drip"]
        for start in range(0, len(content), max(drip.bytes, 1)):
            yield content[start : start + max(drip.bytes, 1)]
            self._sleep(drip.seconds)


def _cut(environ: Environ) -> None:
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


class Handler(WSGIRequestHandler):
    """Keeps connections open: werkzeug's own handler closes each one after its answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: BaseWSGIServer

    def run_wsgi(self) -> None:
        """Read the whole body, so that the next request on this connection starts clean."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = DechunkedInput(cast("IO[bytes]", self.rfile)).read()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        environ["REQUEST_URI"] = self.path
        head: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _: Any = None
        ) -> Callable[[bytes], object]:
            lines = [f"HTTP/1.1 {status}", *(f"{k}: {v}" for k, v in headers), "", ""]
            head.append("\r\n".join(lines).encode("latin-1"))
            if ("Connection", "close") in headers:
                self.close_connection = True
            return self.wfile.write

        try:
            for part in self.server.app(environ, start_response):
                self.wfile.write(head.pop() + part if head else part)
        except OSError:
            self.close_connection = True
        if getattr(self.server, "closing", False):
            self.close_connection = True

    def handle_one_request(self) -> None:
        """One request; a client that went away is no event."""
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def log(self, type: str, message: str, *args: Any) -> None:  # theirs
        """Say nothing: the call log knows it all."""


class Server:
    """A running sandbox. The port is free at once when it closes."""

    def __init__(self, org: Org, port: int = 0) -> None:
        self._server = make_server(
            HOST, port, Application(org), threaded=True, request_handler=Handler
        )
        self.port = self._server.port
        self.url = f"http://{HOST}:{self.port}"
        org.base_url = self.url
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve from a thread of its own."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="sandbox", daemon=True
        )
        self._thread.start()

    def run(self) -> None:
        """Serve until interrupted."""
        self._server.serve_forever(0.2)

    def wait(self) -> None:
        """Block while the thread serves."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(timeout=1)

    def close(self) -> None:
        """Stop serving. May be called twice."""
        self._server.closing = True  # type: ignore[attr-defined]  # read by Handler
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join(timeout=5)
            self._thread = None
        self._server.server_close()
