"""A change of model is marked, and never shows as a trend."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from sync_kit import Org, config, reason

from crm_health.health.former import like_with_like
from crm_health.store import Scope
from crm_health.sync.assess import assess

#: Second counts most: whoever has 80 and 20 falls from 50 to 26.
OTHER = {"models": [{"name": "standard", "weights": {"given": 10, "second": 90}}]}
#: The same by another kind, which fits whoever is worth nothing.
KINDS = {
    "models": [
        {"name": "small", "when": "contract_value < 1", "weights": {"given": 10, "second": 90}},
        {"name": "standard", "weights": {"given": 50, "second": 50}},
    ]
}
DAY = date(2026, 3, 2)


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return Org(tmp_path)


def trend(org: Org, account: str) -> tuple[int, str, str]:
    """Score, trend, and what Why says of the change."""
    shown = org.shown(account)
    return shown["HScore"], shown["HTrend"], shown["HWhy"].split(".")[0]


def test_another_model_is_no_fall(org: Org) -> None:
    """The history goes on from the model before: later changes are told, the model's own is not."""
    mine = org.account(80.0, Second=20.0)
    org.sync()
    org.weeks(5)
    assert trend(org, mine)[:2] == (50, "Steady")
    org.config = config(model=OTHER)
    org.days(1)
    assert trend(org, mine) == (26, "Steady", "26, as on 8 Mar 2026")
    # Twice on one day is once.
    org.pass_time(hours=1)
    org.edit("Account", mine, Given=90.0)
    org.sync()
    changes = org.store.history.changes(mine, DAY, DAY + timedelta(days=99))
    assert [(found["score"], found["was"]) for found in changes] == [(27, 55)]
    org.edit("Account", mine, Given=80.0, Second=10.0)
    org.days(1)
    assert trend(org, mine)[0] == 17
    # By today's model the 50 of then is worth 22 (50 - 28), and not 50.
    assert trend(org, mine)[2] == "17, down 5 since 9 Mar 2026"


def test_another_kind_of_the_same_model_is_no_fall(org: Org) -> None:
    """Who leaves the onboarding model takes the history along."""
    org.config = config(model=KINDS)
    mine = org.account(80.0, Second=20.0)
    org.sync()
    org.weeks(5)
    org.edit("Account", mine, Value=0.0)
    org.days(1)
    assert trend(org, mine) == (26, "Steady", "26, as on 8 Mar 2026")
    org.days(2)
    assert len(org.store.history.changes(mine, DAY, DAY + timedelta(days=99))) == 1


def test_a_former_model_that_cannot_be_run_ends_the_trend(tmp_path: Path) -> None:
    """It reads a column that the mapping does not bring any more; the sync goes on."""
    third = {"read": {"account": {"extra": {"third": {"field": "Third", "type": "number"}}}}}
    org = Org(tmp_path, config(third, {"measures": {"second": {"value": "third"}}}))
    mine = org.account(80.0, Third=20.0)
    org.sync()
    assert org.shown(mine)["HScore"] == 50
    org.config = config(model={"change": reason("Nobody keeps the third any more.")})
    org.days(1)
    assert org.shown(mine)["HScore"] == 80
    changed = DAY + timedelta(days=1)
    told = [{"day": changed, "score": 80, "was": None}]
    assert org.store.history.changes(mine, DAY, DAY + timedelta(days=9)) == told
    org.weeks(5)
    assert trend(org, mine)[1:] == ("Steady", "80, as on 3 Mar 2026")


def test_readings_older_than_the_history_of_models_end_the_trend(org: Org) -> None:
    """The state of an earlier version kept no models: another one begins anew, the same goes on."""
    mine = org.account(80.0, Second=20.0)
    org.sync()
    org.weeks(5)

    def forget() -> None:
        for key in ("models", f"model_of:{org.config.digest}"):
            org.store.runs.set_value(key, None)

    forget()
    org.edit("Account", mine, Second=10.0)
    org.days(1)
    assert trend(org, mine) == (45, "Steady", "45, down 5 since 8 Mar 2026")
    forget()
    org.config = config(model=OTHER)
    org.days(1)
    assert trend(org, mine)[:2] == (17, "Steady")
    # Also where the day's second run finds a history that begins with it.
    org.pass_time(hours=1)
    org.edit("Account", mine, Second=20.0)
    org.sync()
    changes = org.store.history.changes(mine, DAY, DAY + timedelta(days=99))
    assert [(found["score"], found["was"]) for found in changes] == [(26, None)]
    org.days(1)
    assert trend(org, mine)[2].startswith("26")
    assert "down" not in trend(org, mine)[2]


def test_an_override_is_no_link(org: Org) -> None:
    """A person's score stands under both models; what they compute moves the history."""
    mine = org.account(80.0, Second=20.0)
    org.sync()
    org.weeks(5)
    org.edit("Account", mine, Override=90.0, OverrideUntil=DAY + timedelta(days=37))
    org.days(1)
    org.config = config(model=OTHER)
    org.days(1)
    assert org.shown(mine)["HScore"] == 90
    changes = org.store.history.changes(mine, DAY, DAY + timedelta(days=99))
    assert [(found["score"], found["was"]) for found in changes] == [(26, 50)]
    org.days(2)
    assert trend(org, mine)[::2] == (26, "26, as on 9 Mar 2026")


def test_what_a_person_set_is_not_moved(org: Org) -> None:
    """The computed score falls by 24 under another model, the person's 90 stays what it was."""
    mine = org.account(80.0, Second=20.0)
    org.sync()
    org.edit("Account", mine, Override=90.0, OverrideUntil=DAY + timedelta(days=60))
    org.weeks(5)
    org.config = config(model=OTHER)
    org.days(2)
    assert trend(org, mine)[:2] == (90, "Steady")
    found = assess(org.store, org.setting(), Scope.all(), {})
    assert found is not None
    assert found.accounts.select("computed", "change_30").row(0) == (26, 0)


def test_links_add_up() -> None:
    """Two changes move what is older by both; what no link leads on from keeps its own model."""
    days = [DAY + timedelta(days=n) for n in range(4)]
    series = pl.DataFrame(
        {
            "account_id": ["a"] * 4 + ["b"] * 2,
            "day": [*days, *days[:2]],
            "score": [50.0, 60.0, 62.0, 99.0, 40.0, 41.0],
            "model": ["x", "y", "y", "z", "x", "y"],
            "computed": [50, 60, 62, 99, 40, 41],
            "was": [None, 55, None, 70, None, None],
        }
    )
    today = pl.DataFrame(
        {"account_id": ["a", "b"], "computed": [90, 45], "model": ["w", "y"], "was": [95, None]}
    )
    found = like_with_like(series, today)
    # a: +5 on the second day, +29 on the fourth, -5 today.
    assert found["score"].to_list() == [79, 84, 86, 94, 40, 41]
    assert found["model"].to_list() == ["w"] * 4 + ["x", "y"]
    assert like_with_like(series.tail(2), today.tail(1))["score"].to_list() == [40, 41]
    broken = series.with_columns(pl.col("was").replace({55: 0}))
    assert like_with_like(broken, today)["score"].to_list() == [None, 84, 86, 94, 40, 41]
