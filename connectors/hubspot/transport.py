"""The only place where HTTP is spoken with HubSpot: a pool with rules, under HubSpot's client.

Each request waits for its turn, is paid for, counted, pinned to the one host, timed as a whole,
never redirected and never repeated, and its answer is bounded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from connectors.http import Hopeless, LostAnswer, NotSent, TooLarge
from connectors.hubspot.limiter import SEARCHES, Limiter
from crm_health.connector import Ports
from crm_health.errors import Unavailable

#: What a path has in it, by kind; the first that fits.
_KINDS = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"/search$", "search"),
        (r"/batch/read$", "read"),
        (r"/batch/", "write"),
        (r"/account-info/", "account"),
        (r"/objects/[^/]+(/[^/]+)?$", "list"),
        (r"/owners", "list"),
    )
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 1 << 18


@dataclass(frozen=True)
class Limits:
    """Bounds of one exchange, in seconds and bytes."""

    connect: float = 10.0
    #: Longest silence on the line.
    read: float = 60.0
    #: From sending the request to the last byte of the answer.
    whole: float = 150.0
    #: After decompression. A page of 100 records of 65,536 characters each stays below.
    size: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """A whole answer, with the members that HubSpot's client looks for in one."""

    status: int
    reason: str | None
    data: bytes
    #: By name, whatever its case.
    headers: Mapping[str, str]

    def getheaders(self) -> Mapping[str, str]:
        """The headers, as HubSpot's client asks for them."""
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """One header, as HubSpot's client asks for it."""
        return self.headers.get(name, default)


class Transport:
    """Stands where HubSpot's client has its `urllib3.PoolManager`.

    Raises NotSent, LostAnswer, TooLarge or Hopeless; statuses are the caller's.
    """

    def __init__(
        self, ports: Ports, host: str, limits: Limits | None = None, searches: int = SEARCHES
    ) -> None:
        self._ports = ports
        self._host = urlsplit(host)
        self._limits = limits or Limits()
        self.limiter = Limiter(ports, searches)
        self.calls: Counter[str] = Counter()
        self.day_used: int | None = None
        self.day_limit: int | None = None
        #: The service's clock as it last told it.
        self.service_now: datetime | None = None
        #: When that was, in seconds of our own clock.
        self.heard_at = ports.clock()
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=4,
            # One retry layer, above: it knows what may be repeated, and how long to wait.
            retries=urllib3.Retry(0, redirect=False, raise_on_status=False),
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> Reply:
        """One exchange. Timeouts, redirects and loading are not the caller's to choose.

        A query is part of the address already.
        """
        target = urlsplit(url)
        if (target.scheme, target.netloc) != (self._host.scheme, self._host.netloc):
            raise Hopeless("Refused to call a host other than HubSpot's.", code="CH-HOST")
        kind = kind_of(method, target.path)
        self._ports.budget.spend()
        window = self.limiter.window(kind)
        window.enter()
        self.calls[kind] += 1
        reply = None
        try:
            reply = self._exchange(method, target, body, headers, kind)
        finally:
            learn = reply is not None and kind != "search"
            window.leave(reply.headers if reply is not None and learn else None)
        if reply.status in _REDIRECTS:
            raise Hopeless("Refused a redirect to another address.", code="CH-REDIRECT")
        self._learn(reply)
        return reply

    def clear(self) -> None:
        """Close connections."""
        self._pool.clear()

    def _exchange(
        self,
        method: str,
        target: SplitResult,
        body: str | None,
        headers: Mapping[str, str] | None,
        kind: str,
    ) -> Reply:
        deadline = self._ports.clock() + self._limits.whole
        try:
            # The manager's own `request` would take each address apart and encode it anew.
            pool = self._pool.connection_from_host(target.hostname, target.port, target.scheme)
            response = pool.urlopen(
                method,
                target._replace(scheme="", netloc="").geturl(),
                body=body,
                headers={**(headers or {}), "Accept-Encoding": "gzip"},
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=self._limits.connect, read=self._limits.read),
            )
        except HTTPError as error:
            raise _network_error(error, kind) from None
        whole = False
        try:
            data = self._body(response, deadline, kind)
            whole = True
        finally:
            # A connection whose answer was not read to its end can't serve another call.
            if whole:
                response.release_conn()
            else:
                response.close()
        if response.status >= 300:
            # HubSpot's client decodes refusals, and trips over a proxy's page in another charset.
            data = data.decode(errors="replace").encode()
        return Reply(response.status, response.reason, data, response.headers)

    def _body(self, response: urllib3.BaseHTTPResponse, deadline: float, kind: str) -> bytes:
        taken: list[bytes] = []
        size = 0
        try:
            # read1 returns what has arrived, so a dripping line meets the deadline.
            while chunk := response.read1(_CHUNK, decode_content=True):
                taken.append(chunk)
                size += len(chunk)
                if size > self._limits.size:
                    raise TooLarge(f"The answer to {kind} is too large.", code="CH-SIZE")
                if self._ports.clock() > deadline:
                    raise LostAnswer(f"The answer to {kind} took too long.", code="CH-TIME")
        except (HTTPError, OSError):
            raise LostAnswer(f"The answer to {kind} is incomplete.", code="CH-NET") from None
        return b"".join(taken)

    def _learn(self, reply: Reply) -> None:
        limit = reply.headers.get("X-HubSpot-RateLimit-Daily", "")
        left = reply.headers.get("X-HubSpot-RateLimit-Daily-Remaining", "")
        if limit.isdecimal() and left.isdecimal():
            self.day_limit, self.day_used = int(limit), max(0, int(limit) - int(left))
        date = header_date(reply.headers.get("Date"))
        if date is not None:
            self.service_now, self.heard_at = date, self._ports.clock()


def kind_of(method: str, path: str) -> str:
    """The kind of a call, for counting and messages."""
    for pattern, kind in _KINDS:
        if pattern.search(path):
            return "write" if kind == "list" and method != "GET" else kind
    return "schema" if method == "GET" else "setup"


def header_date(value: str | None) -> datetime | None:
    """An HTTP date as an aware instant; None where there is none."""
    if not value:
        return None
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo is not None else None


def _network_error(error: HTTPError, kind: str) -> Unavailable:
    reason = error.reason if isinstance(error, MaxRetryError) else error
    if isinstance(reason, SSLError):
        return Hopeless("The TLS check of HubSpot's host failed.", code="CH-TLS")
    if isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return NotSent("Cannot reach HubSpot: DNS or connection failed.", code="CH-NET")
    if isinstance(reason, ReadTimeoutError):
        return LostAnswer(f"The answer to {kind} did not come.", code="CH-NET")
    return LostAnswer(f"The connection broke during {kind}.", code="CH-NET")
