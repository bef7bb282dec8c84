"""The plan on its way to the CRM: rows of one shape, in full batches, people's work first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from sync_kit import Org

from crm_health.connector import Op
from crm_health.store import Run
from crm_health.sync import plan
from crm_health.sync.apply import batches
from crm_health.testing.memory import InMemoryConnector
from crm_health.testing.memory_crm import MemoryCrm
from crm_health.testing.ports import make_ports


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


def planned(org: Org, *given: dict[str, Any]) -> Run:
    """A run whose plan has these rows."""
    frame = pl.DataFrame(
        [
            {"account_id": "a", "op": "update", "object": "Account"}
            | {"shape": plan.shape(orjson.loads(g["fields"]))}
            | g
            for g in given
        ]
    )
    run = org.run()
    org.store.drafts.add(run, plan.rows(frame))
    org.store.drafts.fix(run, plan.KINDS)
    return run


def sent(org: Org, run: Run, size: int = 200) -> list[tuple[str, Op, list[dict[str, Any]]]]:
    connector = InMemoryConnector(MemoryCrm(), make_ports(), batch=size)
    return [
        (kind, batch.op, batch.rows.to_dicts())
        for batch, kind in batches(connector, org.store, run.id, org.config.mapping)
    ]


def test_people_s_work_goes_first_in_full_batches(org: Org) -> None:
    """Escalations, tasks, fields, memories, then what closes; each kind by account."""
    kinds = list(reversed(plan.KINDS))
    run = planned(
        org,
        *(
            {"kind": k, "record_id": f"{k}{n}", "account_id": str(n), "fields": '{"F":1.0}'}
            for k in kinds
            for n in reversed(range(3))
        ),
    )
    found = sent(org, run, 2)
    assert [kind for kind, _, _ in found] == [kind for kind in plan.KINDS for _ in range(2)]
    assert [len(batch) for _, _, batch in found] == [2, 1] * len(plan.KINDS)
    numbers = [row["seq"] for _, _, batch in found for row in batch]
    assert numbers == list(range(1, 1 + 3 * len(plan.KINDS)))
    ids = [row["id"] for _, _, batch in found for row in batch]
    assert ids == [f"{kind}{n}" for kind in plan.KINDS for n in range(3)]


def test_a_batch_holds_rows_of_one_shape(org: Org) -> None:
    """A field that is not meant is not sent as empty; an empty one is."""
    run = planned(
        org,
        {"kind": "fields", "record_id": "1", "fields": '{"A":1.5,"B":null}'},
        {"kind": "fields", "record_id": "2", "fields": '{"A":null,"B":null}'},
        {"kind": "fields", "record_id": "3", "fields": '{"A":2.0}'},
    )
    found = [batch for _, _, batch in sent(org, run)]
    assert found == [
        [{"seq": 1, "id": "3", "A": 2.0}],
        [{"seq": 2, "id": "1", "A": 1.5, "B": None}, {"seq": 3, "id": "2", "A": None, "B": None}],
    ]


def test_values_reach_the_batch_as_they_were_meant(org: Org) -> None:
    """Texts that look like something else stay texts, numbers lose no digit."""
    values = {
        "text": ["2026-03-02", "12", "true", 'a "b"\n\u00fc\\', None],
        "number": [0.1 + 0.2, 1e300, -7.0, None, 123456789.123],
        "whole": [1, None, -3, 2**53, 0],
        "flag": [True, False, None, True, False],
        "nothing": [None] * 5,
    }
    frame = pl.DataFrame(values)
    fields = frame.select(plan.as_json({n: pl.col(n) for n in values})).to_series()
    run = planned(
        org,
        *({"kind": "fields", "record_id": str(n), "fields": f} for n, f in enumerate(fields)),
    )
    ((_, _, rows),) = sent(org, run)
    for name, column in values.items():
        assert [row[name] for row in rows] == column


def test_the_size_of_a_batch_follows_what_still_waits(org: Org) -> None:
    """The connector is asked before each batch, and never holds more rows than it asked for."""
    run = planned(
        org,
        *({"kind": "fields", "record_id": f"{n:02}", "fields": '{"A":1}'} for n in range(25)),
    )
    asked = []

    class Picky(InMemoryConnector):
        def batch_size(self, op: Op, rows: int) -> int:
            asked.append((op, rows))
            return 10 if rows > 10 else 3

    connector = Picky(MemoryCrm(), make_ports())
    sizes = [
        batch.rows.height for batch, _ in batches(connector, org.store, run.id, org.config.mapping)
    ]
    assert sizes == [10, 10, 3, 2]
    assert asked == [(Op.UPDATE, rows) for rows in (25, 15, 5, 2)]


def test_a_task_goes_with_its_claim(org: Org) -> None:
    """The same numbers on both sides, each with its own unique field."""
    run = planned(
        org,
        *(
            {
                "kind": "task",
                "op": "create_once",
                "object": "Task",
                "key": f"k{n}",
                "key_field": "HKey",
                "fields": orjson.dumps({"HKey": f"k{n}#1"}).decode(),
                "claim_object": "Episode",
                "claim_key_field": "Key",
                "claim_fields": orjson.dumps({"Key": f"k{n}"}).decode(),
            }
            for n in range(3)
        ),
    )
    connector = InMemoryConnector(MemoryCrm(), make_ports())
    ((batch, _),) = batches(connector, org.store, run.id, org.config.mapping)
    assert batch.claim is not None
    assert batch.claim.key_field == "Key"
    assert batch.rows["seq"].to_list() == batch.claim.rows["seq"].to_list() == [1, 2, 3]
    assert batch.rows["HKey"].to_list() == [f"{key}#1" for key in batch.claim.rows["Key"]]


def test_an_empty_plan_makes_no_batch(org: Org) -> None:
    """And needs no call."""
    run = org.run()
    org.store.drafts.fix(run, plan.KINDS)
    assert sent(org, run) == []
    assert plan.calls(org.store.plans.groups(run.id), org.connector()) == 0


def test_a_basis_tells_what_is_said_and_to_whom() -> None:
    """It changes with the record, the kind and the content, not with what is `stable` not."""
    one = {"kind": "fields", "record_id": "1", "fields": "{}", "stable": "s"}
    variants = [
        one,
        one | {"record_id": "2"},
        one | {"kind": "memory"},
        one | {"stable": "t"},
        one | {"fields": '{"due":1}'},
    ]
    found = plan.rows(pl.DataFrame(variants))["basis"].to_list()
    assert found[0] == found[4]
    assert len(set(found)) == 4
