"""What goes through the emulated protocol: requests, and a call on its way to a handler."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import orjson

from connectors.sandbox.faults import Rule
from connectors.sandbox.hubspot.errors import HubError, bad_request
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.salesforce.wire import Answer

HTML = "text/html;charset=iso-8859-1"
NOT_FOUND_PAGE = (
    b'<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>\n'
    b"<title>Error 404 Not Found</title>\n</head>\n<body><h2>HTTP ERROR 404</h2>\n"
    b"<p>Resource not found</p>\n</body>\n</html>\n"
)


@dataclass(frozen=True)
class Request:
    """One HTTP request. A query parameter may come several times."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The path, with its percent escapes."""
        return urlsplit(self.url).path

    @cached_property
    def query(self) -> Mapping[str, Sequence[str]]:
        """Name -> values."""
        return parse_qs(urlsplit(self.url).query, keep_blank_values=True)

    @cached_property
    def json(self) -> Any:
        """The body as JSON. Raises HubError when it is none."""
        try:
            return orjson.loads(self.body or b"{}")
        except orjson.JSONDecodeError as error:
            raise bad_request(f"Invalid input JSON: {error}") from None

    @property
    def fields(self) -> dict[str, Any]:
        """The body as one JSON object."""
        if not isinstance(self.json, dict):
            raise bad_request("Invalid input JSON: an object is expected")
        return self.json


@dataclass(frozen=True)
class Call:
    """A request on its way to a handler: what its address named, and how it was written."""

    portal: Portal
    request: Request
    args: Mapping[str, str] = field(default_factory=dict)
    dated: bool = False
    """Whether it came by a dated address such as `/crm/objects/2026-09/...`."""
    rules: tuple[Rule, ...] = ()
    """The fault rules that picked this call."""

    def arg(self, name: str) -> str:
        """A part of the path, unescaped."""
        return unquote(self.args[name])

    def kind(self, name: str = "type") -> Kind:
        """The object type that a part of the path names. Raises HubError for none."""
        return self.portal.kinds.need(self.arg(name))

    def param(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        values = self.request.query.get(name)
        return values[-1] if values else default

    def params(self, name: str) -> list[str]:
        """Every value of a query parameter: repeated, joined by commas, or both."""
        values = self.request.query.get(name, ())
        return [v.strip() for text in values for v in text.split(",") if v.strip()]

    def flag(self, name: str) -> bool:
        """A query parameter that is true or not."""
        return self.param(name).lower() == "true"

    def number(self, name: str, default: int) -> int:
        """A query parameter that is a whole number. Raises HubError for anything else."""
        text = self.param(name, str(default))
        if not text.isascii() or not text.removeprefix("-").isdigit():
            raise bad_request(f"Invalid integer '{text}' for {name}")
        return int(text)

    def status(self, legacy: int, dated: int) -> int:
        """The success code, which differs between the two forms of some addresses."""
        return dated if self.dated else legacy

    def link(self, **query: str | int) -> str:
        """An absolute address like this call's own, some query parameters replaced."""
        kept = {k: list(v) for k, v in self.request.query.items() if k not in query}
        tail = urlencode({**kept, **query}, doseq=True)
        return f"{self.portal.base_url}{self.request.path}?{tail}"


Handler = Callable[[Call], Answer]


class Route(NamedTuple):
    """A handler and the addresses it answers.

    `pattern` is a regular expression of what follows the version: `objects/companies/search` for
    `/crm/v3/objects/companies/search` and `/crm/objects/2026-09/companies/search` alike.
    """

    method: str
    pattern: str
    handler: Handler


def refusal(error: HubError) -> Answer:
    """A whole-request refusal."""
    correlation_id = str(uuid.uuid4())
    headers = {"X-HubSpot-Correlation-Id": correlation_id, **error.headers}
    return Answer(error.status, error.body(correlation_id), headers)


def not_found() -> Answer:
    """The 404 of a record that doesn't exist: a page, not JSON."""
    return Answer(404, NOT_FOUND_PAGE, {"X-Hubspot-Notfound": "true"}, HTML)
