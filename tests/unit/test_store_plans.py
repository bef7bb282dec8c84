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
from crm_health.store import PLAN_SCHEMA, Run, Store


@pytest.fixture
def store(tmp_path: Path):
    made = opened(tmp_path)
    yield made
    made.close()


def plan(*rows: dict[str, object]) -> pl.DataFrame:
    base = {"kind": "fields", "op": "update", "object": "Account", "account_id": "a"}
    return pl.DataFrame([{**base, "shape": "", "fields": "{}", **row} for row in rows])


def begun(store: Store) -> Run:
    """A run that takes over from the one before."""
    store.runs.release()
    return start(store)


def planned(store: Store, *rows: dict[str, object]) -> Run:
    """A run whose plan has these rows."""
    run = begun(store)
    store.drafts.add(run, plan(*rows))
    store.drafts.fix(run, ["task", "fields", "memory"])
    return run


def receipt(**columns: list[object]) -> pl.DataFrame:
    height = len(columns["seq"])
    whole = {name: columns.get(name, [None] * height) for name in RECEIPT_SCHEMA}
    return pl.DataFrame(whole, schema=RECEIPT_SCHEMA)


def sent(store: Store, outcome: str, record: str = "r", score: int = 1, **row: object) -> str:
    """One run that sends one row and gets one answer; its id."""
    fields = json.dumps({"Score": score})
    run = planned(store, {"record_id": record, "fields": fields, **row})
    store.plans.receipts(run.id, receipt(seq=[1], outcome=[outcome], code=["CODE"]))
    store.runs.finish(run, outcome="done", exit_code=0, counts={}, calls={})
    return run.id


def test_rows_come_back(store: Store) -> None:
    """A plan comes back as it was given, in the order of application, planned."""
    run = begun(store)
    given = plan(
        {"record_id": "r", "fields": '{"Name":"Ünïcode \'; --"}', "before": "{}", "why": "fell"},
        {"kind": "task", "op": "create_once", "key_field": "Key", "key": "ch1:a:x:1"},
    )
    store.drafts.add(run, given[:1])
    store.drafts.add(run, given[1:])
    store.drafts.fix(run, ["task", "fields"])
    rows = store.plans.rows(run.id)
    assert rows.select("seq", "kind", "key", "why", "status").rows() == [
        (1, "task", "ch1:a:x:1", None, "planned"),
        (2, "fields", None, "fell", "planned"),
    ]
    assert rows.select(given.columns).equals(given.reverse())
    assert set(PLAN_SCHEMA) <= set(rows.columns)
    assert store.plans.rows("none").is_empty()


def test_rows_stand_together_that_share_a_batch(store: Store) -> None:
    """By kind, then object and shape, then account; the same whatever order they came in."""
    rows = [
        {
            "kind": kind,
            "shape": shape,
            "account_id": account,
            "record_id": f"{kind}{shape}{account}",
        }
        for kind in ("memory", "fields")
        for account in ("b", "a", None)
        for shape in ("Y", "X")
    ]
    numbered = []
    for given in (rows, rows[::-1]):
        run = planned(store, *given)
        numbered.append(store.plans.rows(run.id).select("seq", "kind", "shape", "account_id"))
        groups = store.plans.groups(run.id)
        assert [(g.kind, g.shape, g.rows, g.first, g.last) for g in groups] == [
            ("fields", "X", 3, 1, 3),
            ("fields", "Y", 3, 4, 6),
            ("memory", "X", 3, 7, 9),
            ("memory", "Y", 3, 10, 12),
        ]
    assert numbered[0].equals(numbered[1])
    assert numbered[0]["account_id"].to_list() == [None, "a", "b"] * 4


def test_rows_come_in_slices(store: Store) -> None:
    """By number, kind and status, with the columns that are wanted."""
    run = planned(store, *({"record_id": str(n), "kind": "fields"} for n in range(7)))
    store.plans.mark(run.id, pl.Series([2]), "sent")

    def seqs(*given: str, **how: int) -> list[int]:
        return store.plans.rows(run.id, *given, columns=("seq",), **how).to_series().to_list()

    assert seqs(limit=3) == [1, 2, 3]
    assert seqs(after=3, limit=3) == [4, 5, 6]
    assert seqs("planned", after=1, upto=5) == [3, 4, 5]
    assert store.plans.rows(run.id, kinds=["memory"]).is_empty()
    assert store.plans.rows(run.id, kinds=["memory", "fields"]).height == 7


# -- drafts ----------------------------------------------------------------------------------------


def test_a_draft_is_no_plan(store: Store) -> None:
    """Nobody counts, reads or sends its rows; the next run drops them."""
    run = begun(store)
    store.drafts.add(run, plan({"record_id": "r", "basis": "b"}))
    assert (store.plans.counts(run.id), store.plans.groups(run.id)) == ({}, [])
    assert store.plans.rows(run.id).is_empty()
    assert store.drafts.kinds(run) == {"fields": 1}
    other = begun(store)
    assert store.drafts.kinds(other) == {}
    store.drafts.drop()
    assert store.drafts.kinds(run) == {}


def test_what_is_left_out_of_a_draft(store: Store) -> None:
    """By kind and key, and what was refused since with the same basis; the rest is numbered."""
    sent(store, "rejected", "r", basis="bad")
    sent(store, "rejected", "s", basis="mended")
    sent(store, "done", "s", basis="mended")
    run = begun(store)
    store.drafts.add(
        run,
        plan(
            {"record_id": "r", "basis": "bad", "account_id": "x"},
            {"record_id": "r2", "basis": "new"},
            {"record_id": "s", "basis": "mended"},
            {"kind": "task", "key": "k1"},
            {"kind": "task", "key": "k2"},
            {"kind": "memory", "key": "k1", "record_id": "m"},
        ),
    )
    store.drafts.leave_out(run, "task", pl.Series(["k1", "other"]))
    assert store.drafts.leave_out_refused(run, NOW + timedelta(seconds=1)).is_empty()
    assert store.drafts.leave_out_refused(run, NOW)["account_id"].to_list() == ["x"]
    store.drafts.fix(run, ["task", "fields", "memory"])
    kept = store.plans.rows(run.id).select("seq", "kind", "record_id", "key").rows()
    assert kept == [
        (1, "task", None, "k2"),
        (2, "fields", "r2", None),
        (3, "fields", "s", None),
        (4, "memory", "m", "k1"),
    ]


def test_only_what_was_approved_stays_in_a_draft(store: Store) -> None:
    """The same kind, object, account and basis; a row without an account is nobody's to approve."""
    same = {"record_id": "r", "basis": "b"}
    held = planned(store, same, {"record_id": "n", "basis": "n", "account_id": None})
    store.plans.hold(held.id, "why")
    run = begun(store)
    others = [{"basis": "c"}, {"account_id": "z"}, {"object": "Task"}, {"kind": "memory"}]
    store.drafts.add(run, plan(same, *(same | other for other in others)))
    store.drafts.add(run, plan({"record_id": "n", "basis": "n", "account_id": None}))
    store.drafts.keep_approved(run, held.id)
    store.drafts.fix(run, ["task", "fields", "memory"])
    rows = store.plans.rows(run.id)
    assert rows.select("seq", "record_id", "basis").rows() == [(1, "r", "b")]


# -- plans -----------------------------------------------------------------------------------------


def test_a_sent_row_is_durable(store: Store, tmp_path: Path) -> None:
    """What is marked sent is seen by another process before the batch leaves."""
    run = planned(store, {"record_id": "r"}, {"record_id": "s"}, {"record_id": "t"})
    store.plans.mark(run.id, pl.Series([1, 3]), "sent")
    other = opened(tmp_path, prepare=False)
    assert other.plans.counts(run.id) == {"planned": 1, "sent": 2}
    assert other.plans.rows(run.id, "sent")["seq"].to_list() == [1, 3]
    other.close()


def test_receipts(store: Store) -> None:
    """Each answer is kept with its row, whatever the order they come in."""
    run = planned(store, *({"record_id": str(n)} for n in range(1, 6)))
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
    """A row without target, an unknown outcome: bugs, nothing is kept."""
    run = begun(store)
    with pytest.raises(BrokenInvariant, match="neither a record id nor a key"):
        store.drafts.add(run, plan({}))
    assert store.drafts.kinds(run) == {}
    run = planned(store, {"record_id": "r"})
    with pytest.raises(BrokenInvariant, match="no such outcome"):
        store.plans.receipts(run.id, receipt(seq=[1], outcome=["maybe"]))


def test_rejected_is_what_was_refused_last(store: Store) -> None:
    """A refused input is listed until its target is answered otherwise."""
    sent(store, "rejected", "r", basis="b1")
    sent(store, "rejected", "s")
    sent(store, "done", "s")
    sent(store, "done", "t")
    assert store.plans.rejected().rows() == [("Account", "r", None, "fields", "b1", "CODE")]
    sent(store, "rejected", "r", basis="b2")
    assert store.plans.rejected()["basis"].to_list() == ["b2"]


def test_rejection_outlives_runs_without_an_answer(store: Store) -> None:
    """A row that was only planned or sent later does not lift the refusal."""
    sent(store, "rejected", "r")
    run = planned(store, {"record_id": "r"})
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
    run = planned(store, {"record_id": "r"}, {"record_id": "s"})
    store.plans.hold(run.id, "812 scores would move")
    store.runs.finish(run, outcome="stopped", exit_code=4, counts={}, calls={})
    return run.id


def test_approval_within_a_day(store: Store) -> None:
    """A held plan can be approved for 24 hours from its start."""
    run_id = held(store)
    assert store.plans.held(run_id).message == "812 scores would move"
    almost = NOW + timedelta(hours=23, minutes=59)
    assert store.plans.approved(run_id, almost).run_id == run_id
    assert store.plans.rows(run_id, "held")["record_id"].to_list() == ["r", "s"]
    with pytest.raises(GuardStopped, match="expired at 2026-11-23 09:00 UTC"):
        store.plans.approved(run_id, NOW + timedelta(hours=24))


def test_approval_only_once(store: Store) -> None:
    """A plan that a run has applied is not applied again, and an unknown one never."""
    run_id = held(store)
    store.plans.use_hold(run_id, begun(store))
    with pytest.raises(GuardStopped, match="already applied"):
        store.plans.approved(run_id, NOW)
    with pytest.raises(GuardStopped, match="no plan nothing waits"):
        store.plans.approved("nothing", NOW)
    assert store.plans.held("nothing") is None


def test_old_plans_are_forgotten(store: Store) -> None:
    """Rows of old runs go with what they held of customers; the run itself stays."""
    run = planned(store, {"record_id": "r"})
    store.plans.receipts(
        run.id, receipt(seq=[1], outcome=["rejected"], code=["BAD"], message=["Acme Ltd"])
    )
    assert store.plans.forget(NOW) == 0
    assert store.plans.forget(NOW + timedelta(days=30)) == 1
    assert store.plans.rows(run.id).is_empty()
    assert store.runs.get(run.id) is not None


def test_rows_need_their_run(store: Store) -> None:
    """The database itself refuses plan rows of a run that it does not know."""
    planned(store, {"record_id": "r"})
    with pytest.raises(BrokenInvariant), store._database.write() as connection:
        connection.execute(text("DELETE FROM runs"))
    with pytest.raises(BrokenInvariant, match="no run"):
        store.plans.hold("none", "")
