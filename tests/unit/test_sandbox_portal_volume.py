"""The volume company in the portal: the same people and tickets as in the org, at any size."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot.standard import standard_definitions
from connectors.sandbox.story import volume as plain
from connectors.sandbox.story.portal_volume import edited, volume

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)
SIZE = 60


def test_it_is_the_company_of_the_org() -> None:
    """Names, customers, priorities and closing dates are those of the org, in the same order."""
    told = volume(seed=1, accounts=SIZE, now=NOW)
    theirs = {name: list(rows) for name, rows in told.records.items()}
    ours = {name: list(rows) for name, rows in plain.volume(seed=1, accounts=SIZE, now=NOW).items()}
    assert [c["name"] for c in theirs["companies"]] == [a["Name"] for a in ours["Account"]]
    assert Counter(c["lifecyclestage"] == "customer" for c in theirs["companies"]) == Counter(
        a["Type"].startswith("Customer") for a in ours["Account"]
    )
    assert [c["email"] for c in theirs["contacts"]] == [c["Email"] for c in ours["Contact"]]
    closed = [t["closed_date"] for t in theirs["tickets"]]
    assert [c is None for c in closed] == [c["ClosedDate"] is None for c in ours["Case"]]
    ids = [t["id"] for t in theirs["tickets"]]
    assert ids == sorted(set(ids))
    # Who belongs to whom, by the names at both ends.
    names = {c["id"]: c["name"] for c in theirs["companies"]}
    pairs = next(one["pairs"] for one in told.links if one["from"] == "tickets")
    org = {a["Id"]: a["Name"] for a in ours["Account"]}
    assert [names[company] for _, company in pairs] == [org[c["AccountId"]] for c in ours["Case"]]


def test_what_it_writes_the_portal_knows() -> None:
    """Every property is a standard one, or one of ours that setup makes."""
    definitions = standard_definitions()
    told = volume(seed=1, accounts=SIZE, now=NOW)
    types = {"companies": "0-2", "contacts": "0-1", "tickets": "0-5"}
    for name, rows in told.records.items():
        used = set().union(*rows) - {"id"}
        unknown = {p for p in used if definitions.find(types[name], p) is None}
        assert {p for p in unknown if not p.startswith("health_")} == set()


def test_the_sandbox_holds_it_and_people_work_in_it() -> None:
    """Records are there with their associations; a share of the tickets gets another priority."""
    with Sandbox.start(now=NOW, frozen=True) as box:
        loaded = box.hubspot.volume(SIZE)
        assert loaded == {"companies": SIZE, "contacts": 2 * SIZE, "tickets": 10 * SIZE}
        assert box.org is not None
        links = box.org.portal.links
        tickets = box.hubspot.records("tickets")
        assert all(len(links.of("0-5", t["id"], "0-2")) == 1 for t in tickets)
        assert all(len(links.of("0-5", t["id"], "0-1")) == 1 for t in tickets)
        touched = box.hubspot.touch(20)
        after = {t["id"]: t["hs_ticket_priority"] for t in box.hubspot.records("tickets")}
        moved = [t for t in tickets if after[t["id"]] != t["hs_ticket_priority"]]
        assert len(moved) == touched > 60


@pytest.mark.parametrize("priority", ["URGENT", None])
def test_an_edit_is_a_change(priority: str | None) -> None:
    """Nobody saves the priority that is there."""
    rng = Random(1)
    assert all(edited(priority, rng) != {"hs_ticket_priority": priority} for _ in range(50))
