"""Who is let in: the token of a call, its share of the limits, its scopes."""

from __future__ import annotations

from connectors.sandbox.hubspot import scopes
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.tokens import Token, unauthorized
from connectors.sandbox.hubspot.wire import Call, Request

_FREE = "/oauth/"
"""Addresses that hand out and explain tokens ask for none, and cost nothing."""


def bearer(request: Request) -> str:
    """The token that a request brings; empty for none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def searches(request: Request) -> bool:
    """Whether it is a search, which has limits of its own."""
    return request.method == "POST" and request.path.rstrip("/").endswith("/search")


def enter(portal: Portal, request: Request) -> None:
    """Let a call in, and count it. Raises HubError 401 or 429."""
    if request.path.startswith(_FREE):
        return
    value = bearer(request)
    if not value:
        raise unauthorized()
    token = portal.service.tokens.need(value)
    portal.service.limiter.spend(_app(portal, token), search=searches(request))


def limit_headers(portal: Portal, request: Request) -> dict[str, str]:
    """What an answer tells of the limits; nothing to a stranger."""
    token = portal.service.tokens.find(bearer(request))
    if token is None or request.path.startswith(_FREE):
        return {}
    limiter = portal.service.limiter
    return limiter.headers(_app(portal, token), search=searches(request))


def check_scopes(call: Call, address: str) -> None:
    """Raise HubError 403 when the token may not do what an address does.

    Args:
        call: whose token is known to be good.
        address: family and what follows the version.
    """
    token = call.portal.service.tokens.find(bearer(call.request))
    if token is None or token.scopes is None:
        return
    for group in scopes.required(call.request.method, address, call.portal.kinds):
        if token.lacks(group):
            raise scopes.missing(group)


def _app(portal: Portal, token: Token) -> str:
    return f"{token.app}:{portal.service.account.portal_id}"
