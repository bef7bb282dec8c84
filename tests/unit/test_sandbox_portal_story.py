"""The story in a HubSpot portal: what it is told in, and what waits for setup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.hubspot import provisioner
from connectors.sandbox.crms import CRMS
from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot import values
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.ids import sf_id
from connectors.sandbox.story import Change, Story, build_story, portal
from connectors.sandbox.story.portal_fields import hub_id, rating
from crm_health.config.load import load
from crm_health.testing.ports import make_ports

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
CUSTOM = ("p_health_usage", "p_health_subscription")


@pytest.fixture(scope="module")
def story() -> Story:
    """A company of 30 accounts."""
    return build_story(seed=4, accounts=30, customers=24, now=NOW)


def _set_up(box: Sandbox) -> Portal:
    mapping = load(None, crm="hubspot").mapping
    before = dict(os.environ)
    os.environ.update(CRMS["hubspot"].variables(box.url))
    try:
        made = provisioner(make_ports(), mapping.api_version, mapping)
        made.apply()
        made.close()
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert box.org is not None
    return box.org.portal


@pytest.fixture(scope="module")
def full(story: Story) -> Iterator[tuple[Sandbox, Portal]]:
    """A portal with the story in it, loaded before setup."""
    with Sandbox.start(now=NOW, frozen=True) as box:
        portal.load(box.hubspot, story)
        yield box, _set_up(box)


def test_ids_keep_their_order_and_length(story: Story) -> None:
    """What sorts first on Salesforce sorts first in the portal."""
    for rows in story.records.values():
        ids = [hub_id(row["Id"]) for row in rows]
        assert ids == sorted(ids)
        assert len({len(one) for one in ids}) <= 1
    assert hub_id(sf_id("001", 61)) < hub_id(sf_id("001", 62)) < hub_id(sf_id("001", 12_345))


def test_nothing_of_the_story_is_lost(story: Story, full: tuple[Sandbox, Portal]) -> None:
    """Each record is there, those of custom objects once setup has made these."""
    counts = full[0].hubspot.status()["records"]
    theirs = {"User", "OpportunityContactRole"}
    assert sum(counts.values()) == sum(
        len(rows) for name, rows in story.records.items() if name not in theirs
    )
    assert counts["health_usage"] == len(story.records["Health_Usage__c"])


def test_every_value_is_one_that_the_portal_would_take(full: tuple[Sandbox, Portal]) -> None:
    """No property is unknown, no option or stage invented; owners may have left."""
    _, held = full
    for kind in held.kinds:
        for row in held.rows(kind):
            for name, text in row.items():
                if not name[0].islower() or name in ("hubspot_owner_id", "health_csm"):
                    continue
                known = held.definitions.find(kind.type_id, name)
                assert known is not None, (kind.plural, name)
                assert values.read(held, kind, known, text) == text, (kind.plural, name)


def test_everything_hangs_on_its_company(story: Story, full: tuple[Sandbox, Portal]) -> None:
    """Each record of an account is associated with it, and a deal with those who decide."""
    _, held = full
    for kind in held.kinds:
        if kind.plural == "companies":
            continue
        for row in held.rows(kind):
            assert len(held.links.of(kind.type_id, row["Id"], "0-2")) == 1, kind.plural
    roles = story.records["OpportunityContactRole"]
    deals = {hub_id(row["OpportunityId"]) for row in roles}
    assert all(held.links.of("0-3", deal, "0-1") for deal in deals)


def test_without_custom_objects_theirs_goes_on_waiting(story: Story) -> None:
    """A portal that may have none keeps the rest, and loses nothing when it is brought back."""
    with Sandbox.start(now=NOW, frozen=True) as box:
        told = portal.load(box.hubspot, story)
        assert told["p_health_usage"] == len(story.records["Health_Usage__c"])
        box.snapshot()
        assert "health_usage" not in box.hubspot.status()["records"]
        _set_up(box)
        assert "health_usage" in box.hubspot.status()["records"]
        box.restore()
        assert "health_usage" not in box.hubspot.status()["records"]
        _set_up(box)
        count = box.hubspot.status()["records"]["health_usage"]
        assert count == len(story.records["Health_Usage__c"])


def test_where_nobody_active_is_named_the_manager_is(story: Story) -> None:
    """HubSpot knows no managers: who would be told on Salesforce stands on the company."""
    head = {"Id": sf_id("005", 901), "IsActive": True, "ManagerId": None}
    gone = {"Id": sf_id("005", 902), "IsActive": False, "ManagerId": head["Id"]}
    users = [
        {**one, "Email": "x@vendor.example.com", "FirstName": "A", "LastName": "B"}
        for one in (head, gone)
    ]
    account = {
        **story.records["Account"][0],
        "OwnerId": gone["Id"],
        "Health_CSM__c": None,
        "ParentId": None,
    }
    told = portal.translate(replace(story, records={"User": users, "Account": [account]}))
    (company,) = told.records["companies"]
    assert company["health_csm"] == hub_id(head["Id"])
    assert company["hubspot_owner_id"] == hub_id(gone["Id"])
    assert [owner["archived"] for owner in told.owners] == [False, True]


@pytest.mark.parametrize(
    ("kind", "points", "value", "group"),
    [
        ("nps", 60.0, "6", "0"),
        ("nps", 70.0, "7", "1"),
        ("nps", 90.0, "9", "2"),
        ("csat", 0.0, "0", "0"),
        ("csat", 50.0, "1", "1"),
        ("csat", 100.0, "2", "2"),
    ],
)
def test_answers_are_those_of_hubspots_surveys(
    kind: str, points: float, value: str, group: str
) -> None:
    """0 to 10 and its group for a recommendation, one of three faces for satisfaction."""
    told = rating({"Kind__c": kind, "Points__c": points})
    assert told == {"hs_value": value, "hs_response_group": group}


def test_an_answer_between_two_faces_is_refused() -> None:
    """It would read otherwise in the two CRMs."""
    with pytest.raises(ValueError, match="25"):
        rating({"Kind__c": "csat", "Points__c": 25.0})


def test_a_change_says_in_the_portal_what_it_said(
    story: Story, full: tuple[Sandbox, Portal]
) -> None:
    """A new case hangs on its company and its contact; an emptied field is cleared."""
    box, held = full
    account = next(a for a, label in story.labels.items() if label != "no evidence")
    contact = next(c["Id"] for c in story.records["Contact"] if c["AccountId"] == account)
    fields = {
        "Subject": "Nobody can sign in",
        "Status": "New",
        "Priority": "Critical",
        "AccountId": account,
        "ContactId": contact,
        "Health_SLA_Due__c": NOW + timedelta(hours=4),
    }
    ticket = portal.save(box.hubspot, Change("create", "Case", None, fields, "", account))
    row = held.tables.of("0-5")[ticket]
    assert (row["hs_ticket_priority"], row["hs_is_closed"]) == ("URGENT", "false")
    assert row["hs_time_to_close_sla_at"] == "2026-11-16T13:00:00Z"
    assert held.links.of("0-5", ticket, "0-2") == ((hub_id(account), (26, 339)),)
    assert held.links.of("0-5", ticket, "0-1") == ((hub_id(contact), (16,)),)
    emptied = {"Health_Renewal_Date__c": None}
    portal.save(box.hubspot, Change("update", "Account", account, emptied, "", account))
    assert held.tables.of("0-2")[hub_id(account)]["health_renewal_date"] == ""
