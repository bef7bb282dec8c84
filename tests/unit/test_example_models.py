"""The second model that comes along: other dimensions, other bands, scored from records."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
from health_help import AS_OF, accounts, days_ago, live

from crm_health.config.load import load
from crm_health.health.book import figures
from crm_health.health.drivers import parts
from crm_health.health.facts import Facts, Source, compute
from crm_health.health.score import assess

FOLDER = Path(__file__).parents[2] / "mappings" / "examples" / "partners"
MODEL = load(FOLDER).model.model_copy(update={"time_zone": "UTC"})
#: 25 ordinary customers, and four to look at.
IDS = [*(f"o{n:02d}" for n in range(25)), "new", "self", "late", "bad"]


def records() -> dict[str, Source]:
    """Ordinary customers differ in the cases they open; `bad` has a partner who fails it."""
    cases, deals = [], []
    for number, account in enumerate(IDS):
        cases += [
            {"account_id": account, "priority": "p3", "is_open": False, "opened_at": AS_OF - age}
            for age in (timedelta(days=20 + 5 * n) for n in range(1 + number % 25))
        ]
        product = "Self-Service" if account == "self" else "Core"
        sub = {"product": product, "quantity": 100.0, "annual_value": 50_000.0}
        deals.append({"account_id": account, "is_active": True, "is_recurring": True, **sub})
    known = [a for a in IDS if a != "self"]
    talks = [
        {"account_id": a, "contact_id": f"{a}{n}", "contact_role": role, "kind": "call"}
        | {"is_done": True, "happened_at": days_ago(20)}
        for a in known
        for n, role in enumerate(("champion", "decision_maker"))
    ]
    due = {a: days_ago(100) for a in known}
    projects = [
        {"account_id": a, "kind": "deployment", "due_at": day}
        | {"done_at": day + timedelta(days=0 if a != "bad" else 50)}
        for a, day in due.items()
        for _ in range(2)
    ]
    bills = [
        {"account_id": a, "is_open": a == "late", "amount": 9e3, "due_at": days_ago(70)}
        for a in IDS
    ]
    people = [{"account_id": a, "role": "decision_maker", "is_active": True} for a in known]
    rated = [{"kind": "csat", "points": 80.0, "answered_at": days_ago(9)}]
    rated += [{"kind": "partner", "points": 75.0, "answered_at": days_ago(9)}]
    return {
        "case": live(cases),
        "subscription": live(deals),
        "activity": live(talks),
        "milestone": live(projects),
        "invoice": live(bills),
        "contact": live(people),
        "survey": live([{"account_id": a, **answer} for a in known for answer in rated]),
        "opportunity": live([]),
    }


def view() -> Facts:
    since = {"new": 100}
    rows = [{"account_id": a, "customer_since": days_ago(since.get(a, 800))} for a in IDS]
    frame = accounts(rows)
    book = figures(MODEL, compute(MODEL, records(), frame, AS_OF, {}).values)
    return compute(MODEL, records(), frame, AS_OF, book)


def test_it_passes_the_check():
    """Model and playbook fit together and with the packaged mapping, without a warning.

    As it is mapped for HubSpot, nobody asks customers about a partner there, and there are no
    managers whom leadership could be: that is said.
    """
    assert load(FOLDER).warnings == ()
    said = {warning.path: warning.message for warning in load(FOLDER, crm="hubspot").warnings}
    assert said.pop("people.retention_owner").startswith("is nobody, and this mapping knows no")
    assert said == {
        "facts.satisfaction.where": "kind is never 'partner'",
        "facts.partner_rating.where": "kind is never 'partner'",
    }


def test_it_scores_by_its_own_dimensions_and_bands():
    """Models are chosen by age and offer; the caps, bands and dimensions are the company's."""
    facts = view()
    scored = assess(MODEL, facts, AS_OF)
    rows: dict[str, dict[str, Any]] = {r["account_id"]: r for r in scored.iter_rows(named=True)}
    assert {a: rows[a]["model"] for a in ("new", "self", "late", "o00")} == {
        "new": "first_year", "self": "self_service", "late": "standard", "o00": "standard",
    }  # fmt: skip
    assert {d["dimension"] for d in rows["o12"]["drivers"]} == {
        "relationship", "support_usage", "financial_status", "partner_effectiveness",
    }  # fmt: skip
    assert (rows["late"]["capped"], rows["late"]["score"]) == ("unpaid", 59)
    assert rows["late"]["band_now"] == "watch"
    # The partner's late projects cost `bad` a fifth of its points, and 50 % rating is not 30.
    assert rows["bad"]["partner_effectiveness_points"] < rows["o12"]["partner_effectiveness_points"]
    assert rows["o12"]["band_now"] == "thriving"
    sums = parts(scored).group_by("account_id").agg(pl.col("share").sum())
    shown = scored.select("account_id", (100 * pl.coalesce("score", "computed")).alias("h"))
    both = sums.join(shown, on="account_id")
    assert both.height == len(IDS)
    assert (both["share"] == both["h"].fill_null(0)).all()


def test_who_never_asks_is_marked_down_as_who_asks_most():
    """A percentile within the tier gives the middle of the book the full mark."""
    scored = assess(MODEL, view(), AS_OF).filter(pl.col("account_id").str.starts_with("o"))
    asking = [d["points"] for row in scored["drivers"] for d in row if d["measure"] == "asking"]
    assert len(asking) == 25
    assert asking[0] < 1000 > asking[24]
    assert asking[8:16] == [1000] * 8
