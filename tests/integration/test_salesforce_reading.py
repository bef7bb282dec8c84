"""Reading an org over real HTTP: pages, cursors, changes, and what the user may not see."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from salesforce_org import ACCOUNT, CONTACT, NOW, Make, accounts, read, rows_of

from connectors.sandbox.handle import Sandbox
from crm_health.connector import FieldRead, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import (
    SetupError,
)


def test_identity_tells_org_clock_and_zone(make: Make) -> None:
    """The clock is the service's, not ours."""
    identity = make().identity()
    assert identity.org_id.startswith("00D")
    assert identity.now == NOW
    assert identity.time_zone == "GMT"


def test_describe_leaves_out_what_is_not_there(make: Make) -> None:
    """Several objects cost one call; an unknown one is absent, not an error."""
    connector = make()
    connector.identity()
    before = connector.usage().calls
    found = connector.describe(["Account", "Contact", "Nothing__c"])
    assert set(found) == {"Account", "Contact"}
    assert found["Account"].fields["Name"].length == 255
    assert "Account" in found["Contact"].parents["Account"]
    assert connector.usage().calls == before + 1


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 600])
def test_a_full_read_is_complete_at_every_page_size(
    sandbox: Sandbox, make: Make, count: int
) -> None:
    """Each row comes once, the last page is marked, and only that one."""
    ids = accounts(sandbox, count)
    pages = read(make(page_rows=200), ACCOUNT)
    rows = rows_of(pages)
    assert sorted(rows["id"]) == sorted(ids)
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert rows.schema == pl.Schema(ACCOUNT.schema())


def test_reading_goes_on_from_the_cursor_of_any_page(sandbox: Sandbox, make: Make) -> None:
    """Ties on the stamp across the end of a page are neither lost nor repeated."""
    ids = accounts(sandbox, 450)  # the clock is frozen: one stamp for all
    pages = read(make(page_rows=200), ACCOUNT)
    assert len(pages) == 3
    for n, page in enumerate(pages[:-1]):
        rest = rows_of(read(make(page_rows=200), ACCOUNT, page.cursor))
        had = rows_of(pages[: n + 1])
        assert sorted([*had["id"], *rest["id"]]) == sorted(ids)


def test_a_quiet_read_is_one_call_for_five_objects(sandbox: Sandbox, make: Make) -> None:
    """With nothing new, watermarks and queries of five streams share one composite call."""
    accounts(sandbox, 3)
    streams = [
        ACCOUNT,
        CONTACT,
        *(Stream(name, (FieldRead("Id", Kind.TEXT),)) for name in ("Case", "Task", "Opportunity")),
    ]
    first = make()
    cursors = {
        page.stream.object: page.cursor
        for page in first.changes([Request(stream) for stream in streams])
        if page.last
    }
    sandbox.advance(3600)
    second = make()
    second.identity()
    second.describe([stream.object for stream in streams])
    before = second.usage().calls
    pages = list(second.changes([Request(s, cursors[s.object]) for s in streams]))
    assert second.usage().calls == before + 1
    assert [page.last for page in pages] == [True] * 5
    pages = [p for p in pages if p.stream.object != "Account"]
    assert all(page.rows.is_empty() for page in pages)
    sandbox.advance(3600)
    again = list(second.changes([Request(ACCOUNT, cursors["Account"])]))
    assert rows_of(again).height == 3  # inside the overlap of its cursor: never skipped


def test_changes_and_deletes_come_once_more_and_nothing_else(sandbox: Sandbox, make: Make) -> None:
    """A deleted row has its id only; values are typed as asked."""
    ids = accounts(sandbox, 5)
    sandbox.advance(3600)
    cursor = read(make(), ACCOUNT)[-1].cursor
    sandbox.advance(3600)
    sandbox.edit("Account", ids[1], {"NumberOfEmployees": 7, "ParentId": ids[0]})
    sandbox.delete("Account", ids[2])
    rows = rows_of(read(make(), ACCOUNT, cursor))
    assert rows.sort("id").to_dicts() == [
        {
            "id": ids[1],
            "deleted": False,
            "merged_into": None,
            "Name": "A0001",
            "AnnualRevenue": None,
            "NumberOfEmployees": "7",
            "CreatedDate": NOW,
            "LastActivityDate": None,
            "IsDeleted": "false",
            "Parent.Name": "A0000",
        },
        {"id": ids[2], "deleted": True}
        | dict.fromkeys(["merged_into", *(f.path for f in ACCOUNT.fields)]),
    ]


def test_a_row_that_becomes_visible_late_is_found(sandbox: Sandbox, make: Make) -> None:
    """While a transaction is open the watermark stays behind it."""
    accounts(sandbox, 2)
    cursor = read(make(), ACCOUNT)[-1].cursor
    sandbox.advance(60)
    held = sandbox.edit("Account", None, {"Name": "late"}, hold=True)
    for _ in range(3):
        sandbox.advance(1800)
        pages = read(make(), ACCOUNT, cursor)
        assert "late" not in rows_of(pages)["Name"]
        cursor = pages[-1].cursor
    sandbox.release(held)
    assert "late" in rows_of(read(make(), ACCOUNT, cursor))["Name"]


def test_a_cursor_from_the_future_hides_nothing_for_ever(sandbox: Sandbox, make: Make) -> None:
    """Everything is read again: what such a cursor covers is not known."""
    read(make(), ACCOUNT)
    sandbox.clock(NOW + timedelta(days=400))
    cursor = read(make(), ACCOUNT)[-1].cursor
    sandbox.clock(NOW + timedelta(days=1))
    old, gone = accounts(sandbox, 2)
    sandbox.delete("Account", gone)
    sandbox.advance(7200)
    rows = rows_of(read(make(), ACCOUNT, cursor))
    assert dict(rows.select("id", "deleted").rows()) == {old: False, gone: True}


def test_ids_are_those_of_live_rows(sandbox: Sandbox, make: Make) -> None:
    """Rows in the recycle bin don't count."""
    ids = accounts(sandbox, 203)
    sandbox.delete("Account", ids[7])
    found = [i for series in make(page_rows=200).ids("Account") for i in series]
    assert found == sorted(set(ids) - {ids[7]})


def test_the_loser_of_a_merge_names_the_winner(sandbox: Sandbox, make: Make) -> None:
    """So that what hung on it can follow."""
    winner, loser = accounts(sandbox, 2)
    sandbox.advance(3600)
    cursor = read(make(), ACCOUNT)[-1].cursor
    sandbox.advance(3600)
    sandbox.call("POST", "merge", {"object": "Account", "winner": winner, "loser": loser})
    rows = rows_of(read(make(), ACCOUNT, cursor))
    assert (loser, True, winner) in rows.select("id", "deleted", "merged_into").rows()


def test_a_hidden_field_is_named(sandbox: Sandbox, make: Make) -> None:
    """A right that is taken away in the middle is a matter of setup, not of rows."""
    connector = make()
    connector.describe(["Account"])
    sandbox.faults({"kind": "hide_field", "object": "Account", "field": "Account.AnnualRevenue"})
    with pytest.raises(SetupError, match=r"Account.*AnnualRevenue"):
        read(connector, ACCOUNT)


def test_an_unknown_object_is_named(make: Make) -> None:
    """The mapping names it, so the message does."""
    with pytest.raises(SetupError, match="Nothing__c"):
        read(make(), Stream("Nothing__c", ()))


def test_a_retired_version_is_a_matter_of_setup(sandbox: Sandbox, make: Make) -> None:
    """410 stops before anything is written."""
    sandbox.faults({"kind": "retire_version", "version": 62.0})
    with pytest.raises(SetupError):
        make().identity()
