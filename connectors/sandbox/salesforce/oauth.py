"""Tokens: client credentials and JWT bearer. Nothing else logs in here."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import jwt

from connectors.sandbox.clock import machine_now
from connectors.sandbox.org import Org
from connectors.sandbox.people import ORG_ID
from connectors.sandbox.salesforce.wire import Answer, Call, Request

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")


class _RefusedError(Exception):
    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


def token(org: Org, request: Request) -> Answer:
    """POST /services/oauth2/token."""
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    form = {**request.query, **form}
    try:
        client_id, user_id = _log_in(org, form, request)
    except _RefusedError as refused:
        body = {"error": refused.error, "error_description": str(refused)}
        return Answer(400, body)
    issued = org.sessions.issue(client_id, user_id)
    return Answer(
        200,
        {
            "access_token": issued,
            "signature": base64.b64encode(issued[-32:].encode()).decode(),
            "instance_url": org.base_url,
            "id": f"{org.base_url}/id/{ORG_ID}/{user_id}",
            "token_type": "Bearer",
            "issued_at": str(int(org.clock.now().timestamp() * 1000)),
        },
    )


def _log_in(org: Org, form: Mapping[str, str], request: Request) -> tuple[str, str]:
    """(client id, user id) of whoever asks."""
    if form.get("grant_type") == "client_credentials":
        return _by_secret(org, form, request)
    if form.get("grant_type") == _JWT_GRANT:
        return _by_assertion(org, form.get("assertion", ""))
    raise _RefusedError("unsupported_grant_type", "grant type not supported")


def _by_secret(org: Org, form: Mapping[str, str], request: Request) -> tuple[str, str]:
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _RefusedError("invalid_client", "invalid client credentials") from None
    client = org.clients.get(client_id)
    if client is None:
        raise _RefusedError("invalid_client_id", "client identifier invalid")
    if client.client_secret != secret:
        raise _RefusedError("invalid_client", "invalid client credentials")
    return client_id, client.user_id


def _by_assertion(org: Org, assertion: str) -> tuple[str, str]:
    try:
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise _RefusedError("invalid_grant", "invalid assertion") from None
    client = org.clients.get(str(claims.get("iss")))
    if client is None:
        raise _RefusedError("invalid_client_id", "client identifier invalid")
    key = org.keys.get(client.client_id)
    if key is None:
        raise _RefusedError("invalid_grant", "no certificate is registered for this client")
    try:
        # Time is checked below: clients may send `exp` as a string.
        options: Any = {"verify_exp": False, "verify_aud": False, "verify_iat": False}
        claims = jwt.decode(assertion, key, algorithms=["RS256"], options=options)
    except jwt.PyJWTError:
        raise _RefusedError("invalid_grant", "invalid assertion") from None
    audiences = claims.get("aud")
    if not {*_AUDIENCES, org.base_url} & set(
        audiences if isinstance(audiences, list) else [audiences]
    ):
        raise _RefusedError("invalid_grant", "audience is invalid")
    try:
        expires = float(claims["exp"])
    except (KeyError, TypeError, ValueError):
        raise _RefusedError("invalid_grant", "assertion has no expiry") from None
    # A client signs by its own clock or by ours; the sandbox's may stand far from the machine's.
    if expires <= min(machine_now(), org.clock.now()).timestamp():
        raise _RefusedError("invalid_grant", "expired authorization code")
    users = org.records.by_reference("User", "Username", str(claims.get("sub")))
    if users:
        return client.client_id, str(users[0]["Id"])
    raise _RefusedError("invalid_grant", "user hasn't approved this consumer")


def userinfo(call: Call) -> Answer:
    """GET /services/oauth2/userinfo: who the token stands for."""
    user: Mapping[str, Any] = call.org.records.get("User", call.user_id) or {}
    return Answer(
        200,
        {
            "sub": f"{call.org.base_url}/id/{ORG_ID}/{call.user_id}",
            "user_id": call.user_id,
            "organization_id": ORG_ID,
            "preferred_username": user.get("Username"),
            "nickname": user.get("Alias"),
            "name": user.get("Name"),
            "email": user.get("Email"),
            "email_verified": True,
            "zoneinfo": user.get("TimeZoneSidKey"),
            "user_type": "STANDARD",
            "active": True,
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
        },
    )
