"""What becomes of records in the sandbox's portal: closing, linking, archiving, refusing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.portal import Portal
from tests.unit.hubspot_client import NOW, Client, recorded

TICKET = {"subject": "test ticket", "hs_pipeline": "0", "hs_pipeline_stage": "1"}


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox.start(now=NOW, frozen=True) as box:
        yield box


@pytest.fixture
def hub(server: Sandbox) -> Iterator[Client]:
    server.reset()
    server.clock(NOW)
    server.hubspot.settings(limits=False)
    client = Client(server)
    yield client
    client.close()


def _portal(hub: Client) -> Portal:
    assert hub.box.org is not None
    return hub.box.org.portal


def test_archive(hub: Client) -> None:
    """An archived record is in the archived listing only, and loses its associations."""
    company, ticket = hub.create("companies", name="A"), hub.create("tickets", **TICKET)
    hub.box.hubspot.associate("tickets", ticket, "companies", company)
    path = f"/crm/v3/objects/companies/{company}"
    assert hub.send("DELETE", path).status_code == 204
    assert hub.send("DELETE", path).status_code == 204
    assert hub.get(path).status_code == 404
    assert hub.get("/crm/v3/objects/companies").json() == {"results": []}
    archived = hub.get("/crm/v3/objects/companies?archived=true").json()["results"]
    assert [(r["id"], r["archived"], r["archivedAt"]) for r in archived] == [
        (company, True, stamps.text(NOW))
    ]
    left = hub.get(f"/crm/v3/objects/tickets/{ticket}?associations=company")
    assert "associations" not in left.json()
    hub.box.hubspot.unarchive("companies", company)
    assert hub.get(path).status_code == 200


def test_inline_associations_have_pages(hub: Client) -> None:
    """Beyond a page of a record's associations there is a place to go on, and a way there."""
    hub.box.hubspot.settings(association_page=3)
    company = hub.create("companies", name="A")
    tickets = [hub.create("tickets", **TICKET) for _ in range(5)]
    for ticket in tickets:
        hub.box.hubspot.associate("tickets", ticket, "companies", company)
    read = hub.get("/crm/v3/objects/companies?associations=tickets").json()["results"][0]
    inline = read["associations"]["tickets"]
    assert list(dict.fromkeys(r["id"] for r in inline["results"])) == tickets[:3]
    following = hub.get(inline["paging"]["next"]["link"]).json()["results"]
    assert [str(r["toObjectId"]) for r in following] == tickets[3:]


def test_activities_show_on_their_company(hub: Client) -> None:
    """A task moves the date of last activity but not that of last contact; a call moves both."""
    company = hub.create("companies", name="A")
    path = f"/crm/v3/objects/companies/{company}?properties=notes_last_contacted,notes_last_updated"
    for kind, type_id, at, expected in (
        ("tasks", 192, "2026-03-01T08:00:00Z", None),
        ("calls", 182, "2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z"),
    ):
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]
        body = {
            "properties": {"hs_timestamp": at},
            "associations": [{"to": {"id": company}, "types": types}],
        }
        hub.box.advance(60)
        assert hub.post(f"/crm/v3/objects/{kind}", body).status_code == 201
        read = hub.get(path).json()
        assert read["properties"]["notes_last_updated"] == at
        assert read["properties"]["notes_last_contacted"] == expected
        assert read["updatedAt"] == stamps.text(stamps.cut(hub.box.clock()))


def test_rollups(hub: Client) -> None:
    """What is worked out from associations is fresh at every read and moves no date."""
    company, other = (hub.create("companies", name=n) for n in "AB")
    contact, deal = hub.create("contacts", email="a@x.example"), hub.create("deals", dealname="D")
    hub.box.hubspot.associate("contacts", contact, "companies", company)
    hub.box.hubspot.associate("contacts", contact, "companies", other)
    hub.box.hubspot.associate("deals", deal, "companies", company)
    names = "num_associated_contacts,num_associated_deals,hs_num_open_deals"
    read = hub.get(f"/crm/v3/objects/companies/{company}?properties={names}").json()
    assert [read["properties"][n] for n in names.split(",")] == ["1", "1", "1"]
    assert read["updatedAt"] == stamps.text(NOW)
    person = hub.get(f"/crm/v3/objects/contacts/{contact}?properties=associatedcompanyid").json()
    assert person["properties"]["associatedcompanyid"] == company


def test_ticket_closes_and_reopens(hub: Client) -> None:
    """The stage says whether a ticket is closed; dates follow."""
    ticket = hub.create("tickets", **TICKET)
    names = "hs_is_closed,closed_date,time_to_close,hs_ticket_reopened_at"
    path = f"/crm/v3/objects/tickets/{ticket}"
    hub.box.advance(3600)
    hub.send("PATCH", path, {"properties": {"hs_pipeline_stage": "4"}})
    closed = hub.get(f"{path}?properties={names}").json()["properties"]
    assert (closed["hs_is_closed"], closed["time_to_close"]) == ("true", "3600000")
    assert closed["closed_date"] == stamps.text(NOW + timedelta(hours=1))
    hub.send("PATCH", path, {"properties": {"hs_pipeline_stage": "2"}})
    opened = hub.get(f"{path}?properties={names}").json()["properties"]
    assert (opened["hs_is_closed"], opened["closed_date"]) == ("false", "")
    assert opened["hs_ticket_reopened_at"] == stamps.text(NOW + timedelta(hours=1))


def test_deal_stage_tells_the_rest(hub: Client) -> None:
    """Probability and the closed flags of a deal follow its stage; a close sets its date."""
    deal = hub.create("deals", dealname="D", pipeline="default", dealstage="closedwon", amount="5")
    names = "hs_is_closed,hs_is_closed_won,hs_is_closed_lost,hs_deal_stage_probability,closedate"
    told = hub.get(f"/crm/v3/objects/deals/{deal}?properties={names}").json()["properties"]
    assert [told[n] for n in names.split(",")] == ["true", "true", "false", "1", stamps.text(NOW)]


def test_lifecycle_goes_forward_only(hub: Client) -> None:
    """A stage behind the present one is not taken, in silence; a clear opens the way back."""
    company = hub.create("companies", name="A", lifecyclestage="customer")
    path = f"/crm/v3/objects/companies/{company}"
    for sent, held in (("lead", "customer"), ("", ""), ("lead", "lead")):
        answer = hub.send("PATCH", path, {"properties": {"lifecyclestage": sent}})
        assert answer.status_code == 200
        read = hub.get(f"{path}?properties=lifecyclestage").json()["properties"]
        assert read["lifecyclestage"] == held


@pytest.mark.parametrize(
    ("kind", "name", "value", "code"),
    [
        ("companies", "industry", "FISHING", "INVALID_OPTION"),
        ("companies", "annualrevenue", "a lot", "INVALID_NUMBER"),
        ("companies", "annualrevenue", "NaN", "INVALID_NUMBER"),
        ("companies", "is_public", "maybe", "INVALID_OPTION"),
        ("companies", "hubspot_owner_id", "1", "INVALID_OPTION"),
        ("companies", "createdate", "2026-01-01", "READ_ONLY_VALUE"),
        ("companies", "description", "x" * 65_537, "TOO_LONG"),
        ("contacts", "hs_buying_role", "CHAMPION;KING", "INVALID_OPTION"),
        ("line_items", "hs_recurring_billing_start_date", "1772442000000", "INVALID_DATE"),
        ("line_items", "hs_recurring_billing_start_date", "soon", "INVALID_LONG"),
    ],
)
def test_bad_values(hub: Client, kind: str, name: str, value: str, code: str) -> None:
    """A value that does not fit its property is refused with a code, and nothing is saved."""
    answer = hub.post(f"/crm/v3/objects/{kind}", {"properties": {name: value}})
    assert answer.status_code == 400
    assert f'"error":"{code}"' in answer.json()["message"]
    assert hub.get(f"/crm/v3/objects/{kind}").json() == {"results": []}


def test_taken_email(hub: Client) -> None:
    """Two contacts can't have one address, in whatever case."""
    theirs = recorded("fixtures/amp-labs-connectors/batch/create/contacts/err-conflict.json")
    hub.create("contacts", email="A@x.example")
    answer = hub.post("/crm/v3/objects/contacts", {"properties": {"email": "a@X.example"}})
    assert answer.status_code == 409
    assert answer.json() | {"correlationId": ""} == theirs | {"correlationId": ""}


def test_by_id_property(hub: Client) -> None:
    """A record is found by a unique property as well, and by no other."""
    contact = hub.create("contacts", email="a@x.example")
    read = hub.get("/crm/v3/objects/contacts/a@x.example?idProperty=email").json()
    assert read["id"] == contact
    assert hub.get("/crm/v3/objects/contacts/X?idProperty=lastname").status_code == 400
    assert hub.get("/crm/v3/objects/contacts/b@x.example?idProperty=email").status_code == 404


def test_feedback_is_read_only(hub: Client) -> None:
    """Feedback submissions can be read but not made."""
    hub.box.hubspot.load({"feedback_submissions": [{"hs_survey_type": "NPS", "hs_value": "9"}]})
    listed = hub.get("/crm/v3/objects/feedback_submissions?properties=hs_value").json()
    assert [r["properties"]["hs_value"] for r in listed["results"]] == ["9"]
    assert hub.post("/crm/v3/objects/feedback_submissions", {"properties": {}}).status_code == 405


def test_big_ids(hub: Client) -> None:
    """Ids beyond 2^53 stay what they are, and new ones come from below."""
    big = str(2**53 + 1)
    hub.box.hubspot.load({"companies": [{"id": big, "name": "Big"}]})
    assert hub.get(f"/crm/v3/objects/companies/{big}").json()["id"] == big
    assert int(hub.create("companies", name="A")) < 2**53


def test_limits_of_a_page(hub: Client) -> None:
    """A page holds at most 100; an address may not be endless; history is not kept."""
    assert hub.get("/crm/v3/objects/companies?limit=101").status_code == 400
    assert hub.get("/crm/v3/objects/companies?after=x").status_code == 400
    long = "&properties=" + "x" * 9_000
    assert hub.get(f"/crm/v3/objects/companies?limit=1{long}").status_code == 414
    assert hub.get("/crm/v3/objects/companies?propertiesWithHistory=name").status_code == 501
    assert hub.get("/crm/v3/nonsense").status_code == 501


def test_snapshots_hold_the_portal(hub: Client) -> None:
    """A restored sandbox has the portal's records, definitions and associations as they were."""
    company, ticket = hub.create("companies", name="A"), hub.create("tickets", **TICKET)
    hub.box.hubspot.associate("tickets", ticket, "companies", company)
    hub.box.snapshot("before")
    hub.box.hubspot.archive("companies", company)
    hub.create("companies", name="B")
    hub.box.hubspot.define(
        "companies", {"name": "mine", "label": "M", "type": "string", "fieldType": "text"}
    )
    hub.box.restore("before")
    listed = hub.get("/crm/v3/objects/companies?associations=tickets").json()["results"]
    assert [r["properties"]["name"] for r in listed] == ["A"]
    assert listed[0]["associations"]["tickets"]["results"][0]["id"] == ticket
    assert _portal(hub).definitions.find("0-2", "mine") is None


def test_calls_are_logged(hub: Client) -> None:
    """The call log tells records read and written, for either service."""
    hub.box.clear_calls()
    hub.create("companies", name="A")
    hub.get("/crm/v3/objects/companies")
    calls = hub.box.calls()
    assert [(c["method"], c["status"], c["writes"], c["rows"]) for c in calls] == [
        ("POST", 201, 1, 1),
        ("GET", 200, 0, 1),
    ]


def test_lost_answer(hub: Client) -> None:
    """A connection that is cut after the commit has made its record."""
    hub.box.faults({"kind": "cut_after", "method": "POST"})
    with pytest.raises(Exception, match="Connection"):
        hub.post("/crm/v3/objects/companies", {"properties": {"name": "A"}})
    assert len(hub.get("/crm/v3/objects/companies").json()["results"]) == 1
