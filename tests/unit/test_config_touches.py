"""Mistakes in the touch plan are told at their place; the default plan has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_health.config.load import load
from crm_health.config.problems import ConfigProblems
from tests.unit.test_config_load import default

MISTAKES = [
    ("tiers: {strategic: 30}", "tiers: {strategik: 30}",
     "touches.plan.call.tiers: there is no tier 'strategik' (did you mean 'strategic'?)"),
    ("tiers: {strategic: 30}", "tiers: {strategic: 5}",
     "touches.plan.call.tiers.strategic: the task would come 7 days ahead of a touch every 5"),
    ("tiers: {strategic: 30}", "tiers: {digital: 30}",
     "touches.plan.call.tiers.digital: digital is for campaigns"),
    ("fulfilled_by: review_days", "fulfilled_by: reveiw_days",
     "touches.plan.review.fulfilled_by: there is no 'reveiw_days' here (did you mean 'review_"),
    ("fulfilled_by: onsite_days", "fulfilled_by: active_days",
     "touches.plan.onsite.fulfilled_by: must be days since, but active_days is not"),
    ("before: next_renewal_days", "before: renewal_open",
     "touches.plan.value_review.before: must be days since, but renewal_open is not"),
    ("planned: planned > 0", "planned: planned",
     "touches.planned: gives a number, but a condition is needed here"),
    ("label: Check-in", "label: Call", "touches.plan.checkin.label: 'Call' stands twice"),
    ("label: Come Back", "label: On-site",
     "touches.digital.values[1].label: 'On-site' is a touch of the plan as well"),
    ("{label: Welcome, stages: [land]}", "{label: Welcome, stages: [landed]}",
     "touches.digital.values[4].stages: there is no stage 'landed' (did you mean 'land'?)"),
    ("alerts: [incident], at_once", "alerts: [incidents], at_once",
     "touches.digital.values[0].alerts: there is no alert 'incidents'"),
    ("  unhappy:\n    when", "  touch_unhappy:\n    when",
     "alerts.touch_unhappy: names that begin with touch_ belong to the touch plan"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES)
def test_a_mistake_is_told_at_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    """One mistake, one message."""
    text = default("playbook.yaml")
    assert old in text
    (tmp_path / "playbook.yaml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path)
    assert said in str(caught.value)


@pytest.mark.parametrize("crm", ["salesforce", "hubspot", "bottlecrm"])
def test_the_default_plan_makes_tasks_and_fills_a_list(crm: str) -> None:
    """Each touch with a text is a rule, and the field's words are all that it may say."""
    found = load(crm=crm)
    touches = found.playbook.touches
    assert touches is not None
    rules = {"touch_call", "touch_review", "touch_value_review", "touch_onsite", "touch_checkin"}
    assert rules <= found.playbook.alerts.keys()
    assert found.mapping.write.words["next_touch"] == touches.labels()
