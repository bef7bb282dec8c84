"""The only place where HTTP is spoken with BottleCRM: one host, counted, timed, never redirected.

Each request is paid for before it is sent and never repeated here; its answer is bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

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
from crm_health.connector import Ports
from crm_health.errors import Unavailable

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
    #: After decompression.
    size: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    data: bytes
    #: By name, whatever its case.
    headers: Mapping[str, str]


class Transport:
    """Exchanges with one host. Raises NotSent, LostAnswer, TooLarge or Hopeless."""

    def __init__(self, ports: Ports, host: str, limits: Limits | None = None) -> None:
        self._ports = ports
        self._host = host
        self._limits = limits or Limits()
        self.calls: Counter[str] = Counter()
        #: The service's clock as it last told it.
        self.now: datetime | None = None
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=2,
            # One retry layer, above: it knows what may be repeated, and how long to wait.
            retries=urllib3.Retry(0, redirect=False, raise_on_status=False),
        )

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        """One exchange with the host."""
        kind = "read" if method == "GET" else "write"
        self._ports.budget.spend()
        self.calls[kind] += 1
        deadline = self._ports.clock() + self._limits.whole
        try:
            response = self._pool.request(
                method,
                f"{self._host}{path}",
                body=body,
                headers={**headers, "Accept-Encoding": "gzip"},
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
        if response.status in _REDIRECTS:
            raise Hopeless("Refused a redirect to another address.", code="CH-REDIRECT")
        self.now = _date(response.headers.get("Date")) or self.now
        return Reply(response.status, data, response.headers)

    def clear(self) -> None:
        """Close connections."""
        self._pool.clear()

    def _body(self, response: urllib3.BaseHTTPResponse, deadline: float, kind: str) -> bytes:
        taken: list[bytes] = []
        size = 0
        try:
            # read1 returns what has arrived, so a dripping line meets the deadline.
            while chunk := response.read1(_CHUNK, decode_content=True):
                taken.append(chunk)
                size += len(chunk)
                if size > self._limits.size:
                    raise TooLarge(f"The answer to a {kind} is too large.", code="CH-SIZE")
                if self._ports.clock() > deadline:
                    raise LostAnswer(f"The answer to a {kind} took too long.", code="CH-TIME")
        except (HTTPError, OSError):
            raise LostAnswer(f"The answer to a {kind} is incomplete.", code="CH-NET") from None
        return b"".join(taken)


def _date(value: str | None) -> datetime | None:
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
        return Hopeless("The TLS check of BottleCRM's host failed.", code="CH-TLS")
    if isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return NotSent("Cannot reach BottleCRM: DNS or connection failed.", code="CH-NET")
    if isinstance(reason, ReadTimeoutError):
        return LostAnswer(f"The answer to a {kind} did not come.", code="CH-NET")
    return LostAnswer(f"The connection broke during a {kind}.", code="CH-NET")
