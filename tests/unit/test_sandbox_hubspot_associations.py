"""The sandbox's associations against the recorded answers of the real service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot.association_types import LinkTypes
from connectors.sandbox.hubspot.kinds import STANDARD
from connectors.sandbox.hubspot.links import Links
from tests.unit.hubspot_help import Hub, cassettes, contract, like, shape

V4 = "/crm/v4/associations"
DATED = "/crm/associations/2026-09"
TO_COMPANY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}
PRIMARY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A running sandbox whose portal is empty."""
    with Sandbox.start() as started:
        yield started


@pytest.fixture
def hub(box: Sandbox) -> Iterator[Hub]:
    """A client of the portal."""
    client = Hub(box)
    yield client
    client.close()


def pair(start: str, end: str, *types: dict[str, Any]) -> dict[str, Any]:
    """One input of a batch."""
    return {"from": {"id": start}, "to": {"id": end}, "types": list(types)}


def people(hub: Hub, contacts: int = 1, companies: int = 1) -> tuple[list[str], list[str]]:
    """Ids of new contacts and companies."""
    return (
        [hub.create("contacts", email=f"p{n}@x.example") for n in range(contacts)],
        [hub.create("companies", name=f"C{n}") for n in range(companies)],
    )


def types(hub: Hub, start: str, id_: str, end: str) -> dict[str, list[int]]:
    """Record id -> type numbers of one record's associations."""
    found = hub.get(f"/crm/v4/objects/{start}/{id_}/associations/{end}")["results"]
    return {
        str(one["toObjectId"]): sorted(t["typeId"] for t in one["associationTypes"])
        for one in found
    }


def test_the_numbers_are_those_of_the_service() -> None:
    """Every number between the object types served is the published constant."""
    ids = contract("contract/association-type-ids.json")["ids"]
    named = {kind.type_id: kind.constant for kind in STANDARD}
    known = LinkTypes()
    for start, first in named.items():
        for end, second in named.items():
            expected = ids.get(f"{first}_TO_{second}")
            plain = known.plain(start, end)
            assert (plain.type_id if plain else None) == expected, (first, second)
            primary = known.primary(start, end)
            if primary is not None:
                assert primary.type_id == ids[f"PRIMARY_{first}_TO_{second}"]
                assert primary.inverse == ids[f"PRIMARY_{second}_TO_{first}"]


@pytest.mark.parametrize(("root", "status"), [(V4, 201), (DATED, 200)])
def test_a_batch_create_answers_as_recorded(hub: Hub, root: str, status: int) -> None:
    """Ids are numbers, results come in another order, and the success code is the version's."""
    deal = hub.create("deals", dealname="D")
    contacts = [hub.create("contacts", email=f"p{n}@x.example") for n in range(2)]
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}
    body = {"inputs": [pair(deal, one, spec) for one in contacts]}
    answer = hub.send("POST", f"{root}/Deal/Contact/batch/create", body)
    assert answer.status_code == status
    recorded = shape("associations batch/create success", 201)["body"]
    assert like(answer.json(), recorded) == []
    results = answer.json()["results"]
    assert [r["toObjectId"] for r in results] == [int(i) for i in reversed(contacts)]
    assert results[0]["fromObjectTypeId"] == "0-3"
    assert results[0]["labels"] == []


def test_a_bad_target_is_told_without_context(hub: Hub) -> None:
    """207 with the message alone, while the good pair is made."""
    (contact,), (company,) = people(hub)
    body = {"inputs": [pair(contact, "1234", TO_COMPANY), pair(contact, company, TO_COMPANY)]}
    answer = hub.send("POST", f"{V4}/contacts/companies/batch/create", body)
    assert answer.status_code == 207
    recorded = shape("associations batch/create, bad target", 207)["body"]
    assert like(answer.json(), recorded) == []
    assert answer.json()["errors"][0]["message"] == "COMPANY=1234 is not valid"
    assert len(answer.json()["results"]) == 1
    assert company in types(hub, "contacts", contact, "companies")


def test_ids_that_are_none_and_a_record_with_itself_are_refused_as_recorded(hub: Hub) -> None:
    """Both in one 207, each in the service's words."""
    contact = hub.create("contacts", email="p@x.example")
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 449}
    bad = "unknown_id_123456798"
    body = {"inputs": [pair(contact, bad, spec), pair(contact, contact, spec)]}
    answer = hub.send("POST", f"{V4}/contacts/contacts/batch/create", body)
    recorded = contract("fixtures/amp-labs-connectors/associations/err-contact-to-contact.json")
    assert answer.status_code == 207
    assert like(answer.json(), recorded) == []
    assert answer.json()["errors"][0] == recorded["errors"][0]
    assert answer.json()["errors"][1]["message"] == recorded["errors"][1]["message"].replace(
        "211762804612", contact
    )


def test_a_batch_read_answers_as_observed(hub: Hub) -> None:
    """`from.id` is text, `toObjectId` a number, the primary type stands beside the plain one."""
    (contact,), (company,) = people(hub)
    hub.post(f"{V4}/contacts/companies/batch/create", {"inputs": [pair(contact, company, PRIMARY)]})
    body = {"inputs": [{"id": contact}]}
    answer = hub.send("POST", f"{V4}/contacts/companies/batch/read", body)
    assert answer.status_code == 200
    recorded = shape("associations batch/read success", 200)["body"]
    got = answer.json()
    assert like({k: got[k] for k in recorded}, recorded) == []
    [one] = got["results"]
    assert one["from"]["id"] == contact
    assert one["to"][0]["toObjectId"] == int(company)
    kinds = {t["typeId"]: t["label"] for t in one["to"][0]["associationTypes"]}
    assert kinds == {279: None, 1: "Primary"}


def test_a_batch_with_and_without_associations_answers_as_recorded(hub: Hub) -> None:
    """One 207: what there is in the results, who has none in the errors."""
    made = contract("fixtures/amp-labs-connectors/associations/contact-to-company-resp.json")
    read = contract("fixtures/amp-labs-connectors/search/contacts/contacts-to-companies.json")
    (first, lonely), companies = people(hub, contacts=2, companies=2)
    root = f"{V4}/contacts/companies/batch"
    inputs = [pair(first, company, TO_COMPANY) for company in companies]
    assert like(hub.post(f"{root}/create", {"inputs": inputs}), made) == []
    answer = hub.send("POST", f"{root}/read", {"inputs": [{"id": first}, {"id": lonely}]})
    assert answer.status_code == 207
    assert like(answer.json(), read) == []
    [told], [error] = answer.json()["results"], answer.json()["errors"]
    primary = next(one for one in told["to"] if len(one["associationTypes"]) == 2)
    assert primary["associationTypes"] == read["results"][0]["to"][0]["associationTypes"]
    theirs = read["errors"][0]
    for name in ("message", "context"):
        was, now = str(theirs[name]), str(error[name])
        assert now == was.replace("103107104018", lonely)


@pytest.mark.parametrize("root", [V4, DATED])
def test_no_associations_is_told_like_an_error(hub: Hub, root: str) -> None:
    """207 with NO_ASSOCIATIONS_FOUND; the results leave the record out."""
    (first, second), (company,) = people(hub, contacts=2)
    hub.post(f"{V4}/contacts/companies/batch/create", {"inputs": [pair(first, company, PRIMARY)]})
    body = {"inputs": [{"id": second}, {"id": first}]}
    answer = hub.send("POST", f"{root}/contacts/companies/batch/read", body)
    recorded = shape("associations batch/read, record without", 207)["body"]
    assert answer.status_code == 207
    assert [r["from"]["id"] for r in answer.json()["results"]] == [first]
    [error] = answer.json()["errors"]
    assert like(error, recorded["errors"][0]) == []
    assert error["message"] == f"No company is associated with contact {second}."
    assert error["subCategory"] == recorded["errors"][0]["subCategory"]


def test_each_record_of_a_batch_read_has_its_own_pages(box: Sandbox, hub: Hub) -> None:
    """The cursor of one record is sent back beside its id and leads to the rest."""
    box.call("POST", "hubspot/settings", {"association_page": 2})
    contacts, (company,) = people(hub, contacts=5)
    inputs = [pair(one, company, TO_COMPANY) for one in contacts]
    hub.post(f"{V4}/contacts/companies/batch/create", {"inputs": inputs})
    found: list[str] = []
    asked: dict[str, str] = {"id": company}
    for _ in range(3):
        [one] = hub.post(f"{V4}/companies/contacts/batch/read", {"inputs": [asked]})["results"]
        found += [str(to["toObjectId"]) for to in one["to"]]
        following = one.get("paging", {}).get("next")
        if following is None:
            break
        asked = {"id": company, "after": following["after"]}
    assert found == contacts
    assert following is None


def test_a_batch_read_takes_a_thousand_ids(hub: Hub) -> None:
    """One more is refused as a whole."""
    body = {"inputs": [{"id": str(n)} for n in range(1, 1002)]}
    refused = hub.send("POST", f"{V4}/contacts/companies/batch/read", body)
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")
    body["inputs"].pop()
    assert hub.send("POST", f"{V4}/contacts/companies/batch/read", body).status_code == 207


def test_one_records_associations_are_listed_as_recorded(hub: Hub) -> None:
    """Version 4 and 2026-03 have the recorded members; later versions have no such address."""
    deal = hub.create("deals", dealname="D")
    contact = hub.create("contacts", email="p@x.example")
    path = f"/crm/v4/objects/Deal/{deal}/associations/Contact"
    assert hub.send("PUT", f"/crm/v4/objects/Deal/{deal}/associations/default/Contact/{contact}").ok
    [recorded] = [
        c["response_body"] for c in cassettes() if "/Deal/9756350334/associations/" in c["uri"]
    ]
    assert like(hub.get(path), recorded) == []
    assert hub.get(f"/crm/objects/2026-03/0-3/{deal}/associations/0-1") == hub.get(path)
    for other in ("objects/2026-09", "v3/objects"):
        answer = hub.send("GET", f"/crm/{other}/deals/{deal}/associations/contacts")
        assert answer.status_code == 501


def test_the_first_company_is_the_primary_one_until_another_is(hub: Hub) -> None:
    """A record has one primary company; a new primary one takes the label from the old one."""
    (contact,), (first, second) = people(hub, companies=2)
    path = f"{V4}/contacts/companies/batch/create"
    hub.post(path, {"inputs": [pair(contact, first, TO_COMPANY)]})
    hub.post(path, {"inputs": [pair(contact, second, TO_COMPANY)]})
    assert types(hub, "contacts", contact, "companies") == {first: [1, 279], second: [279]}
    hub.post(path, {"inputs": [pair(contact, second, PRIMARY)]})
    assert types(hub, "contacts", contact, "companies") == {first: [279], second: [1, 279]}
    assert types(hub, "companies", first, "contacts") == {contact: [280]}
    assert types(hub, "companies", second, "contacts") == {contact: [2, 280]}


def test_associating_twice_changes_nothing(box: Sandbox, hub: Hub) -> None:
    """The second answer is like the first, and the log counts no write."""
    (contact,), (company,) = people(hub)
    body = {"inputs": [pair(contact, company, PRIMARY)]}
    first = hub.send("POST", f"{V4}/contacts/companies/batch/create", body)
    again = hub.send("POST", f"{V4}/contacts/companies/batch/create", body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert [entry["writes"] for entry in box.calls()[-2:]] == [1, 0]


@pytest.mark.parametrize(
    ("types_sent", "said"),
    [
        ([], "at least one type"),
        ([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 339}], "339"),
        ([{"associationCategory": "USER_DEFINED", "associationTypeId": 279}], "USER_DEFINED"),
    ],
)
def test_types_must_be_those_of_the_pair(
    hub: Hub, types_sent: list[dict[str, Any]], said: str
) -> None:
    """No type, a type of other objects, or of another category: the batch is refused."""
    (contact,), (company,) = people(hub)
    body = {"inputs": [pair(contact, company, *types_sent)]}
    answer = hub.send("POST", f"{V4}/contacts/companies/batch/create", body)
    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert types(hub, "contacts", contact, "companies") == {}


@pytest.mark.parametrize(("root", "status"), [(V4, 204), (DATED, 200)])
def test_a_batch_archive_ends_them_and_minds_no_stranger(hub: Hub, root: str, status: int) -> None:
    """One record and several others; what is not associated is no error."""
    (contact,), companies = people(hub, companies=2)
    inputs = [pair(contact, one, TO_COMPANY) for one in companies]
    hub.post(f"{V4}/contacts/companies/batch/create", {"inputs": inputs})
    gone = {"from": {"id": contact}, "to": [{"id": companies[0]}, {"id": "1234"}]}
    answer = hub.send("POST", f"{root}/contacts/companies/batch/archive", {"inputs": [gone]})
    assert answer.status_code == status
    if status == 200:
        assert set(answer.json()) == {"status", "startedAt", "completedAt"}
    else:
        assert answer.content == b""
    assert list(types(hub, "contacts", contact, "companies")) == [companies[1]]


@pytest.mark.parametrize(("method", "status"), [("PUT", 201), ("DELETE", 204)])
def test_one_association_is_made_and_ended_by_either_address(
    hub: Hub, method: str, status: int
) -> None:
    """The single addresses have one success code in both versions."""
    (contact,), (company,) = people(hub)
    for root in ("/crm/v4/objects", "/crm/objects/2026-09"):
        path = f"{root}/contacts/{contact}/associations/companies/{company}"
        answer = hub.send(method, path, [TO_COMPANY] if method == "PUT" else None)
        assert answer.status_code == status
    wanted = {company: [1, 279]} if method == "PUT" else {}
    assert types(hub, "contacts", contact, "companies") == wanted


@pytest.mark.parametrize("root", [V4, DATED])
def test_default_associations_are_told_in_both_directions(hub: Hub, root: str) -> None:
    """A batch of pairs needs no type; a bad pair is told in a 207."""
    (contact,), (company,) = people(hub)
    path = f"{root}/companies/contacts/batch/associate/default"
    inputs = [{"from": {"id": company}, "to": {"id": contact}}]
    answer = hub.send("POST", path, {"inputs": inputs})
    assert answer.status_code == 200
    specs = [r["associationSpec"]["associationTypeId"] for r in answer.json()["results"]]
    assert specs == [280, 279]
    inputs.append({"from": {"id": company}, "to": {"id": "1"}})
    assert hub.send("POST", path, {"inputs": inputs}).status_code == 207


def test_archiving_a_record_ends_its_associations(hub: Hub) -> None:
    """The other end no longer shows them."""
    (contact,), (company,) = people(hub)
    hub.post(f"{V4}/contacts/companies/batch/create", {"inputs": [pair(contact, company, PRIMARY)]})
    assert hub.send("DELETE", f"/crm/v3/objects/contacts/{contact}").status_code == 204
    assert types(hub, "companies", company, "contacts") == {}


def test_a_merge_hands_the_associations_on(box: Sandbox, hub: Hub) -> None:
    """The survivor has both, with one primary company, and is reached by an old id as well."""
    contacts, companies = people(hub, contacts=2, companies=2)
    inputs = [pair(a, b, PRIMARY) for a, b in zip(contacts, companies, strict=True)]
    hub.post(f"{V4}/contacts/companies/batch/create", {"inputs": inputs})
    told = {"object": "contacts", "winner": contacts[0], "loser": contacts[1]}
    survivor = box.call("POST", "hubspot/merge", told)["id"]
    found = types(hub, "contacts", survivor, "companies")
    assert sorted(found) == sorted(companies)
    assert sum(1 in kinds for kinds in found.values()) == 1
    deal = hub.create("deals", dealname="D")
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}
    hub.post(f"{V4}/deals/contacts/batch/create", {"inputs": [pair(deal, contacts[1], spec)]})
    assert list(types(hub, "deals", deal, "contacts")) == [survivor]


def test_associations_go_with_a_snapshot(box: Sandbox, hub: Hub) -> None:
    """Lines and labels are as they were."""
    (contact,), (company,) = people(hub)
    hub.post(f"{V4}/contacts/companies/batch/create", {"inputs": [pair(contact, company, PRIMARY)]})
    box.snapshot()
    hub.send("DELETE", f"/crm/v4/objects/contacts/{contact}/associations/companies/{company}")
    hub.post(f"{V4}/contacts/companies/labels", {"name": "x", "label": "X"})
    box.restore()
    assert types(hub, "contacts", contact, "companies") == {company: [1, 279]}
    labels = hub.get(f"{V4}/contacts/companies/labels")["results"]
    assert all(k["category"] == "HUBSPOT_DEFINED" for k in labels)


def test_loaded_links_read_like_made_ones() -> None:
    """Links put in by the thousand are the same as links made one by one."""
    pairs = [(str(n), str(100 + n // 3)) for n in range(30)]
    loaded, made = Links(), Links()
    loaded.load("0-5", "0-2", pairs, (26, 339))
    for ticket, company in pairs:
        made.add("0-5", ticket, "0-2", company, (339,))
    assert made.of("0-5", "4", "0-2") == (("101", (26, 339)),)
    for n in range(30):
        assert loaded.of("0-5", str(n), "0-2") == made.of("0-5", str(n), "0-2")
    for n in range(10):
        assert loaded.of("0-2", str(100 + n), "0-5") == made.of("0-2", str(100 + n), "0-5")


def test_a_row_fault_hits_its_pair_only(box: Sandbox, hub: Hub) -> None:
    """The pair at that place is refused, the others are made."""
    contacts, (company,) = people(hub, contacts=3)
    box.faults({"kind": "row_error", "rows": [1], "message": "not on Fridays"})
    inputs = [pair(one, company, TO_COMPANY) for one in contacts]
    answer = hub.send("POST", f"{V4}/contacts/companies/batch/create", {"inputs": inputs})
    assert answer.status_code == 207
    assert [e["message"] for e in answer.json()["errors"]] == ["not on Fridays"]
    made = types(hub, "companies", company, "contacts")
    assert sorted(made) == sorted([contacts[0], contacts[2]])


def test_a_cut_answer_leaves_the_association_made(box: Sandbox, hub: Hub) -> None:
    """The fault rules of the sandbox hold for these addresses: the write is done, unanswered."""
    (contact,), (company,) = people(hub)
    box.faults({"kind": "cut_after", "path": "batch/create"})
    body = {"inputs": [pair(contact, company, PRIMARY)]}
    with pytest.raises(OSError, match="onnection"):
        hub.send("POST", f"{V4}/contacts/companies/batch/create", body)
    assert types(hub, "contacts", contact, "companies") == {company: [1, 279]}
