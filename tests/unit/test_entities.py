"""The One View's vocabulary."""

from __future__ import annotations

import re

import pytest

from crm_health.entities import ACCOUNT_OUTPUTS, CONTINUOUS, ENTITIES, POLARS, Kind, shown


@pytest.mark.parametrize("name", sorted(ENTITIES))
def test_an_entity_is_well_formed(name: str) -> None:
    """Columns are unique, plain names; the main date is one of them and a date or instant."""
    entity = ENTITIES[name]
    names = [column.name for column in entity.columns]
    assert entity.name == name
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", column) for column in names)
    assert "id" not in names
    if entity.main_date is not None:
        assert entity.kind(entity.main_date) in (Kind.DATE, Kind.INSTANT)


def test_rows_reach_their_account() -> None:
    """Every entity but users and accounts themselves has an account."""
    without = {name for name, entity in ENTITIES.items() if entity.kind("account_id") is None}
    assert without == {"account", "user"}


def test_dates_are_told_from_their_names() -> None:
    """A column `x_at` is a date or instant, so that it gives `x_days`."""
    for entity in ENTITIES.values():
        for column in entity.columns:
            if column.name.endswith("_at"):
                assert column.kind in (Kind.DATE, Kind.INSTANT), (entity.name, column.name)


def test_kinds_have_types_and_unknown_columns_none() -> None:
    """Each kind is stored as one Polars type; asking for an unknown column gives nothing."""
    assert set(POLARS) == set(Kind)
    assert ENTITIES["case"].kind("opened_at") is Kind.INSTANT
    assert ENTITIES["case"].kind("nonsense") is None


def test_our_own_records_are_marked() -> None:
    """What we write ourselves is never an input of the score."""
    assert {name for name, entity in ENTITIES.items() if entity.ours} == {
        "task",
        "episode",
        "escalation",
    }
    assert not {name for name in CONTINUOUS if ENTITIES[name].ours}


def test_outputs_come_back_under_names_of_their_own() -> None:
    """What the CRM shows of an output never collides with a column of the account."""
    columns = {column.name for column in ENTITIES["account"].columns}
    assert not {shown(name) for name in ACCOUNT_OUTPUTS} & columns
    assert shown("score") == "shown_score"
