"""One exchange with one host over urllib3: timed as a whole, bounded, never redirected or repeated.

What the calls are worth, whose turn it is and what a status means is the connector's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

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
    #: After decompression. A page of 100 records of 65,536 characters each stays below.
    size: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    reason: str | None
    data: bytes
    #: By name, whatever its case.
    headers: Mapping[str, str]

    @property
    def date(self) -> datetime | None:
        """The service's clock; None where the answer does not tell it."""
        told = self.headers.get("Date")
        if not told:
            return None
        try:
            date = parsedate_to_datetime(told)
        except ValueError:
            return None
        return date if date.tzinfo is not None else None


class Exchange:
    """A pool of connections to one host.

    Args:
        ports: whose clock counts.
        host: scheme and host.
        service: its name, for messages.
        limits: of each exchange.
        lines: connections that are kept open.
    """

    def __init__(
        self, ports: Ports, host: str, service: str, limits: Limits | None = None, lines: int = 2
    ) -> None:
        self._ports = ports
        self._host = urlsplit(host)
        self._service = service
        self._limits = limits or Limits()
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=lines,
            # One retry layer, above: it knows what may be repeated, and how long to wait.
            retries=urllib3.Retry(0, redirect=False, raise_on_status=False),
        )

    def send(
        self,
        method: str,
        target: str,
        body: bytes | str | None,
        headers: Mapping[str, str],
        kind: str,
    ) -> Reply:
        """Send one request, and take the whole of its answer, whatever its status.

        Args:
            method: in capitals.
            target: path and query.
            body: as it goes out.
            headers: but for what is accepted as encoding.
            kind: of call, in a word, for messages.

        Raises:
            NotSent, LostAnswer, TooLarge: it failed on the way.
            Hopeless: the host is not who it should be, or leads elsewhere.
        """
        deadline = self._ports.clock() + self._limits.whole
        try:
            # The manager's own `request` would take each address apart and encode it anew.
            host = self._host
            pool = self._pool.connection_from_host(host.hostname, host.port, host.scheme)
            response = pool.urlopen(
                method,
                target,
                body=body,
                headers={**headers, "Accept-Encoding": "gzip"},
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=self._limits.connect, read=self._limits.read),
            )
        except HTTPError as error:
            raise self._failed(error, kind) from None
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
        return Reply(response.status, response.reason, data, response.headers)

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

    def _failed(self, error: HTTPError, kind: str) -> Unavailable:
        reason = error.reason if isinstance(error, MaxRetryError) else error
        if isinstance(reason, SSLError):
            return Hopeless(f"The TLS check of {self._service}'s host failed.", code="CH-TLS")
        if isinstance(reason, NewConnectionError | ConnectTimeoutError):
            return NotSent(
                f"Cannot reach {self._service}: DNS or connection failed.", code="CH-NET"
            )
        if isinstance(reason, ReadTimeoutError):
            return LostAnswer(f"The answer to a {kind} did not come.", code="CH-NET")
        return LostAnswer(f"The connection broke during a {kind}.", code="CH-NET")
