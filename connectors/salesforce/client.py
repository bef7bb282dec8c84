"""Logged-in calls to one org: login, repeat, translate. The only importer of simple-salesforce.

Everything that goes wrong leaves here as an error of our own tree.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

import orjson
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from connectors.http import LostAnswer, NotSent, Patience, redact, with_retries
from connectors.salesforce.errors import (
    Fault,
    SessionExpired,
    faults_in,
    faults_of_body,
    not_json,
    request_error,
)
from connectors.salesforce.settings import Login, Settings
from connectors.salesforce.transport import Limits, Transport, kind_of
from crm_health.connector import Ports, Usage
from crm_health.errors import AuthError, CrmHealthError, QuotaExhausted, Unavailable

#: Stands for the session in a SOAP body; `Client.soap` puts the real one there.
SESSION = b"@SESSION@"
#: What the rows of Bulk jobs travel as.
CSV = "text/csv"
#: Sub-requests of one composite call, and how many of them may be queries.
COMPOSITE_MAX, COMPOSITE_QUERIES = 25, 5


@dataclass(frozen=True)
class Answer:
    """A good answer: body and the headers that matter."""

    body: bytes
    status: int = 200
    #: The service's clock.
    now: datetime | None = None
    #: By name, whatever its case.
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The parsed body.

        Raises:
            Unavailable: it is not JSON.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise not_json("a call") from None


@dataclass(frozen=True)
class Part:
    """One answer inside a composite one."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        """Whether this part succeeded."""
        return 200 <= self.status < 300

    def error(self, what: str) -> CrmHealthError:
        """The error of our tree for a part that failed."""
        return request_error(self.status, faults_in(self.body), what=what)


@dataclass
class _Session:
    token: str = ""
    host: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client:
    """Calls to one org. May be shared by threads."""

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
        self.version = api_version
        self.data = f"/services/data/v{api_version}"
        self.settings = settings
        self._patience = patience or Patience()
        domain = settings.domain or "localhost.my"
        self._domain = domain
        self._http = Transport(ports, f"{domain}.salesforce.com", settings.base_url, limits)
        if settings.way is Login.JWT:
            self._http.pin(f"{settings.audience}.salesforce.com")
        self._session = _Session()
        self._exhausted = False

    def get(
        self,
        path: str,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """GET a path of the org, e.g. `/services/data/v62.0/limits`."""
        return self._repeat("GET", path, headers=headers, params=params)

    def send(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send JSON, or what the headers say.

        Repeated after a lost answer: callers send only what may come twice.
        """
        return self._repeat(
            method, path, body, {"Content-Type": "application/json", **(headers or {})}
        )

    def composite(
        self, parts: Sequence[tuple[str, str]], headers: dict[str, str] | None = None
    ) -> dict[str, Part]:
        """GET several paths, in this order, in one call that counts as one.

        Args:
            parts: (reference, path); at most 25, 5 of them queries. A reference holds letters,
                digits and underscores only.
            headers: of each part.

        Returns:
            The answers by reference; a part that the service left out is absent.
        """
        body = orjson.dumps(
            {
                "allOrNone": False,
                # Collated, they could be carried out in another order than they stand here.
                "collateSubrequests": False,
                "compositeRequest": [
                    {
                        "method": "GET",
                        "url": path,
                        "referenceId": reference,
                        **({"httpHeaders": headers} if headers else {}),
                    }
                    for reference, path in parts
                ],
            }
        )
        parsed = self.send("POST", f"{self.data}/composite", body).json()
        answers = parsed.get("compositeResponse") if isinstance(parsed, dict) else None
        if not isinstance(answers, list):
            raise not_json("composite")
        found = {}
        for answer in answers:
            status = answer.get("httpStatusCode")
            if isinstance(status, int):
                found[str(answer.get("referenceId"))] = Part(status, answer.get("body"))
        return found

    def soap(self, body: bytes) -> bytes:
        """Post to the Metadata API. `@SESSION@` in the body becomes the session id.

        Raises:
            AuthError, SetupError, Unavailable: as for any call. A fault that is about the
                content comes back as the body.
        """
        return self._repeat(
            "POST",
            f"/services/Soap/m/{self.version}",
            body,
            {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'},
        ).body

    @property
    def now(self) -> datetime | None:
        """The service's clock, as of the last answer."""
        return self._http.service_now

    @property
    def silent_for(self) -> float:
        """Seconds since that answer."""
        return self.ports.clock() - self._http.heard_at

    def usage(self) -> Usage:
        """Calls made, and what the service says of the org's allowance."""
        return Usage(
            calls=self._http.calls.total(),
            by_kind=dict(self._http.calls),
            org_used=self._http.org_used,
            org_limit=self._http.org_limit,
            exhausted=self._exhausted,
        )

    def close(self) -> None:
        """Forget the session and close connections."""
        self._session.token = ""
        self._http.close()

    def _repeat(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> Answer:
        def call() -> Answer:
            token = self._logged_in()
            try:
                return self._exchange(method, path, body, headers, params, token)
            except SessionExpired:
                token = self._logged_in(refused=token)
            try:
                return self._exchange(method, path, body, headers, params, token)
            except SessionExpired:
                raise AuthError(
                    "Salesforce refuses the session it has just given: check the integration "
                    "user's rights and the app's policies.",
                    code="INVALID_SESSION_ID",
                ) from None

        try:
            return with_retries(call, self.ports, self._patience)
        except QuotaExhausted:
            self._exhausted = True
            raise

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str] | None,
        params: dict[str, str] | None,
        token: str,
    ) -> Answer:
        what = kind_of(method, path)
        soap = what == "metadata"
        if soap and body is not None:
            body = body.replace(SESSION, escape(token).encode())
        response = self._http.request(
            method,
            f"https://{self._session.host}{path}",
            params=params,
            data=body,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "text/xml" if soap else "application/json",
                **(headers or {}),
            },
        )
        content: bytes = response.content
        writes = method != "GET" and what != "composite"
        if soap and b"INVALID_SESSION_ID" in content:
            raise SessionExpired(code="INVALID_SESSION_ID")
        if soap and b"Envelope" in content and response.status_code in (200, 500):
            return Answer(content, response.status_code, self.now)
        if response.status_code >= 300:
            raise request_error(
                response.status_code,
                faults_of_body(content),
                what=what,
                retry_after=response.headers.get("Retry-After"),
                now=self.now,
                applied_perhaps=writes,
            )
        # An upload and a deleted job are answered with nothing.
        bare = what == "bulk" and writes and not content
        if not bare and not _as_asked(content, (headers or {}).get("Accept", "")):
            raise not_json(what, applied_perhaps=writes)
        return Answer(content, response.status_code, self.now, response.headers)

    def _logged_in(self, refused: str = "") -> str:
        """The token; logs in where there is none, or where it is still the refused one."""
        with self._session.lock:
            if not self._session.token or self._session.token == refused:
                self._session.token = ""
                self._session.token, self._session.host = self._login()
                self.ports.log("salesforce.login", way=self.settings.way.value)
            return self._session.token

    def _login(self) -> tuple[str, str]:
        settings = self.settings
        wanted: dict[str, Any]
        match settings.way:
            case Login.CLIENT_CREDENTIALS:
                wanted = {
                    "consumer_key": settings.client_id,
                    "consumer_secret": settings.secret,
                    "domain": self._domain,
                }
            case Login.JWT:
                wanted = {
                    "username": settings.username,
                    "consumer_key": settings.client_id,
                    "privatekey": settings.key,
                    "domain": settings.audience,
                    "instance_url": self._domain,
                }
            case Login.LEGACY:
                wanted = {
                    "username": settings.username,
                    "password": settings.password and settings.password.get_secret_value(),
                    "security_token": settings.security_token.get_secret_value()
                    if settings.security_token
                    else "",
                    "domain": self._domain,
                }
        try:
            token, host = SalesforceLogin(session=self._http, sf_version=self.version, **wanted)
        except SalesforceAuthenticationFailed as error:
            raise login_error(error.code) from None
        except LostAnswer as error:
            # A lost login leaves nothing behind: what was to follow it was never sent.
            raise NotSent(error.message, code=error.code) from None
        except (AttributeError, TypeError, KeyError, ValueError, RecursionError):
            raise not_json("login") from None
        if not isinstance(token, str) or not token:
            raise not_json("login")
        host = str(host).rstrip("/")
        self._http.pin(host)
        return token, host


def _as_asked(content: bytes, accept: str) -> bool:
    """Whether a good answer begins as one of its kind does; a proxy's page doesn't."""
    start = content[:64].lstrip()[:1]
    if accept == CSV:
        return start not in (b"{", b"[", b"<", b"")
    return start in (b"{", b"[")


def login_error(code: object) -> CrmHealthError:
    """The error for a login that failed: `code` is an OAuth or SOAP code, or an HTTP status."""
    if isinstance(code, int):
        if code == 200 or code >= 500 or code in (406, 420, 429):
            return not_json("login")
        return request_error(code, [], what="login")
    name = redact(str(code or "none"), 60)
    if name in ("server_error", "temporarily_unavailable", "unavailable"):
        return Unavailable("Salesforce's login is not available for now.", code=name)
    fault = Fault(name.removeprefix("sf:"))
    if fault.code == "REQUEST_LIMIT_EXCEEDED":
        return request_error(403, [fault], what="login")
    return AuthError(
        f"Salesforce refused the login ({name}): check the app's id and secret or key, that it "
        "is enabled, and that its user is active.",
        code=name,
    )
