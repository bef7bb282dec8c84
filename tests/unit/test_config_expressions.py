"""Expressions: what compiles, what it gives, and what is refused."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_health.config import expressions
from crm_health.config.columns import columns_for
from crm_health.config.expressions import ExpressionError, UnknownNameError, finite
from crm_health.entities import Kind

WORDS = [
    *("age_days", "priority", "is_open", "sla_due_at", "as_of", "(", ")", "+", "-", "/", ",", "="),
    *("and", "not", "case", "when", "then", "else", "end", "in", "('a')", "null", "'x'", "0.5"),
    *("count(*)", "sum(", "max(", "coalesce(", "least(", "cast(", "as", "over", "distinct", "~"),
    *("exists", "select", "interval", "'1 day'", "::", "int", "[", "]", "filter", "where", "*"),
]

CASE = columns_for("case")


def refusal(text: str, role: expressions.Role = "row") -> str:
    with pytest.raises(ExpressionError) as caught:
        expressions.compile(text, CASE, role=role)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("age_days / 2", Kind.NUMBER),
        ("age_days between 29 and 112", Kind.BOOLEAN),
        ("is_open and priority = 'p1' and sla_due_at < as_of", Kind.BOOLEAN),
        ("case priority when 'p1' then 4.0 when 'p2' then 1.5 else 0.0 end", Kind.NUMBER),
        ("case when age_days > 1 then 365 else age_days end", Kind.NUMBER),
        ("priority in ('p1', 'p2') and contact_role is not null", Kind.BOOLEAN),
        ("coalesce(age_days <= 150, false)", Kind.BOOLEAN),
        ("lower(priority)", Kind.TEXT),
        ("sla_due_at", Kind.INSTANT),
        ("priority = 'now() over (x)'", Kind.BOOLEAN),
        ("priority = 'is_open = 1'", Kind.BOOLEAN),
        ("null = '1 day'", Kind.BOOLEAN),
        ("true = 1", Kind.BOOLEAN),
        ("null", None),
        ("+".join(["age_days"] * 180), Kind.NUMBER),
    ],
)
def test_row_expressions_know_their_kind(text: str, kind: Kind | None) -> None:
    """The kind of the result is known before any data is."""
    assert expressions.compile(text, CASE).kind is kind


def test_the_same_text_over_other_columns_is_another_expression() -> None:
    """What was once compiled is compiled anew where its columns are of another kind, or gone."""
    assert expressions.compile("x > 1", {"x": Kind.NUMBER}).kind is Kind.BOOLEAN
    for _ in range(2):
        with pytest.raises(ExpressionError, match="compares a text with a number"):
            expressions.compile("x > 1", {"x": Kind.TEXT})
        with pytest.raises(UnknownNameError):
            expressions.compile("x > 1", {"y": Kind.NUMBER})


def test_columns_and_as_of_are_reported() -> None:
    """What an expression reads is known, so that missing sources make it missing."""
    expr = expressions.compile("is_open and sla_due_at < as_of", CASE)
    assert expr.columns == {"is_open", "sla_due_at", "as_of"}
    assert expr.uses_as_of
    assert not expressions.compile("is_open", CASE).uses_as_of


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("prority = 'p1'", "there is no 'prority' here (did you mean 'priority'?)"),
        ("xyz = 1 or prority = 'p1'", "there is no 'prority' or 'xyz' here"),
        ("now() > sla_due_at", "now changes by itself (use as_of)"),
        ("CURRENT_DATE = as_of", "CURRENT_DATE changes by itself"),
        ("current_timestamp > sla_due_at", "changes by itself"),
        ("random() > 1", "changes by itself"),
        ("count(*) > 1", "an aggregate can't stand here"),
        ("age_days > avg(age_days)", "an aggregate can't stand here"),
        ("row_number() over (order by age_days)", "window functions are not supported"),
        ("sum(age_days) over ()", "window functions are not supported"),
        ("rank()", "window functions are not supported"),
        ("(select 1)", "subqueries are not supported"),
        ("exists (select 1)", "subqueries are not supported"),
        ("columns('a')", "name each column"),
        ("unnest(priority)", "one row must stay one row"),
        ("age_days as x", "`as` is not supported"),
        ("age_days; drop table x", "not readable as an expression near ';'"),
        ("__import__('os')", "there is no function '__import__'"),
        ("read_csv('/etc/passwd')", "there is no function 'read_csv'"),
        ("age_days +", "not readable as an expression"),
        ("*", "not readable as an expression"),
        ("least()", "not readable as an expression"),
        (" ", "not readable as an expression"),
        ("priority > 1", "compares a text with a number (texts stand in quotes"),
        ("priority in (1, 2)", "compares a text with a number (texts stand in quotes"),
        ("age_days = 'x'", "compares a text with a number (texts stand in quotes"),
        ("age_days + priority", "reckons with a text"),
        ("is_open and age_days", "joins a number with and/or"),
        ("is_open = 1", "compares is_open, which is true or false, with 1 (is_open)"),
        ("opened_at > '2026-01-01'", "compares opened_at, a date, with '2026-01-01' (compare its"),
        ("lower(age_days)", "does not fit its columns"),
        ("cast(priority as double)", "does not fit its columns"),
        ("as_of - opened_at", "gives neither number, text, boolean nor date"),
        ("(" * 400 + "1" + ")" * 400, "nested too deep"),
        ("not " * 290 + "is_open", "not readable as an expression"),
    ],
)
def test_row_expressions_that_are_refused(text: str, why: str) -> None:
    """Each refusal says why; none reaches data, a file, or the clock."""
    assert refusal(text).startswith(why) or why in refusal(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("age_days", "must be one aggregate"),
        ("1", "must be one aggregate"),
        ("min(age_days) + age_days", "must be one value a group"),
        ("array_agg(priority)", "must be one value a group"),
        ("first_value(age_days)", "its value depends on the order of rows"),
        ("string_agg(priority, ',')", "its value depends on the order of rows"),
        ("sum(age_days) over ()", "window functions are not supported"),
        ("sum(priority)", "adds up a text"),
        ("max(now())", "now changes by itself"),
    ],
)
def test_takes_that_are_refused(text: str, why: str) -> None:
    """A take is one scalar aggregate whose value does not depend on the order of rows."""
    assert refusal(text, "aggregate").startswith(why)


def test_a_take_gives_one_number_a_group() -> None:
    """Counts, sums and their quotients are Float64, whatever Polars makes of them."""
    frame = pl.DataFrame(
        {
            "account_id": ["a", "a", "b"],
            "age_days": [1.0, 3.0, None],
            "contact_id": ["x", "x", None],
        }
    )
    takes = {
        "rows": "count(*)",
        "half": "count(*) / 2",
        "third": "sum(age_days) / 3.0",
        "people": "count(distinct contact_id)",
        "worst": "max(least(age_days, 2) * case when age_days > 1 then 4.0 else 0.0 end)",
        "middle": "median(age_days)",
    }
    aggregates = [
        expressions.compile(text, CASE, role="aggregate").expr.alias(name)
        for name, text in takes.items()
    ]
    found = frame.group_by("account_id", maintain_order=True).agg(aggregates)
    assert found.drop("account_id").dtypes == [pl.Float64] * len(takes)
    assert found.row(0) == ("a", 2.0, 1.0, 4 / 3, 1.0, 8.0, 2.0)
    # No values: sums and medians are missing, counts are zero, and least() passes nulls over.
    assert found.row(1) == ("b", 1.0, 0.5, None, 0.0, 0.0, None)


def test_nan_and_infinity_mean_no_value() -> None:
    """0/0 and 1/0 are null after an expression, since NaN > 0.8 would be true."""
    frame = pl.DataFrame({"age_days": [0.0, 1.0, 4.0], "sla_due_days": [0.0, 0.0, 2.0]})
    expr = expressions.compile("age_days / sla_due_days", CASE).expr
    assert frame.select(expr.alias("x"))["x"].to_list() == [None, None, 2.0]
    bad = pl.DataFrame({"x": [math.nan, math.inf, -math.inf, None, 1.0]})
    assert bad.select(finite(pl.col("x")))["x"].to_list() == [None, None, None, None, 1.0]


def test_conditions_are_three_valued() -> None:
    """A missing value neither holds nor fails: it is null."""
    frame = pl.DataFrame({"age_days": [None, 1.0]}, schema={"age_days": pl.Float64})
    expr = expressions.compile("age_days > 0", CASE).expr
    assert frame.select(expr.alias("x"))["x"].to_list() == [None, True]


def test_a_column_of_unknown_kind_is_checked_by_name_only() -> None:
    """Where a fact is broken, what reads it shows no second problem, but misspellings still do."""
    expr = expressions.compile("points > 3 and points = 'x'", {"points": "any"})
    assert expr.kind is None
    with pytest.raises(ExpressionError, match="'pionts'"):
        expressions.compile("pionts > 3", {"points": "any"})


def test_a_hostile_pattern_takes_no_time() -> None:
    """A regular expression that backtracks elsewhere is linear here."""
    expr = expressions.compile("regexp_like(priority, '(a+)+$')", CASE).expr
    frame = pl.DataFrame({"priority": ["a" * 5000 + "!"]})
    start = time.process_time()
    assert frame.select(expr.alias("x"))["x"].to_list() == [False]
    assert time.process_time() - start < 1


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.sampled_from(["row", "aggregate"])
)
def test_nonsense_is_refused_and_nothing_else_happens(words: list[str], role: Any) -> None:
    """Whatever stands there either compiles or is refused: Polars' own errors don't get out."""
    try:
        expr = expressions.compile(" ".join(words), CASE, role=role)
    except ExpressionError:
        return
    assert expr.columns <= set(CASE)


def test_columns_of_an_entity() -> None:
    """Dates give whole days since, a main date gives age_days, a contact gives its role."""
    assert CASE["sla_due_days"] is Kind.NUMBER
    assert CASE["age_days"] is Kind.NUMBER
    assert CASE["contact_role"] is Kind.TEXT
    assert CASE["as_of"] is Kind.INSTANT
    account = columns_for("account")
    assert {"customer_since_days", "renewal_days", "created_days", "override_until_days"} <= set(
        account
    )
    assert "age_days" not in columns_for("contact")
    assert columns_for("usage")["day_days"] is Kind.NUMBER


def test_as_of_compares_with_instants() -> None:
    """SLA dates and the run's instant are both UTC milliseconds."""
    at = datetime(2026, 1, 5, 8, tzinfo=UTC)
    frame = pl.DataFrame({"sla_due_at": [at], "as_of": [at.replace(hour=9)]}).cast(
        pl.Datetime("ms", "UTC")
    )
    expr = expressions.compile("sla_due_at < as_of - interval '30 minutes'", CASE).expr
    assert frame.select(expr.alias("x"))["x"].to_list() == [True]
