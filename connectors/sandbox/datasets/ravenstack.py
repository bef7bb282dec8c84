"""RavenStack, a made-up B2B SaaS company whose tables contradict each other on purpose.

What becomes what:

- an account is an Account, a customer since its sign-up;
- a subscription is an Asset: its seats, its year's value, when it began and when it ended;
- a use of a feature is a Health_Usage__c row with the feature as its metric; the errors met in it
  are one with the metric `errors`;
- a ticket is a Case, and its satisfaction score a CSAT answer, 1 to 5 as 0 to 100;
- a subscription that began as an upgrade or downgrade is a won Opportunity of that kind.

Whatever a CRM's typed fields can hold goes in as it is, however little sense it makes: to live with
it is the product's task. The three outcomes (`accounts.churn_flag`, `subscriptions.churn_flag` and
the churn events) are not among the columns that become records.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from connectors.sandbox.datasets import ravenstack_findings, ravenstack_records, texts
from connectors.sandbox.datasets.dataset import Dataset, Source

#: Table: the columns that may become records. No outcome is among them.
TABLES: dict[str, tuple[str, ...]] = {
    "accounts": (
        "account_id", "account_name", "industry", "country", "signup_date", "plan_tier", "seats",
        "is_trial",
    ),
    "subscriptions": (
        "subscription_id", "account_id", "start_date", "end_date", "plan_tier", "seats",
        "arr_amount", "upgrade_flag", "downgrade_flag",
    ),
    "feature_usage": (
        "usage_id", "subscription_id", "usage_date", "feature_name", "usage_count", "error_count",
    ),
    "support_tickets": (
        "ticket_id", "account_id", "submitted_at", "closed_at", "priority",
        "first_response_time_minutes", "satisfaction_score", "escalation_flag",
    ),
}  # fmt: skip
#: The first instant after the data's last day. What lies later is in the future, and stays there.
AS_OF = datetime(2025, 1, 1, tzinfo=UTC)
_CONFIG = Path(__file__).parent / "ravenstack_config"
_OUTCOMES: dict[str, tuple[str, ...]] = {
    "accounts": ("account_id", "churn_flag"),
    "subscriptions": ("account_id", "churn_flag"),
    "churn_events": ("account_id",),
}
_DAYS = ("signup_date", "start_date", "end_date", "usage_date", "submitted_at")
_NUMBERS = (
    "seats", "arr_amount", "usage_count", "error_count", "satisfaction_score",
    "first_response_time_minutes",
)  # fmt: skip
_FLAGS = ("is_trial", "upgrade_flag", "downgrade_flag", "escalation_flag")
#: The years that a CRM's date can have; other ones are no dates to it.
_YEARS = (1700, 4000)


def file(table: str) -> str:
    """The name of a table's file."""
    return f"ravenstack_{table}.csv.gz"


FILES = tuple(file(table) for table in (*TABLES, "churn_events"))


def load(folder: Path) -> Dataset:
    """Read the tables from a folder that holds `FILES`.

    Raises:
        polars.exceptions.PolarsError: a file is not the CSV that it should be.
        OSError: a file cannot be read.
    """
    raw = {name: texts.read(folder / file(name), columns) for name, columns in TABLES.items()}
    typed = {name: _typed(table.frame) for name, table in raw.items()}
    made = ravenstack_records.build(typed, AS_OF)
    told = {name: texts.read(folder / file(name), columns) for name, columns in _OUTCOMES.items()}
    outcomes = {name: table.frame for name, table in told.items()}
    files = {**told, **raw}
    findings = [
        *ravenstack_findings.of_texts(files, typed),
        *ravenstack_findings.of_tables(typed, AS_OF.date()),
        *ravenstack_findings.of_outcomes(typed, outcomes),
    ]
    notes = [
        "Simulated data: it says how the job stands up to contradictions, nothing about customers.",
        (
            "No outcome is loaded: not churn_flag of accounts or subscriptions, no churn event. "
            "The end date of a subscription is, as any CRM holds it."
        ),
        "There are no contacts, conversations, renewal dates or users to count.",
    ]
    return Dataset(made, AS_OF, notes, _sources(raw, made, outcomes), _CONFIG, findings=findings)


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    """The cells as dates, numbers and booleans; null where a cell is none."""
    return frame.with_columns(_cell(name) for name in frame.columns)


def _cell(name: str) -> pl.Expr:
    """A column's cells by their type."""
    text = pl.col(name)
    if name in _DAYS:
        day = text.str.to_date("%d-%m-%Y", strict=False)
        return pl.when(day.dt.year().is_between(*_YEARS)).then(day).alias(name)
    if name == "closed_at":
        at = text.str.to_datetime("%d-%m-%Y %H:%M", strict=False, time_unit="ms", time_zone="UTC")
        return pl.when(at.dt.year().is_between(*_YEARS)).then(at).alias(name)
    if name in _NUMBERS:
        number = text.cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number).alias(name)
    if name in _FLAGS:
        return text.replace_strict(
            {"TRUE": True, "FALSE": False}, default=None, return_dtype=pl.Boolean
        )
    return text


def _sources(
    raw: dict[str, texts.Texts], made: ravenstack_records.Records, outcomes: dict[str, pl.DataFrame]
) -> list[Source]:
    uses = [row for row in made["Health_Usage__c"] if row["Metric__c"] != ravenstack_records.ERRORS]
    became = {
        "accounts": (len(made["Account"]), ("Account",)),
        "subscriptions": (len(made["Asset"]), ("Asset", "Opportunity")),
        "feature_usage": (len(uses), ("Health_Usage__c",)),
        "support_tickets": (len(made["Case"]), ("Case", "Health_Survey__c")),
    }
    sources = []
    for table, (used, objects) in became.items():
        told = ", ".join(f"{len(made[name]):,} {name}" for name in objects)
        sources.append(Source(table, raw[table].frame.height, used, told))
    events = outcomes["churn_events"].height
    return [*sources, Source("churn_events", events, 0, "nothing: an outcome")]
