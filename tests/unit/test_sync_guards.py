"""The guards by themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from sync_kit import Org

from crm_health.config.playbook import Guards
from crm_health.connector import Usage
from crm_health.sync.guards import Tally, stops


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


# -- guards ----------------------------------------------------------------------------------------


def test_limits_are_told_in_words() -> None:
    """Every guard by itself, at its limit and past it."""
    limits = Guards()
    idle = Usage(0, {})

    def found(tally: Tally, usage: Usage = idle, customers: int = 1000, **kinds: int) -> list[str]:
        return stops(limits, replace(tally, customers=customers), kinds, usage)

    assert found(Tally()) == []
    assert found(Tally(), task=30, escalation=20, touch=300, errand=300) == []
    assert found(Tally(), task=30, escalation=21) == ["51 new tasks and escalations (limit 50)"]
    assert found(Tally(), customers=10, task=10) == []
    assert found(Tally(scored=100, moved_far=20)) == []
    assert len(found(Tally(scored=100, moved_far=21))) == 1
    assert found(Tally(scored=1, moved_far=1)) == []
    assert found(Tally(open_records=100), close_task=15) == []
    assert len(found(Tally(open_records=100), close_task=15, close_escalation=1)) == 1
    assert found(Tally(known=100, evidence_changed=20)) == []
    assert len(found(Tally(known=100, evidence_changed=21))) == 1
    assert found(Tally(customers_before=1250)) == []
    assert found(Tally(customers_before=3), customers=2) == []
    assert found(Tally(customers_before=3), customers=0) == [
        "only 0 of 3 customers are left in scope (limit 80 %)"
    ]
    assert found(Tally(customers_before=1251)) == [
        "only 1000 of 1251 customers are left in scope (limit 80 %)"
    ]
    assert found(Tally(), Usage(0, {}, 80, 100)) == []
    assert found(Tally(), Usage(0, {}, 81, 100)) == [
        "the org has used 81 % of its API calls (limit 80 %)"
    ]
    assert found(Tally(), Usage(0, {}, 81, 0)) == []
    assert found(Tally(shrunk={"Case": (52, 100)})) == [
        "Case: only 52 of 100 records are visible (limit 80 %)"
    ]


def test_a_score_that_vanishes_moves_far() -> None:
    """An account that was never scored moves nowhere."""
    accounts = pl.DataFrame(
        {"shown_score": [80.0, 80.0, 80.0, 80.0, None], "score": [80, 54, 55, None, 10]}
    ).with_columns(pl.lit(None, pl.Int64).alias("was"))
    tally = Tally()
    tally.add(accounts, 25, pl.Series([True, False, None, None, None]))
    assert (tally.moved_far, tally.evidence_changed) == (2, 1)


def test_another_model_changes_no_evidence_but_still_moves_scores() -> None:
    """Who came under another model today counts where scores move, not where evidence breaks."""
    accounts = pl.DataFrame(
        {"shown_score": [80.0, 80.0, 80.0], "score": [80, 80, 20], "was": [None, 78, 0]}
    )
    tally = Tally()
    tally.add(accounts, 25, pl.Series([True, True, True]))
    assert (tally.moved_far, tally.evidence_changed) == (1, 1)
