"""simple-salesforce, unmodified, works against the sandbox: only its session rewrites the URL."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
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
    SalesforceOperationError,
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


def test_it_reads_by_bulk(box: Sandbox) -> None:
    """bulk2 pages through a query job: every page is CSV with a header of its own."""
    names = {f"Name {n:03}" for n in range(250)}
    box.load({"Contact": [{"LastName": name} for name in names]})
    pages = list(login(box).bulk2.Contact.query("SELECT Id, LastName FROM Contact", 100, wait=0))
    rows = [list(csv.DictReader(io.StringIO(page))) for page in pages]
    assert [len(page) for page in rows] == [100, 100, 50]
    assert {row["LastName"] for page in rows for row in page} == names


def test_it_downloads_by_bulk(box: Sandbox, tmp_path: Path) -> None:
    """The pages as files; queryAll is another job."""
    box.load({"Contact": [{"LastName": "A"}, {"LastName": "B", "IsDeleted": True}]})
    contacts = login(box).bulk2.Contact
    (page,) = contacts.download("SELECT LastName FROM Contact", str(tmp_path), wait=0)
    assert (page["number_of_records"], page["locator"]) == (1, "")
    assert Path(page["file"]).read_text() == '"LastName"\n"A"\n'
    (text,) = contacts.query_all("SELECT LastName FROM Contact", wait=0)
    assert sorted(text.splitlines()[1:]) == ['"A"', '"B"']


def test_it_writes_by_bulk(box: Sandbox) -> None:
    """Insert, update, upsert and delete, with the results of each row."""
    assert box.org is not None
    custom_key(box.org.records)
    sf = login(box)
    accounts = sf.bulk2.Account
    rows = [{"Name": "One", "Key__c": "1"}, {"Name": "", "Key__c": "2"}]
    (made,) = accounts.insert(records=rows, wait=0)
    counts = ("numberRecordsTotal", "numberRecordsProcessed", "numberRecordsFailed")
    assert [made[name] for name in counts] == [2, 2, 1]
    tables = accounts.get_all_ingest_records(made["job_id"])
    (done,), (failed,) = tables["successfulRecords"], tables["failedRecords"]
    assert (done["Name"], done["sf__Created"], failed["Key__c"]) == ("One", "true", "2")
    assert failed["sf__Error"].startswith("REQUIRED_FIELD_MISSING:")
    assert tables["unprocessedRecords"] == []
    key = [{"Id": done["sf__Id"], "Rating": "Hot"}]
    assert accounts.update(records=key, wait=0)[0]["numberRecordsFailed"] == 0
    rows = [{"Name": "Uno", "Key__c": "1"}, {"Name": "Two", "Key__c": "2"}]
    accounts.upsert(records=rows, external_id_field="Key__c", wait=0)
    found = {
        r["Name"]: r["Rating"] for r in sf.query("SELECT Name, Rating FROM Account")["records"]
    }
    assert found == {"Uno": "Hot", "Two": None}
    accounts.delete(records=[{"Id": done["sf__Id"]}], wait=0)
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == 1


def test_it_raises_when_a_bulk_job_fails(box: Sandbox) -> None:
    """The job's message is in its own exception; a refused query is a malformed request."""
    accounts = login(box).bulk2.Account
    with pytest.raises(SalesforceOperationError, match="Field name not found : Nope"):
        accounts.insert(records=[{"Name": "A", "Nope": "x"}], wait=0)
    with pytest.raises(SalesforceMalformedRequest, match="API_ERROR"):
        list(accounts.query("SELECT COUNT(Id) FROM Account", wait=0))
