"""What the emulated composite does with the headers, names and number of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from sandbox_help import NOW, VERSION, Client

from connectors.sandbox import people
from connectors.sandbox.handle import Sandbox

_QUERY = f"/services/data/{VERSION}/query?q=" + quote("SELECT Id FROM Contact")
_SMALL = {"Sforce-Query-Options": "batchSize=200"}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a thread with 300 contacts."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        running.load({"Contact": [{"LastName": f"{n:04}"} for n in range(300)]})
        yield running


@pytest.fixture
def crm(box: Sandbox) -> Client:
    """A client logged in as the integration user."""
    return Client(box)


def part(reference: str = "q", **more: Any) -> dict[str, Any]:
    """A query as a part of a composite."""
    return {"method": "GET", "url": _QUERY, "referenceId": reference, **more}


def rows(answer: dict[str, Any]) -> int:
    """Rows of the first part's page."""
    return len(answer["compositeResponse"][0]["body"]["records"])


def test_a_part_has_headers_of_its_own(crm: Client) -> None:
    """Of the request around it, a part inherits none that say how it is carried out."""
    own = crm.send("POST", "composite", {"compositeRequest": [part(httpHeaders=_SMALL)]})
    assert rows(own.json()) == 200
    outer = crm.send("POST", "composite", {"compositeRequest": [part()]}, headers=_SMALL)
    assert rows(outer.json()) == 300


@pytest.mark.parametrize(
    "parts",
    [
        [part(httpHeaders={"Authorization": "Bearer x"})],
        [part("a-b")],
        [part(f"q{n}") for n in range(6)],
    ],
    ids=["an inherited header", "a reference with a dash", "six queries"],
)
def test_what_the_service_refuses_as_a_whole(crm: Client, parts: list[dict[str, Any]]) -> None:
    """These fail the request around them, not only a part."""
    assert crm.send("POST", "composite", {"compositeRequest": parts}).status_code == 400


def test_the_identity_service_refuses_in_its_own_words(box: Sandbox, crm: Client) -> None:
    """An ended session is a 403 with one plain word there, and no list of errors."""
    answer = crm.send("GET", "/services/oauth2/userinfo", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.text) == (403, "Bad_OAuth_Token")


@pytest.mark.parametrize(("name", "status"), [("Case", 201), ("Task", 201), ("Account", 400)])
def test_what_a_queue_may_own(crm: Client, name: str, status: int) -> None:
    """Cases and tasks may wait in a queue; an account's owner is a user."""
    fields = {"Name": "A"} if name == "Account" else {"Subject": "S"}
    answer = crm.send("POST", f"sobjects/{name}", {**fields, "OwnerId": "00G5g0000000001EAA"})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("name", "status"), [("Account", 201), ("Opportunity", 201), ("Task", 400), ("Contact", 400)]
)
def test_who_may_own_what(box: Sandbox, crm: Client, name: str, status: int) -> None:
    """Accounts and opportunities may belong to a user who has left; tasks and contacts not."""
    box.edit("User", people.PERSON, {"IsActive": False})
    fields = {
        "Account": {"Name": "A"},
        "Opportunity": {"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-05-01"},
        "Task": {"Subject": "T"},
        "Contact": {"LastName": "C"},
    }[name]
    answer = crm.send("POST", f"sobjects/{name}", {**fields, "OwnerId": people.PERSON})
    assert answer.status_code == status
    if status == 400:
        assert answer.json()[0]["errorCode"] == "INACTIVE_OWNER_OR_USER"
