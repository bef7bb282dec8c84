"""The only place where HTTP is spoken with BottleCRM: each request is paid for, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from connectors.exchange import Exchange, Limits, Reply
from crm_health.connector import Ports


class Transport:
    """Exchanges with one host. Raises NotSent, LostAnswer, TooLarge or Hopeless."""

    def __init__(self, ports: Ports, host: str, limits: Limits | None = None) -> None:
        self._ports = ports
        self._exchange = Exchange(ports, host, "BottleCRM", limits)
        self.calls: Counter[str] = Counter()
        #: The service's clock as it last told it.
        self.now: datetime | None = None

    def request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        """One exchange with the host."""
        kind = "read" if method == "GET" else "write"
        self._ports.budget.spend()
        self.calls[kind] += 1
        reply = self._exchange.send(method, path, body, headers, kind)
        self.now = reply.date or self.now
        return reply

    def clear(self) -> None:
        """Close connections."""
        self._exchange.clear()
