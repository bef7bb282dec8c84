"""The packaged playbook: each condition at its threshold, and something to do for all of it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from crm_health.config.load import load
from crm_health.config.touches import is_touch

CONFIG = load()
PLAYBOOK = CONFIG.playbook
ALERTS = {name: alert for name, alert in PLAYBOOK.alerts.items() if not is_touch(name)}
#: Alert to what is known when it just holds, and what of that is other where it just does not.
EDGES: dict[str, tuple[dict[str, Any], tuple[dict[str, Any], ...]]] = {
    "sev1_past_sla": ({"p1_past_sla": 1}, ({"p1_past_sla": 0},)),
    "incident": ({"incident_minutes": 30}, ({"incident_minutes": 29},)),
    "outage_impact": (
        {"incident_minutes": 240, "tier_now": "strategic"},
        ({"tier_now": "growth"}, {"incident_minutes": 239}),
    ),
    "key_person_left": (
        {"key_left_days": 30, "tier_now": "growth"},
        ({"key_left_days": 31}, {"tier_now": "digital"}),
    ),
    # For a week after an outage nobody is alarmed by use.
    "went_silent": (
        {"active_days": 0, "use_before": 20, "incident_days": 8},
        ({"incident_days": 7}, {"use_before": 19}, {"active_days": 1}),
    ),
    "usage_drop": (
        {"usage_vs_book": 0.75, "incident_days": None},
        ({"usage_vs_book": 0.76}, {"incident_days": 7}),
    ),
    "usage_collapse": (
        {"usage_vs_book": 0.6, "tier_now": "growth", "incident_days": None},
        ({"usage_vs_book": 0.61}, {"tier_now": "digital"}, {"incident_days": 7}),
    ),
    "fell_red": (
        {"band": "red", "band_before": "green", "score": 59, "p1_past_sla": None},
        ({"band_before": "red"}, {"p1_past_sla": 1}, {"score": 60}),
    ),
    "fell_yellow": ({"band": "yellow", "band_before": "green"}, ({"band_before": "red"},)),
    "fast_fall": (
        {"band": "green", "score_change_30": -15},
        ({"score_change_30": -14}, {"band": "yellow"}),
    ),
    "late_deployment": ({"late_steps": 1}, ({"late_steps": 0},)),
    "implementation_late": (
        {"late_days": 14, "tier_now": "growth"},
        ({"late_days": 13}, {"tier_now": "digital"}),
    ),
    "sponsor_silent": (
        {"sponsors": 1, "sponsor_days": 91, "tier_now": "strategic"},
        ({"sponsor_days": 90}, {"tier_now": "growth"}, {"sponsors": 0}),
    ),
    "renewal_unready": (
        {"days_to_renewal": 120, "steps_missing": 1},
        ({"days_to_renewal": 121}, {"steps_missing": 0}),
    ),
    "renewal_early": (
        {"days_to_renewal": 180, "band": "unknown"},
        ({"days_to_renewal": 181}, {"days_to_renewal": 120}, {"band": "yellow"}),
    ),
    "renewal_at_risk": (
        {"days_to_renewal": 90, "band": "red", "tier_now": "growth"},
        ({"days_to_renewal": 91}, {"band": "yellow"}, {"tier_now": "digital"}),
    ),
    "key_unhappy": ({"unhappy_key_days": 14}, ({"unhappy_key_days": 15},)),
    "downsell_asked": ({"downsell_open": 1}, ({"downsell_open": 0},)),
    "billing": ({"overdue_days": 61, "tier_now": "growth"}, ({"overdue_days": 60},)),
    "unpaid": ({"overdue_days": 31}, ({"overdue_days": 30},)),
    "unhappy": ({"unhappy_days": 14}, ({"unhappy_days": 15},)),
    "one_voice": ({"tier_now": "strategic", "talkers_180": 1}, ({"talkers_180": 2},)),
    "champion_quiet": (
        {"champion_use_days": 31, "active_days": 5},
        ({"champion_use_days": 30}, {"active_days": 4}),
    ),
    "not_moving": ({"stage_stuck": True}, ({"stage_stuck": False},)),
    "stuck": ({"value_stage_stuck": True}, ({"value_stage_stuck": False},)),
    "comfort_zone": (
        {"value_stage_stuck": True, "satisfaction": 80},
        ({"satisfaction": 79}, {"value_stage_stuck": False}),
    ),
    "no_new_value": ({"value_age_days": 366}, ({"value_age_days": 365},)),
    "override_review": ({"override_apart_days": 30}, ({"override_apart_days": 29},)),
    "seats_full": (
        {"licence_use": 0.9, "band": "yellow"},
        ({"licence_use": 0.89}, {"band": "red"}),
    ),
    "promoter": ({"promoter_key_days": 14, "band": "green"}, ({"promoter_key_days": 15},)),
    "usage_rising": ({"usage_ratio": 1.3}, ({"usage_ratio": 1.29},)),
    "interest": ({"expansion_open_days": 14}, ({"expansion_open_days": 15},)),
    "goal_reached": ({"goal_days": 14}, ({"goal_days": 15},)),
}
#: A customer of which all is known that places it, and the stage that it is in.
SETTLED: dict[str, Any] = {
    "days_to_renewal": 200, "secured": False, "age": 400, "last_use_days": 3, "setup_done": 1,
    "licence_use": 0.5, "goals_365": 0, "products": 1,
}  # fmt: skip
STAGES = [
    ("adopt", {}),
    ("renew", {"days_to_renewal": 120}),
    ("renew", {"days_to_renewal": -30, "age": 10}),
    ("adopt", {"days_to_renewal": 60, "secured": True}),
    ("land", {"age": 59, "last_use_days": None, "setup_done": None}),
    ("adopt", {"age": 59, "last_use_days": 60}),
    ("expand", {"licence_use": 0.75}),
    ("expand", {"goals_365": 1}),
    ("adopt", {"licence_use": 0.9, "age": 119}),
]


def _holds(
    condition: str, known: dict[str, Any], like: dict[str, Any] | None = None
) -> bool | None:
    """Whether it holds where this is known; what is not is of the type that it has in `like`."""
    expr = pl.sql_expr(condition)
    kinds = {n: {str: pl.String, bool: pl.Boolean}.get(type(v)) for n, v in (like or known).items()}
    columns = [
        pl.Series(name, [known.get(name)], kinds.get(name) or pl.Float64, strict=False)
        for name in dict.fromkeys(expr.meta.root_names())
    ]
    found = pl.DataFrame([pl.Series("one", [1]), *columns]).select(expr.alias("holds"))["holds"]
    holds: bool | None = found.item()
    return holds


def test_every_alert_has_its_edge_here() -> None:
    """A new one gets its own line."""
    assert EDGES.keys() == ALERTS.keys()


@pytest.mark.parametrize("name", EDGES)
def test_an_alert_opens_at_its_threshold(name: str) -> None:
    """Just there it holds, just before it does not, and of nobody nothing is known it does not."""
    (holds, others), alert = EDGES[name], ALERTS[name]
    # What escalates opens no record where it is for the fields only.
    loud = alert.quiet is not None and alert.does == "escalate"
    when = f"({alert.when}) and not ({alert.quiet})" if loud else alert.when
    assert _holds(when, holds) is True
    for other in others:
        assert _holds(when, holds | other) is not True
    assert _holds(when, {}, like=holds) is not True


@pytest.mark.parametrize(("stage", "values"), STAGES)
def test_a_customer_is_in_the_first_stage_whose_condition_holds(
    stage: str, values: dict[str, Any]
) -> None:
    """Land, adopt, expand and renew, by what is known of it."""
    assert PLAYBOOK.lifecycle is not None
    known = SETTLED | values
    found = [s.name for s in PLAYBOOK.lifecycle.stages if _holds(s.when, known)]
    assert found[0] == stage


def test_each_step_of_value_says_what_it_looks_like() -> None:
    """Five of them, each nameable; the last one is a person's word."""
    assert PLAYBOOK.value_stages is not None
    steps = PLAYBOOK.value_stages.stages
    assert len(steps) == 5
    assert all(step.means for step in steps)
    assert [step.when is None for step in steps] == [False] * 4 + [True]
    known = {"active_days": 9, "licence_use": 0.6, "age": 90, "goals_365": 1, "products": 2}
    known |= {"renewals_done": 1, "sponsor_days": 180}
    assert all(_holds(step.when, known) for step in steps if step.when)
    assert not _holds(steps[3].when or "", known | {"sponsor_days": 181})


def test_every_band_and_every_alert_ends_in_something_to_do() -> None:
    """A task says what to do, an escalation what is required, a quiet one what to show."""
    for name, alert in ALERTS.items():
        if alert.does == "task":
            assert alert.task is not None
            assert "\nDo: " in alert.task.body, name
        elif alert.does == "escalate":
            assert alert.escalation is not None
            reason = PLAYBOOK.escalations[alert.escalation.reason]
            assert reason.actions, name
            assert {action.department for action in reason.actions.values()} <= {
                *PLAYBOOK.departments, "Leadership"
            }  # fmt: skip
        assert alert.says or alert.task, name
    for band in CONFIG.model.bands[:-1]:
        assert _holds(f"band = '{band.name}'", {"band": band.name})
        told = [a for a in ALERTS.values() if f"band = '{band.name}'" in a.when]
        assert any(alert.does == "task" for alert in told), band.name


def test_stages_say_what_the_customer_should_hear() -> None:
    """In the tasks of the touch plan; in the digital tier each stage has a value to enrol on."""
    assert PLAYBOOK.lifecycle is not None
    assert PLAYBOOK.touches is not None
    assert PLAYBOOK.touches.digital is not None
    enrolled = {stage for value in PLAYBOOK.touches.digital.values for stage in value.stages}
    assert enrolled == {stage.name for stage in PLAYBOOK.lifecycle.stages}
    plan = PLAYBOOK.touches.plan
    said = {name for name, t in plan.items() if t.task and "{stage_hears:text}" in t.task.body}
    assert said == {"call", "review", "checkin"}


def test_the_pyramid_is_the_published_one() -> None:
    """Shares, people and goals of the tiers; value weighs four times the room to grow."""
    tiers = PLAYBOOK.tiers
    assert tiers is not None
    assert [
        (t.name, t.share, t.at_least, t.contact, t.accounts_per_csm, t.retention_goal)
        for t in tiers.steps
    ] == [
        ("strategic", 10, 5, "named", 25, 100),
        ("growth", 30, 0, "pool", 125, None),
        ("digital", None, 0, "queue", None, None),
    ]
    ranks = [(1.0, 0.0), (0.0, 1.0), (0.5, None)]
    schema = {"rank_value_now": pl.Float64, "rank_growth_room": pl.Float64}
    frame = pl.DataFrame(ranks, schema=schema, orient="row")
    found = frame.select(pl.sql_expr(tiers.rank).alias("rank"))["rank"].to_list()
    assert found == pytest.approx([0.8, 0.2, 0.5])
