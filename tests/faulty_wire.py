"""A wire to a real service that can be broken: it passes calls on, counts them, and spoils some.

What a service can't be made to do (be down, be slow, answer half) happens on the way to it.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
#: What never reaches the service, and the status of what comes instead.
_REFUSED = {"unavailable": 503, "too_many": 429, "too_large": 413, "blocked": 403, "redirect": 302}
_PAGE = b"<!DOCTYPE html><html><body>We will be back soon.</body></html>"


@dataclass
class Rule:
    """What to do with the next calls that fit."""

    #: unavailable, too_many, too_large, blocked, html, truncate, lose, redirect; none only counts
    kind: str
    #: GET, or anything else; empty for both.
    method: str = ""
    path: str = ""
    times: int = 1
    after: int = 0
    #: Where a redirect leads.
    to: str = ""
    fired: int = 0

    def fits(self, method: str, path: str) -> bool:
        """Whether it is about this call."""
        reads = method == "GET"
        return (not self.method or (self.method == "GET") == reads) and bool(
            re.search(self.path, path)
        )


class FaultyWire:
    """A server on loopback in front of another."""

    def __init__(self, host: str, port: int) -> None:
        self.calls = 0
        #: Methods and paths of calls that may change something.
        self.writes: list[str] = []
        self.rules: list[Rule] = []
        self._lock = threading.Lock()
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.upstream = http.client.HTTPConnection(host, port, timeout=60)

            def finish(self) -> None:
                self.upstream.close()
                super().finish()

            def log_message(self, *_: Any) -> None: ...

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                rule = wire.rule_for(self.command, self.path)
                if rule is not None and rule.kind in _REFUSED:
                    self.refuse(rule)
                    return
                try:
                    answer, data = self.passed_on(body)
                except (http.client.HTTPException, OSError):
                    # As a proxy says that there is nothing behind it.
                    self.upstream.close()
                    self.answer(502, {"Content-Type": "text/html"}, _PAGE)
                    return
                if rule is None or rule.kind == "none":
                    self.answer(answer.status, answer.headers, data)
                elif rule.kind == "html":
                    self.answer(200, {"Content-Type": "text/html"}, _PAGE)
                elif rule.kind == "truncate":
                    self.answer(answer.status, answer.headers, data, cut=True)
                else:
                    self.drop()

            def __getattr__(self, name: str) -> Any:
                # The server looks for do_GET, do_POST and so on.
                if name.startswith("do_"):
                    return self.handle_any
                raise AttributeError(name)

            def passed_on(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
                for attempt in (1, 2):
                    try:
                        self.upstream.request(self.command, self.path, body or None, headers)
                        answer = self.upstream.getresponse()
                    except (http.client.RemoteDisconnected, ConnectionError):
                        # The server closed a line that had been silent for long.
                        self.upstream.close()
                        if attempt == 2:
                            raise
                        continue
                    return answer, answer.read()
                raise AssertionError

            def refuse(self, rule: Rule) -> None:
                if rule.kind == "redirect":
                    self.answer(302, {"Location": rule.to + self.path}, b"")
                elif rule.kind == "too_many":
                    told = {"Retry-After": "1", "Content-Type": "application/json"}
                    self.answer(429, told, b'{"detail": "Request was throttled."}')
                else:
                    self.answer(_REFUSED[rule.kind], {"Content-Type": "text/html"}, _PAGE)

            def answer(
                self, status: int, headers: Mapping[str, str], data: bytes, *, cut: bool = False
            ) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if cut else data)
                if cut:
                    self.drop()

            def drop(self) -> None:
                self.close_connection = True
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Where calls go in."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def rule_for(self, method: str, path: str) -> Rule | None:
        """Count a call, and find what should happen to it."""
        with self._lock:
            self.calls += 1
            if method != "GET":
                self.writes.append(f"{method} {path}")
            for rule in self.rules:
                if not rule.fits(method, path) or rule.times <= 0:
                    continue
                if rule.after:
                    rule.after -= 1
                    continue
                rule.times -= 1
                rule.fired += 1
                return rule
        return None

    def close(self) -> None:
        """Take it down."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
