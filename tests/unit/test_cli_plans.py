"""Which rows of a long plan are shown, and JSON that is written row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from store_kit import opened, start

from crm_health.cli import output, plans
from crm_health.config.load import load
from crm_health.store import Run, Store
from crm_health.sync.plan import KINDS, shape

OUTPUTS = {"score": "Score__c", "band": "Band__c", "why": "Why__c"}
WRITE = load(crm="hubspot").mapping.write.model_copy(update={"account": OUTPUTS})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path)
    yield made
    made.close()


def planned(store: Store, *rows: dict[str, Any]) -> Run:
    base = {"kind": "fields", "op": "update", "object": "Account", "shape": shape(["Score__c"])}
    run = start(store)
    store.drafts.add(run, pl.DataFrame([base | row for row in rows]))
    store.drafts.fix(run, KINDS)
    return run


def moving(account: str, before: float | None, after: float | None) -> dict[str, Any]:
    now = {"Score__c": after, "Why__c": "72. Usage fell."}
    return {
        "account_id": account,
        "record_id": account,
        "before": json.dumps({"Score__c": before}),
        "fields": json.dumps(now),
    }


def test_the_farthest_moves_are_shown_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of equal moves the worst score; without a score last; whatever slice they stand in."""
    monkeypatch.setattr(plans, "SLICE", 2)
    monkeypatch.setattr(plans, "LIMIT", 4)
    run = planned(
        store,
        moving("a", 72, 70),
        moving("b", None, None),
        moving("c", 90, 40),
        moving("d", 80, 78),
        moving("e", None, 12),
        moving("f", 10, 60),
        moving("g", 72, 72),
    )
    shown = plans.shown(store, run.id, WRITE)
    assert [row["account_id"] for row in shown.fields] == ["c", "f", "a", "d"]
    assert shown.fields[0]["score"] == [90, 40]
    assert (shown.more_fields, shown.work, shown.more_work) == (3, [], 0)
    rows = list(plans.plan_rows(store, run.id, OUTPUTS))
    assert [row["account_id"] for row in rows] == list("abcdefg")
    monkeypatch.setattr(plans, "LIMIT", 40)
    every = plans.shown(store, run.id, WRITE).fields
    assert [row["account_id"] for row in every] == ["c", "f", "a", "d", "e", "g", "b"]


def test_people_s_work_is_shown_and_the_rest_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of application, up to the limit; memories and episodes are nobody's work."""
    monkeypatch.setattr(plans, "LIMIT", 3)
    one = {"account_id": "a", "fields": "{}"}
    run = planned(
        store,
        *({"kind": "close_task", "record_id": f"t{n}"} | one for n in range(2)),
        *({"kind": "escalation", "key": f"k{n}"} | one for n in range(2)),
        {"kind": "memory", "record_id": "m"} | one,
        {"kind": "clear_episode", "record_id": "e"} | one,
    )
    shown = plans.shown(store, run.id, WRITE)
    kinds = [row["kind"] for row in shown.work]
    assert (kinds, shown.more_work) == (["escalation", "escalation", "close_task"], 1)
    assert (shown.fields, shown.more_fields) == ([], 0)
    assert {"hs_task_subject", "health_reason", "health_due_at"} < set(shown.told)


@pytest.mark.parametrize(
    "rows", [[], [{"a": 1, "b": ["x\ny", None]}], [{"n": n} for n in range(3)]]
)
def test_json_by_rows_is_the_same_json(
    rows: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Written bit by bit or all at once, the text is the same."""
    head = {"exit": 0, "counts": {}, "stops": ["x"]}
    output.as_json(head | {"rows": rows})
    whole = capsys.readouterr().out
    output.as_json_with(head, "rows", iter(rows))
    assert capsys.readouterr().out == whole
