"""The only place where HTTP is spoken with Salesforce: one `requests.Session` with rules.

Each request is paid for, counted, pinned to the org's host, timed as a whole, never redirected,
and its answer is bounded. It is a Session so that simple-salesforce can log in through it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from connectors.http import Hopeless, LostAnswer, NotSent, TooLarge
from crm_health.connector import Ports

_ORG_HOST = re.compile(r"(?!xn--)[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+){0,3}\.salesforce\.com")
_USAGE = re.compile(r"(?:^|[\s;])api-usage=(\d{1,12})/(\d{1,12})")
#: What a path has in it, by kind; the first that fits.
_KINDS = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"/oauth2/token|/Soap/u/", "login"),
        (r"/Soap/m/", "metadata"),
        (r"/jobs/", "bulk"),
        (r"/query", "query"),
        (r"/composite/graph$", "graph"),
        (r"/composite/sobjects", "collections"),
        (r"/composite", "composite"),
        (r"/describe$", "describe"),
    )
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True)
class Limits:
    """Bounds of one exchange, in seconds and bytes."""

    connect: float = 10.0
    #: Longest silence on the line.
    read: float = 60.0
    #: From sending the request to the last byte of the answer.
    whole: float = 150.0
    #: After decompression. A page of 2,000 wide rows stays far below.
    size: int = 96 * 1024 * 1024
    #: The same for Bulk, whose pages hold 50,000 rows. The service itself allows 20 minutes.
    bulk_whole: float = 900.0
    bulk_size: int = 384 * 1024 * 1024


class Transport(requests.Session):
    """HTTP to one org. Raises NotSent, LostAnswer or Hopeless; statuses are the caller's."""

    def __init__(
        self, ports: Ports, host: str, base_url: str = "", limits: Limits | None = None
    ) -> None:
        super().__init__()
        self._ports = ports
        self._hosts = {host}
        self._base_url = base_url
        self._limits = limits or Limits()
        self.calls: Counter[str] = Counter()
        self.org_used: int | None = None
        self.org_limit: int | None = None
        #: The service's clock as its API last told it.
        self.service_now: datetime | None = None
        #: When that was, in seconds of our own clock.
        self.heard_at = ports.clock()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # With an `auth` of its own requests never looks into a .netrc file.
        self.auth = _keep
        self.trust_env = not base_url
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=4, max_retries=0)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def pin(self, host: str) -> None:
        """Allow the org's own host, as the login answered it.

        Raises:
            Hopeless: that host is not one of Salesforce.
        """
        if self._base_url and host == urlsplit(self._base_url).netloc:
            return
        if not _ORG_HOST.fullmatch(host):
            raise Hopeless("The login answer names a host outside salesforce.com.", code="CH-HOST")
        self._hosts.add(host)

    def request(
        self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """One exchange. Timeouts, redirects and streaming are not the caller's to choose."""
        target = self._allowed(str(url))
        path = urlsplit(target).path
        kind = kind_of(str(method), path)
        # Redirected or streamed answers would escape the bounds below.
        kwargs.update(
            timeout=(self._limits.connect, self._limits.read),
            allow_redirects=False,
            stream=True,
        )
        self._ports.budget.spend()
        self.calls[kind] += 1
        whole = self._limits.bulk_whole if kind == "bulk" else self._limits.whole
        deadline = self._ports.clock() + whole
        try:
            response = super().request(method, target, *args, **kwargs)
        except requests.exceptions.SSLError:
            raise Hopeless("The TLS check of Salesforce's host failed.", code="CH-TLS") from None
        except requests.exceptions.ConnectTimeout:
            raise NotSent("Cannot reach Salesforce: no answer to a call.", code="CH-NET") from None
        except requests.exceptions.ConnectionError as error:
            raise _connection_error(error, kind) from None
        except requests.exceptions.RequestException:
            raise LostAnswer(f"The answer to {kind} did not come.", code="CH-NET") from None
        try:
            # requests has no public way to hand over a body that was read elsewhere.
            response._content = self._body(response, deadline, kind)  # noqa: SLF001
        finally:
            response.close()
        if response.status_code in _REDIRECTS:
            raise Hopeless("Refused a redirect to another address.", code="CH-REDIRECT")
        self._learn(response, path)
        return response

    def _allowed(self, url: str) -> str:
        parts = urlsplit(url)
        if self._base_url:
            ours = urlsplit(self._base_url).netloc
            known = parts.netloc in self._hosts or parts.netloc == ours
        else:
            known = parts.scheme == "https" and parts.netloc in self._hosts
        if not known:
            raise Hopeless("Refused to call a host other than the org's.", code="CH-HOST")
        if not self._base_url:
            return url
        tail = url.split("://", 1)[1][len(parts.netloc) :]
        return self._base_url + tail

    def _body(self, response: requests.Response, deadline: float, kind: str) -> bytes:
        taken: list[bytes] = []
        size = 0
        largest = self._limits.bulk_size if kind == "bulk" else self._limits.size
        try:
            while True:
                # read1 returns what has arrived, so a dripping line meets the deadline.
                chunk = response.raw.read1(1 << 18, decode_content=True)
                if not chunk:
                    return b"".join(taken)
                taken.append(chunk)
                size += len(chunk)
                if size > largest:
                    raise TooLarge(f"The answer to {kind} is too large.", code="CH-SIZE")
                if self._ports.clock() > deadline:
                    raise LostAnswer(f"The answer to {kind} took too long.", code="CH-TIME")
        except (urllib3.exceptions.HTTPError, OSError):
            raise LostAnswer(f"The answer to {kind} is incomplete.", code="CH-NET") from None

    def _learn(self, response: requests.Response, path: str) -> None:
        usage = _USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        if usage:
            self.org_used, self.org_limit = int(usage.group(1)), int(usage.group(2))
        # Only the API's own clock: the login host's may be another one.
        if path.startswith("/services/data/"):
            date = header_date(response.headers.get("Date"))
            if date is not None:
                self.service_now, self.heard_at = date, self._ports.clock()


def kind_of(method: str, path: str) -> str:
    """The kind of a call, for counting and messages."""
    for pattern, kind in _KINDS:
        if pattern.search(path):
            return kind
    return "read" if method.upper() == "GET" else "write"


def header_date(value: str | None) -> datetime | None:
    """An HTTP date as an aware instant; None where there is none."""
    if not value:
        return None
    try:
        return parsedate_to_datetime(value)
    except ValueError:
        return None


def _keep(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _connection_error(
    error: requests.exceptions.ConnectionError, kind: str
) -> NotSent | LostAnswer:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(reason, urllib3.exceptions.NewConnectionError):
        return NotSent("Cannot reach Salesforce: DNS or connection failed.", code="CH-NET")
    return LostAnswer(f"The connection broke during {kind}.", code="CH-NET")
