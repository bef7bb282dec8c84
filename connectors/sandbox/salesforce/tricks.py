"""Faulty answers: given instead of the real one, or made from it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from connectors.sandbox.faults import Rule
from connectors.sandbox.salesforce.wire import JSON, Answer

_HTML = "text/html;charset=UTF-8"
_MAINTENANCE = b"<html><head><title>Down for Maintenance</title></head><body>Sorry</body></html>"
_PROXY = (
    b"<html><head><title>Sign in</title></head><body>Please sign in to the network</body></html>"
)
_ERRORS = {
    "invalid_session": (401, "INVALID_SESSION_ID", "Session expired or invalid"),
    "daily_limit": (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    "concurrent_limit": (
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
    ),
    "too_many": (429, "REQUEST_LIMIT_EXCEEDED", "Too many requests"),
    "server_error": (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred."),
}


def instead(rule: Rule) -> Answer | None:
    """The answer a rule gives in place of the real one; None if the connection is cut."""
    if rule.kind == "cut_before":
        return None
    if rule.kind == "unavailable":
        return Answer(503, _MAINTENANCE, rule.headers, _HTML)
    if rule.kind == "html":
        return Answer(200, _PROXY, rule.headers, _HTML)
    if rule.kind == "redirect":
        return Answer(302, b"", {"Location": rule.to + "/services/data", **rule.headers}, _HTML)
    if rule.kind == "status" and rule.body is not None:
        return Answer(rule.status, rule.body.encode(), rule.headers, rule.content_type)
    default = (
        rule.status,
        rule.code or "UNKNOWN_EXCEPTION",
        "An unexpected error occurred.",
    )
    status, code, message = _ERRORS.get(rule.kind, default)
    body = [{"message": rule.message or message, "errorCode": rule.code or code}]
    return Answer(status, body, rule.headers, JSON)


def after(answer: Answer, rules: Iterable[Rule]) -> Answer:
    """The real answer as reorder, short and next_host rules leave it."""
    for rule in rules:
        body = answer.body
        if rule.kind == "reorder" and isinstance(body, list):
            answer = replace(answer, body=body[::-1])
        elif rule.kind == "short" and isinstance(body, list):
            answer = replace(answer, body=body[: -rule.bytes])
        elif rule.kind in ("reorder", "short") and isinstance(body, dict):
            answer = replace(answer, body=_inside(rule, body))
        elif rule.kind in ("reorder", "short") and isinstance(body, bytes):
            answer = replace(answer, body=_rows(rule, body))
        elif rule.kind == "next_host" and isinstance(body, dict) and "nextRecordsUrl" in body:
            moved = rule.to + body["nextRecordsUrl"]
            answer = replace(answer, body={**body, "nextRecordsUrl": moved})
    return answer


def _inside(rule: Rule, body: dict[str, Any]) -> dict[str, Any]:
    for name in ("records", "compositeResponse", "graphs"):
        if isinstance(body.get(name), list):
            changed = body[name][::-1] if rule.kind == "reorder" else body[name][: -rule.bytes]
            return {**body, name: changed}
    return body


def _rows(rule: Rule, body: bytes) -> bytes:
    """The same with the rows of a CSV behind its header."""
    head, *rows = csv.reader(io.StringIO(body.decode(), newline=""))
    out = io.StringIO(newline="")
    changed = rows[::-1] if rule.kind == "reorder" else rows[: -rule.bytes]
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([head, *changed])
    return out.getvalue().encode()
