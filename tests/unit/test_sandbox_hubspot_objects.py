"""The sandbox's portal, one record at a time: list, read, create, update, archive."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot import kinds, stamps
from tests.unit.hubspot_client import NOW, Client, recorded, shape


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


def _recorded_calls(method: str, part: str, status: int) -> list[dict[str, Any]]:
    found = recorded("fixtures/hubspot-api-ruby-cassettes.json")["interactions"]
    return [
        one
        for one in found
        if one["method"] == method and part in one["uri"] and one["status"] == status
    ]


TICKET = {"subject": "test ticket", "hs_pipeline": "0", "hs_pipeline_stage": "1"}


class TestRecordedShapes:
    """Answers have the members of recorded ones, and values of the same kinds."""

    def test_list_page(self, hub: Client) -> None:
        """A page of contacts: envelope, usual properties, and where the next one starts."""
        for n in range(2):
            hub.create("contacts", email=f"{n}@x.example", firstname="N", lastname="L")
        theirs = _recorded_calls("GET", "objects/contacts?limit=1", 200)[0]["response_body"]
        ours = hub.get("/crm/v3/objects/contacts?limit=1").json()
        assert shape(ours) == shape(theirs)
        asked, following = int(ours["results"][0]["id"]), int(ours["paging"]["next"]["after"])
        was = theirs["paging"]["next"]["after"], theirs["results"][0]["id"]
        assert following - asked == int(was[0]) - int(was[1]) == 1

    def test_asked_list(self, hub: Client) -> None:
        """A list of one property has the system's own dates beside it."""
        path = "fixtures/amp-labs-connectors/read/objects-api/contacts-response.json"
        theirs = recorded(path)
        for n in range(len(theirs["results"]) + 1):
            hub.create("contacts", email=f"{n}@x.example")
        limit = len(theirs["results"])
        ours = hub.get(f"/crm/v3/objects/contacts?limit={limit}&properties=email").json()
        for one in ours["results"]:
            # Not in this recording, but in later ones; and in every other one.
            del one["url"], one["properties"]["hs_object_id"]
        assert shape(ours) == shape(theirs)

    def test_missing_record(self, hub: Client) -> None:
        """Item 4: the 404 of a record is a page in HTML, with a header that says so."""
        for theirs in _recorded_calls("GET", "/996174569112", 404):
            path = urllib.parse.urlsplit(theirs["uri"])
            answer = hub.get(f"{path.path}?{path.query}")
            assert answer.status_code == 404
            assert answer.text == theirs["response_body"]
            for name in ("Content-Type", "X-Hubspot-Notfound"):
                assert answer.headers[name] == theirs["headers"][name]

    def test_ticket_create(self, hub: Client) -> None:
        """A new ticket is told in full: what was sent, and what the service adds."""
        theirs = _recorded_calls("POST", "objects/tickets", 201)[0]
        company, contact = hub.create("companies", name="C"), hub.create("contacts", email="a@x.y")
        links = [
            {"to": {"id": int(i)}, "types": [{"associationCategory": "HUBSPOT_DEFINED", **t}]}
            for i, t in (
                (company, {"associationTypeId": 339}),
                (contact, {"associationTypeId": 16}),
            )
        ]
        body = {"properties": theirs["request_body"]["properties"], "associations": links}
        body["properties"].pop("hubspot_owner_id", None)
        answer = hub.post("/crm/v3/objects/tickets", body)
        assert answer.status_code == 201
        expected = theirs["response_body"]
        ours = answer.json()
        assert set(expected) <= set(ours)
        # Left out: which app it was, and whether a visitor wrote last.
        gone = {"hs_object_source_id", "hs_last_message_from_visitor", "hubspot_owner_id"}
        assert set(expected["properties"]) - gone <= set(ours["properties"])
        assert None not in ours["properties"].values()
        found = hub.get(f"/crm/v3/objects/tickets/{ours['id']}?associations=companies,contacts")
        assert found.json()["associations"] == {
            "companies": {
                "results": [
                    {"id": company, "type": "ticket_to_company"},
                    {"id": company, "type": "ticket_to_company_unlabeled"},
                ]
            },
            "contacts": {"results": [{"id": contact, "type": "ticket_to_contact"}]},
        }

    def test_ticket_read(self, hub: Client) -> None:
        """Asked for by name, unset properties are null; the system's own always come."""
        theirs = _recorded_calls("GET", "objects/tickets/16174569112", 200)[0]
        path = urllib.parse.urlsplit(theirs["uri"])
        ticket = hub.create("tickets", **TICKET, hs_ticket_priority="HIGH")
        ours = hub.get(f"/crm/v3/objects/tickets/{ticket}?{path.query}").json()
        expected = shape(theirs["response_body"])
        assert shape({k: v for k, v in ours.items() if k != "url"}) == expected

    def test_ticket_update(self, hub: Client) -> None:
        """An update answers with what was sent and the system's own."""
        theirs = _recorded_calls("PATCH", "objects/tickets", 200)[0]
        ticket = hub.create("tickets", **TICKET)
        ours = hub.send("PATCH", f"/crm/v3/objects/tickets/{ticket}", theirs["request_body"])
        assert ours.status_code == 200
        told = ours.json()["properties"]
        sent = theirs["request_body"]["properties"]
        assert {name: told[name] for name in sent} == sent
        assert set(sent) | {"createdate", "hs_lastmodifieddate", "hs_object_id"} <= set(told)

    def test_meeting_instants(self, hub: Client) -> None:
        """Epoch milliseconds come back as ISO texts, without a fraction on whole seconds."""
        theirs = _recorded_calls("POST", "objects/meetings", 201)[0]
        sent = dict(theirs["request_body"]["properties"])
        sent.pop("hubspot_owner_id")
        answer = hub.post("/crm/v3/objects/meetings", {"properties": sent})
        assert answer.status_code == 201
        ours, expected = answer.json(), theirs["response_body"]
        for name in sent:
            assert ours["properties"][name] == expected["properties"][name]
        assert set(ours) == set(expected)

    def test_bad_instant(self, hub: Client) -> None:
        """A word where an instant belongs is INVALID_LONG, without a list of errors."""
        theirs = _recorded_calls("POST", "objects/meetings", 400)[0]
        sent = dict(theirs["request_body"]["properties"])
        sent.pop("hubspot_owner_id")
        answer = hub.post("/crm/v3/objects/meetings", {"properties": sent})
        expected = theirs["response_body"]
        assert answer.status_code == 400
        assert shape(answer.json()) == shape(expected)
        told = expected["message"].replace("<PORTAL_ID>", "20858235")
        assert answer.json()["message"] == told

    def test_unknown_object(self, hub: Client) -> None:
        """An object type that isn't there is told by its name."""
        theirs = recorded("fixtures/amp-labs-connectors/search/error-invalid-object.json")
        ours = hub.post("/crm/v3/objects/butterflies/search", {}).json()
        assert ours | {"correlationId": ""} == theirs | {"correlationId": ""}

    def test_task_complete(self, hub: Client) -> None:
        """A task that is completed gets the instant of it."""
        theirs = _recorded_calls("PATCH", "objects/tasks", 200)[0]["response_body"]["properties"]
        task = hub.create("tasks", hs_timestamp="2026-03-01T00:00:00Z", hs_task_subject="Call")
        body = {"properties": {"hs_task_status": "COMPLETED"}}
        hub.send("PATCH", f"/crm/v3/objects/tasks/{task}", body)
        names = "hs_task_is_completed,hs_task_completion_date,hs_task_completion_count"
        ours = hub.get(f"/crm/v3/objects/tasks/{task}?properties={names}").json()["properties"]
        assert ours["hs_task_is_completed"] == theirs["hs_task_is_completed"] == "1"
        assert ours["hs_task_completion_count"] == theirs["hs_task_completion_count"]
        assert ours["hs_task_completion_date"] == stamps.text(NOW)

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("mock_companies_data", "companies"),
            ("mock_contacts_data", "contacts"),
            ("mock_deals_data", "deals"),
            ("mock_tickets_data", "tickets"),
        ],
    )
    def test_usual_properties(self, hub: Client, name: str, kind: str) -> None:
        """A list that names no properties brings the recorded ones."""
        theirs = recorded("fixtures/dlt-verified-sources-mock-data.json")["data"][name]
        first = theirs["results"][0]
        hub.box.hubspot.load({kind: [{"id": first["id"]}]})
        ours = hub.get(f"/crm/v3/objects/{kind}").json()["results"][0]
        assert set(ours["properties"]) == set(first["properties"])


class TestFidelity:
    """The rest of what a naive mock gets wrong, by the numbers of the list."""

    def test_values_are_texts(self, hub: Client) -> None:
        """1: values are texts; what was never set is null, what was cleared is ""."""
        body = {"properties": {"name": "A", "numberofemployees": 7, "is_public": True}}
        company = hub.post("/crm/v3/objects/companies", body).json()["id"]
        names = "name,numberofemployees,is_public,phone"
        read = hub.get(f"/crm/v3/objects/companies/{company}?properties={names}").json()
        told = {name: read["properties"][name] for name in names.split(",")}
        assert told == {"name": "A", "numberofemployees": "7", "is_public": "true", "phone": None}
        for cleared in ("", None):
            hub.send(
                "PATCH", f"/crm/v3/objects/companies/{company}", {"properties": {"name": cleared}}
            )
            read = hub.get(f"/crm/v3/objects/companies/{company}?properties=name").json()
            assert read["properties"]["name"] == ""

    def test_enrichment(self, hub: Client) -> None:
        """11: seconds after a create the service edits the record, and its date moves."""
        company = hub.create("companies", name="A", domain="demo.example")
        path = f"/crm/v3/objects/companies/{company}?properties=website,twitterhandle"
        first = hub.get(path).json()
        hub.box.advance(2)
        later = hub.get(path).json()
        assert first["properties"]["website"] == "demo.example"
        assert first["updatedAt"] == stamps.text(NOW)
        assert later["updatedAt"] == stamps.text(NOW + timedelta(seconds=2))
        assert (first["properties"]["twitterhandle"], later["properties"]["twitterhandle"]) == (
            None,
            "DEMO",
        )

    def test_merged(self, hub: Client) -> None:
        """12: a merge makes a new id; the old ones answer with the survivor."""
        ids = [hub.create("companies", name=n) for n in "AB"]
        ticket = hub.create("tickets", **TICKET)
        hub.box.hubspot.associate("tickets", ticket, "companies", ids[1])
        survivor = hub.box.hubspot.merge("companies", *ids)
        assert survivor not in ids
        for old in ids:
            read = hub.get(f"/crm/v3/objects/companies/{old}?associations=tickets").json()
            assert read["id"] == survivor
            assert {r["id"] for r in read["associations"]["tickets"]["results"]} == {ticket}
        listed = hub.get("/crm/v3/objects/companies?properties=hs_merged_object_ids").json()
        assert [r["id"] for r in listed["results"]] == [survivor]
        assert listed["results"][0]["properties"]["hs_merged_object_ids"] == ";".join(ids)

    def test_following_links(self, hub: Client) -> None:
        """13: the link to the next page is absolute, keeps the query and can be followed."""
        made = [hub.create("companies", name=str(n)) for n in range(5)]
        url: str | None = "/crm/v3/objects/companies?limit=2&properties=name&properties=phone"
        seen = []
        while url:
            page = hub.get(url).json()
            assert all(set(r["properties"]) >= {"name", "phone"} for r in page["results"])
            seen += [r["id"] for r in page["results"]]
            url = page.get("paging", {}).get("next", {}).get("link")
            assert url is None or url.startswith(hub.box.url + "/crm/v3/objects/companies?")
        assert seen == made

    @pytest.mark.parametrize("name", ["company", "companies", "COMPANY", "0-2"])
    @pytest.mark.parametrize(
        "form",
        ["/crm/v3/objects/{}", "/crm/objects/2026-03/{}", "/crm/objects/2026-09/{}"],
    )
    def test_addresses(self, hub: Client, form: str, name: str) -> None:
        """14: legacy and dated addresses, and any name of an object type, mean the same."""
        company = hub.create("companies", name="A")
        answer = hub.get(form.format(name))
        assert [r["id"] for r in answer.json()["results"]] == [company]

    def test_modified_date(self, hub: Client) -> None:
        """17: `updatedAt` is the modified date, whose name differs for contacts."""
        for kind in kinds.STANDARD:
            hub.box.hubspot.load({kind.plural: [{kind.modified: "2026-01-02T03:04:05.678Z"}]})
            one = hub.get(f"/crm/v3/objects/{kind.plural}").json()["results"][0]
            assert one["updatedAt"] == one["properties"][kind.modified]
            assert one["updatedAt"] == "2026-01-02T03:04:05.678Z"
        assert kinds.CONTACT.modified == "lastmodifieddate"

    def test_unknown_properties(self, hub: Client) -> None:
        """19, 20: an unknown property is refused when sent and ignored when asked for."""
        bad = hub.post("/crm/v3/objects/companies", {"properties": {"nmae": "A"}})
        assert bad.status_code == 400
        assert bad.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"
        company = hub.create("companies", name="A")
        read = hub.get(f"/crm/v3/objects/companies/{company}?properties=nmae,name").json()
        assert set(read["properties"]) == {
            "name",
            "createdate",
            "hs_lastmodifieddate",
            "hs_object_id",
        }
