"""simple-salesforce, unmodified, works against the sandbox: only its session rewrites the URL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sandbox_help import custom_key
from simple_salesforce import Salesforce, SalesforceLogin, format_soql
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
)

from connectors.sandbox.handle import Sandbox


class Rewriting(requests.Session):
    """Sends every request to the sandbox, whatever host the library thinks of."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.trust_env = False
        self._url = url

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return super().request(method, f"{self._url}{parts.path}{query}", **options)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a thread."""
    with Sandbox.start() as running:
        yield running


def login(box: Sandbox, secret: str = "sandbox-sync") -> Salesforce:
    """A client that logged in with its credentials, in the library's My Domain form."""
    return Salesforce(
        consumer_key="sandbox-sync",
        consumer_secret=secret,
        domain="acme.my",
        version="60.0",
        session=Rewriting(box.url),
    )


def test_it_logs_in_and_is_told_when_it_may_not(box: Sandbox) -> None:
    """Client credentials by HTTP Basic; a wrong secret is the library's own exception."""
    assert login(box).session_id.startswith("00D")
    with pytest.raises(SalesforceAuthenticationFailed):
        login(box, "wrong")


def test_it_logs_in_with_a_signed_assertion(box: Sandbox) -> None:
    """JWT bearer, whose expiry the library sends as text; another key is refused."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    options: dict[str, Any] = {
        "username": "sync@sandbox.example",
        "consumer_key": "sandbox-sync",
        "privatekey": private,
    }
    with pytest.raises(SalesforceAuthenticationFailed):
        SalesforceLogin(session=Rewriting(box.url), **options)
    box.call("POST", "keys", {"client_id": "sandbox-sync", "pem": public.decode()})
    token, instance = SalesforceLogin(session=Rewriting(box.url), **options)
    sf = Salesforce(session_id=token, instance=instance, session=Rewriting(box.url))
    assert sf.query("SELECT COUNT() FROM User")["totalSize"] == 3


def test_it_describes(box: Sandbox) -> None:
    """One object, and all of them."""
    sf = login(box)
    assert {f["name"] for f in sf.Account.describe()["fields"]} >= {"Id", "Name", "OwnerId"}
    assert "Case" in {o["name"] for o in sf.describe()["sobjects"]}


def test_it_reads_every_page(box: Sandbox) -> None:
    """query_all_iter follows nextRecordsUrl to the end, without loss or repetition."""
    box.load({"Contact": [{"LastName": f"Name {n:05}"} for n in range(4_321)]})
    found = [r["LastName"] for r in login(box).query_all_iter("SELECT LastName FROM Contact")]
    assert found == [f"Name {n:05}" for n in range(4_321)]


def test_it_creates_updates_upserts_and_deletes(box: Sandbox) -> None:
    """The SFType calls, an upsert by external id among them."""
    assert box.org is not None
    custom_key(box.org.records)
    sf = login(box)
    made = sf.Account.create({"Name": "Acme"})
    assert made["success"] is True
    assert sf.Account.update(made["id"], {"Rating": "Hot"}) == 204
    assert sf.Account.get(made["id"])["Rating"] == "Hot"
    assert sf.Account.upsert("Key__c/one", {"Name": "New"}) == 201
    assert sf.Account.upsert("Key__c/one", {"Name": "Newer"}) == 200
    assert sf.Account.get_by_custom_id("Key__c", "one")["Name"] == "Newer"
    assert sf.Account.delete(made["id"]) == 204


def test_it_updates_collections_and_escapes_literals(box: Sandbox) -> None:
    """sf.restful PATCHes a collection; format_soql finds what has quotes in its name."""
    sf = login(box)
    name = 'O\'Hara \\ "Sons"'
    account = sf.Account.create({"Name": name})["id"]
    row = {"attributes": {"type": "Account"}, "id": account, "Rating": "Cold"}
    body = {"allOrNone": False, "records": [row]}
    answer = sf.restful("composite/sobjects", method="PATCH", json=body)
    assert answer == [{"id": account, "success": True, "errors": []}]
    found = sf.query(format_soql("SELECT Id, Rating FROM Account WHERE Name = {}", name))
    assert [(r["Id"], r["Rating"]) for r in found["records"]] == [(account, "Cold")]
    assert sf.api_usage["api-usage"].used >= 3


def test_it_gets_the_services_errors_as_its_own_exceptions(box: Sandbox) -> None:
    """A bad query is a malformed request whose content is the error list."""
    with pytest.raises(SalesforceMalformedRequest) as caught:
        login(box).query("SELECT Nope FROM Account")
    assert caught.value.content[0]["errorCode"] == "INVALID_FIELD"
