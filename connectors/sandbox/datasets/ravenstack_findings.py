"""What contradicts what in RavenStack's tables, counted from the tables themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from connectors.sandbox.datasets.dataset import Finding
from connectors.sandbox.datasets.texts import Texts, count, held, unread

_DATES = {
    "accounts": ("signup_date",),
    "subscriptions": ("start_date", "end_date"),
    "feature_usage": ("usage_date",),
    "support_tickets": ("submitted_at", "closed_at"),
}
_NUMBERS = {
    "accounts": ("seats",),
    "subscriptions": ("seats", "arr_amount"),
    "feature_usage": ("usage_count", "error_count"),
    "support_tickets": ("first_response_time_minutes", "satisfaction_score"),
}
_FLAGS = {
    "accounts": ("is_trial",),
    "subscriptions": ("upgrade_flag", "downgrade_flag"),
    "support_tickets": ("escalation_flag",),
}
_AS_IT_IS = "loaded as it is"
_EMPTY = "left empty: a typed field cannot hold it"
_NOT_LOADED = "an outcome: not loaded"


def of_texts(raw: Mapping[str, Texts], typed: Mapping[str, pl.DataFrame]) -> list[Finding]:
    """What is odd in how the files are written."""
    marked = sum(table.marked for table in raw.values())
    dates = sum(held(raw[name].frame, columns) for name, columns in _DATES.items())
    day_first, early = (
        sum(
            count(raw[name].frame, pl.col(column).str.contains(pattern))
            for name, columns in _DATES.items()
            for column in columns
        )
        for pattern in (r"^\d{2}-\d{2}-\d{4}\b", r"^(0[1-9]|1[0-2])-\d{2}-\d{4}\b")
    )
    found = [
        Finding("files begin with a byte order mark", marked, len(raw), "read past it"),
        Finding("dates are written DD-MM-YYYY", day_first, dates, "read day first"),
        Finding("of these could be taken for MM-DD-YYYY", early, dates, "read day first"),
    ]
    kinds = {"dates": _DATES, "numbers": _NUMBERS, "TRUE/FALSE cells": _FLAGS}
    for word, tables in kinds.items():
        bad = sum(unread(raw[n].frame, typed[n], columns) for n, columns in tables.items())
        of = sum(held(raw[n].frame, columns) for n, columns in tables.items())
        found.append(Finding(f"{word} that are none", bad, of, _EMPTY))
    return found


def of_tables(tables: Mapping[str, pl.DataFrame], today: date) -> list[Finding]:
    """Where the tables contradict each other, or themselves; `today` is the first day after."""
    accounts, lines = tables["accounts"], tables["subscriptions"]
    return [
        *_usage(tables["feature_usage"], lines, accounts),
        *_tickets(tables["support_tickets"], accounts),
        *_lines(lines, accounts),
        *_ahead(tables, today),
    ]


def _usage(uses: pl.DataFrame, lines: pl.DataFrame, accounts: pl.DataFrame) -> list[Finding]:
    owned = lines.unique("subscription_id", keep="first", maintain_order=True).select(
        "subscription_id", "account_id", "start_date", "end_date"
    )
    signed = accounts.unique("account_id", keep="first", maintain_order=True).select(
        "account_id", "signup_date"
    )
    joined = uses.join(owned, on="subscription_id", how="left").join(
        signed, on="account_id", how="left"
    )
    before, after = (
        pl.col("usage_date") < pl.col("start_date"),
        pl.col("usage_date") > pl.col("end_date"),
    )
    outside = before.fill_null(value=False) | after.fill_null(value=False)
    total, known = uses.height, uses["usage_id"].drop_nulls()
    orphans = count(joined, pl.col("account_id").is_null())
    return [
        Finding("uses lie outside their subscription's dates", count(joined, outside), total,
                _AS_IT_IS),
        Finding("uses lie before their account signed up",
                count(joined, pl.col("usage_date") < pl.col("signup_date")), total, _AS_IT_IS),
        Finding("usage ids were given before, to another use", known.len() - known.n_unique(),
                total, "loaded: each is a record of its own"),
        Finding("uses met more errors than there were uses",
                count(uses, pl.col("error_count") > pl.col("usage_count")), total, _AS_IT_IS),
        Finding("uses belong to no known subscription", orphans, total,
                "loaded without an account: for the quarantine"),
    ]  # fmt: skip


def _tickets(tickets: pl.DataFrame, accounts: pl.DataFrame) -> list[Finding]:
    signed = accounts.unique("account_id", keep="first", maintain_order=True).select(
        "account_id", "signup_date"
    )
    joined = tickets.join(signed, on="account_id", how="left")
    total, scores = tickets.height, tickets["satisfaction_score"]
    # Counted from the first minute of the day it came: the longest that it can have been open.
    open_minutes = (
        pl.col("closed_at") - pl.col("submitted_at").cast(pl.Datetime("ms", "UTC"))
    ).dt.total_minutes()
    given = sorted(scores.drop_nulls().unique().to_list())
    few = ", ".join(f"{score:g}" for score in given)
    return [
        Finding("tickets came before their account signed up",
                count(joined, pl.col("submitted_at") < pl.col("signup_date")), total, _AS_IT_IS),
        Finding("tickets were first answered after they were closed",
                count(tickets, pl.col("first_response_time_minutes") > open_minutes), total,
                "first answers are not loaded"),
        Finding("tickets have no satisfaction score", scores.null_count(), total, "no answer made"),
        Finding(f"answers, and none but {few}", total - scores.null_count(), total, _AS_IT_IS),
        Finding("tickets belong to no known account",
                count(tickets, ~pl.col("account_id").is_in(accounts["account_id"].implode())),
                total, "loaded without an account: for the quarantine"),
    ]  # fmt: skip


def _lines(lines: pl.DataFrame, accounts: pl.DataFrame) -> list[Finding]:
    running = lines.filter(pl.col("end_date").is_null())
    held_by = running.group_by("account_id").agg(
        pl.col("seats").sum().alias("held"), pl.col("arr_amount").sum().alias("paid")
    )
    joined = accounts.join(held_by, on="account_id", how="left")
    total = accounts.height
    both = pl.col("upgrade_flag") & pl.col("downgrade_flag")
    trials = joined.filter("is_trial")
    return [
        Finding("accounts hold an open subscription", count(joined, pl.col("held").is_not_null()),
                total, "so no subscription says that anybody left"),
        Finding("accounts name other seats than their open subscriptions",
                count(joined, pl.col("seats") != pl.col("held")), total,
                "the subscriptions' count"),
        Finding("accounts marked as trials pay", count(trials, pl.col("paid") > 0),
                trials.height, "loaded as customers"),
        Finding("subscriptions are upgrade and downgrade at once", count(lines, both),
                lines.height, "loaded as one of each"),
        Finding("subscriptions end before they begin",
                count(lines, pl.col("end_date") < pl.col("start_date")), lines.height, _AS_IT_IS),
    ]  # fmt: skip


def _ahead(tables: Mapping[str, pl.DataFrame], today: date) -> list[Finding]:
    late = sum(
        count(tables[name], pl.col(column).cast(pl.Date) >= today)
        for name, columns in _DATES.items()
        for column in columns
    )
    total = sum(held(tables[name], columns) for name, columns in _DATES.items())
    return [Finding("dates lie after the end of the data", late, total, _AS_IT_IS)]


def of_outcomes(
    tables: Mapping[str, pl.DataFrame], outcomes: Mapping[str, pl.DataFrame]
) -> list[Finding]:
    """How the outcomes contradict each other; they are counted here and never become records.

    Args:
        tables: The typed tables.
        outcomes: The columns of the outcomes as text, by table.
    """
    accounts, lines = outcomes["accounts"], outcomes["subscriptions"]
    gone = pl.col("churn_flag") == "TRUE"
    ends = outcomes["churn_events"]["account_id"].drop_nulls().unique()
    told = pl.col("account_id").is_in(ends.implode())
    churned = accounts.filter(gone)
    kept = accounts.filter(pl.col("churn_flag") == "FALSE")
    running = tables["subscriptions"].filter(pl.col("end_date").is_null())["account_id"].unique()
    ended = tables["subscriptions"]["end_date"].is_not_null()
    return [
        Finding("accounts have churned, says the account", churned.height, accounts.height,
                _NOT_LOADED),
        Finding("accounts have churned, says a churn event", count(accounts, told),
                accounts.height, _NOT_LOADED),
        Finding("subscriptions have churned, say they", count(lines, gone), lines.height,
                _NOT_LOADED),
        Finding("subscriptions whose churn_flag just repeats their end date",
                count(lines, gone & ended), int(ended.sum()),
                "the date is loaded, the flag is not"),
        Finding("kept accounts have a churn event", count(kept, told), kept.height, _NOT_LOADED),
        Finding("churned accounts have none", count(churned, ~told), churned.height, _NOT_LOADED),
        Finding("churned accounts keep an open subscription",
                count(churned, pl.col("account_id").is_in(running.implode())), churned.height,
                _NOT_LOADED),
    ]  # fmt: skip
