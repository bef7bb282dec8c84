"""The only place where HTTP is spoken with HubSpot: a pool with rules, under HubSpot's client.

Each request waits for its turn, is paid for, counted, pinned to the one host, timed as a whole,
never redirected and never repeated, and its answer is bounded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from connectors.exchange import Exchange, Limits, Reply
from connectors.http import Hopeless
from connectors.hubspot.limiter import SEARCHES, Limiter
from crm_health.connector import Ports

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


class Answered(Reply):
    """A whole answer, with the members that HubSpot's client looks for in one."""

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
        self._exchange = Exchange(ports, host, "HubSpot", limits, lines=4)
        self.limiter = Limiter(ports, searches)
        self.calls: Counter[str] = Counter()
        self.day_used: int | None = None
        self.day_limit: int | None = None
        #: The service's clock as it last told it.
        self.service_now: datetime | None = None
        #: When that was, in seconds of our own clock.
        self.heard_at = ports.clock()

    def request(
        self,
        method: str,
        url: str,
        *,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> Answered:
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
            path = target._replace(scheme="", netloc="").geturl()
            reply = self._exchange.send(method, path, body, headers or {}, kind)
        finally:
            learn = reply is not None and kind != "search"
            window.leave(reply.headers if reply is not None and learn else None)
        self._learn(reply)
        data = reply.data
        if reply.status >= 300:
            # HubSpot's client decodes refusals, and trips over a proxy's page in another charset.
            data = data.decode(errors="replace").encode()
        return Answered(reply.status, reply.reason, data, reply.headers)

    def clear(self) -> None:
        """Close connections."""
        self._exchange.clear()

    def _learn(self, reply: Reply) -> None:
        limit = reply.headers.get("X-HubSpot-RateLimit-Daily", "")
        left = reply.headers.get("X-HubSpot-RateLimit-Daily-Remaining", "")
        if limit.isdecimal() and left.isdecimal():
            self.day_limit, self.day_used = int(limit), max(0, int(limit) - int(left))
        if reply.date is not None:
            self.service_now, self.heard_at = reply.date, self._ports.clock()


def kind_of(method: str, path: str) -> str:
    """The kind of a call, for counting and messages."""
    for pattern, kind in _KINDS:
        if pattern.search(path):
            return "write" if kind == "list" and method != "GET" else kind
    return "schema" if method == "GET" else "setup"
