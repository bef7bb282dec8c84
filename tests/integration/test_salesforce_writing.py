"""Writing to an org over real HTTP: receipts for locks, refusals and lost answers."""

from __future__ import annotations

from typing import Any

import pytest
from salesforce_org import (
    EPISODE,
    ESCALATION,
    Make,
    accounts,
    by_seq,
    creates,
    escalations,
    updates,
)

from connectors.sandbox.handle import Sandbox


def test_an_update_changes_and_clears_and_reports_each_row(sandbox: Sandbox, make: Make) -> None:
    """A refused or deleted row does not keep the others back; a null clears."""
    ids = accounts(sandbox, 4)
    sandbox.edit("Account", ids[3], {"AnnualRevenue": 5})
    sandbox.delete("Account", ids[1])
    name = "Zoë & Söhne 'GmbH' \\ 🎈"
    receipts = by_seq(
        make().write(
            updates(
                ids,
                Name=[name, "gone", "x" * 256, "A0003"],
                AnnualRevenue=[1.5, 1.0, 1.0, None],
            )
        )
    )
    assert [receipts[n]["outcome"] for n in (1, 2, 3, 4)] == ["done", "gone", "rejected", "done"]
    assert receipts[3]["code"] == "STRING_TOO_LONG"
    assert receipts[3]["field"] == "Name"
    truth = {row["Id"]: row for row in sandbox.records("Account")}
    assert truth[ids[0]]["Name"] == name
    assert truth[ids[3]]["AnnualRevenue"] is None


def test_writes_never_assign_owners(sandbox: Sandbox, make: Make) -> None:
    """The duplicate-rule header goes with updates of accounts only."""
    seen: list[dict[str, str]] = []
    connector = make()
    send = connector._client.send

    def spy(method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
        seen.append(headers or {})
        return send(method, path, body, headers)

    connector._client.send = spy  # type: ignore[method-assign]
    connector.write(updates(accounts(sandbox, 1), Name=["x"]))
    assert seen == [
        {
            "Sforce-Auto-Assign": "FALSE",
            "Sforce-Duplicate-Rule-Header": "allowSave=true",
        }
    ]


def test_locked_rows_alone_come_again(sandbox: Sandbox, make: Make) -> None:
    """A lock that passes costs a second, small call, not a failure."""
    ids = accounts(sandbox, 10)
    sandbox.faults({"kind": "row_lock", "ids": [ids[3], ids[4]], "path": "composite/sobjects"})
    connector = make()
    receipts = connector.write(updates(ids, Name=["new"] * 10))
    assert receipts["outcome"].to_list() == ["done"] * 10
    assert connector.usage().by_kind["collections"] == 2


def test_a_lock_that_stays_is_a_retry_receipt(sandbox: Sandbox, make: Make) -> None:
    """After five rounds the row is left to the next run."""
    ids = accounts(sandbox, 3)
    sandbox.faults({"kind": "row_lock", "ids": [ids[1]], "times": 0})
    connector = make()
    receipts = by_seq(connector.write(updates(ids, Name=["new"] * 3)))
    assert [receipts[n]["outcome"] for n in (1, 2, 3)] == ["done", "retry", "done"]
    assert receipts[2]["code"] == "UNABLE_TO_LOCK_ROW"
    assert connector.usage().by_kind["collections"] == 6


def test_one_bad_row_that_fails_its_batch_is_isolated(sandbox: Sandbox, make: Make) -> None:
    """Halving finds the row that makes a customer's automation fail for all."""
    ids = accounts(sandbox, 64)
    sandbox.faults({"kind": "batch_apex", "ids": [ids[17]], "times": 0})
    connector = make()
    receipts = by_seq(connector.write(updates(ids, Name=["new"] * 64)))
    assert [seq for seq, row in receipts.items() if row["outcome"] != "done"] == [18]
    assert connector.usage().by_kind["collections"] == 1 + 2 * 6


@pytest.mark.parametrize("kind", ["reorder", "short"])
def test_an_answer_that_does_not_match_is_not_trusted_by_place(
    sandbox: Sandbox, make: Make, kind: str
) -> None:
    """What ids prove is taken; the rest is unknown, though it was written."""
    ids = accounts(sandbox, 3)
    sandbox.delete("Account", ids[0])
    sandbox.faults({"kind": kind, "path": "composite/sobjects"})
    receipts = by_seq(make().write(updates(ids, Name=["new"] * 3)))
    assert receipts[1]["outcome"] in ("unknown", "gone")
    for n in (2, 3):
        assert receipts[n]["outcome"] in ("done", "unknown")
        assert receipts[n]["id"] == ids[n - 1]


def test_a_lost_answer_is_asked_for_again(sandbox: Sandbox, make: Make) -> None:
    """An update that was carried out unseen is repeated, with the same result."""
    ids = accounts(sandbox, 2)
    sandbox.faults({"kind": "cut_after", "path": "composite/sobjects"})
    connector = make()
    receipts = connector.write(updates(ids, Name=["new", "newer"]))
    assert receipts["outcome"].to_list() == ["done", "done"]
    assert connector.usage().by_kind["collections"] == 2


def test_answers_that_stay_lost_are_unknown(sandbox: Sandbox, make: Make) -> None:
    """Then no receipt claims success, and none claims failure."""
    ids = accounts(sandbox, 2)
    sandbox.faults({"kind": "cut_after", "path": "composite/sobjects", "times": 0})
    receipts = make().write(updates(ids, Name=["new", "newer"]))
    assert receipts["outcome"].to_list() == ["unknown", "unknown"]


def test_an_upsert_repeated_makes_one_record(owned: Sandbox, make: Make) -> None:
    """The second time nothing is created, and each key keeps its record."""
    connector = make()
    first = connector.write(escalations(["k1", "k2", "k3"], "a"))
    second = connector.write(escalations(["k3", "k1", "k2"], "b"))
    assert first["created"].to_list() == [True] * 3
    assert second["created"].to_list() == [False] * 3
    assert second["id"].to_list() == [first["id"][2], first["id"][0], first["id"][1]]
    assert {r["Health_Reason__c"] for r in owned.records(ESCALATION)} == {"b"}
    assert len(owned.records(ESCALATION)) == 3


def test_reordered_upserts_find_their_keys(owned: Sandbox, make: Make) -> None:
    """An upsert's results name records only; which key each is about is looked up."""
    owned.faults({"kind": "reorder", "path": "composite/sobjects"})
    receipts = make().write(escalations(["k1", "k2", "k3"], "a"))
    truth = {row["Health_Key__c"]: row["Id"] for row in owned.records(ESCALATION)}
    assert receipts["outcome"].to_list() == ["done"] * 3
    assert receipts["id"].to_list() == [truth[k] for k in ("k1", "k2", "k3")]


@pytest.mark.parametrize("lost", [False, True])
def test_a_task_is_created_once_with_its_claim(owned: Sandbox, make: Make, lost: bool) -> None:
    """Whatever happens to the answer, one key has one task and one episode."""
    account = accounts(owned, 1)[0]
    if lost:
        owned.faults({"kind": "cut_after", "path": "composite/graph"})
    connector = make()
    first = connector.write(creates(account, ["e1", "e2"]))
    second = connector.write(creates(account, ["e2", "e3"]))
    assert first["outcome"].to_list() == ["done", "done"]
    assert first["created"].to_list() == [not lost] * 2
    assert second["outcome"].to_list() == ["done", "done"]
    assert second["created"].to_list() == [False, True]
    assert sorted(t["Subject"] for t in owned.records("Task")) == ["Call e1", "Call e2", "Call e3"]
    assert len(owned.records(EPISODE)) == 3


def test_many_known_claims_do_not_halt_new_ones(owned: Sandbox, make: Make) -> None:
    """The service stops after a number of failed graphs; the rest is sent again."""
    account = accounts(owned, 1)[0]
    connector = make()
    known = [f"e{n}" for n in range(40)]
    connector.write(creates(account, known))
    receipts = connector.write(creates(account, [*known, "new1", "new2"]))
    assert receipts["outcome"].to_list() == ["done"] * 42
    assert receipts["created"].to_list() == [False] * 40 + [True] * 2
    assert len(owned.records("Task")) == 42


def test_a_refused_task_leaves_no_claim(owned: Sandbox, make: Make) -> None:
    """Both or neither: the claim of a task that could not be made is rolled back."""
    batch = creates("001000000000000AAA", ["e1"])
    receipts = make().write(batch)
    assert receipts["outcome"].to_list() == ["rejected"]
    assert owned.records(EPISODE) == []
