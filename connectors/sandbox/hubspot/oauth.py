"""Tokens on the wire: a refresh, what a token stands for, the end of a grant."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from connectors.sandbox.hubspot.errors import HubError
from connectors.sandbox.hubspot.scopes import EVERY
from connectors.sandbox.hubspot.tokens import CLIENT, LIFETIME, Token, unauthorized
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer

_USER = "admin@sandbox.example"
_DOMAIN = "sandbox.example"


def token(call: Call) -> Answer:
    """POST oauth/token: a new access token for a refresh token, which stays."""
    form = _form(call)
    if form.get("grant_type") != "refresh_token":
        words = "grant type not supported"
        return _refused(call, "unsupported_grant_type", "BAD_GRANT_TYPE", words)
    # Public and worthless, like the client's id: see `tokens`.
    if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT):
        words = "missing or invalid client id or secret"
        return _refused(call, "invalid_client", "BAD_CLIENT_ID", words)
    refresh = form.get("refresh_token", "")
    made = call.portal.service.tokens.refresh(refresh)
    if made is None:
        words = "missing or unknown refresh token"
        return _refused(call, "invalid_grant", "BAD_REFRESH_TOKEN", words)
    body: dict[str, Any] = {
        "token_type": "bearer",
        "refresh_token": refresh,
        "access_token": made.value,
        "expires_in": int(LIFETIME.total_seconds()),
    }
    if not _first_version(call):
        body |= {"token_use": "access_token", **_whose(call, made)}
    return Answer(200, body)


def introspect(call: Call) -> Answer:
    """POST oauth/token/introspect: an access or a refresh token; else not active."""
    value, tokens = _form(call).get("token", ""), call.portal.service.tokens
    found = tokens.find(value)
    use = "access_token" if found is not None else "refresh_token"
    found = found or tokens.grant(value)
    if found is None:
        return Answer(200, {"active": False})
    body: dict[str, Any] = {
        "active": True,
        "token": value,
        "token_use": use,
        "token_type": "bearer",
        "client_id": CLIENT,
        "app_id": found.app,
        "user": _USER,
        "hub_domain": _DOMAIN,
        **_whose(call, found),
    }
    return Answer(200, body | ({"expires_in": tokens.left(found)} if use == "access_token" else {}))


def access_token(call: Call) -> Answer:
    """GET oauth/v1/access-tokens/{token}."""
    tokens, value = call.portal.service.tokens, call.arg("token")
    found = tokens.find(value)
    if found is None:
        raise HubError(404, "access token is expired or unknown", "NOT_FOUND")
    body: dict[str, Any] = {
        "token": value,
        "token_type": "access",
        "expires_in": tokens.left(found),
        "app_id": found.app,
        "user": _USER,
        "hub_domain": _DOMAIN,
    }
    return Answer(200, body | _whose(call, found))


def refresh_token(call: Call) -> Answer:
    """GET oauth/v1/refresh-tokens/{token}."""
    found = call.portal.service.tokens.grant(call.arg("token"))
    if found is None:
        raise HubError(404, "refresh token is invalid or unknown", "NOT_FOUND")
    body: dict[str, Any] = {
        "token": found.value,
        "token_type": "refresh",
        "client_id": CLIENT,
        "user": _USER,
        "hub_domain": _DOMAIN,
    }
    return Answer(200, body | _whose(call, found))


def private_app(call: Call) -> Answer:
    """POST oauth/v2/private-apps/get/access-token-info: what a static token may do."""
    found = call.portal.service.tokens.find(str(call.request.fields.get("tokenKey", "")))
    if found is None:
        raise unauthorized()
    whose = _whose(call, found)
    return Answer(
        200,
        {
            "userId": whose["user_id"],
            "hubId": whose["hub_id"],
            "appId": found.app,
            "scopes": whose["scopes"],
        },
    )


def revoke(call: Call) -> Answer:
    """POST oauth/token/revoke, DELETE oauth/v1/refresh-tokens/{token}: the end of a token."""
    value = call.arg("token") if "token" in call.args else _form(call).get("token", "")
    if value:
        call.portal.service.tokens.revoke(value)
    return Answer(204)


def _form(call: Call) -> dict[str, str]:
    """The fields of a body: a form as the standard has it, or JSON as a generated client sends."""
    if "json" in call.request.headers.get("content-type", ""):
        return {name: str(value) for name, value in call.request.fields.items()}
    return dict(parse_qsl(call.request.body.decode("utf-8", "replace"), keep_blank_values=True))


def _first_version(call: Call) -> bool:
    return call.request.path.startswith("/oauth/v1/")


def _whose(call: Call, found: Token) -> dict[str, Any]:
    return {
        "hub_id": call.portal.service.account.portal_id,
        "user_id": found.user,
        "scopes": sorted(EVERY if found.scopes is None else found.scopes),
    }


def _refused(call: Call, error: str, status: str, message: str) -> Answer:
    """The first version has words of its own; the others those of the standard."""
    if _first_version(call):
        return Answer(400, {"status": status, "message": message})
    return Answer(400, {"error": error, "error_description": message})


ROUTES = (
    Route("POST", r"oauth/token", token),
    Route("POST", r"oauth/token/introspect", introspect),
    Route("POST", r"oauth/token/revoke", revoke),
    Route("GET", r"oauth/access-tokens/(?P<token>[^/]+)", access_token),
    Route("GET", r"oauth/refresh-tokens/(?P<token>[^/]+)", refresh_token),
    Route("DELETE", r"oauth/refresh-tokens/(?P<token>[^/]+)", revoke),
    Route("POST", r"oauth/private-apps/get/access-token-info", private_app),
)
