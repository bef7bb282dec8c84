"""Models for kinds of customers: what counts for one kind is held against no other."""

from __future__ import annotations

from health_help import AS_OF, accounts, days_ago, default_model, facts_of, live

from crm_health.health.score import assess


def test_compliance_counts_for_regulated_customers_only() -> None:
    """A regulated customer who leaves the compliance features alone is marked down for it.

    For the others it counts neither in the score nor in coverage, used or not.
    """
    model = default_model()
    model = model.model_copy(update={"off": tuple(n for n in model.off if n != "compliance")})
    kinds = {"law": (True, 0), "bank": (True, 8), "shop": (False, 0), "club": (None, 8)}
    rows = [
        {"account_id": name, "regulated": regulated, "customer_since": days_ago(800)}
        for name, (regulated, _) in kinds.items()
    ]
    days = [
        {"account_id": name, "metric": metric, "value": 5.0, "day": days_ago(day)}
        for name, (_, complied) in kinds.items()
        for metric, used in (("active_users", 20), ("compliance", complied))
        for day in range(used)
    ]
    sub = {"quantity": 5.0, "is_active": True, "is_recurring": True, "started_at": days_ago(60)}
    bought = [{"account_id": name, **sub} for name in kinds]
    facts = facts_of(model, accounts(rows), usage=live(days), subscription=live(bought))
    found = {row["account_id"]: row for row in assess(model, facts, AS_OF).to_dicts()}
    points = {
        name: {driver["measure"]: driver["points"] for driver in row["drivers"]}
        for name, row in found.items()
    }
    assert {name: row["model"] for name, row in found.items()} == {
        "law": "regulated", "bank": "regulated", "shop": "standard", "club": "standard",
    }  # fmt: skip
    assert {name: p.pop("compliance", None) for name, p in points.items()} == {
        "law": 0, "bank": 1000, "shop": None, "club": None,
    }  # fmt: skip
    assert points["law"] == points["bank"] == points["shop"] == points["club"]
    assert found["law"]["computed"] < found["shop"]["computed"] <= found["bank"]["computed"]
    assert found["shop"]["coverage"] == found["club"]["coverage"] < found["law"]["coverage"]
    assert "compliance" not in found["shop"]["missing"]
