"""When a rule's occurrence opens and clears."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from crm_health.config.alerts import Alert
from crm_health.programmes import episodes

DAY = date(2026, 3, 2)
KNOWN: dict[str, Any] = {"opened_at": pl.Date, "cleared_at": pl.Date}


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def alert(**values: Any) -> Alert:
    given: dict[str, Any] = {"when": "x > 0", "severity": "medium", "does": "task"}
    return Alert.model_validate(given | {"on_first_sync": True, "cool_days": 3} | values)


def known(*rows: tuple[str, str, date | None, date | None]) -> pl.DataFrame:
    """Episodes as read back: account, key, opened, cleared."""
    schema = {"id": pl.String, **episodes.KNOWN}
    listed = [(f"e{n}", *row) for n, row in enumerate(rows)]
    return episodes.with_rule(
        pl.DataFrame(
            listed, schema=["id", "account_id", "key", "opened_at", "cleared_at"], orient="row"
        )
        if listed
        else pl.DataFrame(schema=schema)
    ).cast(KNOWN)


def accounts(**values: Any) -> pl.DataFrame:
    """Accounts a, b, c... with x."""
    xs = values.get("x", [1])
    since = values.get("since", [None] * len(xs))
    return pl.DataFrame(
        {"account_id": list("abcdef")[: len(xs)], "x": xs, "since": since},
        schema={"account_id": pl.String, "x": pl.Int64, "since": pl.Date},
    )


def opened(
    rule: Alert,
    frame: pl.DataFrame,
    past: pl.DataFrame | None = None,
    *,
    first: bool = False,
    standing: str | None = None,
    day: date = DAY,
) -> list[str]:
    alerts = {"rule": rule}
    memories = frame.select(
        "account_id",
        pl.lit(first).alias("first"),
        pl.lit(standing, pl.String).alias("standing"),
    )
    last = episodes.latest(known() if past is None else past)
    found = episodes.conditions(alerts, frame)
    return episodes.opening(alerts, found, last, memories, day)["key"].to_list()


def cleared(rule: Alert, frame: pl.DataFrame, past: pl.DataFrame) -> list[str]:
    found = episodes.conditions({"rule": rule}, frame)
    return sorted(episodes.clearing(found, past)["key"])


def test_a_condition_that_holds_opens_the_first_episode() -> None:
    """Where it does not hold, or nobody knows, nothing opens."""
    assert opened(alert(), accounts(x=[1, 0, None, 2])) == ["ch1:a:rule:1", "ch1:d:rule:1"]


def test_an_open_episode_is_not_opened_again() -> None:
    """As long as it is not cleared, whatever a person did to its task."""
    past = known(("a", "ch1:a:rule:1", ago(400), None))
    assert opened(alert(), accounts(), past) == []


@pytest.mark.parametrize(("days", "opens"), [(0, False), (2, False), (3, True), (30, True)])
def test_it_cools_down_before_it_opens_again(days: int, opens: bool) -> None:
    """The next number comes when the cause was over, came back, and the days have passed."""
    past = known(("a", "ch1:a:rule:1", ago(40), ago(days)))
    assert opened(alert(), accounts(), past) == (["ch1:a:rule:2"] if opens else [])


def test_the_number_grows_from_the_highest_ever_seen() -> None:
    """Also when lower ones are gone, and numbers are compared as numbers."""
    past = known(
        ("a", "ch1:a:rule:9", ago(90), ago(80)),
        ("a", "ch1:a:rule:10", ago(40), ago(30)),
        ("a", "ch1:a:rule:2", ago(200), ago(190)),
    )
    assert opened(alert(), accounts(), past) == ["ch1:a:rule:11"]


def test_one_episode_covers_a_cause_that_began_before_it() -> None:
    """With `since` a cleared episode opens again only for a cause that is younger than it."""
    rule = alert(since="since", cool_days=0)
    past = known(("a", "ch1:a:rule:1", ago(10), ago(5)))
    assert opened(rule, accounts(since=[ago(12)]), past) == []
    assert opened(rule, accounts(since=[ago(10)]), past) == []
    assert opened(rule, accounts(since=[ago(2)]), past) == ["ch1:a:rule:2"]


def test_what_held_at_the_first_sync_waits() -> None:
    """It opens no task then, nor later while it goes on; what is urgent opens all the same."""
    quiet = alert(on_first_sync=False)
    assert opened(quiet, accounts(), first=True) == []
    assert opened(quiet, accounts(), standing="other,rule") == []
    assert opened(quiet, accounts(), standing="*") == []
    assert opened(quiet, accounts(), standing="ruler,my_rule") == ["ch1:a:rule:1"]
    assert opened(quiet, accounts(), standing=None) == ["ch1:a:rule:1"]
    assert opened(alert(), accounts(), first=True, standing="rule") == ["ch1:a:rule:1"]


def test_accounts_and_rules_with_like_names_keep_apart() -> None:
    """An id or rule that begins with another one is not it."""
    frame = pl.DataFrame({"account_id": ["1", "11"], "x": [1, 1]})
    past = known(("1", "ch1:1:rule:1", ago(9), None), ("11", "ch1:11:rule2:1", ago(9), None))
    assert opened(alert(), frame, past) == ["ch1:11:rule:1"]


@pytest.mark.parametrize("account", ["a:b", "a b", "a'b", "é|#", "ch1:x:rule:7", "(.*)", "1\t2"])
def test_odd_account_ids_are_read_back(account: str) -> None:
    """Whatever an id holds, the key that we made of it is known again."""
    frame = pl.DataFrame({"account_id": [account], "x": [1]})
    (key,) = opened(alert(), frame)
    past = known((account, key, DAY, None))
    assert past.row(0, named=True)["number"] == 1
    assert opened(alert(), frame, past) == []


def test_keys_of_others_are_none_of_ours() -> None:
    """A record without a key of our making neither blocks nor clears."""
    past = known(
        ("a", "ch2:a:rule:1", ago(5), None),
        ("a", "ch1:a:rule:", ago(5), None),
        ("a", "ch1:a:rule:x", ago(5), None),
        ("a", "manual", ago(5), None),
        ("a", "", ago(5), None),
    )
    assert past.height == 0
    assert opened(alert(), accounts(), past) == ["ch1:a:rule:1"]


# -- clearing --------------------------------------------------------------------------------------


def test_an_episode_clears_when_its_condition_is_over() -> None:
    """Not while it holds, and not while nobody knows."""
    past = known(*((a, f"ch1:{a}:rule:1", ago(5), None) for a in "abc"))
    assert cleared(alert(), accounts(x=[1, 0, None]), past) == ["ch1:b:rule:1"]


def test_a_condition_of_its_own_decides_on_clearing() -> None:
    """Between the two conditions nothing happens."""
    rule = alert(when="x > 5", clear="x < 2")
    past = known(*((a, f"ch1:{a}:rule:1", ago(5), None) for a in "abcd"))
    assert cleared(rule, accounts(x=[6, 3, 1, None]), past) == ["ch1:c:rule:1"]


def test_what_holds_never_clears() -> None:
    """Conditions that overlap don't make records open and clear by turns."""
    rule = alert(when="x > 0", clear="x < 5")
    assert cleared(rule, accounts(x=[3]), known(("a", "ch1:a:rule:1", ago(5), None))) == []


def test_a_cleared_episode_is_not_cleared_again() -> None:
    """Its date stays."""
    assert cleared(alert(), accounts(x=[0]), known(("a", "ch1:a:rule:1", ago(5), ago(1)))) == []


def test_after_a_merge_all_open_ones_count() -> None:
    """The loser's episodes block a new one while any goes on, and clear together."""
    past = known(
        ("a", "ch1:a:rule:3", ago(50), ago(40)),
        ("a", "ch1:lost:rule:1", ago(9), None),
        ("a", "ch1:a:rule:1", ago(9), None),
    )
    assert opened(alert(), accounts(), past) == []
    assert cleared(alert(), accounts(x=[0]), past) == ["ch1:a:rule:1", "ch1:lost:rule:1"]
    done = past.with_columns(pl.lit(ago(9)).alias("cleared_at"))
    assert opened(alert(), accounts(), done) == ["ch1:a:rule:4"]


# -- standing rules --------------------------------------------------------------------------------


def standing(x: int | None, *, is_known: bool, kept: str | None) -> list[str]:
    alerts = {
        "zeta": alert(on_first_sync=False),
        "alpha": alert(on_first_sync=False),
        "now": alert(),
    }
    frame = accounts(x=[x])
    memories = pl.DataFrame(
        {"account_id": ["a"], "known": [is_known], "standing": [kept]},
        schema={"account_id": pl.String, "known": pl.Boolean, "standing": pl.String},
    )
    found = episodes.standing_rules(alerts, episodes.conditions(alerts, frame), memories)
    return found["standing"].to_list()


def test_standing_rules_are_those_of_the_first_sync_that_still_hold() -> None:
    """They are noted once, fall away one by one, and an unknown condition changes nothing."""
    assert standing(1, is_known=False, kept=None) == ["alpha,zeta"]
    assert standing(None, is_known=False, kept=None) == []
    assert standing(1, is_known=True, kept="zeta") == ["zeta"]
    assert standing(None, is_known=True, kept="zeta") == ["zeta"]
    assert standing(0, is_known=True, kept="zeta") == []
    assert standing(1, is_known=True, kept=None) == []
    assert standing(1, is_known=True, kept="*") == ["alpha,zeta"]


def test_nothing_to_do_goes_through() -> None:
    """No alerts, and no accounts, give empty frames of the right shape."""
    nobody = accounts().head(0)
    assert episodes.conditions({}, accounts()).height == 0
    assert opened(alert(), nobody) == []
    found = episodes.conditions({}, accounts())
    memories = pl.DataFrame(
        {"account_id": ["a"], "known": [True], "standing": [None]},
        schema={"account_id": pl.String, "known": pl.Boolean, "standing": pl.String},
    )
    first = memories.select("account_id", pl.lit(True).alias("first"), "standing")
    assert episodes.opening({}, found, episodes.latest(known()), first, DAY).height == 0
    assert episodes.clearing(found, known()).height == 0
    assert episodes.standing_rules({}, found, memories).columns == ["account_id", "standing"]
