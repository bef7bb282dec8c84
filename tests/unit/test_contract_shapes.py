"""The shapes that cross the contract between the core and a connector."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors.salesforce.describe import shape_of
from crm_health.config.load import load
from crm_health.connector import (
    BAD_SCHEMA,
    RECEIPT_SCHEMA,
    Budget,
    FieldInfo,
    FieldRead,
    ObjectInfo,
    Op,
    Outcome,
    Page,
    Stream,
)
from crm_health.entities import POLARS, Kind
from crm_health.errors import QuotaExhausted, SetupError
from crm_health.store.plans import HELD, PLANNED, SENT
from crm_health.sync import streams
from crm_health.sync.plan import KINDS
from crm_health.testing.memory_crm import MemoryCrm
from crm_health.testing.memory_schema import define_for

CONTRACT = Path(
    os.environ.get("CRM_HEALTH_CONTRACT", Path(__file__).parents[2].parent / "shared" / "contract")
)


def test_a_page_s_columns_are_the_stream_s() -> None:
    """Id, deletion and merge first, then each path with the type that was asked for."""
    fields = tuple(FieldRead(f"F.{kind.value}", kind) for kind in Kind)
    schema = Stream("Thing", fields).schema()
    assert list(schema)[:3] == ["id", "deleted", "merged_into"]
    assert {path: schema[path] for path in list(schema)[3:]} == {
        f"F.{kind.value}": POLARS[kind] for kind in Kind
    }
    pl.DataFrame(schema=schema)  # Polars takes it


def test_pages_do_not_share_their_problems() -> None:
    """A page without problems has a frame of its own, of the right shape."""
    stream = Stream("Thing", ())
    first, second = (Page(stream, pl.DataFrame(schema=stream.schema()), "c", True) for _ in "ab")
    assert first.bad.schema == pl.Schema(BAD_SCHEMA)
    assert first.bad is not second.bad


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_a_budget_refuses_the_one_call_too_many(limit: int) -> None:
    """Every call counts; what was refused is not spent."""
    budget = Budget(limit)
    for _ in range(limit):
        budget.spend()
    for _ in range(2):
        with pytest.raises(QuotaExhausted, match=f"all {limit} API calls"):
            budget.spend()
    assert budget.spent == limit


def test_without_a_limit_calls_are_only_counted() -> None:
    """None is no limit."""
    budget = Budget()
    for _ in range(1000):
        budget.spend()
    assert budget.spent == 1000


def test_outcomes_and_our_own_states_keep_apart() -> None:
    """A plan row's status is ours until a receipt gives it the CRM's."""
    assert not {PLANNED, SENT, HELD} & {str(outcome) for outcome in Outcome}
    assert set(RECEIPT_SCHEMA) >= {"seq", "outcome", "id", "created", "code", "field", "message"}
    assert {str(op) for op in Op} == {"update", "upsert", "create_once"}
    assert list(KINDS)[:4] == ["escalation", "errand", "time_escalation", "task"]


@pytest.mark.parametrize("shape", [Stream("T", ()), FieldRead("p", Kind.TEXT), FieldInfo("f", "t")])
def test_what_crosses_can_not_be_changed(shape: Any) -> None:
    """Nobody downstream edits what a connector gave."""
    name = dataclasses.fields(shape)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(shape, name, "other")


# -- real answers ----------------------------------------------------------------------------------


def described(name: str, file: str = "") -> ObjectInfo:
    """An object as a recorded describe tells of it."""
    path = CONTRACT / "salesforce" / "describe" / f"{file or name}.json"
    if not path.is_file():
        pytest.skip(f"no recorded describe at {path} (set CRM_HEALTH_CONTRACT)")
    return shape_of(json.loads(path.read_text("utf-8"))).info


def lacking(infos: dict[str, ObjectInfo]) -> str:
    with pytest.raises(SetupError) as raised:
        streams.resolve(load(None).mapping, infos)
    return raised.value.message


def test_a_real_org_lacks_only_what_setup_makes() -> None:
    """Of the recorded objects every standard field is there: what is named is our own."""
    names = ("Account", "Case", "Contact", "Event", "Opportunity")
    told = lacking({name: described(name) for name in names})
    named = told.split(": ", 1)[1].split(". Nothing", 1)[0].split(", ")
    ours = {path for path in named if path.split(".")[0] in names}
    assert ours
    assert all(path.split(".")[1].startswith("Health_") for path in ours), ours
    others = {path for path in named if path not in ours}
    assert {"Health_Episode__c", "Health_Escalation__c", "Task", "User"} <= others
    assert all(name in ("Task", "User") or name.startswith("Health_") for name in others)


def test_a_real_picklist_promotes_high() -> None:
    """The recorded org calls its worst cases High."""
    mapping = load(None).mapping
    crm = MemoryCrm()
    define_for(crm, mapping)
    infos = {name: table.info for name, table in crm.tables.items()}
    case = described("Case")
    known = {**infos["Case"].fields, "Priority": case.fields["Priority"]}
    reads = streams.resolve(mapping, infos | {"Case": replace(infos["Case"], fields=known)})
    (feed,) = reads.feeds_of("Case")
    assert feed.columns["priority"].values is not None
    assert feed.columns["priority"].values["High"] == "p1"


def test_person_accounts_are_seen_where_there_are_any() -> None:
    """The optional flag is read in an org that has it."""
    plain, persons = described("Account"), described("Account", "Account_with_person_accounts")
    assert "IsPersonAccount" not in plain.fields
    assert streams.WIRE[persons.fields["IsPersonAccount"].type] is Kind.BOOLEAN
