"""Plans: rows, receipts, rejected inputs, and plans kept for approval."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text
from store_kit import NOW, opened, start

from crm_health.connector import RECEIPT_SCHEMA
from crm_health.errors import BrokenInvariant, GuardStopped
from crm_health.store import PLAN_SCHEMA, Store, text_hash


@pytest.fixture
def store(tmp_path: Path):
    made = opened(tmp_path)
    yield made
    made.close()


def plan(*rows: dict[str, object]) -> pl.DataFrame:
    base = {"kind": "fields", "op": "update", "object": "Account", "account_id": "a"}
    whole = [{**base, "seq": n, "fields": "{}", **row} for n, row in enumerate(rows, 1)]
    return pl.DataFrame(whole)


def receipt(**columns: list[object]) -> pl.DataFrame:
    height = len(columns["seq"])
    whole = {name: columns.get(name, [None] * height) for name in RECEIPT_SCHEMA}
    return pl.DataFrame(whole, schema=RECEIPT_SCHEMA)


def sent(store: Store, outcome: str, record: str = "r", score: int = 1, **row: object) -> str:
    """One run that sends one row and gets one answer; its id."""
    run = start(store)
    fields = json.dumps({"Score": score})
    store.plans.add(run, plan({"record_id": record, "fields": fields, **row}))
    store.plans.receipts(run.id, receipt(seq=[1], outcome=[outcome], code=["CODE"]))
    store.runs.finish(run, outcome="done", exit_code=0, counts={}, calls={})
    return run.id


def test_rows_come_back(store: Store) -> None:
    """A plan comes back as it was given, in order, planned."""
    run = start(store)
    given = plan(
        {"record_id": "r", "fields": '{"Name":"Ünïcode \'; --"}', "before": "{}", "why": "fell"},
        {"kind": "task", "op": "create_once", "key_field": "Key", "key": "ch1:a:x:1"},
    )
    store.plans.add(run, given.reverse())
    rows = store.plans.rows(run.id)
    assert rows.select("seq", "kind", "key", "why", "status").rows() == [
        (1, "fields", None, "fell", "planned"),
        (2, "task", "ch1:a:x:1", None, "planned"),
    ]
    assert rows.select(given.columns).equals(given)
    assert set(PLAN_SCHEMA) <= set(rows.columns)
    assert store.plans.rows("none").is_empty()


def test_a_sent_row_is_durable(store: Store, tmp_path: Path) -> None:
    """What is marked sent is seen by another process before the batch leaves."""
    run = start(store)
    store.plans.add(run, plan({"record_id": "r"}, {"record_id": "s"}, {"record_id": "t"}))
    store.plans.mark(run.id, pl.Series([1, 3]), "sent")
    other = opened(tmp_path, prepare=False)
    assert other.plans.counts(run.id) == {"planned": 1, "sent": 2}
    assert other.plans.rows(run.id, "sent")["seq"].to_list() == [1, 3]
    other.close()


def test_receipts(store: Store) -> None:
    """Each answer is kept with its row, whatever the order they come in."""
    run = start(store)
    store.plans.add(run, plan(*({"record_id": str(n)} for n in range(1, 6))))
    outcomes = ["gone", "unknown", "retry", "rejected", "done"]
    answers = receipt(
        seq=[5, 4, 3, 2, 1],
        outcome=outcomes,
        id=[None, None, None, None, "003"],
        created=[None, None, None, False, True],
        code=[None, None, "LOCK", "INVALID", None],
        field=[None, None, None, "Score", None],
        message=[None, None, None, "too big", None],
        retry_after=[None, None, 1.5, None, None],
    )
    store.plans.receipts(run.id, answers)
    kept = ["receipt_id", "created", "code", "field", "message", "retry_after"]
    assert store.plans.rows(run.id).select("seq", "status", *kept).rows() == [
        (1, "done", "003", True, None, None, None, None),
        (2, "rejected", None, False, "INVALID", "Score", "too big", None),
        (3, "retry", None, None, "LOCK", None, None, 1.5),
        (4, "unknown", None, None, None, None, None, None),
        (5, "gone", None, None, None, None, None, None),
    ]
    assert store.plans.counts(run.id) == dict.fromkeys(sorted(outcomes), 1)


def test_receipts_of_another_run_stay(store: Store) -> None:
    """Equal numbers of two runs are two rows."""
    first = sent(store, "done")
    sent(store, "rejected")
    assert store.plans.counts(first) == {"done": 1}


def test_bad_rows(store: Store) -> None:
    """A row without target, a number used twice, an unknown outcome: bugs, nothing is kept."""
    run = start(store)
    with pytest.raises(BrokenInvariant, match="neither a record id nor a key"):
        store.plans.add(run, plan({}))
    with pytest.raises(BrokenInvariant):
        store.plans.add(run, plan({"record_id": "r"}, {"record_id": "s", "seq": 1}))
    assert store.plans.rows(run.id).is_empty()
    store.plans.add(run, plan({"record_id": "r"}))
    with pytest.raises(BrokenInvariant, match="no such outcome"):
        store.plans.receipts(run.id, receipt(seq=[1], outcome=["maybe"]))


def test_rejected_is_what_was_refused_last(store: Store) -> None:
    """A refused input is listed until its target is answered otherwise."""
    sent(store, "rejected", "r", basis="b1")
    sent(store, "rejected", "s")
    sent(store, "done", "s")
    sent(store, "done", "t")
    rejected = store.plans.rejected()
    same = text_hash(pl.Series([json.dumps({"Score": 1})])).item()
    assert rejected.rows() == [("Account", "r", None, "fields", same, "b1", "CODE")]
    sent(store, "rejected", "r", score=2)
    assert store.plans.rejected()["fields_hash"].to_list() != [same]
    assert store.plans.rejected().height == 1


def test_rejection_outlives_runs_without_an_answer(store: Store) -> None:
    """A row that was only planned or sent later does not lift the refusal."""
    sent(store, "rejected", "r")
    run = start(store)
    store.plans.add(run, plan({"record_id": "r"}))
    store.plans.mark(run.id, pl.Series([1]), "sent")
    assert store.plans.rejected()["record_id"].to_list() == ["r"]


def test_rejections_by_kind_and_age(store: Store) -> None:
    """A refusal holds for its kind of write, and can be asked for by age."""
    sent(store, "rejected", "r", kind="memory")
    sent(store, "done", "r", kind="fields")
    assert store.plans.rejected()["kind"].to_list() == ["memory"]
    assert store.plans.rejected(NOW)["kind"].to_list() == ["memory"]
    assert store.plans.rejected(NOW + timedelta(seconds=1)).is_empty()


def held(store: Store) -> str:
    run = start(store)
    store.plans.add(run, plan({"record_id": "r"}, {"record_id": "s"}))
    store.plans.hold(run.id, "812 scores would move")
    store.runs.finish(run, outcome="stopped", exit_code=4, counts={}, calls={})
    return run.id


def test_approval_within_a_day(store: Store) -> None:
    """A held plan can be approved for 24 hours from its start."""
    run_id = held(store)
    assert store.plans.held(run_id).message == "812 scores would move"
    almost = NOW + timedelta(hours=23, minutes=59)
    assert store.plans.approved(run_id, almost)["record_id"].to_list() == ["r", "s"]
    with pytest.raises(GuardStopped, match="expired at 2026-11-23 09:00 UTC"):
        store.plans.approved(run_id, NOW + timedelta(hours=24))


def test_approval_only_once(store: Store) -> None:
    """A plan that a run has applied is not applied again, and an unknown one never."""
    run_id = held(store)
    store.plans.use_hold(run_id, start(store))
    with pytest.raises(GuardStopped, match="already applied"):
        store.plans.approved(run_id, NOW)
    with pytest.raises(GuardStopped, match="no plan nothing waits"):
        store.plans.approved("nothing", NOW)
    assert store.plans.held("nothing") is None


def test_old_plans_are_forgotten(store: Store) -> None:
    """Rows of old runs go with what they held of customers; the run itself stays."""
    run = start(store)
    store.plans.add(run, plan({"record_id": "r"}))
    store.plans.receipts(
        run.id, receipt(seq=[1], outcome=["rejected"], code=["BAD"], message=["Acme Ltd"])
    )
    assert store.plans.forget(NOW) == 0
    assert store.plans.forget(NOW + timedelta(days=30)) == 1
    assert store.plans.rows(run.id).is_empty()
    assert store.runs.get(run.id) is not None


def test_rows_need_their_run(store: Store) -> None:
    """The database itself refuses plan rows of a run that it does not know."""
    run = start(store)
    store.plans.add(run, plan({"record_id": "r"}))
    with pytest.raises(BrokenInvariant), store._database.write() as connection:
        connection.execute(text("DELETE FROM runs"))
    with pytest.raises(BrokenInvariant, match="no run"):
        store.plans.hold("none", "")
