"""Calls to one HubSpot account: repeat, translate. The only importer of hubspot-api-client.

Everything that goes wrong leaves here as an error of our own tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from hubspot.crm.objects import ApiClient, Configuration
from hubspot.crm.objects.exceptions import ApiException

from connectors.exchange import Limits
from connectors.http import LostAnswer, Patience, with_retries
from connectors.hubspot.errors import fault_of_body, not_json, request_error
from connectors.hubspot.paths import Paths
from connectors.hubspot.settings import Settings
from connectors.hubspot.transport import Transport, kind_of
from crm_health.connector import Ports, Usage
from crm_health.errors import CrmHealthError, QuotaExhausted, RateLimited

#: Ids or records of one batch call.
BATCH = 100
#: Kinds of calls whose failure leaves open whether something was changed.
_WRITES = frozenset({"write", "setup"})


@dataclass(frozen=True)
class Answer:
    """A good answer."""

    body: bytes
    status: int = 200
    #: The service's clock.
    now: datetime | None = None

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
    """Calls to one account. May be shared by threads."""

    def __init__(
        self,
        settings: Settings,
        ports: Ports,
        api_version: str,
        *,
        patience: Patience | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.ports = ports
        self.settings = settings
        self.paths = Paths(api_version)
        self._patience = patience or Patience()
        self._limits = limits or Limits()
        self._http = Transport(ports, settings.host, self._limits, settings.searches)
        configuration = Configuration()
        configuration.access_token = settings.bearer
        configuration.host = settings.host
        # One for the life of the connector: the library's own accessors make a pool at each use.
        self._api = ApiClient(configuration)
        self._api.rest_client.pool_manager = self._http
        self._api.user_agent = "crm-health"
        #: The account's zone, once `identity` has asked for it: the allowance is one of its days.
        self.zone: str | None = None
        self._exhausted = False

    def get(self, path: str, query: Iterable[tuple[str, str]] = ()) -> Answer:
        """GET a path of `paths`; a name may come several times in the query."""
        return self._repeat("GET", path, list(query), None)

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        query: Iterable[tuple[str, str]] = (),
        *,
        once: bool = False,
    ) -> Answer:
        """Send JSON. Repeated after a lost answer, unless it may be carried out only `once`.

        A batch is answered well (2xx) also where some of its rows were refused: see the `errors`
        of the body.
        """
        return self._repeat(method, path, list(query), body, once=once)

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        query: Iterable[tuple[str, str]] = (),
        *,
        once: bool = False,
    ) -> Answer:
        """POST JSON; see `send`."""
        return self.send("POST", path, body, query, once=once)

    @property
    def now(self) -> datetime | None:
        """The service's clock, as of the last answer."""
        return self._http.service_now

    @property
    def silent_for(self) -> float:
        """Seconds since that answer."""
        return self.ports.clock() - self._http.heard_at

    def usage(self) -> Usage:
        """Calls made, and what the service says of the account's day."""
        return Usage(
            calls=self._http.calls.total(),
            by_kind=dict(self._http.calls),
            org_used=self._http.day_used,
            org_limit=self._http.day_limit,
            exhausted=self._exhausted,
        )

    def close(self) -> None:
        """Close connections. May be called twice."""
        self._http.clear()
        self._api.close()

    def _repeat(
        self,
        method: str,
        path: str,
        query: list[tuple[str, str]],
        body: Mapping[str, Any] | None,
        *,
        once: bool = False,
    ) -> Answer:
        def call() -> Answer | LostAnswer:
            try:
                return self._exchange(method, path, query, body)
            except LostAnswer as error:
                if once:
                    return error  # what is raised would be repeated
                raise

        try:
            answer = with_retries(call, self.ports, self._patience)
        except QuotaExhausted:
            self._exhausted = True
            raise
        if isinstance(answer, LostAnswer):
            raise answer
        return answer

    def _exchange(
        self, method: str, path: str, query: list[tuple[str, str]], body: Mapping[str, Any] | None
    ) -> Answer:
        kind = kind_of(method, path)
        # Written out here: the library would take each of a hundred names apart, several times.
        target = f"{path}?{urlencode(query, safe=',')}" if query else path
        try:
            reply = self._api.call_api(
                target,
                method,
                None,
                [],
                {"Accept": "application/json", "Content-Type": "application/json"},
                body=body,
                auth_settings=["oauth2"],
                response_types_map={},
                _preload_content=False,
                _request_timeout=(self._limits.connect, self._limits.read),
            )
        except ApiException as error:
            raise self._error(error, kind) from None
        except (UnicodeDecodeError, AttributeError, TypeError, KeyError, ValueError):
            # The library stumbles over bodies that it does not expect.
            raise not_json(kind, applied_perhaps=kind in _WRITES) from None
        content = reply.data
        if reply.status != 204 and content[:64].lstrip()[:1] != b"{":
            raise not_json(kind, applied_perhaps=kind in _WRITES)
        return Answer(content, reply.status, self.now)

    def _error(self, error: ApiException, kind: str) -> CrmHealthError:
        body = error.body if isinstance(error.body, str) else ""
        fault = fault_of_body(body.encode(), error.status or 0)
        headers = error.headers or {}
        made = request_error(
            fault,
            what=kind,
            retry_after=headers.get("Retry-After"),
            now=self.now,
            applied_perhaps=kind in _WRITES,
            until=self._midnight(),
        )
        if isinstance(made, RateLimited) and fault.status == 429:
            self._http.limiter.window(kind).pause(made.retry_after or 0.0)
        return made

    def _midnight(self) -> datetime | None:
        """When the account's day ends."""
        if self.now is None or self.zone is None:
            return None
        try:
            zone = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            return None
        tomorrow = self.now.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), zone).astimezone(UTC)
