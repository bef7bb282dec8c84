"""Stages and tiers in whole syncs: placed at once, steady after, and a person's choice holds."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standing_kit import BEFORE, PLAYBOOK, customers, placed_org
from sync_kit import Org


@pytest.fixture
def org(tmp_path: Path) -> Iterator[Org]:
    found = placed_org(tmp_path)
    yield found
    found.store.close()


def tiers(org: Org, accounts: list[str]) -> list[str]:
    return [org.shown(account)["PTier"] for account in accounts]


def test_a_first_sync_places_everybody_and_a_second_writes_nothing(org: Org) -> None:
    """By rank, by stage, and all of it again from a lost database without a write."""
    ids = customers(org)
    org.sync()
    assert tiers(org, ids) == ["Top"] * 3 + ["Middle"] * 9 + ["Rest"] * 18
    shown = org.shown(ids[0])
    assert (shown["PStage"], shown["PValue"]) == ("Adopt", "Using")
    assert shown["PTierSince"] == shown["PStageSince"] == BEFORE.date()
    assert shown["PAttention"] == 20
    assert shown["PStake"] == 0
    assert org.plan(org.sync()).is_empty()
    org.reset_state()
    assert org.plan(org.sync()).is_empty()


def test_a_rank_may_read_any_number_and_one_that_is_none_ranks_nobody(tmp_path: Path) -> None:
    """Over an account's own columns; 0/0 and 1/0 are missing, not the top of the pyramid."""
    tiers_by = {"rank": "contract_value / given", "value": "contract_value / given"}
    org = placed_org(tmp_path, tiers=PLAYBOOK["tiers"] | tiers_by)
    ids = customers(org)
    for account, value in ((ids[0], 0.0), (ids[1], 9.0)):
        org.edit("Account", account, Given=0.0, Value=value)
    org.sync()
    assert tiers(org, ids) == ["Middle"] * 2 + ["Top"] * 2 + ["Middle"] * 9 + ["Rest"] * 17
    assert org.plan(org.sync()).is_empty()
    org.store.close()


def test_a_person_s_choice_holds(org: Org) -> None:
    """A tier for a year and a stage until the conditions say something new; said once each."""
    ids = customers(org)
    org.sync()
    org.edit("Account", ids[29], PTier="Top")
    org.edit("Account", ids[28], PStage="Expand")
    org.edit("Account", ids[27], PValue="Changed")
    org.edit("Account", ids[26], PAttention=99.0)
    org.pass_time(days=1)
    report = org.sync()
    said = {row["output"] for row in report.edits.to_dicts()}
    assert said == {"tier", "stage", "value_stage", "attention"}
    assert org.sync().edits.is_empty()
    for _ in range(3):
        org.pass_time(days=20)
        org.sync()
    assert org.shown(ids[29])["PTier"] == "Top"
    assert org.shown(ids[28])["PStage"] == "Expand"
    assert org.shown(ids[27])["PValue"] == "Changed"
    assert org.shown(ids[26])["PAttention"] == 0, "an edit of what nobody chooses is put back"
    org.edit("Account", ids[28], Second=95.0)
    org.sync()
    org.edit("Account", ids[28], Second=10.0)
    org.sync()
    assert org.shown(ids[28])["PStage"] == "Expand"
    org.pass_time(days=30)
    org.sync()
    assert org.shown(ids[28])["PStage"] == "Adopt", "it moves again, and as slowly as ever"


def test_a_review_moves_few_and_the_same_ones_again_after_a_loss(org: Org) -> None:
    """One in twenty of thirty customers is one, whatever happens on the way."""
    ids = customers(org)
    org.sync()
    before = tiers(org, ids)
    for place, account in enumerate(ids):
        # Everybody's rank turns over, and nobody grows.
        org.edit("Account", account, Value=100.0 + place)
    org.pass_time(days=1)
    org.sync()
    assert tiers(org, ids) == before, "not between reviews"
    org.pass_time(days=15)
    org.sync()
    after = tiers(org, ids)
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    org.reset_state()
    org.pass_time(days=1)
    org.sync()
    assert tiers(org, ids) == after


def test_a_customer_that_was_never_ranked_is_placed_once_it_is(org: Org) -> None:
    """In a book that is too small for ranks all are in the middle, until there is a book."""
    ids = customers(org, 10)
    org.sync()
    assert tiers(org, ids) == ["Middle"] * 10
    more = customers(org, 20)
    org.pass_time(days=1)
    org.sync()
    assert tiers(org, [*ids, *more]).count("Top") == 3


def test_an_edit_that_is_no_tier_is_put_back(org: Org) -> None:
    """A word that the playbook doesn't know is nobody's choice."""
    ids = customers(org)
    org.sync()
    org.edit("Account", ids[0], PTier="Platinum")
    org.sync()
    assert org.shown(ids[0])["PTier"] == "Top"


def test_another_label_moves_nobody(tmp_path: Path) -> None:
    """Stage, step, tier, their dates and a person's choice stay, under the new name."""
    org = placed_org(tmp_path)
    ids = customers(org)
    org.sync()
    org.edit("Account", ids[29], PTier="Top")
    org.days(2)
    before = tiers(org, ids)
    renamed: dict[str, Any] = copy.deepcopy(PLAYBOOK)
    steps = (("tiers", "steps"), ("lifecycle", "stages"), ("value_stages", "stages"))
    for step in (step for part, name in steps for step in renamed[part][name]):
        step["formerly"], step["label"] = [step["label"]], f"New {step['label']}"
    org.config = placed_org(tmp_path / "other", **renamed).config
    org.sync()
    assert tiers(org, ids) == [f"New {tier}" for tier in before]
    shown = org.shown(ids[0])
    assert (shown["PStage"], shown["PValue"]) == ("New Adopt", "New Using")
    assert shown["PTierSince"] == shown["PStageSince"] == shown["PValueSince"] == BEFORE.date()
    assert "p=2026-03-18" in org.shown(ids[29])["PMemory"]
    assert org.plan(org.sync()).is_empty()
    org.store.close()
