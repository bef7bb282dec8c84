"""The packaged defaults: fields that exist, expressions that compute, scores as published."""

from __future__ import annotations

import csv
import json
import os
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crm_health.config import expressions
from crm_health.config.columns import columns_for
from crm_health.config.load import load
from crm_health.config.placed import PLACED
from crm_health.entities import ACCOUNT_OUTPUTS, BY_PEOPLE, ENTITIES, POLARS, Kind
from crm_health.health.book import names

CONFIG = load()
CONTRACT = Path(
    os.environ.get("CRM_HEALTH_CONTRACT", Path(__file__).parents[2].parent / "shared" / "contract")
)
#: Optional in a mapping when the org has to switch something on before the field exists.
FEATURE_FIELDS = {"Account.IsPersonAccount"}


def _standard_fields() -> dict[str, set[str]]:
    folder = CONTRACT / "salesforce"
    if not folder.is_dir():
        pytest.skip(f"no recorded Salesforce contract at {folder} (set CRM_HEALTH_CONTRACT)")
    found: dict[str, set[str]] = {}
    with (folder / "standard-fields-v67.tsv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            found.setdefault(row["object"], set()).add(row["field"])
    schema = json.loads((folder / "standard-schema-jsforce.json").read_text("utf-8"))
    for name, described in schema.items():
        found.setdefault(name, set()).update(described["fields"])
    return found


def _named() -> set[tuple[str, str]]:
    """Every (object, field) that the default mapping reads or writes."""
    mapping = CONFIG.mapping
    named = {
        (feed.object, path)
        for feeds in mapping.read.values()
        for feed in feeds
        for source in (*feed.columns.values(), *feed.extra.values())
        for path in source.paths
    }
    named |= {("Account", path) for path in mapping.write.account.values()}
    keys = ("key", "subject", "body", "owner", "due", "priority", "status", "account", "contact")
    named |= {("Task", str(getattr(mapping.write.task, key))) for key in keys}
    return named | {("Task", name) for name in mapping.write.task.constants}


def test_the_default_mapping_names_only_fields_that_exist() -> None:
    """Standard objects have every standard field that is named; all others are ours."""
    known = _standard_fields()
    wrong = [
        f"{name}.{path}"
        for name, path in sorted(_named())
        if path not in known.get(name, set())
        and not path.startswith("Health_")
        and not name.startswith("Health_")
        and f"{name}.{path}" not in FEATURE_FIELDS
    ]
    assert wrong == []


def test_required_standard_fields_are_in_a_recorded_describe() -> None:
    """An org without add-ons has every standard field that is not marked optional."""
    _standard_fields()
    folder = CONTRACT / "salesforce" / "describe"
    wrong = []
    for feeds in CONFIG.mapping.read.values():
        for feed in feeds:
            described = folder / f"{feed.object}.json"
            if not described.exists():
                continue
            fields = {f["name"] for f in json.loads(described.read_text("utf-8"))["fields"]}
            wrong += [
                f"{feed.object}.{path}"
                for source in (*feed.columns.values(), *feed.extra.values())
                for path in source.paths
                if path not in fields and not path.startswith("Health_") and not source.optional
            ]
    assert wrong == []


def test_our_own_inputs_are_optional() -> None:
    """Read before setup, an org lacks our fields: their columns are missing, nothing fails."""
    missing = [
        f"{feed.object}.{path}"
        for feeds in CONFIG.mapping.read.values()
        for feed in feeds
        for source in feed.columns.values()
        for path in source.paths
        if path.startswith("Health_") and not (source.optional or feed.optional)
    ]
    assert missing == []


def test_every_output_has_a_field() -> None:
    """The default writes all that there is to write, each to a field of ours."""
    assert set(CONFIG.mapping.write.account) == set(ACCOUNT_OUTPUTS)
    assert all(name.startswith("Health_") for name in CONFIG.mapping.write.account.values())


def test_every_fact_of_an_entity_reads_a_column_that_exists() -> None:
    """Facts cover every input entity of the One View, and the escalations that people open."""
    used = {fact.source for fact in CONFIG.model.facts.values()}
    inputs = {name for name, entity in ENTITIES.items() if not entity.ours} | BY_PEOPLE
    assert used == inputs - {"account", "user"}


def _facts(rows: list[dict[str, Any]], entity: str) -> dict[str, Any]:
    """All facts of one entity over a few rows, each compiled and computed on its own."""
    columns = columns_for(entity)
    blank = {name: [row.get(name) for row in rows] for name in columns}
    frame = pl.DataFrame(blank, schema={n: POLARS[k] for n, k in columns.items()})
    found = {}
    for name, fact in CONFIG.model.facts.items():
        if fact.source != entity:
            continue
        kept = frame
        if fact.where is not None:
            kept = frame.filter(expressions.compile(fact.where, columns).expr)
        take = expressions.compile(fact.take, columns, role="aggregate").expr
        found[name] = kept.select(take.alias("x"))["x"].item()
    return found


def test_case_facts() -> None:
    """The worst open case counts by severity and age, closed ones are only counted."""
    rows = [
        {"is_open": True, "priority": "p2", "age_days": 10.0},
        {"is_open": True, "priority": "p3", "age_days": 900.0},
        {"is_open": False, "priority": "p1", "age_days": 5.0},
        {"is_open": False, "priority": "p1", "age_days": 500.0},
    ]
    facts = _facts(rows, "case")
    assert facts["cases_365"] == 3
    assert facts["worst_case"] == 27.0  # 90 days at most, times 0.3
    assert facts["p1_past_sla"] == 0
    assert facts["p1_past_sla_days"] is None


def test_activity_facts() -> None:
    """An event has no done mark: it counts from its day on, one ahead is planned."""
    rows = [
        {"kind": "meeting", "is_done": None, "age_days": 12.0, "contact_id": "a"},
        {"kind": "meeting", "is_done": None, "age_days": -3.0, "contact_id": "b"},
        {"kind": "call", "is_done": True, "age_days": 40.0, "contact_role": "sponsor"},
        {"kind": "call", "is_done": False, "age_days": -8.0},
        {"kind": "email_out", "is_done": True, "age_days": 1.0},
        {"kind": "meeting", "is_done": True, "age_days": 50.0, "purpose": "review"},
        {"kind": "meeting", "is_done": True, "age_days": 70.0, "purpose": "value_review"},
        {"kind": "task", "is_done": True, "age_days": 365.0, "purpose": "training"},
    ]
    facts = _facts(rows, "activity")
    assert (facts["review_days"], facts["value_review_days"], facts["trainings_365"]) == (50, 70, 1)
    assert facts["conversation_days"] == 12
    assert facts["sponsor_days"] == 40
    assert facts["planned"] == 2
    assert facts["talkers_180"] == 1


def test_usage_facts() -> None:
    """Only rows above zero count, and twelve weeks are shown as four-week averages."""
    rows = [
        {"metric": "active_users", "value": 10.0, "window_days": day - 1.0, "age_days": float(day)}
        for day in range(29, 200)
    ]
    rows += [{"metric": "active_users", "value": 0.0, "window_days": 0.0, "age_days": 1.0}]
    facts = _facts(rows, "usage")
    assert facts["use_before"] == 280.0
    assert facts["active_days"] == 0
    assert facts["use_28"] is None
    assert facts["last_use_days"] == 29


def test_milestone_facts() -> None:
    """What has no date is neither late nor due, and a goal counts from the day it was reached."""
    late = {"kind": "deployment", "due_at": date(2026, 3, 1)}
    rows: list[dict[str, Any]] = [
        {"kind": "deployment"},
        {"kind": "setup"},
        {"kind": "goal"},
        late | {"due_days": 3.0},
        late | {"due_days": 9.0, "done_at": date(2026, 3, 2), "done_days": 2.0},
        late | {"due_days": -1.0},
    ]
    facts = _facts(rows, "milestone")
    assert (facts["late_steps"], facts["late_days"]) == (1, 3)
    assert (facts["setup_due"], facts["setup_done"]) == (0, 0)
    assert (facts["goal_days"], facts["goals_365"]) == (None, 0)
    facts = _facts([{"kind": "goal", "done_days": 366.0}, {"kind": "deployment"}], "milestone")
    assert (facts["goal_days"], facts["goals_365"], facts["late_days"]) == (366, 0, None)


def _derive(**known: Any) -> dict[str, Any]:
    """All derived facts of one account, in their order; what is not given is missing."""
    model = CONFIG.model
    kinds: dict[str, Any] = dict(columns_for("account"))
    kinds |= dict.fromkeys(model.facts, Kind.NUMBER)
    kinds |= dict.fromkeys(names(model), Kind.NUMBER)
    kinds |= PLACED
    values = {name: [known.get(name)] for name in kinds}
    frame = pl.DataFrame(values, schema={n: POLARS[k] for n, k in kinds.items()})
    for name, text in model.derived.items():
        expr = expressions.compile(text, kinds)
        frame = frame.with_columns(expr.expr.alias(name))
        kinds[name] = expr.kind or Kind.NUMBER
    return frame.row(0, named=True)


def test_derived_facts_of_a_renewal_ahead() -> None:
    """Days to a renewal count down, and every step that is missing is counted."""
    found = _derive(renewal_days=-55.0, renewal_open=0.0, sponsor_days=300.0, renewal_won_days=None)
    assert found["days_to_renewal"] == 55
    assert found["steps_missing"] == 3
    assert found["secured"] is False
    done = _derive(renewal_days=-55.0, renewal_open=1.0, sponsor_days=5.0, value_review_days=9.0)
    assert done["steps_missing"] == 0
    assert _derive(renewal_days=-55.0, renewal_won_days=20.0)["steps_missing"] == 0


def test_a_renewal_long_past_is_no_plan_and_never_green() -> None:
    """Sixty days after its date it is missing, and a cap says so until it is mended."""
    last, passed = _derive(renewal_days=60.0), _derive(renewal_days=61.0)
    assert (last["days_to_renewal"], last["date_passed"]) == (-60, False)
    assert (passed["days_to_renewal"], passed["date_passed"]) == (None, True)
    cap = CONFIG.model.caps["date_passed"]
    frame = pl.DataFrame({"tier_now": ["growth"], "date_passed": [True], "secured": [False]})
    assert frame.select(pl.sql_expr(cap.when).alias("x"))["x"].item() is True
    assert cap.at < (CONFIG.model.bands[-2].below or 0)
    assert "has passed" in cap.says


def test_derived_facts_without_evidence_are_missing() -> None:
    """Nothing known gives no figure: neither zero nor bad."""
    found = _derive()
    for name in ("age", "days_to_renewal", "date_passed", "licence_use", "usage_vs_book"):
        assert found[name] is None


def test_age_falls_back_to_the_first_deal_and_the_record() -> None:
    """A company's own date comes first, then the first won deal, then the record's own day."""
    assert _derive(customer_since_days=9.0, first_won_days=5.0, created_days=3.0)["age"] == 9
    assert _derive(first_won_days=5.0, created_days=800.0)["age"] == 5
    assert _derive(created_days=800.0)["age"] == 800


def test_usage_is_held_against_everybodys() -> None:
    """A quiet month of all customers is nobody's fall; without a median the own figure counts."""
    known = {"use_before": 100.0, "use_28": 60.0, "created_days": 400.0}
    assert _derive(**known)["usage_vs_book"] == pytest.approx(0.6)
    assert _derive(**known, book_usage_ratio=0.6)["usage_vs_book"] == pytest.approx(1.0)
    assert _derive(**known, book_usage_ratio=0.1)["usage_vs_book"] == pytest.approx(2.0)


MEASURES = (
    "licence_use",
    "active_days",
    "usage_change",
    "case_burden",
    "satisfaction",
    "conversation",
    "sponsor",
    "csm_view",
    "renewal_runway",
    "new_value",
)
TIERS = {
    "strategic": (14, 16, 6, 10, 6, 8, 6, 10, 16, 8),
    "growth": (18, 18, 6, 10, 6, 6, 4, 6, 18, 8),
    "digital": (26, 30, 8, 12, 8, 0, 0, 0, 8, 8),
}
#: Worked by hand beside the published tables: values in the order of MEASURES, base, coverage.
WORKED: dict[str, tuple[list[float | None], float, int]] = {
    "ordinary": ([0.62, 14, 0.98, 8, 2, 0.6, 0.9, 3.7, 160, 210], 82.7, 100),
    "silent decline": ([0.31, 6, 0.62, None, None, 1.4, None, None, 55, 400], 47.4, 74),
    "stuck in adopt": ([0.38, 7, 0.99, 0, 15, 1.1, 1.6, 3, 190, 420], 68.5, 100),
    "no step done": ([0.78, 17, 1, 0, 10, 0.8, 1.2, 4, -80, 300], 70.3, 100),
    "a date only": ([None] * 5 + [3.3, None, None, 200, 400], 66.9, 32),
}


def _points(measure: str, value: float) -> float:
    curve = sorted(CONFIG.model.measures[measure].curve.items())
    if value <= curve[0][0]:
        return curve[0][1]
    for (left, low), (right, high) in pairwise(curve):
        if value <= right:
            return low + (high - low) * (value - left) / (right - left)
    return curve[-1][1]


@pytest.mark.parametrize("account", WORKED)
def test_the_worked_accounts_give_their_published_base(account: str) -> None:
    """Curves and weights of the standard model give the base scores that the tables state."""
    values, base, coverage = WORKED[account]
    weights = dict(zip(MEASURES, TIERS["growth"], strict=True))
    present = {m: v for m, v in zip(MEASURES, values, strict=True) if v is not None}
    weight = sum(weights[m] for m in present)
    mean = sum(weights[m] * _points(m, v) for m, v in present.items()) / weight
    assert mean == pytest.approx(base, abs=0.051)
    assert weight == coverage


def test_the_same_answers_are_worth_more_where_people_expect_more() -> None:
    """Satisfaction is held against the step of value: content at the bottom is no merit."""
    columns = ("answers_365", "satisfaction", "book_satisfaction_in_value_stage")
    rows = [(3.0, 80.0, 90.0), (3.0, 75.0, 60.0), (3.0, 75.0, None), (2.0, 100.0, 60.0)]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.Float64), orient="row")
    value = CONFIG.model.measures["satisfaction"].value
    bottom, top, alone, few = frame.select(pl.sql_expr(value).alias("x"))["x"]
    assert [_points("satisfaction", x) for x in (bottom, top, alone)] == [60.0, 95.0, 85.0]
    assert few is None


def _weights(model: str, tier: str) -> dict[str, float]:
    """What each measure of a model weighs in a tier."""
    given = next(kind for kind in CONFIG.model.models if kind.name == model).weights
    frame = pl.DataFrame({"tier_now": [tier]})
    return {
        name: frame.select(pl.sql_expr(weight).cast(pl.Float64)).item()
        if isinstance(weight, str)
        else weight
        for name, weight in given.items()
    }


@pytest.mark.parametrize("tier", TIERS)
def test_the_weights_of_each_tier_are_the_published_ones(tier: str) -> None:
    """One equation gives each tier its column; regulated customers add compliance to it."""
    standard = _weights("standard", tier)
    assert standard == dict(zip(MEASURES, TIERS[tier], strict=True))
    assert sum(standard.values()) == 100
    assert _weights("regulated", tier) == standard | {"compliance": 10}
    contact = {"conversation": 0, "csm_view": 0} if tier == "digital" else {}
    new = {"setup_progress": 25, "login_gap": 20, "active_days": 13, "licence_ramp": 12}
    new |= {"conversation": 12, "case_burden": 10, "csm_view": 8} | contact
    assert _weights("onboarding", tier) == new
