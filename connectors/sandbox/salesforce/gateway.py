"""The door: sessions, quota, faults and the call log around every emulated request."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import format_datetime
from typing import Any

from connectors.sandbox import faults
from connectors.sandbox.errors import WireError
from connectors.sandbox.faults import Rule
from connectors.sandbox.org import VERSIONS, Org
from connectors.sandbox.salesforce import bulk_jobs, metadata, oauth, versions
from connectors.sandbox.salesforce.errors import refusal
from connectors.sandbox.salesforce.tricks import after, instead
from connectors.sandbox.salesforce.urls import dispatch
from connectors.sandbox.salesforce.wire import Answer, Call, Request
from connectors.sandbox.sessions import Session

_XML = "text/xml;charset=UTF-8"
_HTML = "text/html;charset=UTF-8"
_MAX_HEAD = 16_384
_SOAP = re.compile(r"/services/Soap/m/\d+\.\d/?\w*")
_SOAP_SESSION = re.compile(rb"<(?:\w+:)?sessionId>\s*([^<\s]+)\s*</")
# The service of identities: it is no part of the data API, and refuses in words of its own.
_USERINFO = "/services/oauth2/userinfo"
_DAILY = "TotalRequests Limit exceeded."


@dataclass(frozen=True)
class Outcome:
    """What goes out, and what is done to it on the way."""

    answer: Answer | None
    """None: the connection is cut without an answer."""
    transport: tuple[Rule, ...] = ()
    """truncate, drip and cut_after rules."""


def serve(org: Org, request: Request) -> Outcome:
    """Answer one request of the emulated service, and log it."""
    session = _session(org, request)
    client = session.client_id if session else ""
    query = "&".join(f"{k}={v}" for k, v in request.query.items() if "secret" not in k)
    with org.records.lock:
        rules = org.faults.match(request.method, request.path, query, request.body, client)
        for rule in rules:
            _before(org, rule)
        saves = org.records.saves
        answer = next((instead(r) for r in rules if r.kind in faults.INSTEAD), None)
        cut = any(r.kind == "cut_before" for r in rules)
        if answer is None and not cut:
            answer = _too_long(request)
        if answer is None and not cut:
            session = _session(org, request)  # again: a rule may have ended it
            answer = _answer(org, request, session, tuple(rules))
        answer = _finish(org, after(answer, rules), session) if answer is not None else None
        writes = org.records.saves - saves
        org.calls.add(
            at=format(org.clock.now().astimezone(UTC), "%Y-%m-%dT%H:%M:%S.%fZ"),
            client=client or _client_of_login(request),
            method=request.method,
            path=request.path,
            query=query,
            sforce={k: v for k, v in request.headers.items() if k.startswith("sforce-")},
            status=answer.status if answer is not None else 0,
            rows=_rows(answer),
            writes=writes,
            applied=writes > 0,
            fault=",".join(r.kind for r in rules),
        )
    if answer is None:
        return Outcome(None)
    moving = [r for r in rules if r.kind in ("truncate", "drip", "cut_after")]
    return Outcome(answer, tuple(moving))


def _answer(org: Org, request: Request, session: Session | None, rules: tuple[Rule, ...]) -> Answer:
    call = Call(org, request, session.user_id if session else "", f"v{VERSIONS[-1]}.0")
    call = replace(
        call,
        row_faults=tuple(r for r in rules if r.kind in faults.ROWS),
        job_faults=tuple(r for r in rules if r.kind in faults.JOBS),
    )
    try:
        if request.path == "/services/oauth2/token":
            return oauth.token(org, request)
        if request.path.rstrip("/") == "/services/data":
            return versions.listing(call)
        if _SOAP.fullmatch(request.path):
            user = session.user_id if session else None
            status, body = metadata.handle(request.body, user, org.records)
            return Answer(status, body, content_type=_XML)
        if request.path == _USERINFO:
            if session is None:
                return Answer(403, b"Bad_OAuth_Token", content_type=_HTML)
            return oauth.userinfo(call)
        _admit(org, session)
        bulk_jobs.tick(org)
        with org.records.transaction():
            return dispatch(call)
    except WireError as error:
        return refusal(error, call.version)


def _admit(org: Org, session: Session | None) -> None:
    """A call needs a session, and counts."""
    if session is None:
        raise WireError(401, "INVALID_SESSION_ID", "Session expired or invalid")
    org.usage.used += 1
    if org.usage.used > org.usage.allowed:
        raise WireError(403, "REQUEST_LIMIT_EXCEEDED", _DAILY)


def _too_long(request: Request) -> Answer | None:
    """The service takes 16 KiB of address and headers. The body of its refusal is unknown."""
    address = len(request.path) + sum(len(k) + len(v) + 2 for k, v in request.query.items())
    if address > _MAX_HEAD:
        return Answer(414, b"<h1>URI Too Long</h1>", content_type=_HTML)
    if address + sum(len(k) + len(v) + 4 for k, v in request.headers.items()) > _MAX_HEAD:
        return Answer(431, b"<h1>Request Header Fields Too Large</h1>", content_type=_HTML)
    return None


def _session(org: Org, request: Request) -> Session | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("bearer", "oauth"):
        return org.sessions.find(token.strip())
    if _SOAP.fullmatch(request.path):
        found = _SOAP_SESSION.search(request.body)
        return org.sessions.find(found[1].decode()) if found else None
    return None


def _before(org: Org, rule: Rule) -> None:
    if rule.kind == "expire_tokens":
        org.sessions.expire_all()
    elif rule.kind in ("hide_field", "readonly_field"):
        mode = "hidden" if rule.kind == "hide_field" else "readonly"
        owner, _, name = rule.field.partition(".")
        org.records.hide(owner, name, mode)
    elif rule.kind == "retire_version":
        org.retired.add(rule.version)
    elif rule.kind == "advance_clock":
        org.clock.advance(rule.seconds)


def _finish(org: Org, answer: Answer, session: Session | None) -> Answer:
    headers = {"Date": format_datetime(org.clock.now().astimezone(UTC), usegmt=True)}
    if session is not None:
        headers["Sforce-Limit-Info"] = org.usage.header
    return replace(answer, headers={**headers, **answer.headers})


def _rows(answer: Answer | None) -> int:
    if answer is None or answer.status >= 300:
        return 0
    body: Any = answer.body
    if isinstance(body, bytes):
        return int(answer.headers.get("Sforce-NumberOfRecords", 0))
    if isinstance(body, dict):
        for name in ("records", "compositeResponse", "graphs", "results", "ids"):
            if isinstance(body.get(name), list):
                return len(body[name])
        return 1
    return len(body) if isinstance(body, list) else 0


def _client_of_login(request: Request) -> str:
    found = re.search(rb"client_id=([\w.-]+)", request.body)
    return found[1].decode() if found else ""
