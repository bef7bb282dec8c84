"""The story told forwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.sandbox.story import build_story
from tests.year.records import Record
from tests.year.world import END, World, world

_CUSTOMERS, _DAYS = 40, 365
#: What the year adds to the story, or leaves to the CRM.
_OWN = {"LastModifiedDate", "SystemModstamp", "CreatedDate", "LastActivityDate", "ParentId"}
_OWN |= {"Health_CSM__c", "Health_Contract_Value__c", "OwnerId"}


@pytest.fixture(scope="module")
def year() -> World:
    """A small one."""
    return world(_CUSTOMERS, _DAYS)


def test_it_ends_as_the_story_does(year: World) -> None:
    """Cases, deals, subscriptions and accounts are in the end what the story says they are."""
    story = build_story(
        seed=1, accounts=_CUSTOMERS * 4 // 3, customers=_CUSTOMERS, now=END, daily=_DAYS + 130
    )
    ends = {(step.object, step.id): step for step in year.steps}
    state = {
        (name, row["Id"]): {k: v for k, v in row.items() if k not in _OWN}
        for name, rows in year.before.items()
        for row in rows
    }
    for step in year.steps:
        known = state.get((step.object, step.id), {})
        state[step.object, step.id] = {**known, **step.values}
    told = 0
    for name in ("Account", "Asset", "Health_Survey__c", "Health_Usage__c", "Event"):
        for row in story.records[name]:
            mine = state[name, row["Id"]]
            wanted = {k: v for k, v in row.items() if k not in _OWN and v is not None}
            assert {k: mine.get(k) for k in wanted} == wanted, (name, row["Id"])
            told += (name, row["Id"]) in ends
    closed = {row["Id"] for row in story.records["Case"] if row["IsClosed"]}
    assert {
        i for (n, i), row in state.items() if n == "Case" and row["Status"] == "Closed"
    } == closed
    won = {row["Id"] for row in story.records["Opportunity"] if row["StageName"] == "Closed Won"}
    deals = {i: row for (name, i), row in state.items() if name == "Opportunity"}
    assert {i for i, row in deals.items() if row["StageName"] == "Closed Won"} == won
    assert told > 1000


def test_a_renewal_that_is_won_moves_the_date_on_by_a_year(year: World) -> None:
    """The account's date and its subscription's, on the day of the win and not before."""
    rolled = 0
    for account in year.accounts.values():
        for at, fields in account.saves:
            before, after = account.at(at - timedelta(seconds=1)), account.at(at)
            if not before or not after or not before["Health_Renewal_Date__c"]:
                continue
            if "Health_Renewal_Date__c" in fields and at > year.start:
                then, now = before["Health_Renewal_Date__c"], after["Health_Renewal_Date__c"]
                assert now - then == timedelta(days=365)
                assert timedelta(0) <= then - at.date() <= timedelta(days=21)
                rolled += 1
    assert rolled > 10


def test_nothing_comes_before_what_it_names(year: World) -> None:
    """The account of each record is there when it comes, and so is its contact."""
    made = {account.id: account.made for account in year.accounts.values()}
    people = {one.id: one.made for rows in year.contacts.values() for one in rows}
    for step in year.steps:
        if not step.comes:
            continue
        account = step.values.get("AccountId") or step.values.get("Account__c")
        assert account is None or made[account] <= step.at, step
        for field in ("ContactId", "WhoId", "Contact__c"):
            if step.values.get(field):
                assert people[step.values[field]] <= step.at, step


def test_who_becomes_a_customer_was_none_before(year: World) -> None:
    """A prospect without contract and manager, until the first contract is won."""
    became = 0
    for account in year.labels:
        row = year.accounts[account].at(year.start)
        if row is not None and not row["Type"].startswith("Customer"):
            assert row["Health_Contract_Value__c"] is row["Health_Renewal_Date__c"] is None
        became += row is None or not row["Type"].startswith("Customer")
    assert became > 3
    ends = [year.accounts[account].at(END) for account in year.labels]
    assert all(row is not None and row["Type"].startswith("Customer") for row in ends)


def test_a_record_is_what_was_saved_into_it() -> None:
    """Not there before it was made; then as made; then with each save, stamped with its time."""
    record = Record("Case", {"Id": "1", "Status": "New"}, END)
    record.save(END + timedelta(days=1), Status="Closed", IsClosed=True)
    assert record.at(END - timedelta(days=1)) is None
    first, last = record.at(END), record.at(END + timedelta(days=2))
    assert first is not None
    assert last is not None
    assert (first["Status"], last["Status"]) == ("New", "Closed")
    assert last["SystemModstamp"] == END + timedelta(days=1)
    (saved,) = record.steps(END)
    # The CRM works the rest out by itself.
    assert saved.values == {"Status": "Closed"}
