"""The history of models, and changes that give no reason."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sync_kit import Org, config, reason

from crm_health import errors
from crm_health.config.load import digest
from crm_health.sync import models

WEIGHTS = {"models": [{"name": "standard", "weights": {"given": 90, "second": 10}}]}


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


def test_a_change_without_a_reason_is_refused(org: Org) -> None:
    """Nothing is read or written; a plan shows it all the same, and a first model needs none."""
    mine = org.account(80.0, Second=20.0)
    org.sync()
    org.config = config(model={**WEIGHTS, "change": None})
    calls = len(org.crm.calls)
    with pytest.raises(errors.ConfigError, match="does not say who changed it and why"):
        org.sync()
    assert len(org.crm.calls) == calls
    run = org.store.runs.list(1)[0]
    assert (run.exit_code, run.outcome) == (78, "failed")
    assert org.sync(dry_run=True).outcomes
    org.config = config(model={**WEIGHTS, "change": reason("Given is what customers stay for.")})
    org.sync()
    assert org.shown(mine)["HScore"] == 74


def test_the_reason_of_the_model_before_will_not_do(org: Org) -> None:
    """Whoever changes the model says something new; another date will not do."""
    org.account(80.0)
    change = reason("Given is what customers stay for.")
    org.config = config(model={**WEIGHTS, "change": change})
    org.sync()
    again = {"models": [{"name": "standard", "weights": {"given": 10, "second": 90}}]}
    org.config = config(model={**again, "change": {**change, "date": date(2026, 3, 2)}})
    with pytest.raises(errors.ConfigError, match="still gives the reason of the one before"):
        org.sync()


def test_the_history_keeps_every_model_in_its_order(org: Org) -> None:
    """Whose change, since when, and the model itself; one that comes back stands twice."""
    org.account(80.0)
    first = org.config
    org.sync()
    org.config = config(model={**WEIGHTS, "change": reason("Given counts most.")})
    org.days(1)
    back = config(model={"change": reason("Back to what it was.")})
    assert digest(back.model) == digest(first.model)
    org.config = back
    org.days(1)
    kept = models.history(org.store)
    assert [entry.change.reason if entry.change else None for entry in kept] == [
        None, "Given counts most.", "Back to what it was.",
    ]  # fmt: skip
    assert [entry.since.isoformat() for entry in kept] == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert models.kept(org.store, kept[1].digest).models[0].weights == {"given": 90, "second": 10}
    assert models.of_config(org.store, first.digest, kept[0].since) == kept[0]
    assert models.of_config(org.store, back.digest, kept[2].since) == kept[2]
    assert models.of_config(org.store, "other", kept[2].since) is None


def test_a_held_plan_leaves_the_model_before_in_force(org: Org) -> None:
    """What a guard stopped never counted."""
    org.crm.is_sandbox = False
    for number in range(6):
        org.account(100.0, Second=40.0 + number)
    org.sync()
    weights = [{"name": "standard", "weights": {"given": 1, "second": 99}}]
    org.config = config(model={"models": weights})
    assert org.perform()[1] == 4
    assert len(models.history(org.store)) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Two of them. And another.", "must be one sentence, not several"),
        ("", "must be one sentence of at most"),
        ("x" * 201, "must be one sentence of at most"),
    ],
)
def test_a_reason_is_one_sentence(text: str, problem: str) -> None:
    """Said at its place, with all other problems."""
    with pytest.raises(errors.ConfigError) as caught:
        config(model={"change": reason(text)})
    assert "change.reason" in str(caught.value)
    assert problem in str(caught.value)
