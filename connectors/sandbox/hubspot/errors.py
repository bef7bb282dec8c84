"""Refusals as the service words them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

VALIDATION = "VALIDATION_ERROR"
NOT_FOUND = "OBJECT_NOT_FOUND"
CONFLICT = "CONFLICT"


@dataclass(frozen=True)
class Problem:
    """Why one value of one property is refused."""

    name: str
    code: str
    message: str
    named: bool = True
    """Whether the service lists it under `errors` as well; it doesn't for a bad number."""


class HubError(Exception):
    """A whole-request refusal.

    Args:
        status: the HTTP status.
        message: what a client sees.
        category: left out of the body when empty.
        context: what it is about, each name with a list of texts.
        errors: one entry a problem, as the body lists them.
        extra: other members of the body.
        headers: headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        category: str = "",
        *,
        context: Mapping[str, Sequence[str]] | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.category = category
        self.context = dict(context or {})
        self.errors = list(errors)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def body(self, correlation_id: str) -> dict[str, Any]:
        """The body of the refusal."""
        body: dict[str, Any] = {
            "status": "error",
            "message": self.message,
            "correlationId": correlation_id,
        }
        if self.context:
            body["context"] = self.context
        if self.errors:
            body["errors"] = self.errors
        if self.category:
            body["category"] = self.category
        return {**body, **self.extra}

    def entry(self) -> dict[str, Any]:
        """The same as one of the `errors` of a batch."""
        found: dict[str, Any] = {
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": self.context,
        }
        return {**found, **self.extra}


class MissingPageError(Exception):
    """The 404 that isn't JSON: a record of that id does not exist."""


@dataclass(frozen=True)
class Refused:
    """One input of a batch that is not written."""

    error: HubError
    position: int
    ids: Sequence[str] = field(default=())


def invalid_values(problems: Sequence[Problem]) -> HubError:
    """Property values that can't be stored, all at once."""
    told = [
        {"isValid": False, "message": p.message, "error": p.code, "name": p.name} for p in problems
    ]
    listed = [
        {"message": p.message, "code": p.code, "context": {"propertyName": [p.name]}}
        for p in problems
        if p.named
    ]
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
    return HubError(400, f"Property values were not valid: {text}", VALIDATION, errors=listed)


def bad_request(message: str, **context: Sequence[str]) -> HubError:
    """A request that makes no sense as a whole."""
    return HubError(400, message, VALIDATION, context=context)
