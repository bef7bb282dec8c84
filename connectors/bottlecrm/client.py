"""Calls to one BottleCRM: repeat, translate. Its API needs no library but JSON.

Everything that goes wrong leaves here as an error of our own tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson

from connectors.bottlecrm.errors import fault_of, not_json, request_error
from connectors.bottlecrm.settings import Settings
from connectors.bottlecrm.transport import Transport
from connectors.exchange import Limits
from connectors.http import LostAnswer, Patience, with_retries
from crm_health.connector import Ports, Usage
from crm_health.errors import BrokenInvariant, QuotaExhausted

T = TypeVar("T")

#: Long enough for a server that its owner restarts.
PATIENCE = Patience(attempts=6, first=1.0)


@dataclass(frozen=True)
class Answer:
    """A good answer."""

    body: bytes
    #: The service's clock.
    now: datetime | None

    def json(self) -> dict[str, Any]:
        """The parsed body.

        Raises:
            Unavailable: it is not a JSON object.
        """
        try:
            parsed = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise not_json("a call") from None
        if not isinstance(parsed, dict):
            raise not_json("a call")
        return parsed


class Client:
    """Calls to one CRM."""

    def __init__(
        self,
        settings: Settings,
        ports: Ports,
        *,
        patience: Patience | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.ports = ports
        self._patience = patience or PATIENCE
        self._http = Transport(ports, settings.url, limits)
        self._exhausted = False
        self._headers = {
            "Authorization": f"Bearer {settings.bearer}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "crm-health",
        }

    def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Answer:
        """GET a path."""
        target = f"{path}?{urlencode(query)}" if query else path
        return self._repeat(lambda: self._exchange("GET", target, None))

    def save(self, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        """Send JSON that may come twice; so a lost answer is asked for again."""
        sent = _encoded(body)
        return self._repeat(lambda: self._exchange(method, path, sent))

    def create(self, path: str, body: Mapping[str, Any]) -> Answer:
        """POST JSON that must not come twice: a lost answer is the caller's to look into.

        Raises:
            LostAnswer: it may have been carried out.
        """
        sent = _encoded(body)
        lost: list[LostAnswer] = []

        def once() -> Answer | None:
            try:
                return self._exchange("POST", path, sent)
            except LostAnswer as error:
                lost.append(error)
                return None

        answer = self._repeat(once)
        if answer is None:
            raise lost[0]
        return answer

    def delete(self, path: str) -> None:
        """DELETE a thing of ours; one that is gone already is Absent."""
        self._repeat(lambda: self._exchange("DELETE", path, None))

    @property
    def now(self) -> datetime | None:
        """The service's clock, as of the last answer."""
        return self._http.now

    def usage(self) -> Usage:
        """Calls made. The CRM has no allowance of its own."""
        calls = self._http.calls
        return Usage(calls=calls.total(), by_kind=dict(calls), exhausted=self._exhausted)

    def close(self) -> None:
        """Close connections. May be called twice."""
        self._http.clear()

    def _repeat(self, call: Callable[[], T]) -> T:
        try:
            return with_retries(call, self.ports, self._patience)
        except QuotaExhausted:
            self._exhausted = True
            raise

    def _exchange(self, method: str, target: str, body: bytes | None) -> Answer:
        writes = method != "GET"
        what = "a write" if writes else "a read"
        reply = self._http.request(method, target, body, self._headers)
        if not 200 <= reply.status < 300:
            fault = fault_of(reply.data, reply.status)
            raise request_error(fault, what, reply.headers, self.now, applied_perhaps=writes)
        if reply.status == 204:
            return Answer(b"{}", self.now)
        start, end = reply.data[:64].lstrip()[:1], reply.data[-64:].rstrip()[-1:]
        if (start, end) != (b"{", b"}"):
            raise not_json(what, applied_perhaps=writes)
        return Answer(reply.data, self.now)


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        raise BrokenInvariant("A value that JSON does not know was to be sent.") from None
