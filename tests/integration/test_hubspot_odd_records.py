"""Whole runs over records that broke other people's syncs: ids, stamps, merges, a late index."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hubspot_portal import (
    CALM,
    COMPANIES,
    LATE,
    NOW,
    OWNER,
    PROSPECT,
    Account,
    escalations,
    linked,
    live,
    stamp,
    writes,
)

from tests.unit.hubspot_help import Hub

#: The first two are one and the same as floating-point numbers.
LARGE = ("9007199254740993", "9007199254740992", "9007199254740995")


def _on(account: Account, kind: str, record_id: str) -> str:
    """The company that a record hangs on."""
    path = f"/crm/v4/objects/{kind}/{record_id}/associations/companies"
    (found,) = Hub(account.box).get(path)["results"]
    return str(found["toObjectId"])


def test_ids_beyond_what_a_float_holds_are_kept_apart(account: Account) -> None:
    """A late ticket on one of three such companies concerns that one, in a list and in a batch."""
    old = {"createdate": stamp(NOW - timedelta(days=30))}
    company = {"lifecyclestage": "customer", "hubspot_owner_id": OWNER, **old}
    urgent = {"hs_pipeline": "0", "hs_pipeline_stage": "1", "hs_ticket_priority": "URGENT", **old}
    account.box.hubspot.load(
        {
            "companies": [{"id": i, "name": f"Large {i}", **company} for i in LARGE],
            "tickets": [
                {"id": "9007199254741993", "subject": "Down", **urgent},
                {"id": "9007199254741995", "subject": "Up", **urgent, "hs_pipeline_stage": "4"},
            ],
        },
        links=[
            linked(
                "tickets",
                [339, 26],
                ("9007199254741993", LARGE[0]),
                ("9007199254741995", LARGE[2]),
            )
        ],
    )
    _, code = account.sync()
    assert code == 0
    ours = {t["health_escalation_key"]: t["id"] for t in escalations(account.box)}
    assert set(ours) == {f"ch1:{i}:sev1_past_sla:1" for i in (COMPANIES[0], LARGE[0])}
    assert _on(account, "tickets", ours[f"ch1:{LARGE[0]}:sev1_past_sla:1"]) == LARGE[0]
    account.box.advance(7200)
    account.box.hubspot.edit("tickets", "9007199254741995", {"hs_pipeline_stage": "1"})
    account.box.advance(120)
    _, code = account.sync()
    assert code == 0
    assert all(live(account.box, "companies")[i]["health_memory"] for i in LARGE)
    ours = {t["health_escalation_key"]: t["id"] for t in escalations(account.box)}
    assert set(ours) == {f"ch1:{i}:sev1_past_sla:1" for i in (COMPANIES[0], LARGE[0], LARGE[2])}
    assert _on(account, "tickets", ours[f"ch1:{LARGE[2]}:sev1_past_sla:1"]) == LARGE[2]


def test_a_change_of_a_second_ago_arrives_with_the_next_sync(account: Account) -> None:
    """The index behind search knows it only then; nothing is lost, nothing comes twice."""
    account.box.hubspot.settings(search_lag=30)
    account.sync()
    # A later save of another ticket: what is read is read from the last save known.
    account.box.advance(3600)
    account.box.hubspot.edit("tickets", LATE, {"subject": "Still down"})
    account.box.advance(60)
    account.sync()
    account.box.advance(3600)
    known = account.known("case")
    ticket = {"subject": "New", "hs_pipeline": "0", "hs_pipeline_stage": "1"}
    new = account.box.hubspot.edit("tickets", None, ticket)
    account.box.hubspot.associate("tickets", new, "companies", COMPANIES[2])
    account.box.hubspot.edit("tickets", CALM, {"hs_ticket_priority": "URGENT"})
    account.box.advance(1)
    account.sync()
    assert (len(escalations(account.box)), account.known("case")) == (1, known), "no lag, no test"
    for _ in range(2):
        account.box.advance(60)
        _, code = account.sync()
        assert code == 0
        keys = sorted(t["health_escalation_key"] for t in escalations(account.box))
        assert keys == [f"ch1:{i}:sev1_past_sla:1" for i in COMPANIES[:2]]
        assert account.known("case") == known + 1


@pytest.mark.slow
def test_twelve_thousand_companies_of_one_moment_sync_once_and_whole(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By list at first, by search when all of them changed at one moment; then there is quiet."""
    monkeypatch.setenv("CRM_HEALTH_HUBSPOT_LIST_FROM", "1")  # or their list would be cheaper
    moment = stamp(NOW - timedelta(days=3))
    lead = {"lifecyclestage": "lead", "createdate": moment, "hs_lastmodifieddate": moment}
    rows = [{"id": str(100_000 + n), "name": f"Lead {n}", **lead} for n in range(12_000)]
    account.box.hubspot.load({"companies": rows})
    report, code = account.sync()
    assert code == 0
    assert (report.pulled.rows["companies"], report.accounts) == (12_004, 12_004)
    account.box.advance(7200)
    account.box.hubspot.touch(100, "companies")
    account.box.hubspot.edit("companies", PROSPECT, {"lifecyclestage": "customer"})
    account.box.advance(60)
    account.box.clear_calls()
    report, code = account.sync()
    assert code == 0
    assert (report.pulled.rows["companies"], report.accounts) == (12_004, 12_004)
    assert account.company(PROSPECT)["health_memory"], "one of them became a customer"
    searches = [c for c in account.box.calls() if c["path"].endswith("companies/search")]
    assert 12_004 / 200 <= len(searches) <= 12_004 / 200 + 2
    # Two hours on they are out of what each search looks at again.
    account.box.advance(7200)
    account.sync()
    account.box.advance(7200)
    account.box.clear_calls()
    report, code = account.sync()
    assert (code, report.pulled.rows["companies"], writes(account.box)) == (0, 0, [])


@pytest.mark.parametrize("new_id", [True, False])
def test_a_company_that_was_merged_away_is_followed(account: Account, new_id: bool) -> None:
    """Its ticket and its task are the survivor's, whose escalation stays open while it is late.

    No date of the ticket moves: that it hangs elsewhere now shows in the company alone.
    """
    account.sync()
    before = [t["id"] for t in escalations(account.box)], list(live(account.box, "tasks"))
    account.box.advance(7200)
    survivor = account.box.hubspot.merge("companies", COMPANIES[1], COMPANIES[0], new_id=new_id)
    account.box.advance(120)
    report, code = account.sync()
    assert code == 0
    assert report.accounts == 3
    assert ([t["id"] for t in escalations(account.box)], list(live(account.box, "tasks"))) == before
    assert _on(account, "tickets", before[0][0]) == survivor
    assert [t["hs_pipeline_stage"] for t in escalations(account.box)] == ["health_open"]
    assert account.company(survivor)["health_open_escalations"] == "1"
    account.box.advance(120)
    account.box.clear_calls()
    _, code = account.sync()
    assert (code, writes(account.box)) == (0, [])


def test_a_company_that_was_erased_is_found_missing_within_a_week(account: Account) -> None:
    """No search and no list of archived records tells it: the ids of all do."""
    more = [{"id": f"11{n:02}", "name": f"C{n}", "lifecyclestage": "customer"} for n in range(20)]
    account.box.hubspot.load({"companies": more})  # or two fewer would look like a mistake
    account.sync()
    account.box.advance(3600)
    account.box.hubspot.archive("companies", COMPANIES[2])
    account.box.advance(3600)
    account.box.hubspot.archive("companies", COMPANIES[1], erase=True)
    report, _ = account.sync()
    assert report.accounts == 24, "neither shows in what changed"
    account.box.advance(timedelta(days=7).total_seconds())
    account.sync()
    account.box.advance(600)
    report, code = account.sync()
    assert code == 0
    assert report.accounts == 22
