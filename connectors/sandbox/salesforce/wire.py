"""What goes through the emulated protocol: requests, answers, and a call in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from connectors.sandbox.errors import WireError
from connectors.sandbox.faults import Rule
from connectors.sandbox.org import Org

JSON = "application/json;charset=UTF-8"
#: What a request inside another has from it; it may bring any other header, but not these.
INHERITED = frozenset({"accept", "authorization", "content-type"})


@dataclass(frozen=True)
class Request:
    """One HTTP request, or one inside a composite. `path` keeps its percent escapes."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Request:
        """From a request line; header names are lower-cased."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method, parts.path, query, {k.lower(): v for k, v in headers.items()}, body)

    @cached_property
    def json(self) -> Any:
        """The body as JSON. Raises WireError JSON_PARSER_ERROR; NaN and infinities are refused."""
        try:
            return orjson.loads(self.body or b"{}")
        except orjson.JSONDecodeError as error:
            raise WireError(400, "JSON_PARSER_ERROR", str(error)) from None

    @property
    def fields(self) -> dict[str, Any]:
        """The body as one JSON object."""
        if not isinstance(self.json, dict):
            raise WireError(400, "JSON_PARSER_ERROR", "The HTTP entity body must be an object")
        return self.json


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `body` is JSON-ready, or bytes sent as they are, or None for none."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON

    def content(self) -> bytes:
        """The body's bytes."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


@dataclass(frozen=True)
class Call:
    """A request on its way to a handler: whose it is, which version, what its path named."""

    org: Org
    request: Request
    user_id: str
    version: str
    args: Mapping[str, str] = field(default_factory=dict)
    row_faults: tuple[Rule, ...] = ()
    job_faults: tuple[Rule, ...] = ()

    def arg(self, name: str) -> str:
        """A part of the path, unescaped."""
        return unquote(self.args[name])

    def url(self, tail: str) -> str:
        """A path of this API version."""
        return f"/services/data/{self.version}/{tail}"

    def inner(
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Call:
        """The call of a request inside this one: of our headers it inherits `INHERITED` only."""
        content = b"" if body is None else orjson.dumps(body)
        kept = {k: v for k, v in self.request.headers.items() if k in INHERITED}
        request = Request.of(method.upper(), url, {**kept, **(headers or {})}, content)
        return replace(self, request=request, args={})

    @property
    def number(self) -> float:
        """The API version as a number."""
        return float(self.version[1:])
