"""Templates: figures, dates and words in the texts of a model."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from health_help import DAY, default_model

from crm_health.entities import Kind
from crm_health.health.text import TemplateError, compile_template, days_since


def render(text: str, value: Any, kind: Kind = Kind.NUMBER, name: str = "x", **more: Any) -> str:
    frame = pl.DataFrame({"day": [DAY], name: [value]})
    return frame.select(compile_template(text, {name: kind}, **more))["literal"].item()


@pytest.mark.parametrize(
    ("style", "value", "shown"),
    [
        ("percent", 0.31, "30 %"),
        ("percent", 0.325, "35 %"),
        ("percent", 1.5, "150 %"),
        ("percent", -0.1, "-10 %"),
        ("number", 3.0, "3"),
        ("number", 2.46, "2.5"),
        ("number", 12345.6, "12300"),
        ("number day", 1.0, "1 day"),
        ("number day", 2.0, "2 days"),
        ("number day", None, "unknown days"),
        ("money", 123456.0, "120k"),
        ("money", 1234567.0, "1.2M"),
        ("money", 950.0, "950"),
        ("money", 999999.0, "1M"),
        ("money", -20000.0, "-20k"),
        ("number", -0.01, "0"),
    ],
)
def test_figures_are_rounded(style, value, shown):
    """Percentages go by fives, numbers have one decimal, money two digits; one is no plural."""
    assert render("{x:" + style + "}", value) == shown


@pytest.mark.parametrize("style", ["percent", "number", "money", "date", "text"])
def test_missing_says_so(style):
    """A missing value is unknown, a date none on record; the rest of the text stays."""
    text = render("It is {x_days:" + style + "} now", None, name="x_days")
    assert text == f"It is {'none on record' if style == 'date' else 'unknown'} now"


def test_days_since_are_shown_as_the_date_they_mean():
    """Three days ago is 19 Nov 2026; days to something count forward."""
    assert render("{x_days:date}", 3.0, name="x_days") == "19 Nov 2026"
    assert render("{days_to_renewal:date}", 43.0, name="days_to_renewal") == "4 Jan 2027"


def test_instants_are_dates_of_the_time_zone():
    """An instant shows the date where the organisation is."""
    at = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
    assert render("{x}", at, Kind.INSTANT, time_zone="America/New_York") == "31 Dec 2025"
    assert render("{x}", date(2027, 1, 4), Kind.DATE) == "4 Jan 2027"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{nothing}", "nothing"),
        ("{x:percents}", "percents"),
        ("{x_days:number}", "changes every day"),
        ("{days_to_renewal:text}", "changes every day"),
        ("{x", "not a field"),
        ("x}", "not a field"),
        ("{__class__}", "not a field"),
        ("{x.y}", "not a field"),
        ("{x:money euro}", "not a field"),
        ("{name:number}", "no number"),
        ("{name:date}", "no date"),
    ],
)
def test_templates_that_cannot_be_filled_are_refused(text, message):
    """An unknown name or format, a stray brace and a count of days are errors with a reason."""
    available = {
        "x": Kind.NUMBER,
        "x_days": Kind.NUMBER,
        "days_to_renewal": Kind.NUMBER,
        "name": Kind.TEXT,
    }
    with pytest.raises(TemplateError, match=re.escape(message)):
        compile_template(text, available, since={"x_days"})


def test_counts_of_days_are_told_from_days_since():
    """`active_days` counts days of use and may be a number; `last_use_days` may not."""
    since = days_since(default_model())
    assert {"last_use_days", "renewal_days", "p1_past_sla_days", "value_age_days"} <= since
    assert "active_days" not in since
