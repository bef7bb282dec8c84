"""What becomes a task, what a line in one, and how that is kept in mind."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_health.config.alerts import Alert
from crm_health.programmes import telling, told

DAY = date(2026, 3, 2)
SEVERITY = {"mild": "low", "usual": "medium", "grave": "high", "chance": "high"}


def alert(severity: str, **values: Any) -> Alert:
    given: dict[str, Any] = {"when": "x > 0", "severity": severity, "does": "task"}
    return Alert.model_validate(given | values)


ALERTS = {
    name: alert(severity, polarity="growth" if name == "chance" else "risk")
    for name, severity in SEVERITY.items()
}


def opens(*pairs: tuple[str, str]) -> pl.DataFrame:
    rows = [(account, rule, 1, f"ch1:{account}:{rule}:1", None) for account, rule in pairs]
    schema = {"account_id": pl.String, "rule": pl.String, "number": pl.Int64}
    schema |= {"key": pl.String, "baseline": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def standing(*rows: tuple[str, str, bool]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=telling.OPEN, orient="row")


def test_the_gravest_makes_the_task_and_the_others_join_it() -> None:
    """Growth keeps a task of its own; accounts don't mix."""
    found = telling.share(
        ALERTS,
        opens(("a", "mild"), ("a", "grave"), ("a", "chance"), ("b", "usual"), ("a", "usual")),
        standing(),
    )
    assert found.makes.select("account_id", "rule").rows() == [
        ("a", "chance"),
        ("a", "grave"),
        ("b", "usual"),
    ]
    joins = found.joins.sort("rule").select("rule", "base", "new").rows()
    assert joins == [("mild", "ch1:a:grave:1", True), ("usual", "ch1:a:grave:1", True)]


def test_an_open_risk_task_takes_all_further_risks() -> None:
    """However grave they are; of several, as after a merge, that which people work on."""
    found = telling.share(
        ALERTS,
        opens(("a", "grave"), ("a", "chance")),
        standing(("a", "ch1:a:mild:1", False), ("a", "ch1:a:usual:3", True)),
    )
    assert found.makes["rule"].to_list() == ["chance"]
    assert found.joins.select("rule", "base", "new").rows() == [("grave", "ch1:a:mild:1", False)]


RULES = st.sampled_from(sorted(SEVERITY))


@given(
    st.sets(st.tuples(st.sampled_from("abc"), RULES)),
    st.sets(st.sampled_from("abc")),
)
def test_no_account_ever_gets_a_second_risk_task(
    pairs: set[tuple[str, str]], busy: set[str]
) -> None:
    """Whatever opens, and wherever a task is open: nothing is lost either."""
    there = standing(*((account, f"ch1:{account}:mild:9", True) for account in sorted(busy)))
    found = telling.share(ALERTS, opens(*sorted(pairs)), there)
    risks = found.makes.filter(pl.col("rule") != "chance")["account_id"].to_list()
    assert len(risks) == len(set(risks))
    assert not busy & set(risks)
    assert found.makes.height + found.joins.height == len(pairs)


ENTRIES = st.lists(
    st.tuples(
        st.just("ch1:a:mild:1"),
        st.sampled_from(["usage_drop", "x", "a_rule_with_quite_a_long_name_000"]),
        st.integers(1, 999),
        st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1)),
        st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1)),
        st.none() | st.floats(0, 1e9),
    ),
    max_size=12,
    unique_by=lambda row: (row[1], row[2]),
)


@given(ENTRIES)
def test_entries_are_read_back_as_they_were_written(rows: list[Any]) -> None:
    """As many as have room; numbers to six digits, and what was read is written the same."""
    entries = pl.DataFrame(rows, schema=told.ENTRIES, orient="row")
    texts = told.render(entries)
    assert texts["told"].str.len_chars().fill_null(0).max() in (None, *range(told.LONGEST + 1))
    again = told.parse(texts)
    assert told.render(again).equals(texts)
    wanted = entries.select("rule", "number", "opened_at", "cleared_at").rows()
    assert set(again.select("rule", "number", "opened_at", "cleared_at").rows()) <= set(wanted)
    if entries.height <= 3:
        assert again.height == entries.height


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_none_is_not_kept(number: float) -> None:
    """The entry is, without it: else nobody would know any more what was told."""
    row = ("ch1:a:grave:1", "usual", 1, DAY, None, number)
    texts = told.render(pl.DataFrame([row], schema=told.ENTRIES, orient="row"))
    assert texts["told"].to_list() == ["usual:1:2026-03-02::"]
    assert told.parse(texts).row(0) == (*row[:5], None)


def test_what_is_over_makes_room_first() -> None:
    """The oldest of all; what goes on stays as long as there is room."""
    rows: list[tuple[Any, ...]] = [
        ("b", f"rule_number_{n:02d}", 1, DAY, date(2026, 1, n), None) for n in range(1, 9)
    ]
    rows += [("b", "goes_on", 1, DAY, None, 12.5)]
    kept = told.parse(told.render(pl.DataFrame(rows, schema=told.ENTRIES, orient="row")))
    names = kept["rule"].to_list()
    assert names[-1] == "goes_on"
    assert names[:-1] == [f"rule_number_{n:02d}" for n in range(9 - len(names[:-1]), 9)]


@pytest.mark.parametrize("text", [None, "", "called them", "x", "x:y:z", "a:1", ";;", "Ä:1:::"])
def test_what_a_person_wrote_there_is_no_entry(text: str | None) -> None:
    """A text of somebody else's neither fails nor counts."""
    frame = pl.DataFrame({"base": ["b"], "told": [text]}, schema={"base": str, "told": str})
    assert told.parse(frame).is_empty()
