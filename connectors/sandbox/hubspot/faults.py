"""What the faults of this service look like on the wire: see `sandbox.faults` for the rules.

- `invalid_session`: 401, the token is not known any more.
- `missing_scope`: 403, for the scopes in `fields`.
- `too_many`: 429 of the burst; `daily_limit`: of the day; `concurrent_limit`: of searches.
- `locked`, `moving`: 423 and 477.
- `unavailable`: a page of the edge with `status` 502, 503 (unless said), 504 or 521 to 524.
- `hide_field`, `readonly_field`: a property such as `companies.domain` is archived, or read only.

`headers` go along with any of them: `{"Retry-After": "-5"}`, or "" to leave one out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from connectors.sandbox.faults import Rule
from connectors.sandbox.hubspot import limiter, scopes, tokens
from connectors.sandbox.hubspot.errors import HubError
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.wire import refusal
from connectors.sandbox.salesforce.wire import Answer

_HTML = "text/html;charset=UTF-8"
_EDGE = (502, 503, 504, 521, 522, 523, 524)
_PROXY = b"<html><body><h1>Sign in to the guest network</h1></body></html>"
_MOVING_SECONDS = "3600"


def before(portal: Portal, rule: Rule) -> None:
    """What a rule does to the portal before the call."""
    if rule.kind == "expire_tokens":
        portal.service.tokens.expire()
    elif rule.kind == "advance_clock":
        portal.clock.advance(rule.seconds)
    elif rule.kind in ("hide_field", "readonly_field"):
        owner, _, name = rule.field.partition(".")
        kind = portal.kinds.find(owner)
        found = portal.definitions.find(kind.type_id, name) if kind is not None else None
        if kind is None or found is None:
            return
        if rule.kind == "hide_field":
            portal.definitions.archive(kind.type_id, name)
        else:
            portal.definitions.put(kind.type_id, replace(found, read_only=True))


def instead(rule: Rule) -> Answer | None:
    """The answer a rule gives in place of the real one; None if the connection is cut."""
    if rule.kind == "cut_before":
        return None
    if rule.kind == "unavailable":
        status = rule.status if rule.status in _EDGE else 503
        return Answer(status, _page(status), rule.headers, _HTML)
    if rule.kind == "html":
        return Answer(200, _PROXY, rule.headers, _HTML)
    if rule.kind == "redirect":
        return Answer(302, b"", {"Location": rule.to + "/crm/v3", **rule.headers}, _HTML)
    if rule.kind == "status" and rule.body is not None:
        return Answer(rule.status, rule.body.encode(), rule.headers, rule.content_type)
    answer = refusal(_error(rule))
    headers = {**answer.headers, **rule.headers}
    return replace(answer, headers={name: value for name, value in headers.items() if value})


def _error(rule: Rule) -> HubError:
    if rule.kind == "invalid_session":
        return tokens.unauthorized()
    if rule.kind == "missing_scope":
        return scopes.missing(tuple(rule.fields))
    if rule.kind == "too_many":
        return limiter.rolling()
    if rule.kind == "daily_limit":
        return limiter.daily()
    if rule.kind == "concurrent_limit":
        return limiter.secondly()
    # The bodies of the rest are not known.
    if rule.kind == "locked":
        return HubError(423, rule.message or "This resource is locked", rule.code)
    if rule.kind == "moving":
        wait = {"Retry-After": _MOVING_SECONDS}
        return HubError(477, rule.message or "Migration in progress", rule.code, headers=wait)
    return HubError(rule.status, rule.message or "internal error", rule.code)


def _page(status: int) -> bytes:
    return f"<html><head><title>{status}</title></head><body>Error {status}</body></html>".encode()


def after(answer: Answer, rules: Iterable[Rule]) -> Answer:
    """The real answer as reorder, short and next_host rules leave it."""
    for rule in rules:
        body = answer.body
        if isinstance(body, Mapping):
            answer = replace(answer, body=_changed(rule, dict(body)))
    return answer


def _changed(rule: Rule, body: dict[str, Any]) -> dict[str, Any]:
    results = body.get("results")
    if rule.kind == "reorder" and isinstance(results, list):
        return {**body, "results": results[::-1]}
    if rule.kind == "short" and isinstance(results, list):
        return {**body, "results": results[: -rule.bytes]}
    following = body.get("paging", {}).get("next", {})
    if rule.kind == "next_host" and "link" in following:
        tail = following["link"].partition("//")[2].partition("/")[2]
        return {**body, "paging": {"next": {**following, "link": f"{rule.to}/{tail}"}}}
    return body
