"""The door: tokens, limits, faults and the call log around every emulated request."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC
from email.utils import format_datetime

from connectors.sandbox import faults
from connectors.sandbox.hubspot import faults as tricks
from connectors.sandbox.hubspot.admission import bearer, enter, limit_headers
from connectors.sandbox.hubspot.errors import HubError, MissingPageError
from connectors.sandbox.hubspot.urls import dispatch
from connectors.sandbox.hubspot.wire import Call, Request, not_found, refusal
from connectors.sandbox.org import Org
from connectors.sandbox.salesforce.gateway import Outcome
from connectors.sandbox.salesforce.wire import JSON, Answer

_HTML = "text/html;charset=UTF-8"
#: In lower case, unlike the other service's.
_JSON = "application/json;charset=utf-8"
#: Where the service stops reading an address; a live portal took one of 5,116 characters.
_MAX_URL = 8_192
_TRANSPORT = ("truncate", "drip", "cut_after")


def serve(org: Org, request: Request) -> Outcome:
    """Answer one request of the emulated service, and log it."""
    portal = org.portal
    query = request.url.partition("?")[2] if "secret" not in request.url else ""
    with org.records.lock:
        portal.base_url = org.base_url
        client = _client(org, request)
        rules = org.faults.match(request.method, request.path, query, request.body, client)
        for rule in rules:
            tricks.before(portal, rule)
        portal.tick()
        saves = portal.saves
        answer = next((tricks.instead(r) for r in rules if r.kind in faults.INSTEAD), None)
        if answer is None and not any(r.kind == "cut_before" for r in rules):
            answer = _answer(Call(portal, request, rules=tuple(rules)))
        if answer is not None:
            answer = _finish(org, request, tricks.after(answer, rules))
        writes = portal.saves - saves
        org.calls.add(
            at=format(org.clock.now().astimezone(UTC), "%Y-%m-%dT%H:%M:%S.%fZ"),
            client=client,
            method=request.method,
            path=request.path,
            query=query,
            sforce={},
            status=answer.status if answer is not None else 0,
            rows=_rows(answer),
            writes=writes,
            applied=writes > 0,
            fault=",".join(r.kind for r in rules),
        )
    if answer is None:
        return Outcome(None)
    return Outcome(answer, tuple(r for r in rules if r.kind in _TRANSPORT))


def _answer(call: Call) -> Answer:
    try:
        if len(call.request.url) > _MAX_URL:
            return Answer(414, b"<h1>URI Too Long</h1>", content_type=_HTML)
        enter(call.portal, call.request)
        return dispatch(call)
    except MissingPageError:
        return not_found()
    except HubError as error:
        return refusal(error)


def _client(org: Org, request: Request) -> str:
    """The app whose token a call brings, by its number."""
    token = org.portal.service.tokens.find(bearer(request))
    return str(token.app) if token is not None else ""


def _finish(org: Org, request: Request, answer: Answer) -> Answer:
    told = {
        "Date": format_datetime(org.clock.now().astimezone(UTC), usegmt=True),
        "X-HubSpot-Correlation-Id": str(uuid.uuid4()),
        **limit_headers(org.portal, request),
    }
    kind = _JSON if answer.content_type == JSON else answer.content_type
    return replace(answer, headers={**told, **answer.headers}, content_type=kind)


def _rows(answer: Answer | None) -> int:
    if answer is None or answer.status >= 300 or not isinstance(answer.body, dict):
        return 0
    results = answer.body.get("results")
    return len(results) if isinstance(results, list) else 1
